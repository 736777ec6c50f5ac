//! A value by Go's rules for `%v`.

use std::fmt::Write as _;

use narthex_model::float_text;

use crate::value::Value;

/// Prints a value that lies so deep in another.
pub(super) fn write_value(text: &mut String, value: &Value, depth: usize) {
    if let Some(own) = value.own_text() {
        text.push_str(&own);
        return;
    }
    // Writing into memory cannot fail.
    let _ = match value {
        Value::Nil => write!(text, "<nil>"),
        Value::Bool(value) => write!(text, "{value}"),
        Value::Int(value) => write!(text, "{value}"),
        Value::Byte(value) => write!(text, "{value}"),
        Value::Float(value) => write!(text, "{}", float_text(*value)),
        Value::String(value) | Value::Markup(_, value) => write!(text, "{value}"),
        Value::List(list) => {
            text.push('[');
            for (i, item) in list.items().iter().enumerate() {
                if i > 0 {
                    text.push(' ');
                }
                write_value(text, item, depth + 1);
            }
            text.push(']');
            Ok(())
        }
        Value::Map(map) => {
            text.push_str("map[");
            for (i, (key, item)) in map.entries().iter().enumerate() {
                if i > 0 {
                    text.push(' ');
                }
                text.push_str(key);
                text.push(':');
                write_value(text, item, depth + 1);
            }
            text.push(']');
            Ok(())
        }
        Value::Struct(found) => {
            if found.is_pointer() && depth > 0 {
                // An address, which means nothing to anybody; always the same one here.
                text.push_str("0xc000000000");
                return;
            }
            if found.is_pointer() {
                text.push('&');
            }
            write_fields(text, found.fields());
            Ok(())
        }
        // They have a text of their own.
        Value::Time(_) | Value::Duration(_) | Value::Name(_) => Ok(()),
    };
}

/// Prints a struct without the mark of a pointer.
pub(super) fn write_fields(text: &mut String, fields: &[(&'static str, Value)]) {
    text.push('{');
    for (i, (_, field)) in fields.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        write_value(text, field, 1);
    }
    text.push('}');
}
