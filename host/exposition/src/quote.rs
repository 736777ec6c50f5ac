//! Bytes in an error message, quoted as Go's `%q` quotes them.

use std::fmt::Write;

/// A message quotes at most this many bytes of a page; the rest becomes `...`. Prometheus quotes
/// a line whole, and a line may be as long as the body.
pub(crate) const QUOTED_BYTES_MAX: usize = 4096;

/// `bytes` in double quotes, with Go's escapes.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let shown = bytes.get(..QUOTED_BYTES_MAX).unwrap_or(bytes);
    let mut out = String::with_capacity(shown.len() + 2);
    out.push('"');
    for chunk in shown.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_char(&mut out, c));
        for byte in chunk.invalid() {
            push_formatted(&mut out, format_args!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    if shown.len() < bytes.len() {
        out.push_str("...");
    }
    out
}

fn push_char(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\u{0}'..='\u{1f}' | '\u{7f}' => {
            push_formatted(out, format_args!("\\x{:02x}", u32::from(c)));
        }
        ' '..='~' => out.push(c),
        // Not the same table as Go's of what can be printed, but near: controls, format
        // characters, separators and what is not assigned.
        c if c.escape_debug().len() == 1 => out.push(c),
        c if u32::from(c) < 0x1_0000 => {
            push_formatted(out, format_args!("\\u{:04x}", u32::from(c)));
        }
        c => push_formatted(out, format_args!("\\U{:08x}", u32::from(c))),
    }
}

fn push_formatted(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_quoted_as_go_quotes_them() {
        for (bytes, quoted) in [
            (&b"a{b=\"c\"}"[..], r#""a{b=\"c\"}""#),
            (b"\\\n\t\r\x00\x7f\x07", r#""\\\n\t\r\x00\x7f\a""#),
            (b"\xff\xc3", r#""\xff\xc3""#),
            ("Heizöl 10€".as_bytes(), "\"Heizöl 10€\""),
            ("\u{200b}\u{e0001}".as_bytes(), r#""\u200b\U000e0001""#),
        ] {
            assert_eq!(quote(bytes), quoted);
        }
    }

    #[test]
    fn a_long_quotation_is_cut() {
        let quoted = quote(&vec![b'x'; 1 << 20]);
        assert_eq!(quoted.len(), QUOTED_BYTES_MAX + 5);
        assert!(quoted.ends_with("x\"..."));
    }
}
