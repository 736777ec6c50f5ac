//! The classic grammar: tolerant of what is not quoted, strict about names.

use narthex_model::{MatchOp, Matcher};

use super::{MatcherParseError, matcher};

/// Reads a list. Commas within quotes do not part it.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, MatcherParseError> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let (mut is_quoted, mut is_escaped) = (false, false);
    let (mut tokens, mut token) = (Vec::new(), String::new());
    for character in text.chars() {
        match character {
            ',' if !is_quoted => {
                tokens.push(std::mem::take(&mut token));
                continue;
            }
            '"' if is_escaped => is_escaped = false,
            '"' => is_quoted = !is_quoted,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
        token.push(character);
    }
    let last = token.trim();
    if !last.is_empty() {
        tokens.push(last.to_owned());
    }
    tokens.iter().map(|token| parse_one(token)).collect()
}

/// Reads one matcher.
pub(super) fn parse_one(text: &str) -> Result<Matcher, MatcherParseError> {
    let bad = || MatcherParseError::new(format!("bad matcher format: {text}"));
    let rest = text.trim_start();
    let is_name = |(at, c): (usize, char)| {
        c == '_' || c == ':' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
    };
    let length = rest.char_indices().take_while(|found| is_name(*found));
    let length = length.count();
    let (name, rest) = rest.split_at(length);
    if name.is_empty() {
        return Err(bad());
    }
    let (op, rest) = operator(rest.trim_start()).ok_or_else(bad)?;
    matcher(name, op, unescaped(rest.trim())?)
}

/// The operator that a text begins with, and what comes behind it.
pub(super) fn operator(text: &str) -> Option<(MatchOp, &str)> {
    let operators = [
        ("=~", MatchOp::Regex),
        ("!=", MatchOp::NotEqual),
        ("!~", MatchOp::NotRegex),
        ("=", MatchOp::Equal),
    ];
    let mut operators = operators.into_iter();
    operators.find_map(|(shown, op)| Some((op, text.strip_prefix(shown)?)))
}

fn unescaped(raw: &str) -> Result<String, MatcherParseError> {
    let stray = || {
        let text = format!("matcher value contains unescaped double quote: {raw}");
        MatcherParseError::new(text)
    };
    let (text, mut is_open) = match raw.strip_prefix('"') {
        Some(text) => (text, true),
        None => (raw, false),
    };
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some(quoted @ ('"' | '\\')) => value.push(quoted),
                // No escape, so it is what it looks like.
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            '"' if is_open && characters.peek().is_none() => is_open = false,
            '"' => return Err(stray()),
            other => value.push(other),
        }
    }
    match is_open {
        true => Err(stray()),
        false => Ok(value),
    }
}
