//! Follows JavaScript and CSS as far as strings and comments go, and escapes values in them.
//!
//! It does not know regular expressions of JavaScript from divisions, nor what stands in `url()` of
//! CSS: behind the one and in the other a value is refused, and so it is in a string in backquotes.

use super::escape;
use crate::json;
use crate::printing::printed;
use crate::value::Value;

/// Where in a script or style we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Script {
    #[default]
    Code,
    /// In a string with that quote.
    String(char),
    LineComment,
    BlockComment,
    /// Behind a slash of JavaScript that is a division or begins a regular expression, which could
    /// hold a quote; in `url(` of CSS.
    Unclear,
}

impl Script {
    /// Passes text of the template itself.
    pub(super) fn follow(&mut self, text: &str, is_style: bool) {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            *self = match (*self, c) {
                (Self::Code, '"' | '\'') => Self::String(c),
                (Self::Code, '`') if !is_style => Self::String(c),
                (Self::Code, '/') if chars.peek() == Some(&'*') => {
                    chars.next();
                    Self::BlockComment
                }
                (Self::Code, '/') if chars.peek() == Some(&'/') && !is_style => Self::LineComment,
                (Self::Code, '/') if !is_style => Self::Unclear,
                (Self::Unclear, ')') if is_style => Self::Code,
                (Self::String(_), '\\') => {
                    chars.next();
                    continue;
                }
                (Self::String(quote), c) if c == quote => Self::Code,
                (Self::LineComment, '\n' | '\r') => Self::Code,
                (Self::BlockComment, '*') if chars.peek() == Some(&'/') => {
                    chars.next();
                    Self::Code
                }
                (state, _) => state,
            };
        }
        let end = text.trim_end().to_ascii_lowercase();
        if is_style && *self == Self::Code && end.ends_with("url(") {
            *self = Self::Unclear;
        }
    }

    /// A value where we are; in a comment there is none.
    pub(super) fn escape(self, value: &Value, is_style: bool) -> Result<String, String> {
        let text = || match value {
            Value::Nil => String::new(),
            other => printed(other),
        };
        match self {
            Self::LineComment | Self::BlockComment => Ok(String::new()),
            Self::Unclear => Err(format!(
                "html/template: a value {}",
                if is_style {
                    "in url() of a style"
                } else {
                    "behind a slash that could start a division or regexp"
                }
            )),
            Self::String('`') => {
                Err("html/template: a value in a JavaScript template literal".to_owned())
            }
            Self::String(_) if is_style => Ok(escape::css_string(&text())),
            Self::String(_) => Ok(escape::js_string(&text())),
            Self::Code if is_style => Ok(escape::css_value(&text()).to_owned()),
            Self::Code => javascript(value),
        }
    }
}

/// A value as JavaScript: JSON, apart from words beside it.
fn javascript(value: &Value) -> Result<String, String> {
    let shown = match value.own_text() {
        Some(own) if !matches!(value, Value::Time(_)) => Value::string(own),
        _ => value.clone(),
    };
    let json = json::written(&shown)?;
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_$-".contains(c));
    let before = if is_word(json.chars().next()) {
        " "
    } else {
        ""
    };
    let behind = if is_word(json.chars().last()) {
        " "
    } else {
        ""
    };
    Ok(format!("{before}{json}{behind}"))
}
