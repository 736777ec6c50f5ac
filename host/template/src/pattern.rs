//! Regular expressions as Go reads them, for `match` and `reReplaceAll`.

use regex::{Regex, RegexBuilder};

use crate::quote::quoted;

/// A compiled expression may take this much memory; a larger one is refused.
const REGEX_BYTES_MAX: usize = 10 << 20;

/// An expression of the syntax that Go and we share, Go's own rules applied: classes such as `\w`
/// know ASCII only, brackets in a class and braces that repeat nothing are plain characters.
///
/// # Errors
///
/// `error parsing regexp: …`, the words behind it being our parser's.
pub(crate) fn compile(expression: &str) -> Result<Regex, String> {
    let translated = translated(expression)?;
    RegexBuilder::new(&translated)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("error parsing regexp: {reason}: `{expression}`")
        })
}

/// Replaces all matches; `$1`, `${1}` and `$name` in the replacement stand for groups.
///
/// # Errors
///
/// Where the expression is none: Go's function panics there, with these words.
pub(crate) fn replace_all(
    expression: &str,
    replacement: &str,
    text: &str,
) -> Result<String, String> {
    let regex = compile(expression).map_err(|reason| {
        let is_plain = !expression.contains(|c: char| c == '`' || c.is_control());
        let shown = if is_plain {
            format!("`{expression}`")
        } else {
            quoted(expression)
        };
        format!("regexp: Compile({shown}): {reason}")
    })?;
    Ok(regex.replace_all(text, replacement).into_owned())
}

/// The expression for our parser.
fn translated(expression: &str) -> Result<String, String> {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    let mut is_class = false;
    // The repetition that was just read, and whether it can still be made lazy.
    let mut repetition: Option<(&str, bool)> = None;
    while let Some(c) = rest.chars().next() {
        let at = &rest[c.len_utf8()..];
        let operator = if is_class { "" } else { operator(rest) };
        repetition = match (repetition, operator) {
            (_, "") => None,
            (None, operator) => Some((operator, true)),
            (Some((before, true)), "?") => Some((before, false)),
            (Some((before, _)), operator) => {
                return Err(format!(
                    "error parsing regexp: invalid nested repetition operator: `{before}{operator}`"
                ));
            }
        };
        rest = match c {
            '\\' => escape(&mut out, at, is_class),
            '[' if !is_class => {
                is_class = true;
                out.push('[');
                // What is first in a class is plain, a closing bracket too.
                let at = match at.strip_prefix('^') {
                    Some(at) => {
                        out.push('^');
                        at
                    }
                    None => at,
                };
                match at.strip_prefix(']') {
                    Some(at) => {
                        out.push_str("\\]");
                        at
                    }
                    None => at,
                }
            }
            '[' if at.starts_with(':') && at.contains(":]") => {
                let end = at.find(":]").map_or(at.len(), |end| end + 2);
                out.push('[');
                out.push_str(&at[..end]);
                &at[end..]
            }
            '[' | '&' | '~' if is_class => {
                out.push('\\');
                out.push(c);
                at
            }
            ']' => {
                is_class = false;
                out.push(']');
                at
            }
            '{' if !is_class && operator.is_empty() => {
                out.push_str("\\{");
                at
            }
            '{' if !is_class => {
                out.push_str(operator);
                &rest[operator.len()..]
            }
            c => {
                out.push(c);
                at
            }
        };
    }
    Ok(out)
}

/// The repetition that a text begins with: `*`, `+`, `?`, `{2}`, `{2,}`, `{2,3}`, or none.
fn operator(text: &str) -> &str {
    let len = match text.chars().next() {
        Some('*' | '+' | '?') => 1,
        Some('{') => text.find('}').map_or(0, |end| {
            let counts = &text[1..end];
            let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
            let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let is_repeat = !least.is_empty() && is_number(least) && is_number(most);
            if is_repeat { end + 1 } else { 0 }
        }),
        _ => 0,
    };
    &text[..len]
}

/// Writes what is behind a backslash; what is left.
fn escape<'a>(out: &mut String, at: &'a str, is_class: bool) -> &'a str {
    let Some(c) = at.chars().next() else {
        out.push('\\');
        return at;
    };
    let behind = &at[c.len_utf8()..];
    let plain = match (c, is_class) {
        ('d', _) => "[0-9]",
        ('D', _) => "[^0-9]",
        ('w', _) => "[0-9A-Za-z_]",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', _) => "[\\t\\n\\f\\r ]",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('b', false) => "(?-u:\\b)",
        // Between the bytes of a character there is no boundary that a text could be cut at.
        ('B', false) => "\\B",
        ('Q', false) => {
            let (quoted, rest) = behind.split_once("\\E").unwrap_or((behind, ""));
            out.push_str(&regex::escape(quoted));
            return rest;
        }
        // A class of Unicode or a character may have its name in braces.
        ('p' | 'P' | 'x', _) if behind.starts_with('{') => {
            let len = behind.find('}').map_or(behind.len(), |end| end + 1);
            out.push('\\');
            out.push(c);
            out.push_str(&behind[..len]);
            return &behind[len..];
        }
        _ => {
            out.push('\\');
            out.push(c);
            return behind;
        }
    };
    out.push_str(plain);
    behind
}

#[cfg(test)]
mod tests;
