//! Texts in quotes, as Go's `strconv.Quote` writes them, and bytes among them that are no text.

use std::fmt::Write as _;

use narthex_model::write_escaped;

use crate::ast::invalid_byte;

/// `text` in double quotes, with escapes for all that does not print.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        push_escaped(&mut quoted, c, '"');
    }
    quoted.push('"');
    quoted
}

/// A character in single quotes.
pub(crate) fn quote_char(c: char) -> String {
    let mut quoted = String::from('\'');
    push_escaped(&mut quoted, c, '\'');
    quoted.push('\'');
    quoted
}

fn push_escaped(quoted: &mut String, c: char, quote: char) {
    // A string takes all that is written to it.
    let _ = match invalid_byte(c) {
        Some(byte) => write!(quoted, "\\x{byte:02x}"),
        None => write_escaped(quoted, c, quote),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("", r#""""#),
            ("it's", r#""it's""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            (
                "\x07\x08\x0c\n\r\t\x0b\x00\x7f",
                r#""\a\b\f\n\r\t\v\x00\x7f""#,
            ),
            ("☺ሴ𐄑e\u{301}", "\"☺ሴ𐄑e\u{301}\""),
            ("\u{a0}\u{200b}\u{feff}", r#""\u00a0\u200b\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('"'), "'\"'");
    }
}
