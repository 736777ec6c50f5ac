//! Regular expressions as Go reads them, for `match` and `reReplaceAll`.

use narthex_model::regexp::translated;
use regex::{Regex, RegexBuilder};

use crate::quote::quoted;

/// A compiled expression may take this much memory; a larger one is refused.
const REGEX_BYTES_MAX: usize = 10 << 20;

/// An expression that means what it means in Go.
///
/// # Errors
///
/// `error parsing regexp: …`, the words behind it being our parser's.
pub(crate) fn compile(expression: &str) -> Result<Regex, String> {
    let translated =
        translated(expression).map_err(|reason| format!("error parsing regexp: {reason}"))?;
    RegexBuilder::new(&translated)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("error parsing regexp: {reason}: `{expression}`")
        })
}

/// Replaces all matches; `$1`, `${1}` and `$name` in the replacement stand for groups.
///
/// # Errors
///
/// Where the expression is none: Go's function panics there, with these words.
pub(crate) fn replace_all(
    expression: &str,
    replacement: &str,
    text: &str,
) -> Result<String, String> {
    let regex = compile(expression).map_err(|reason| {
        let is_plain = !expression.contains(|c: char| c == '`' || c.is_control());
        let shown = if is_plain {
            format!("`{expression}`")
        } else {
            quoted(expression)
        };
        format!("regexp: Compile({shown}): {reason}")
    })?;
    Ok(regex.replace_all(text, replacement).into_owned())
}

#[cfg(test)]
mod tests;
