//! `toJson`: values as Go's `encoding/json` writes them.

use std::fmt::Write as _;

use narthex_model::FloatText;

use crate::value::Value;

/// # Errors
///
/// Where there is no JSON for a value: a float that is no number.
pub(crate) fn written(value: &Value) -> Result<String, String> {
    let mut text = String::new();
    write_value(&mut text, value)?;
    Ok(text)
}

fn write_value(text: &mut String, value: &Value) -> Result<(), String> {
    match value {
        Value::Nil => text.push_str("null"),
        Value::Bool(value) => push(text, value),
        Value::Int(value) => push(text, value),
        Value::Byte(value) => push(text, value),
        Value::Duration(_) | Value::Name(_) => push(text, value.as_int().unwrap_or_default()),
        Value::Float(value) => write_float(text, *value)?,
        Value::String(value) | Value::Markup(_, value) => write_string(text, value),
        Value::Time(time) => {
            write_string(text, &time.format("2006-01-02T15:04:05.999999999Z07:00"));
        }
        Value::List(list) => {
            text.push('[');
            for (i, item) in list.items().iter().enumerate() {
                comma(text, i);
                write_value(text, item)?;
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (i, (key, item)) in map.entries().iter().enumerate() {
                comma(text, i);
                write_string(text, key);
                text.push(':');
                write_value(text, item)?;
            }
            text.push('}');
        }
        Value::Struct(found) => {
            text.push('{');
            // A pair keeps the names of its fields; data and alerts have small ones.
            let is_kept = found.ty().name == "template.Pair";
            for (i, (name, field)) in found.fields().iter().enumerate() {
                comma(text, i);
                let (first, rest) = name.split_at(1);
                let first = if is_kept {
                    first.to_owned()
                } else {
                    first.to_lowercase()
                };
                write_string(text, &format!("{first}{rest}"));
                text.push(':');
                write_value(text, field)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn push(text: &mut String, value: impl std::fmt::Display) {
    // Writing into memory cannot fail.
    let _ = write!(text, "{value}");
}

fn comma(text: &mut String, place: usize) {
    if place > 0 {
        text.push(',');
    }
}

fn write_float(text: &mut String, value: f64) -> Result<(), String> {
    if !value.is_finite() {
        let shown = crate::printing::printed(&Value::Float(value));
        return Err(format!("json: unsupported value: {shown}"));
    }
    // As JavaScript: an exponent below 1e-6 and from 1e21 on, with one digit where one is enough.
    let mut digits = FloatText::default();
    text.push_str(&digits.short(value, -6..21).replace("e-0", "e-"));
    Ok(())
}

/// In quotes, and so that it can stand in HTML.
fn write_string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\x08' => text.push_str("\\b"),
            '\x0c' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..' ' => {
                push(text, format_args!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
