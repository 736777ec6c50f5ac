//! Units of OpenTelemetry, which are UCUM's, as Prometheus spells them out.

/// Units and their words.
const UNITS: &[(&str, &str)] = &[
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    // Prometheus' own spelling, which dashboards have.
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

/// Units behind a slash and their words.
const PER_UNITS: &[(&str, &str)] = &[
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The words of a unit: what is measured, and `per_` what; "" where there is none. What stands in
/// braces is a comment and no unit.
pub(super) fn words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let word = |unit: &str, table: &[(&str, &str)]| {
        let unit = unit.trim();
        if unit.contains(['{', '}']) {
            return String::new();
        }
        let found = table.iter().find(|(short, _)| *short == unit);
        found.map_or(unit, |(_, word)| word).to_owned()
    };
    let per = word(per, PER_UNITS);
    let per = match per.is_empty() {
        true => per,
        false => format!("per_{per}"),
    };
    (word(main, UNITS), per)
}

/// A word in the alphabet of names: what is not becomes one `_`, and none stands in front.
pub(super) fn clean(word: &str) -> String {
    let mut cleaned = String::with_capacity(word.len());
    for c in word.chars() {
        let c = match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ':' => c,
            _ => '_',
        };
        if c != '_' || !cleaned.ends_with('_') {
            cleaned.push(c);
        }
    }
    match cleaned.strip_prefix('_') {
        Some(rest) => rest.to_owned(),
        None => cleaned,
    }
}

/// A unit in one word, for the label that has it.
pub(super) fn label(unit: &str, escapes: bool) -> String {
    let (main, per) = match (words(unit), escapes) {
        ((main, per), true) => (clean(&main), clean(&per)),
        (words, false) => words,
    };
    let separator = if main.is_empty() || per.is_empty() {
        ""
    } else {
        "_"
    };
    let whole = format!("{main}{separator}{per}");
    let whole = whole.strip_prefix('_').unwrap_or(&whole);
    whole.strip_suffix('_').unwrap_or(whole).to_owned()
}
