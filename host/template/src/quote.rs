//! Strings and characters as Go source writes them, both ways.

use std::fmt::Write as _;

/// A text in double quotes, as Go's `%q` has it.
pub(crate) fn quoted(text: &str) -> String {
    quoted_with(text, '"', false)
}

/// A text in quotes of a kind, only in ASCII where asked for.
pub(crate) fn quoted_with(text: &str, quote: char, is_ascii: bool) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            c if c == quote => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            ' '..='~' => quoted.push(c),
            c if !is_ascii && is_print(c) => quoted.push(c),
            c => push_escape(&mut quoted, c),
        }
    }
    quoted.push(quote);
    quoted
}

fn push_escape(text: &mut String, c: char) {
    let code = u32::from(c);
    // Writing into memory cannot fail.
    let _ = match code {
        0..=0x7f => write!(text, "\\x{code:02x}"),
        0x80..=0xffff => write!(text, "\\u{code:04x}"),
        _ => write!(text, "\\U{code:08x}"),
    };
}

/// Whether Go prints a character as it is: not a control character, no space but the plain one, not
/// unassigned. Rust's own rule for what it escapes is the same but for combining characters.
pub(crate) fn is_print(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{a0}' | '\u{ad}' => false,
        c if c.is_whitespace() => false,
        c => {
            let mut escaped = c.escape_debug();
            escaped.next() != Some('\\') || is_combining(c)
        }
    }
}

/// Rust escapes these where they stand alone; Go does not.
fn is_combining(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a
        | 0x64b..=0x65f | 0x900..=0x902 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f | 0xe0100..=0xe01ef)
}

/// What a string of the source means, its quotes included; `None`: it is not one.
pub(crate) fn unquoted(written: &str) -> Option<String> {
    if let Some(raw) = written.strip_prefix('`') {
        return Some(raw.strip_suffix('`')?.replace('\r', ""));
    }
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        rest = unquote_char(rest, '"', &mut bytes)?;
    }
    // Go allows bytes that are no text; we show them as what cannot be read.
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a character of the source means, its quotes included.
pub(crate) fn unquoted_char(written: &str) -> Option<char> {
    let inner = written.strip_prefix('\'')?;
    let mut bytes = Vec::new();
    let rest = unquote_char(inner, '\'', &mut bytes)?;
    if rest != "'" {
        return None;
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => text.chars().next(),
        Err(_) => bytes.first().map(|byte| char::from(*byte)),
    }
}

/// Reads one character or escape; what is left.
fn unquote_char<'a>(text: &'a str, quote: char, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first != '\\' {
        if first == quote || first == '\n' {
            return None;
        }
        bytes.extend(first.encode_utf8(&mut [0; 4]).as_bytes());
        return Some(chars.as_str());
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let simple = match escape {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => u8::try_from(c).ok()?,
        'x' => {
            bytes.push(u8::from_str_radix(digits(rest, 2)?, 16).ok()?);
            return rest.get(2..);
        }
        '0'..='7' => {
            let octal = text.get(1..4)?;
            bytes.push(u8::from_str_radix(octal, 8).ok()?);
            return text.get(4..);
        }
        'u' | 'U' => {
            let count = if escape == 'u' { 4 } else { 8 };
            let code = u32::from_str_radix(digits(rest, count)?, 16).ok()?;
            let c = char::from_u32(code)?;
            bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            return rest.get(count..);
        }
        _ => return None,
    };
    bytes.push(simple);
    Some(rest)
}

fn digits(text: &str, count: usize) -> Option<&str> {
    let found = text.get(..count)?;
    found
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(found)
}
