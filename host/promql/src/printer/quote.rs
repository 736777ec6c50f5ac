//! Texts in quotes, as Go's `strconv.Quote` writes them.

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
    let simple = match c {
        '\x07' => 'a',
        '\x08' => 'b',
        '\x0c' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\x0b' => 'v',
        '\\' => '\\',
        _ if c == quote => c,
        _ => {
            let code = u32::from(c);
            quoted.push_str(&match invalid_byte(c) {
                Some(byte) => format!("\\x{byte:02x}"),
                None if prints(c) => c.to_string(),
                None if code < 0x80 => format!("\\x{code:02x}"),
                None if code < 0x1_0000 => format!("\\u{code:04x}"),
                None => format!("\\U{code:08x}"),
            });
            return;
        }
    };
    quoted.push('\\');
    quoted.push(simple);
}

/// Letters, marks, numbers, punctuation, symbols, and the space.
fn prints(c: char) -> bool {
    if matches!(c, '"' | '\'') {
        return true;
    }
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
