//! What functions of both sets do to texts: case, and URLs.

/// A letter of another case where it is one letter as well: Go maps letter by letter.
fn mapped(c: char, mut to: impl Iterator<Item = char>) -> char {
    match (to.next(), to.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// As `strings.ToUpper`.
pub(crate) fn upper(text: &str) -> String {
    text.chars().map(|c| mapped(c, c.to_uppercase())).collect()
}

/// As `strings.ToLower`.
pub(crate) fn lower(text: &str) -> String {
    text.chars().map(|c| mapped(c, c.to_lowercase())).collect()
}

/// As `strings.Title`: the first letter of each word is large, the others stay.
pub(crate) fn title(text: &str) -> String {
    let mut before = ' ';
    let title = |c: char| {
        let is_first = is_separator(before);
        before = c;
        if is_first {
            mapped(c, c.to_uppercase())
        } else {
            c
        }
    };
    text.chars().map(title).collect()
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        !c.is_ascii_alphanumeric() && c != '_'
    } else {
        !c.is_alphanumeric() && c.is_whitespace()
    }
}

/// Capitalized as a heading in English: the first letter of each word is large, the others small.
/// An apostrophe, a point or a colon between letters is a part of the word.
pub(crate) fn heading(text: &str) -> String {
    let mut heading = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut is_in_word = false;
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || c == '_' {
            let is_large = !is_in_word && c.is_alphabetic();
            heading.push(if is_large {
                mapped(c, c.to_uppercase())
            } else {
                mapped(c, c.to_lowercase())
            });
            is_in_word |= c.is_alphabetic();
            continue;
        }
        let joins = matches!(c, '\'' | '\u{2019}' | '.' | ':' | '\u{b7}');
        let is_letter_next = chars.peek().is_some_and(|c| c.is_alphabetic());
        is_in_word &= joins && is_letter_next;
        heading.push(c);
    }
    heading
}

/// What a query of a URL means: `%XX` and plus signs undone.
///
/// # Errors
///
/// Go's words for a percent sign that begins no byte.
pub(crate) fn query_unescaped(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = behind
                    .get(..2)
                    .and_then(|two| std::str::from_utf8(two).ok());
                let digits = digits.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
                let Some(code) = digits.and_then(|two| u8::from_str_radix(two, 16).ok()) else {
                    let shown = String::from_utf8_lossy(behind.get(..2).unwrap_or(behind));
                    let shown = crate::quote::quoted(&format!("%{shown}"));
                    return Err(format!("invalid URL escape {shown}"));
                };
                bytes.push(code);
                rest = behind.get(2..).unwrap_or_default();
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
