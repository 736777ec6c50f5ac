//! Escaping for each place of HTML.

use std::fmt::Write as _;

/// How a character of HTML is written, where it must not be read as markup.
fn entity(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "\u{fffd}",
        '"' => "&#34;",
        '&' => "&amp;",
        '\'' => "&#39;",
        '+' => "&#43;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => return None,
    })
}

/// What must not end a value without quotes.
fn space_entity(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "&#xfffd;",
        '\t' => "&#9;",
        '\n' => "&#10;",
        '\x0b' => "&#11;",
        '\x0c' => "&#12;",
        '\r' => "&#13;",
        ' ' => "&#32;",
        '=' => "&#61;",
        '`' => "&#96;",
        c => return entity(c),
    })
}

fn replaced(text: &str, entity: impl Fn(char) -> Option<&'static str>) -> String {
    let mut replaced = String::with_capacity(text.len());
    for c in text.chars() {
        match entity(c) {
            Some(entity) => replaced.push_str(entity),
            None => replaced.push(c),
        }
    }
    replaced
}

/// A text between tags or in quotes.
pub(super) fn html(text: &str) -> String {
    replaced(text, entity)
}

/// A text that has entities of its own, which stay.
pub(super) fn html_normal(text: &str) -> String {
    replaced(text, |c| if c == '&' { None } else { entity(c) })
}

/// Text of the template itself, in which a bracket that begins no tag is a character. That of a
/// document's type is none.
pub(super) fn without_stray_brackets(text: &str) -> String {
    const DOCTYPE: &str = "<!doctype";
    let mut plain = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_doctype = text
            .get(at..at + DOCTYPE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE));
        match c {
            '<' if !is_doctype => plain.push_str("&lt;"),
            c => plain.push(c),
        }
    }
    plain
}

/// A value without quotes; an empty one must be something.
pub(super) fn html_without_spaces(text: &str) -> String {
    if text.is_empty() {
        return "ZgotmplZ".to_owned();
    }
    replaced(text, space_entity)
}

/// As [`html_normal`], in quotes or without.
pub(super) fn attribute_normal(text: &str, is_bare: bool) -> String {
    if is_bare {
        return replaced(text, |c| if c == '&' { None } else { space_entity(c) });
    }
    html_normal(text)
}

/// A name of an attribute: nothing that could change what it means.
pub(super) fn attribute_name(text: &str) -> String {
    let name = text.to_ascii_lowercase();
    let is_plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && super::content_of(&name) == super::Content::Plain;
    if is_plain {
        name
    } else {
        "ZgotmplZ".to_owned()
    }
}

/// What the entities in an attribute stand for.
pub(super) fn attribute_unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut plain = text.to_owned();
    for (entity, c) in [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ] {
        plain = plain.replace(entity, c);
    }
    plain
}

/// The text of a piece of HTML.
pub(super) fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let behind = &rest[at + 1..];
        let is_tag = behind.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        match behind.find('>') {
            Some(end) if is_tag => {
                text.push_str(&rest[..at]);
                rest = &behind[end + 1..];
            }
            _ => {
                text.push_str(&rest[..=at]);
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    text
}

/// Whether a URL has no scheme, or one that executes nothing.
pub(super) fn is_safe_url(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => ["http", "https", "mailto"]
            .iter()
            .any(|safe| scheme.eq_ignore_ascii_case(safe)),
        _ => true,
    }
}

/// A URL, of which what has a meaning in one stays, or a part of one, where nothing has.
pub(super) fn url(text: &str, is_whole: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let is_kept = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => true,
            b'!' | b'#' | b'$' | b'&' | b'*' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?'
            | b'@' | b'[' | b']' => is_whole,
            b'%' => {
                let digits = bytes.get(at + 1..at + 3).unwrap_or_default();
                is_whole && digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
            }
            _ => false,
        };
        if is_kept {
            escaped.push(char::from(*byte));
        } else {
            // Writing into memory cannot fail.
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    escaped
}

/// A piece of a string of JavaScript.
pub(super) fn js_string(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\x0c' => escaped.push_str("\\f"),
            '\r' => escaped.push_str("\\r"),
            '/' => escaped.push_str("\\/"),
            '\\' => escaped.push_str("\\\\"),
            '\0' | '\x0b' | '"' | '`' | '&' | '\'' | '+' | '<' | '>' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A piece of a string of CSS.
pub(super) fn css_string(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_special = matches!(
            c,
            '\0' | '\t'
                | '\n'
                | '\x0c'
                | '\r'
                | '"'
                | '&'
                | '\''
                | '('
                | ')'
                | '+'
                | '/'
                | ':'
                | ';'
                | '<'
                | '>'
                | '\\'
                | '{'
                | '}'
        );
        match c {
            '\\' => escaped.push_str("\\\\"),
            '/' => escaped.push_str("\\/"),
            c if is_special => {
                let _ = write!(escaped, "\\{:x}", u32::from(c));
                let is_hex = |c: &char| c.is_ascii_hexdigit() || c.is_ascii_whitespace();
                if chars.peek().is_none_or(is_hex) {
                    escaped.push(' ');
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value of CSS, if it cannot be more than that.
pub(super) fn css_value(text: &str) -> &str {
    const UNSAFE: &str = "ZgotmplZ";
    let is_unsafe = |c: char| "\0\"'()/;@[\\]`{}<>".contains(c);
    if text.contains(is_unsafe) || text.contains("--") {
        return UNSAFE;
    }
    let letters: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_' || !c.is_ascii())
        .collect();
    let letters = letters.to_lowercase();
    if letters.contains("expression") || letters.contains("mozbinding") {
        return UNSAFE;
    }
    text
}
