//! Numbers made readable, for both sets of functions.

use crate::printing;
use crate::time::{Duration, Time};
use crate::value::Value;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_1024: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// The number that a value is: strings are read, durations are seconds.
pub(crate) fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Duration(duration) => Ok(duration.seconds()),
        Value::String(text) => read(text),
        other => {
            let ty = other.type_name();
            Err(format!("can't convert {ty} to float"))
        }
    }
}

/// A float as Go's `strconv.ParseFloat` reads it.
fn read(text: &str) -> Result<f64, String> {
    let quoted = || crate::quote::quoted(text);
    let invalid = || format!("strconv.ParseFloat: parsing {}: invalid syntax", quoted());
    let lower = text.to_ascii_lowercase();
    let number = match lower.trim_start_matches(['+', '-']) {
        // Rust reads these with a sign as well.
        "nan" if lower.len() > 3 => return Err(invalid()),
        "nan" | "inf" | "infinity" => lower.parse(),
        _ if text.contains(char::is_alphabetic) && !is_exponential(&lower) => {
            return Err(invalid());
        }
        _ => text.parse::<f64>(),
    };
    let number = number.map_err(|_| invalid())?;
    if number.is_infinite() && !lower.contains('i') {
        return Err(format!(
            "strconv.ParseFloat: parsing {}: value out of range",
            quoted()
        ));
    }
    Ok(number)
}

fn is_exponential(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).all(|c| c == 'e')
}

fn four_digits(number: f64) -> String {
    let bytes_max = usize::from(u8::MAX);
    printing::format("%.4g", &[Value::Float(number)], bytes_max).unwrap_or_default()
}

fn is_no_number(number: f64) -> bool {
    number.is_nan() || number.is_infinite()
}

/// Divides by a unit as long as the number is at least one of it; the last prefix.
fn scaled_down(mut number: f64, unit: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut prefix = "";
    for next in prefixes {
        if number.abs() < unit {
            break;
        }
        prefix = next;
        number /= unit;
    }
    (number, prefix)
}

fn scaled_up(mut number: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if number.abs() >= 1.0 {
            break;
        }
        prefix = next;
        number *= 1000.0;
    }
    (number, prefix)
}

/// With metric prefixes: `1.235M`.
pub(crate) fn humanize(number: f64) -> String {
    if number == 0.0 || is_no_number(number) {
        return four_digits(number);
    }
    let (number, prefix) = if number.abs() >= 1.0 {
        scaled_down(number, 1000.0, &LARGE)
    } else {
        scaled_up(number)
    };
    four_digits(number) + prefix
}

/// With binary prefixes: `1.178Mi`.
pub(crate) fn humanize_1024(number: f64) -> String {
    if number.abs() <= 1.0 || is_no_number(number) {
        return four_digits(number);
    }
    let (number, prefix) = scaled_down(number, 1024.0, &LARGE_1024);
    four_digits(number) + prefix
}

/// Seconds as days, hours, minutes and seconds, or with a small prefix.
pub(crate) fn humanize_duration(seconds: f64) -> String {
    if is_no_number(seconds) {
        return four_digits(seconds);
    }
    if seconds == 0.0 {
        return four_digits(seconds) + "s";
    }
    if seconds.abs() < 1.0 {
        let (number, prefix) = scaled_up(seconds);
        return format!("{}{prefix}s", four_digits(number));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let size = seconds.abs();
    #[allow(
        clippy::cast_possible_truncation,
        reason = "whole seconds, bounded by the cast"
    )]
    let whole = size as i64;
    let (second, minute) = (whole % 60, whole / 60 % 60);
    let (hour, day) = (whole / 3_600 % 24, whole / 86_400);
    if day != 0 {
        format!("{sign}{day}d {hour}h {minute}m {second}s")
    } else if hour != 0 {
        format!("{sign}{hour}h {minute}m {second}s")
    } else if minute != 0 {
        format!("{sign}{minute}m {second}s")
    } else {
        format!("{sign}{}s", four_digits(size))
    }
}

/// A ratio as percent.
pub(crate) fn humanize_percentage(ratio: f64) -> String {
    four_digits(ratio * 100.0) + "%"
}

/// Nanoseconds of so many seconds; `None` where there is no such instant.
fn nanos(seconds: f64) -> Result<i64, String> {
    let nanos = seconds * 1e9;
    if nanos > i64::MAX as f64 || nanos < i64::MIN as f64 {
        let shown = printing::printed(&Value::Float(seconds));
        return Err(format!(
            "{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"
        ));
    }
    #[allow(clippy::cast_possible_truncation, reason = "within 64 bits")]
    let whole = nanos as i64;
    Ok(whole)
}

/// The instant so many seconds after 1970, to the millisecond.
pub(crate) fn time(seconds: f64) -> Result<Time, String> {
    if is_no_number(seconds) {
        return Err("value is NaN or Inf".to_owned());
    }
    Ok(Time::from_millis(nanos(seconds)? / 1_000_000))
}

/// A length of so many seconds.
pub(crate) fn duration(seconds: f64) -> Result<Duration, String> {
    if is_no_number(seconds) {
        return Err("value is NaN or Inf".to_owned());
    }
    Ok(Duration::from_nanos(nanos(seconds)?))
}

/// Seconds after 1970 as a time in UTC.
pub(crate) fn humanize_timestamp(seconds: f64) -> Result<String, String> {
    if is_no_number(seconds) {
        return Ok(four_digits(seconds));
    }
    Ok(time(seconds)?.to_string())
}
