//! The value of an attribute, and the text that it is as the value of a label.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Deserializer};

use super::json;
use super::message::KeyValue;

/// Values may be nested this deep in protobuf; a request that nests deeper is refused. (JSON has
/// the bound of its reader, 128 brackets.)
pub(super) const VALUE_DEPTH_MAX: usize = 32;

/// `AnyValue`
#[derive(Debug, Default, PartialEq)]
pub(super) enum Value<'a> {
    #[default]
    Empty,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(Vec<Value<'a>>),
    Map(Vec<KeyValue<'a>>),
    Bytes(Cow<'a, [u8]>),
}

/// As JSON has it: one of these is there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonValue<'a> {
    #[serde(borrow)]
    string_value: Option<Cow<'a, str>>,
    bool_value: Option<bool>,
    #[serde(deserialize_with = "json::some_signed")]
    int_value: Option<i64>,
    #[serde(deserialize_with = "json::some_double")]
    double_value: Option<f64>,
    #[serde(borrow)]
    array_value: Option<ArrayValue<'a>>,
    #[serde(borrow)]
    kvlist_value: Option<KeyValueList<'a>>,
    bytes_value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ArrayValue<'a> {
    #[serde(borrow)]
    values: Vec<Value<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KeyValueList<'a> {
    #[serde(borrow)]
    values: Vec<KeyValue<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = JsonValue::deserialize(deserializer)?;
        Ok(if let Some(text) = json.string_value {
            Self::Text(text)
        } else if let Some(value) = json.bool_value {
            Self::Bool(value)
        } else if let Some(value) = json.int_value {
            Self::Int(value)
        } else if let Some(value) = json.double_value {
            Self::Double(value)
        } else if let Some(list) = json.array_value {
            Self::Array(list.values)
        } else if let Some(list) = json.kvlist_value {
            Self::Map(list.values)
        } else if let Some(text) = json.bytes_value {
            Self::Bytes(json::base64(&text)?.into())
        } else {
            Self::Empty
        })
    }
}

impl<'a> Value<'a> {
    /// As the collector's `AsString` writes it: lists and maps as JSON, bytes in base64.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::Double(value) if value.is_finite() => Cow::Owned(double_text(*value)),
            Self::Double(value) => {
                Cow::Owned(format!("json: unsupported value: {}", odd_text(*value)))
            }
            Self::Bytes(bytes) => Cow::Owned(json::to_base64(bytes)),
            Self::Array(_) | Self::Map(_) => {
                let mut text = String::new();
                self.write_json(&mut text);
                Cow::Owned(text)
            }
        }
    }

    /// Adds bytes that tell the value from any other.
    pub(super) fn write_key(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => out.push(0),
            Self::Text(text) => {
                out.push(1);
                write_key_bytes(text.as_bytes(), out);
            }
            Self::Bool(value) => out.extend([2, u8::from(*value)]),
            Self::Int(value) => {
                out.push(3);
                out.extend(value.to_le_bytes());
            }
            Self::Double(value) => {
                out.push(4);
                out.extend(value.to_le_bytes());
            }
            Self::Bytes(bytes) => {
                out.push(5);
                write_key_bytes(bytes, out);
            }
            Self::Array(values) => {
                out.push(6);
                out.extend(values.len().to_le_bytes());
                values.iter().for_each(|value| value.write_key(out));
            }
            Self::Map(pairs) => {
                out.push(7);
                out.extend(pairs.len().to_le_bytes());
                for pair in pairs {
                    write_key_bytes(pair.key.as_bytes(), out);
                    pair.value.write_key(out);
                }
            }
        }
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Empty => out.push_str("null"),
            Self::Text(text) => write_text(out, text),
            Self::Bytes(bytes) => write_text(out, &json::to_base64(bytes)),
            // JSON has no word for these.
            Self::Double(value) if !value.is_finite() => write_text(out, odd_text(*value)),
            Self::Bool(_) | Self::Int(_) | Self::Double(_) => out.push_str(&self.text()),
            Self::Array(values) => {
                out.push('[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    value.write_json(out);
                }
                out.push(']');
            }
            Self::Map(pairs) => {
                // Sorted, and of equal keys the last, as Go's encoder of maps.
                let pairs: std::collections::BTreeMap<&str, &Value<'a>> =
                    pairs.iter().map(|pair| (&*pair.key, &pair.value)).collect();
                out.push('{');
                for (at, (key, value)) in pairs.into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_text(out, key);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

/// Adds a text of any length to a key.
pub(super) fn write_key_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.len().to_le_bytes());
    out.extend_from_slice(bytes);
}

/// A text as Go's encoder of JSON writes it, which has HTML in mind.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a text does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// A number as Go's encoder of JSON writes it: with an exponent where it is very small or large.
fn double_text(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        };
    }
    format!("{value}")
}

/// The words for what is no number.
fn odd_text(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_value_has_a_text() {
        let text = |text: &'static str| Value::Text(text.into());
        let pair = |key: &'static str, value| KeyValue {
            key: key.into(),
            value,
        };
        for (value, expected) in [
            (Value::Empty, ""),
            (text("a\"b"), "a\"b"),
            (Value::Bool(true), "true"),
            (Value::Int(-5), "-5"),
            (Value::Double(1.5), "1.5"),
            (Value::Double(2.0), "2"),
            (Value::Double(1e21), "1e+21"),
            (Value::Double(1.5e-7), "1.5e-7"),
            (
                Value::Double(f64::INFINITY),
                "json: unsupported value: +Inf",
            ),
            (Value::Bytes(b"\x01\xff"[..].into()), "Af8="),
            (
                Value::Array(vec![text("a\n<"), Value::Int(1), Value::Empty]),
                "[\"a\\n\\u003c\",1,null]",
            ),
            (
                Value::Map(vec![
                    pair("b", Value::Bool(false)),
                    pair("a", Value::Array(vec![Value::Double(0.5)])),
                ]),
                "{\"a\":[0.5],\"b\":false}",
            ),
        ] {
            assert_eq!(value.text(), expected);
        }
    }
}
