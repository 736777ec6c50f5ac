//! JSON as Prometheus writes it: numbers as Go prints them, label sets as objects, written
//! straight into a buffer.

use std::io::Write as _;

use narthex_model::{FloatText, Labels};
use serde::{Serialize, Serializer};

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

/// Appends a list of what `push` appends of each.
pub(crate) fn push_list<T>(out: &mut Vec<u8>, all: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, one) in all.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, one);
    }
    out.push(b']');
}

/// Appends a list of texts.
pub(crate) fn push_strs(out: &mut Vec<u8>, texts: &[String]) {
    push_list(out, texts, |out, text| push_str(out, text));
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
    let mut text = FloatText::default();
    out.extend_from_slice(text.short(value, -6..21).as_bytes());
}

/// Appends a number in Go's shortest form without an exponent; `NaN`, `+Inf`, `-Inf`.
pub(crate) fn push_plain(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(FloatText::default().plain(value).as_bytes());
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
                245_777_903_432_188.0 + 0.625,
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
