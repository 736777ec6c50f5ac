//! Numbers, durations and strings: what they say.

use narthex_model::PromDuration;

use crate::ast::text_of_bytes;
use crate::printer::quote;

/// The seconds of a duration such as `1h30m`.
pub(super) fn duration_seconds(text: &str) -> Result<f64, String> {
    let duration: PromDuration = text.parse().map_err(|error| format!("{error}"))?;
    let millis = duration.as_millis();
    #[allow(
        clippy::cast_precision_loss,
        reason = "a duration has at most 2^43 seconds"
    )]
    Ok((millis / 1_000) as f64 + (millis % 1_000) as f64 / 1_000.0)
}

/// A number in the notations of a query.
pub(super) fn number(text: &str) -> Result<f64, String> {
    go_number(text).map_err(|reason| {
        format!(
            "error parsing number: strconv.ParseFloat: parsing {}: {reason}",
            quote(text)
        )
    })
}

/// A number as Go's `strconv` reads it: first as an integer with a base prefix, then as a
/// floating-point number.
pub(crate) fn go_number(text: &str) -> Result<f64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    if let Some(value) = integer(text) {
        return Ok(value);
    }
    if !underscores_separate_digits(text) {
        return Err(SYNTAX);
    }
    let plain = text.replace('_', "");
    let unsigned = plain.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let special = matches!(unsigned.as_str(), "inf" | "infinity" | "nan");
    let value: f64 = plain.parse().map_err(|_| SYNTAX)?;
    if value.is_infinite() && !special {
        return Err("value out of range");
    }
    Ok(value)
}

/// A number that fits 64 bits, with `0x`, `0o`, `0b` or the `0` of an octal in front.
fn integer(text: &str) -> Option<f64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !underscores_separate_digits(text) || digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    let value = i64::try_from(if negative { -magnitude } else { magnitude }).ok()?;
    #[allow(
        clippy::cast_precision_loss,
        reason = "numbers of a query are floating-point numbers"
    )]
    Some(value as f64)
}

/// Whether each underscore stands between digits, or between a base prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.trim_start_matches(['+', '-']).as_bytes();
    let prefixed = matches!(bytes, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]);
    let is_digit = |at: Option<&u8>| {
        at.is_some_and(|b| {
            if prefixed {
                b.is_ascii_hexdigit()
            } else {
                b.is_ascii_digit()
            }
        })
    };
    bytes.iter().enumerate().all(|(at, byte)| {
        *byte != b'_'
            || ((is_digit(at.checked_sub(1).and_then(|before| bytes.get(before)))
                || (prefixed && at == 2))
                && is_digit(bytes.get(at + 1)))
    })
}

/// What a quoted string says; `None` where it is malformed. Bytes that are no UTF-8 are kept
/// as [`text_of_bytes`] keeps them.
pub(crate) fn unquote(quoted: &str) -> Option<String> {
    let quote = quoted.chars().next()?;
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    if quote == '`' {
        return (!inner.contains('`')).then(|| inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let simple = match chars.next()? {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '\\' => b'\\',
            c @ ('"' | '\'') => u8::try_from(c).ok()?,
            'x' => u8::try_from(digits(&mut chars, 0, 2, 16)?).ok()?,
            c @ '0'..='7' => u8::try_from(digits(&mut chars, c.to_digit(8)?, 2, 8)?).ok()?,
            c @ ('u' | 'U') => {
                let count = if c == 'u' { 4 } else { 8 };
                let c = char::from_u32(digits(&mut chars, 0, count, 16)?)?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        bytes.push(simple);
    }
    Some(text_of_bytes(&bytes))
}

fn digits(chars: &mut std::str::Chars<'_>, first: u32, count: usize, radix: u32) -> Option<u32> {
    (0..count).try_fold(first, |value, _| {
        let digit = chars.next()?.to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("0755", 493.0),
            ("0o17", 15.0),
            ("08", 8.0),
            ("0x1F", 31.0),
            ("0x_1f", 31.0),
            ("1_000", 1000.0),
            ("1_000.5", 1000.5),
            ("-7", -7.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("18446744073709551616", 18_446_744_073_709_551_616.0),
            ("Inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(go_number(text), Ok(value), "{text}");
        }
        assert!(go_number("NaN").is_ok_and(f64::is_nan));
        for text in ["", "1__0", "_1", "1_", "0xffffffffffffffffff", "abc"] {
            assert_eq!(go_number(text), Err("invalid syntax"), "{text}");
        }
        assert_eq!(go_number("1e999"), Err("value out of range"));
    }

    #[test]
    fn strings_are_unquoted() {
        for (quoted, text) in [
            (r#""a""#, "a"),
            (r#""\a\n\t\\\"""#, "\x07\n\t\\\""),
            (r"'it\'s'", "it's"),
            (r"`\n`", r"\n"),
            (r#""\u1234\U00010111\101\x41""#, "\u{1234}\u{10111}AA"),
        ] {
            assert_eq!(unquote(quoted).as_deref(), Some(text), "{quoted}");
        }
    }
}
