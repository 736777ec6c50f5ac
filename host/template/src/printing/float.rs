//! Floats in the forms of `%e`, `%f` and `%g`.

use std::fmt::Write as _;

use narthex_model::{FloatText, float_text};

/// A float as Go's `strconv.FormatFloat(value, form, precision, 64)` has it: the sign only of
/// negative numbers, `NaN`, `+Inf`, `-Inf`; without a precision the fewest digits that are enough.
pub(super) fn formatted(value: f64, form: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match form {
        'f' | 'F' => match precision {
            Some(digits) => format!("{value:.digits$}"),
            None => FloatText::default().plain(value).to_owned(),
        },
        'e' | 'E' => {
            let text = match precision {
                Some(digits) => format!("{value:.digits$e}"),
                None => format!("{value:e}"),
            };
            cased(&with_long_exponent(&text), form == 'E')
        }
        _ => {
            let text = match precision {
                Some(digits) => general(value, digits.max(1)),
                None => float_text(value),
            };
            cased(&text, form == 'G')
        }
    }
}

fn cased(text: &str, is_upper: bool) -> String {
    if is_upper {
        text.to_uppercase()
    } else {
        text.to_owned()
    }
}

/// Rust writes `1.5e7` where Go writes `1.5e+07`.
fn with_long_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `%g` with so many digits: without an exponent where it is from -4 to them, and without zeros at
/// the end.
fn general(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i64 = exponent.parse().unwrap_or_default();
    let wanted = i64::try_from(digits).unwrap_or(i64::MAX);
    if power < -4 || power >= wanted {
        return with_long_exponent(&format!("{}e{power}", trim_fraction(mantissa)));
    }
    let places = usize::try_from(wanted - 1 - power).unwrap_or_default();
    let mut text = String::new();
    // Writing into memory cannot fail.
    let _ = write!(text, "{value:.places$}");
    trim_fraction(&text).to_owned()
}

/// Zeros behind the point that say nothing.
fn trim_fraction(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}
