//! JSON as Prometheus writes it: numbers as Go prints them, label sets as objects, written
//! straight into a buffer.

use std::io::Write as _;

use narthex_model::Labels;
use serde::{Serialize, Serializer};

/// Up to here every integer is a number of its own.
const INTEGERS_MAX: f64 = 9_007_199_254_740_992.0;

/// A label set as an object, for answers that serde writes.
#[derive(Debug, Clone)]
pub(crate) struct LabelMap(pub(crate) Labels);

impl Serialize for LabelMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

/// Appends a text with quotes.
pub(crate) fn push_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // Most texts need no escape, and this check is a few bytes a cycle.
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text
        .bytes()
        .fold(true, |plain, byte| plain & is_plain(byte))
    {
        out.extend_from_slice(text.as_bytes());
        return out.push(b'"');
    }
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 => b"",
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[copied..at]);
        copied = at + 1;
        if escape.is_empty() {
            push_display(out, format_args!("\\u{byte:04x}"));
        } else {
            out.extend_from_slice(escape);
        }
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
    out.push(b'"');
}

/// Appends a label set as an object.
pub(crate) fn push_labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_str(out, name);
        out.push(b':');
        push_str(out, value);
    }
    out.push(b'}');
}

/// Appends a list of texts.
pub(crate) fn push_strs(out: &mut Vec<u8>, texts: &[String]) {
    out.push(b'[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_str(out, text);
    }
    out.push(b']');
}

/// Appends `[timestamp,"value"]` of a vector or matrix.
pub(crate) fn push_point(out: &mut Vec<u8>, timestamp_ms: i64, value: f64) {
    out.push(b'[');
    push_timestamp(out, timestamp_ms);
    out.extend_from_slice(b",\"");
    push_sample_value(out, value);
    out.extend_from_slice(b"\"]");
}

/// Appends milliseconds as seconds: whole, or with three digits (Prometheus
/// `jsonutil.MarshalTimestamp`).
pub(crate) fn push_timestamp(out: &mut Vec<u8>, timestamp_ms: i64) {
    let (sign, magnitude) = (timestamp_ms < 0, timestamp_ms.unsigned_abs());
    if sign {
        out.push(b'-');
    }
    push_integer(out, magnitude / 1000);
    if !magnitude.is_multiple_of(1000) {
        push_display(out, format_args!(".{:03}", magnitude % 1000));
    }
}

/// Appends milliseconds as seconds in their shortest form, as scalars and strings have them.
pub(crate) fn push_seconds(out: &mut Vec<u8>, timestamp_ms: i64) {
    let start = out.len();
    push_timestamp(out, timestamp_ms);
    if out[start..].contains(&b'.') {
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Appends a value as vectors and matrices have it: with an exponent only below 1e-6 and from
/// 1e21 on (Prometheus `jsonutil.MarshalFloat`).
pub(crate) fn push_sample_value(out: &mut Vec<u8>, value: f64) {
    let magnitude = value.abs();
    if !value.is_finite() || magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return push_plain(out, value);
    }
    let mut digits = zmij::Buffer::new();
    let digits = digits.format_finite(value);
    let Some((mantissa, exponent)) = digits.split_once('e') else {
        return push_plain(out, value);
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent.trim_start_matches('+')),
    };
    push_display(out, format_args!("{mantissa}e{sign}{exponent:0>2}"));
}

/// Appends a number in Go's shortest form without an exponent; `NaN`, `+Inf`, `-Inf`.
pub(crate) fn push_plain(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if value.fract() == 0.0 && value.abs() <= INTEGERS_MAX && value != 0.0 {
        #[allow(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
        push_integer(out, value as i64);
    } else {
        let mut digits = zmij::Buffer::new();
        push_without_exponent(out, digits.format_finite(value));
    }
}

/// Appends digits that may have an exponent, which becomes zeros.
fn push_without_exponent(out: &mut Vec<u8>, text: &str) {
    let exponent = |text: &str| text.parse::<i32>().ok();
    let parts = text.split_once('e');
    let Some((mantissa, exponent)) = parts.and_then(|(m, e)| Some((m, exponent(e)?))) else {
        return out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    };
    let digits = mantissa.trim_start_matches('-');
    if digits.len() < mantissa.len() {
        out.push(b'-');
    }
    // One digit, then those behind the point.
    let (first, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let zeros = |count: usize| std::iter::repeat_n(b'0', count);
    let places = exponent.unsigned_abs() as usize;
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(places - 1));
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(rest.as_bytes());
    } else {
        out.extend_from_slice(first.as_bytes());
        let (before, after) = rest.split_at(places.min(rest.len()));
        out.extend_from_slice(before.as_bytes());
        out.extend(zeros(places - before.len()));
        if !after.is_empty() {
            out.push(b'.');
            out.extend_from_slice(after.as_bytes());
        }
    }
}

/// Appends an integer.
fn push_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends what a value displays.
pub(crate) fn push_display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing into memory cannot fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_look_as_go_prints_them() {
        for (value, sample, plain) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.0, "1", "1"),
            (0.1, "0.1", "0.1"),
            (123_456_789.125, "123456789.125", "123456789.125"),
            // Of two shortest forms that are equally near, the even one.
            (
                245_777_903_432_188.625,
                "245777903432188.62",
                "245777903432188.62",
            ),
            (1e20, "100000000000000000000", "100000000000000000000"),
            (1e21, "1e+21", "1000000000000000000000"),
            (1.5e-7, "1.5e-07", "0.00000015"),
            (-2.5e-100, "-2.5e-100", ""),
            (1e-6, "0.000001", "0.000001"),
            (f64::MAX, "1.7976931348623157e+308", ""),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!(written(|out| push_sample_value(out, value)), sample);
            if !plain.is_empty() {
                assert_eq!(written(|out| push_plain(out, value)), plain);
            }
        }
    }

    #[test]
    fn any_number_is_read_back_from_no_more_digits_than_it_needs() {
        let mut bits = 1_u64;
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let near = (bits >> 40) as f64 / 1000.0;
            for value in [f64::from_bits(bits), near, near.trunc(), -near] {
                if value.is_finite() {
                    let text = written(|out| push_plain(out, value));
                    assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
                    assert_eq!(text.len(), value.to_string().len(), "{text}");
                }
            }
        }
    }

    #[test]
    fn timestamps_are_seconds_with_three_digits_or_none() {
        for (timestamp_ms, expected) in [
            (0, "0"),
            (1000, "1"),
            (1500, "1.500"),
            (1, "0.001"),
            (-1, "-0.001"),
            (-1500, "-1.500"),
            (1_435_781_451_781, "1435781451.781"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(written(|out| push_timestamp(out, timestamp_ms)), expected);
            let shortest = match expected.split_once('.') {
                Some(_) => expected.trim_end_matches('0'),
                None => expected,
            };
            assert_eq!(written(|out| push_seconds(out, timestamp_ms)), shortest);
        }
    }

    #[test]
    fn texts_survive_a_json_parser() {
        for text in [
            "",
            "plain",
            "q\"b\\n\nr\rt\t\u{1}\u{7f}é\u{2028}😀",
            "\u{0}",
        ] {
            let json = written(|out| push_str(out, text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
        let labels = Labels::from_pairs([("__name__", "up"), ("a\"b", "c\nd")]);
        let json = written(|out| push_labels(out, &labels));
        assert_eq!(json, r#"{"__name__":"up","a\"b":"c\nd"}"#);
    }
}
