//! Times on the command line: RFC 3339, or seconds since the epoch.

use std::process::ExitCode;

use jiff::Timestamp;
use narthex_promql::printer::format_float;

/// The time in milliseconds.
///
/// # Errors
/// The text is none, in promtool's words.
pub(crate) fn parse_time_ms(text: &str) -> Result<i64, String> {
    if let Some(time_ms) = seconds(text) {
        return Ok(time_ms);
    }
    let time: Result<Timestamp, _> = text.parse();
    time.map(Timestamp::as_millisecond)
        .map_err(|_| format!("cannot parse {text:?} to a valid timestamp"))
}

/// Seconds with a fraction, as milliseconds that are not too many.
fn seconds(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let thousandths: String = fraction.chars().chain("00".chars()).take(3).collect();
    let whole: i64 = whole.parse().ok()?;
    let thousandths: i64 = thousandths.parse().ok()?;
    whole
        .checked_mul(1000)?
        .checked_add(thousandths)?
        .checked_mul(sign)
}

/// A time that may be missing; where it is none, that is said and the command fails.
pub(super) fn time_of(what: &str, text: Option<&str>) -> Result<Option<i64>, ExitCode> {
    match text.map(parse_time_ms).transpose() {
        Ok(time) => Ok(time),
        Err(fault) => {
            eprintln!("error parsing {what}: {fault}");
            Err(ExitCode::FAILURE)
        }
    }
}

/// Milliseconds as the API takes them.
pub(crate) fn as_seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

/// A time of an answer, as promtool shows it.
pub(super) fn shown(seconds: f64) -> String {
    format_float(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_promtool_reads_them() {
        for (text, time_ms) in [
            ("1700000000", 1_700_000_000_000),
            ("1700000000.5", 1_700_000_000_500),
            ("0.0625", 62),
            ("-1.25", -1_250),
            ("2023-01-01T00:00:00Z", 1_672_531_200_000),
            ("2023-01-01T02:00:00.001+02:00", 1_672_531_200_001),
        ] {
            assert_eq!(parse_time_ms(text), Ok(time_ms), "{text}");
        }
        for text in [
            "",
            "x",
            "1.",
            ".5",
            "99999999999999999999",
            "2023-13-01T00:00:00Z",
        ] {
            let expected = format!("cannot parse {text:?} to a valid timestamp");
            assert_eq!(parse_time_ms(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn times_are_sent_in_seconds() {
        for (ms, text) in [
            (1_500, "1.500"),
            (-250, "-0.250"),
            (0, "0.000"),
            (-1_250, "-1.250"),
        ] {
            assert_eq!(as_seconds(ms), text);
        }
    }
}
