//! A text in quotes, as Go's `strconv.Quote` writes it: so Prometheus prints the values of labels.
//!
//! It is not: what OpenMetrics and PromQL read, which have fewer escapes and bytes that are no text.

use std::fmt::{self, Write as _};

/// `Display` is the text in double quotes, with escapes for all that does not print.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'t>(pub &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut rest = self.0;
        while let Some(at) = rest.find(|c| !is_plain(c)) {
            let (plain, behind) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = behind.chars();
            if let Some(c) = chars.next() {
                write_escaped(f, c, '"')?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)?;
        f.write_char('"')
    }
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\')
}

/// A character of a text in such quotes: itself where it prints, else as Go escapes it.
///
/// # Errors
/// `out` fails.
pub fn write_escaped(out: &mut impl fmt::Write, c: char, quote: char) -> fmt::Result {
    let code = u32::from(c);
    match c {
        '\\' => out.write_str("\\\\"),
        _ if c == quote => write!(out, "\\{c}"),
        ' '..='~' => out.write_char(c),
        '\u{7}' => out.write_str("\\a"),
        '\u{8}' => out.write_str("\\b"),
        '\u{c}' => out.write_str("\\f"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\u{b}' => out.write_str("\\v"),
        _ if code < 0x80 => write!(out, "\\x{code:02x}"),
        _ if prints(c) => out.write_char(c),
        _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    }
}

/// Letters, marks, numbers, punctuation and symbols.
fn prints(c: char) -> bool {
    // The standard library knows, but tells only through what it escapes; behind another
    // character it leaves combining marks alone, as Go does.
    let mut text = String::from('a');
    text.push(c);
    text.escape_debug().skip(1).eq([c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("", r#""""#),
            ("it's plain", r#""it's plain""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            (
                "\x07\x08\x0c\n\r\t\x0b\x00\x1b\x7f.",
                r#""\a\b\f\n\r\t\v\x00\x1b\x7f.""#,
            ),
            ("Heizöl ☺𐄑 e\u{301}", "\"Heizöl ☺𐄑 e\u{301}\""),
            ("\u{a0}\u{200b}\u{feff}x", r#""\u00a0\u200b\ufeffx""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
    }
}
