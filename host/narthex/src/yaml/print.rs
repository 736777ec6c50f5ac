//! Prints YAML so that every reader takes it for the same, those of YAML 1.1 included: a text that
//! such a reader would take for a boolean, a number, a time or nothing is quoted, as Go's yaml.v2
//! does it.
//!
//! It is not: what makes a value of a config; serde_yaml does.

use serde::Serialize;
use serde::ser::Error as _;
use serde_yaml::{Error, Value};

use super::scalar::Resolved;
use super::tree::Scalar;

/// How far what lies in something stands behind it.
const INDENT: usize = 2;

/// Prints a value in block style, lists in maps without indentation.
///
/// # Errors
/// It has no form in YAML, or a key that is no scalar.
pub(crate) fn to_string(value: &impl Serialize) -> Result<String, Error> {
    let value = serde_yaml::to_value(value)?;
    let mut text = String::new();
    block(&value, 0, &mut text)?;
    Ok(text)
}

/// Prints a value behind what stands in its line already, and ends the line.
fn block(value: &Value, indent: usize, text: &mut String) -> Result<(), Error> {
    match value {
        Value::Mapping(fields) if !fields.is_empty() => {
            for (at, (name, value)) in fields.iter().enumerate() {
                begin(text, at, indent);
                text.push_str(&key(name)?);
                text.push(':');
                match inner(value) {
                    Value::Mapping(fields) if !fields.is_empty() => {
                        text.push('\n');
                        spaces(text, indent + INDENT);
                        block(value, indent + INDENT, text)?;
                    }
                    Value::Sequence(items) if !items.is_empty() => {
                        text.push('\n');
                        spaces(text, indent);
                        block(value, indent, text)?;
                    }
                    scalar => {
                        text.push(' ');
                        block(scalar, indent, text)?;
                    }
                }
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                begin(text, at, indent);
                text.push_str("- ");
                // A text goes on behind the list, what has lines of its own behind the dash.
                let within = match inner(item) {
                    Value::String(_) => indent,
                    _ => indent + INDENT,
                };
                block(item, within, text)?;
            }
        }
        Value::Tagged(tagged) => block(&tagged.value, indent, text)?,
        Value::String(string) => {
            text.push_str(&of_string(string, indent + INDENT));
            text.push('\n');
        }
        other => {
            text.push_str(&plain(other));
            text.push('\n');
        }
    }
    Ok(())
}

/// What a tag stands before: readers of configs know none.
fn inner(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => inner(&tagged.value),
        other => other,
    }
}

fn begin(text: &mut String, at: usize, indent: usize) {
    if at > 0 {
        spaces(text, indent);
    }
}

fn spaces(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n(' ', count));
}

fn key(name: &Value) -> Result<String, Error> {
    match inner(name) {
        // The name of a field stands in one line.
        Value::String(name) if name.contains('\n') => Ok(double_quoted(name)),
        Value::String(name) => Ok(of_string(name, 0)),
        Value::Mapping(_) | Value::Sequence(_) | Value::Tagged(_) => {
            Err(Error::custom("the name of a field is no scalar"))
        }
        other => Ok(plain(other)),
    }
}

/// What is no text and has nothing in it.
fn plain(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Mapping(_) => "{}".to_owned(),
        Value::Sequence(_) => "[]".to_owned(),
        _ => "null".to_owned(),
    }
}

/// A text: plain where nobody takes it for something else, else quoted; several lines as a block
/// with this indentation.
fn of_string(text: &str, indent: usize) -> String {
    if text.contains('\t') || text.chars().any(is_special) {
        return double_quoted(text);
    }
    if text.contains('\n') {
        return literal(text, indent).unwrap_or_else(|| double_quoted(text));
    }
    if is_something_else(text) {
        return double_quoted(text);
    }
    match has_indicators(text) {
        true => format!("'{}'", text.replace('\'', "''")),
        false => text.to_owned(),
    }
}

/// Whether a character is not printed as it is. Some are line ends in YAML 1.1 and not in 1.2.
fn is_special(c: char) -> bool {
    let is_line_end = matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_mark = matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    (c.is_control() && c != '\n' && c != '\t') || is_line_end || is_mark
}

/// Whether a plain text would be taken for something else by a reader of YAML 1.1.
fn is_something_else(text: &str) -> bool {
    let scalar = Scalar {
        text: text.to_owned(),
        is_plain: true,
    };
    !matches!(scalar.resolve(), Resolved::Text(_))
        || matches!(text, "=" | "<<")
        || is_of_base_60(text)
        || is_time(text)
}

/// `22:00`, `190:20:30.15`
fn is_of_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = match text.rsplit_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(is_digit_or_bar) => whole,
        Some(_) => return false,
        None => text,
    };
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let begins = first.starts_with(|c: char| c.is_ascii_digit());
    let mut more = parts.peekable();
    begins
        && first.bytes().all(is_digit_or_bar)
        && more.peek().is_some()
        && more.all(|part| match part.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
            _ => false,
        })
}

fn is_digit_or_bar(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// `2001-12-14`, alone or before a time.
fn is_time(text: &str) -> bool {
    let end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let parts: Vec<&str> = text[..end].split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let are_digits = |part: &str, lengths: &[usize]| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    are_digits(year, &[4]) && are_digits(month, &[1, 2]) && are_digits(day, &[1, 2])
}

/// Whether a plain text would end early, or begin something.
fn has_indicators(text: &str) -> bool {
    let second = text.chars().nth(1);
    let begins = match text.chars().next() {
        Some('-' | '?' | ':') => second.is_none_or(|second| second == ' '),
        Some(first) => ",[]{}#&*!|>'\"%@`".contains(first),
        None => true,
    };
    let ends = text.ends_with(':') || text.starts_with(' ') || text.ends_with(' ');
    let is_mark = text.starts_with("---") || text.starts_with("...");
    begins || ends || is_mark || text.contains(": ") || text.contains(" #")
}

/// Several lines as they are; `None` where the first does not say where lines begin.
fn literal(text: &str, indent: usize) -> Option<String> {
    let body = text.trim_end_matches('\n');
    if body.is_empty() || body.starts_with([' ', '\t', '\n']) {
        return None;
    }
    let ends = text.len() - body.len();
    let mut block = match ends {
        0 => "|-".to_owned(),
        1 => "|".to_owned(),
        _ => "|+".to_owned(),
    };
    for line in body.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            spaces(&mut block, indent);
            block.push_str(line);
        }
    }
    block.push_str(&"\n".repeat(ends.saturating_sub(1)));
    Some(block)
}

fn double_quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other if is_special(other) => {
                let code = u32::from(other);
                quoted.push_str(&match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    _ => format!("\\u{code:04X}"),
                });
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::yaml;

    #[test]
    fn a_text_stays_a_text_for_readers_of_yaml_1_1() {
        for quoted in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "Y",
            "N",
            "true",
            "False",
            "null",
            "~",
            "Null",
            "1",
            "-1",
            "+1",
            "0x1F",
            "0o17",
            "017",
            "0b1",
            "1_000",
            "1.5",
            "1e3",
            ".5",
            "-.inf",
            ".inf",
            ".nan",
            ".NaN",
            "22:00",
            "190:20:30",
            "1:30.5",
            "2001-12-14",
            "2001-1-2T3:4:5Z",
            "2001-12-14 21:59:43",
            "=",
            "<<",
            "",
            "a\tb",
            "\u{85}",
            "\u{0}x",
        ] {
            let printed = to_string(&quoted).unwrap();
            assert!(printed.starts_with('"'), "{quoted:?}: {printed}");
        }
        for quoted in [
            "- a", "-", "?", ":", "a: b", "a #b", "a:", "#a", "'a", "\"a", "*a", "&a", "!a", "%a",
            "@a", "`a", "{a", "[a", "|", ">", " a", "a ", "---", "... x", ",a",
        ] {
            let printed = to_string(&quoted).unwrap();
            assert!(printed.starts_with('\''), "{quoted:?}: {printed}");
        }
        for plain in [
            "a",
            "replacement",
            "<secret>",
            "http://a:9090/b?c=d#e",
            "-a",
            "?a",
            ":a",
            "a:b",
            "a#b",
            "5m",
            "1.2.3.4",
            "10.0.0.0/8",
            "localhost:9090",
            "(.+);(.*)",
            "$1",
            "yES",
            "/a/*.yml",
            "2001-12",
            "12:60",
            "é",
            "a, b",
            "a'b",
            "0x",
            "1h30m",
            "a\\b",
        ] {
            assert_eq!(to_string(&plain).unwrap(), format!("{plain}\n"));
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let texts = [
            "yes",
            "22:00",
            "a: b",
            "it's",
            "- '",
            "a\nb",
            "a\nb\n",
            "a\n\nb\n\n\n",
            " a\nb",
            "\n",
            "a\n b\n\tc",
            "a \n",
            "a\rb\n",
            "\u{1}\u{feff}é\u{2028}",
            "\\x",
            "\"",
            "a\n#b: c",
        ];
        let all: BTreeMap<String, String> = texts
            .iter()
            .map(|text| (format!("{text}!"), (*text).to_owned()))
            .collect();
        let nested = json!({"a": {"b": texts, "c": [all], "d": [[1, ["x\ny"]], {}, [], null]}});
        let printed = to_string(&nested).unwrap();
        let read: serde_json::Value = serde_yaml::from_str(&printed).unwrap();
        assert_eq!(read, nested, "{printed}");
        for text in texts {
            let named = BTreeMap::from([("a".to_owned(), text.to_owned())]);
            let printed = to_string(&named).unwrap();
            let read: BTreeMap<String, String> = yaml::read(&printed, "").unwrap();
            assert_eq!(read, named, "{printed}");
        }
    }

    #[test]
    fn maps_and_lists_stand_as_go_prints_them() {
        let value = json!({
            "a": [{"b": 1, "c": ["x", "yes"]}, ["d", [2.5, true]]],
            "e": {"f": {}, "g": [], "h": null, "on": {"i": "j\nk"}},
        });
        let expected = "a:\n- b: 1\n  c:\n  - x\n  - \"yes\"\n- - d\n  - - 2.5\n    - true\n\
                        e:\n  f: {}\n  g: []\n  h: null\n  \"on\":\n    i: |-\n      j\n      k\n";
        assert_eq!(to_string(&value).unwrap(), expected);
        let odd = BTreeMap::from([(vec![1], 1)]);
        assert!(to_string(&odd).is_err());
    }
}
