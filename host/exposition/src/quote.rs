//! Bytes in an error message, quoted as Go's `%q` quotes them: the model's quotes, and escapes for
//! what is no text.

use std::fmt::{self, Write};

use narthex_model::write_escaped;

/// A message quotes at most this many bytes of a page; the rest becomes `...`. Prometheus quotes
/// a line whole, and a line may be as long as the body.
pub(crate) const QUOTED_BYTES_MAX: usize = 4096;

/// `bytes` in double quotes, with Go's escapes.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let shown = bytes.get(..QUOTED_BYTES_MAX).unwrap_or(bytes);
    let mut out = String::with_capacity(shown.len() + 2);
    // Writing to a string cannot fail.
    let _ = write_quoted(&mut out, shown);
    if shown.len() < bytes.len() {
        out.push_str("...");
    }
    out
}

fn write_quoted(out: &mut String, bytes: &[u8]) -> fmt::Result {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            write_escaped(out, c, '"')?;
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    out.push('"');
    Ok(())
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
    fn combining_marks_are_printed_and_not_escaped() {
        let quoted = quote("e\u{301}\u{1f468}\u{200d}".as_bytes());
        assert_eq!(quoted, "\"e\u{301}\u{1f468}\\u200d\"");
    }

    #[test]
    fn a_long_quotation_is_cut() {
        let quoted = quote(&vec![b'x'; 1 << 20]);
        assert_eq!(quoted.len(), QUOTED_BYTES_MAX + 5);
        assert!(quoted.ends_with("x\"..."));
    }
}
