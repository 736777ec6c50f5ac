//! How Go prints values: `print`, `println`, `printf`, and what an action inserts.

mod float;
mod verb;
mod write;

pub(crate) use self::verb::format;
use self::write::write_value;
use crate::value::Value;

/// What an action inserts for a value.
pub(crate) fn printed(value: &Value) -> String {
    match value {
        Value::Nil => "<no value>".to_owned(),
        Value::String(text) | Value::Markup(_, text) => text.to_string(),
        // A pointer is followed before it is printed.
        Value::Struct(found) if found.is_pointer() => {
            let mut text = String::new();
            write::write_fields(&mut text, found.fields());
            text
        }
        other => print(std::slice::from_ref(other)),
    }
}

/// As `fmt.Sprint`: spaces between operands that are both no strings.
pub(crate) fn print(values: &[Value]) -> String {
    let mut text = String::new();
    let mut was_string = true;
    for (i, value) in values.iter().enumerate() {
        let is_string = matches!(value, Value::String(_) | Value::Markup(..));
        if i > 0 && !is_string && !was_string {
            text.push(' ');
        }
        write_value(&mut text, value, 0);
        was_string = is_string;
    }
    text
}

/// As `fmt.Sprintln`: spaces between all operands, and a new line.
pub(crate) fn print_line(values: &[Value]) -> String {
    let mut text = String::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        write_value(&mut text, value, 0);
    }
    text.push('\n');
    text
}
