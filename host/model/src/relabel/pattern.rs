//! The regular expressions of relabelling, and the templates that their matches fill.

use std::fmt;

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;

use crate::regexp::translated;

/// A compiled expression may take this much memory; a larger one is refused.
const REGEX_BYTES_MAX: usize = 10 << 20;

/// An expression that matches whole texts; `.` matches every character.
#[derive(Clone)]
pub(super) struct Pattern {
    expression: String,
    regex: Box<Regex>,
}

impl Pattern {
    pub(super) fn new(expression: &str) -> Result<Self, String> {
        // What comes before the last line shows the expression again, with a mark below it.
        let error = |reason: String| {
            let reason = reason.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("error parsing regexp {expression:?}: {reason}")
        };
        let translated = translated(expression).map_err(error)?;
        let syntax = syntax::Config::new().dot_matches_new_line(true);
        // Compiled alone first: wrapped in a group, `a)(b` would pass.
        syntax::parse_with(&translated, &syntax).map_err(|e| error(e.to_string()))?;
        let limits = Regex::config()
            .nfa_size_limit(Some(REGEX_BYTES_MAX))
            .onepass_size_limit(Some(REGEX_BYTES_MAX));
        let regex = Regex::builder()
            .syntax(syntax)
            .configure(limits)
            .build(&format!("^(?:{translated})$"))
            .map_err(|e| error(e.to_string()))?;
        Ok(Self {
            expression: expression.to_owned(),
            regex: Box::new(regex),
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(super) fn captures(&self, text: &str) -> Option<Captures> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(text, &mut captures);
        captures.is_match().then_some(captures)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.expression, f)
    }
}

/// A text with `$1`, `${1}`, `$name` and `${name}` in it, read as Go's `regexp.Expand` does: a
/// name is the longest run of letters, digits and `_`; `$$` is a dollar; a group that is not
/// there is empty; a dollar before anything else is itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// One or, where a name occurs several times, all groups that can fill this place.
    Groups(Vec<usize>),
}

impl Template {
    pub(super) fn new(text: &str, pattern: &Pattern) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            push_text(&mut pieces, &rest[..dollar]);
            let after = &rest[dollar + 1..];
            if let Some(after) = after.strip_prefix('$') {
                push_text(&mut pieces, "$");
                rest = after;
            } else if let Some((name, after)) = take_name(after) {
                pieces.push(Piece::Groups(groups(name, pattern)));
                rest = after;
            } else {
                push_text(&mut pieces, "$");
                rest = after;
            }
        }
        push_text(&mut pieces, rest);
        Self(pieces)
    }

    pub(super) fn expand(&self, source: &str, captures: &Captures) -> String {
        let mut expanded = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => expanded.push_str(text),
                Piece::Groups(groups) => {
                    let spans = groups.iter().filter_map(|group| captures.get_group(*group));
                    if let Some(span) = spans.into_iter().next() {
                        expanded.push_str(&source[span.range()]);
                    }
                }
            }
        }
        expanded
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// The name after a dollar and what follows it; `None` where no name stands there.
fn take_name(text: &str) -> Option<(&str, &str)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let (braced, inner) = match text.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    let rest = if braced {
        rest.strip_prefix('}')?
    } else {
        rest
    };
    Some((name, rest))
}

/// The groups that a name means: a number without a leading zero is a position.
fn groups(name: &str, pattern: &Pattern) -> Vec<usize> {
    let names = pattern.regex.group_info();
    let is_number =
        name.bytes().all(|b| b.is_ascii_digit()) && !(name.len() > 1 && name.starts_with('0'));
    if is_number {
        let group = name.parse::<usize>().ok();
        group
            .filter(|group| *group < pattern.regex.captures_len())
            .into_iter()
            .collect()
    } else {
        let all = names
            .pattern_names(regex_automata::PatternID::ZERO)
            .enumerate();
        all.filter(|(_, candidate)| *candidate == Some(name))
            .map(|(group, _)| group)
            .collect()
    }
}
