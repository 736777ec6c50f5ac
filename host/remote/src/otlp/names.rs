//! OpenTelemetry's names as Prometheus' names, by the translation strategy of the config.

use super::config::OtlpConfig;
use super::units;

/// What a metric is, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedKind {
    Gauge,
    /// A sum that only grows.
    Counter,
    Other,
}

/// The name of a metric, before what its samples append to it (`_bucket`).
///
/// # Errors
/// Nothing is left of it.
pub(super) fn metric(
    config: &OtlpConfig,
    name: &str,
    unit: &str,
    kind: NamedKind,
) -> Result<String, String> {
    let strategy = config.translation_strategy;
    let translated = match (strategy.escapes(), strategy.adds_suffixes()) {
        (true, true) => escaped_with_suffixes(name, unit, kind),
        (true, false) => escaped(name),
        (false, true) => with_suffixes(name, unit, kind),
        (false, false) => name.to_owned(),
    };
    if translated.is_empty() {
        return Err(format!(
            "normalization for metric {name:?} resulted in empty name"
        ));
    }
    if strategy.escapes() && translated != name && is_underscores(&translated) {
        return Err(format!(
            "normalization for metric {name:?} resulted in invalid name {translated:?}"
        ));
    }
    Ok(translated)
}

fn is_underscores(name: &str) -> bool {
    name.bytes().all(|byte| byte == b'_')
}

/// No name begins with a digit.
fn not_with_a_digit(name: String) -> String {
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

fn escaped(name: &str) -> String {
    let is_other = |c: char| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | ':' | '_');
    let words: Vec<&str> = name
        .split(is_other)
        .filter(|word| !word.is_empty())
        .collect();
    not_with_a_digit(words.join("_"))
}

fn escaped_with_suffixes(name: &str, unit: &str, kind: NamedKind) -> String {
    let is_other = |c: char| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | ':');
    let words = name.split(is_other).filter(|word| !word.is_empty());
    let mut words: Vec<&str> = words.collect();
    let (main, per) = units::words(unit);
    let (mut main, per) = (units::clean(&main), units::clean(&per));
    let mut per = per.strip_suffix('_').unwrap_or(&per);
    if per == "per" || words.contains(&per) {
        per = "";
    }
    if words.contains(&main.as_str()) {
        main.clear();
    }
    let mut main = main.as_str();
    if !per.is_empty() {
        main = main.strip_suffix('_').unwrap_or(main);
    }
    words.extend([main, per].into_iter().filter(|word| !word.is_empty()));
    let last = match kind {
        NamedKind::Counter => Some("total"),
        // Counters of things often say 1 as well, and are no ratios.
        NamedKind::Gauge if unit == "1" => Some("ratio"),
        NamedKind::Gauge | NamedKind::Other => None,
    };
    if let Some(last) = last {
        words.retain(|word| *word != last);
        words.push(last);
    }
    not_with_a_digit(words.join("_"))
}

fn with_suffixes(name: &str, unit: &str, kind: NamedKind) -> String {
    let mut name = name;
    let is_ratio = unit == "1" && kind == NamedKind::Gauge;
    if is_ratio {
        name = without(name, "ratio");
    }
    if kind == NamedKind::Counter {
        name = without(name, "total");
    }
    let (main, per) = units::words(unit);
    if !per.is_empty() {
        name = without(name, &per);
    }
    let mut whole = name.to_owned();
    let mut push = |word: &str| {
        whole.push('_');
        whole.push_str(word);
    };
    if !main.is_empty() && !name.ends_with(&main) {
        push(&main);
    }
    if !per.is_empty() {
        push(&per);
    }
    if kind == NamedKind::Counter {
        push("total");
    }
    if is_ratio {
        push("ratio");
    }
    whole
}

/// The name without a word at its end and the one character before that.
fn without<'a>(name: &'a str, word: &str) -> &'a str {
    let before = name.strip_suffix(word).unwrap_or(name);
    let mut chars = before.chars();
    let delimiter = chars.next_back();
    match before.len() < name.len() && delimiter.is_some() && !chars.as_str().is_empty() {
        true => chars.as_str(),
        false => name,
    }
}

/// The name of a label.
///
/// # Errors
/// It is empty, or nothing is left of it.
pub(super) fn label(config: &OtlpConfig, name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("label name is empty".to_owned());
    }
    if !config.translation_strategy.escapes() {
        return match is_underscores(name) {
            true => Err(format!("label name {name:?} contains only underscores")),
            false => Ok(name.to_owned()),
        };
    }
    let mut label = sanitized(name, config.label_name_preserve_multiple_underscores);
    if label.starts_with(|c: char| c.is_ascii_digit()) {
        label.insert_str(0, "key_");
    } else if config.label_name_underscore_sanitization
        && label.starts_with('_')
        && !label.starts_with("__")
    {
        label.insert_str(0, "key");
    }
    match is_underscores(&label) {
        true => Err(format!(
            "normalization for label name {name:?} resulted in invalid name {label:?}"
        )),
        false => Ok(label),
    }
}

fn sanitized(name: &str, keeps_underscores: bool) -> String {
    let is_valid = |c: char| c.is_ascii_alphanumeric();
    if keeps_underscores {
        let chars = name.chars().map(|c| if is_valid(c) { c } else { '_' });
        return chars.collect();
    }
    let inside = name
        .strip_prefix("__")
        .and_then(|rest| rest.strip_suffix("__"));
    let (edge, inside) = match inside {
        Some(inside) => ("__", inside),
        None => ("", name),
    };
    let mut label = edge.to_owned();
    let mut is_after_underscore = false;
    for c in inside.chars() {
        let c = if is_valid(c) { c } else { '_' };
        if c != '_' || !is_after_underscore {
            label.push(c);
        }
        is_after_underscore = c == '_';
    }
    label.push_str(edge);
    label
}

#[cfg(test)]
mod tests {
    use super::super::config::TranslationStrategy::{
        NoTranslation, NoUTF8EscapingWithSuffixes, UnderscoreEscapingWithSuffixes,
        UnderscoreEscapingWithoutSuffixes,
    };
    use super::*;

    #[test]
    fn metrics_are_named_as_each_strategy_says() {
        use NamedKind::{Counter, Gauge, Other};
        let strategies = [
            UnderscoreEscapingWithSuffixes,
            UnderscoreEscapingWithoutSuffixes,
            NoUTF8EscapingWithSuffixes,
            NoTranslation,
        ];
        for (name, unit, kind, expected) in [
            (
                "http.server.duration",
                "s",
                Other,
                [
                    "http_server_duration_seconds",
                    "http_server_duration",
                    "http.server.duration_seconds",
                    "http.server.duration",
                ],
            ),
            (
                "requests.total.made",
                "{request}",
                Counter,
                [
                    "requests_made_total",
                    "requests_total_made",
                    "requests.total.made_total",
                    "requests.total.made",
                ],
            ),
            (
                "network__io.rate",
                "By/s",
                Gauge,
                [
                    "network_io_rate_bytes_per_second",
                    "network__io_rate",
                    "network__io.rate_bytes_per_second",
                    "network__io.rate",
                ],
            ),
            (
                "cpu.ratio",
                "1",
                Gauge,
                ["cpu_ratio", "cpu_ratio", "cpu_ratio", "cpu.ratio"],
            ),
            (
                "hits.total",
                "1",
                Counter,
                ["hits_total", "hits_total", "hits_total", "hits.total"],
            ),
            (
                "5xx.bytes",
                "By",
                Counter,
                [
                    "_5xx_bytes_total",
                    "_5xx_bytes",
                    "5xx.bytes_total",
                    "5xx.bytes",
                ],
            ),
            (
                "temp.ürgent",
                "Cel/{x}",
                Gauge,
                [
                    "temp_rgent_celsius",
                    "temp_rgent",
                    "temp.ürgent_celsius",
                    "temp.ürgent",
                ],
            ),
            (
                "used",
                "GiBy/w",
                Other,
                [
                    "used_gibibytes_per_week",
                    "used",
                    "used_gibibytes_per_week",
                    "used",
                ],
            ),
            (
                "odd",
                "a+b/%",
                Other,
                ["odd_a_b", "odd", "odd_a+b_per_%", "odd"],
            ),
        ] {
            for (translation_strategy, expected) in strategies.into_iter().zip(expected) {
                let config = OtlpConfig {
                    translation_strategy,
                    ..OtlpConfig::default()
                };
                let found = metric(&config, name, unit, kind);
                assert_eq!(found.as_deref(), Ok(expected), "{translation_strategy:?}");
            }
        }
        let config = OtlpConfig::default();
        assert!(metric(&config, "ü", "", Other).is_err());
        assert!(metric(&config, "", "", Other).is_err());
    }

    #[test]
    fn labels_are_named_as_prometheus_names_them() {
        let config = |sanitizes, keeps| OtlpConfig {
            label_name_underscore_sanitization: sanitizes,
            label_name_preserve_multiple_underscores: keeps,
            ..OtlpConfig::default()
        };
        for (name, expected) in [
            ("http.method", ["http_method"; 4]),
            ("_a", ["key_a", "_a", "key_a", "_a"]),
            ("a__b", ["a__b", "a__b", "a_b", "a_b"]),
            ("a..b", ["a__b", "a__b", "a_b", "a_b"]),
            ("__x__", ["__x__"; 4]),
            ("5a", ["key_5a"; 4]),
            ("ü.a", ["__a", "__a", "key_a", "_a"]),
        ] {
            let configs = [
                config(true, true),
                config(false, true),
                config(true, false),
                config(false, false),
            ];
            for (config, expected) in configs.into_iter().zip(expected) {
                assert_eq!(label(&config, name).as_deref(), Ok(expected), "{config:?}");
            }
        }
        for name in ["", "__", "..."] {
            assert!(label(&config(false, false), name).is_err(), "{name}");
        }
        let as_it_is = OtlpConfig {
            translation_strategy: NoTranslation,
            ..OtlpConfig::default()
        };
        assert_eq!(label(&as_it_is, "a.ü").as_deref(), Ok("a.ü"));
        assert!(label(&as_it_is, "_").is_err());
    }
}
