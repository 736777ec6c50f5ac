//! One line of the text format.

use std::borrow::Cow;

use super::Format;
use crate::MetricKind;

/// How many labels a sample has at most.
pub(super) const LABELS_MAX: usize = 256;

/// Why a line is none, as the end of a sentence.
pub(super) type Fault = &'static str;

/// What kind of line it is.
#[derive(Debug)]
pub(super) enum Line<'t> {
    /// Nothing, or a comment.
    Empty,
    /// A family and its help, with its escapes.
    Help(&'t str, &'t str),
    /// A family and its type.
    Type(&'t str, MetricKind),
    /// A sample, or what should be one.
    Sample(&'t str),
}

impl<'t> Line<'t> {
    pub(super) fn of(line: &'t str) -> Self {
        let line = line.trim_matches(is_blank);
        let Some(comment) = line.strip_prefix('#') else {
            return if line.is_empty() {
                Self::Empty
            } else {
                Self::Sample(line)
            };
        };
        let (keyword, rest) = word(comment.trim_start_matches(is_blank));
        let (name, rest) = word(rest);
        let name = name.trim_matches('"');
        match keyword {
            "HELP" if !name.is_empty() => Self::Help(name, rest),
            "TYPE" if !name.is_empty() => Self::Type(name, kind(rest)),
            _ => Self::Empty,
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

/// The first word, and what follows the blanks behind it.
fn word(text: &str) -> (&str, &str) {
    match text.split_once(is_blank) {
        Some((word, rest)) => (word, rest.trim_start_matches(is_blank)),
        None => (text, ""),
    }
}

fn kind(text: &str) -> MetricKind {
    match text.trim() {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => MetricKind::Histogram,
        "summary" => MetricKind::Summary,
        "info" => MetricKind::Info,
        "stateset" => MetricKind::Stateset,
        _ => MetricKind::Unknown,
    }
}

/// The text without its escapes.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => plain.push('\n'),
                Some(other @ ('\\' | '"')) => plain.push(other),
                Some(other) => plain.extend(['\\', other]),
                None => plain.push('\\'),
            },
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// A sample whose name is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'t> {
    pub(super) name: &'t str,
    /// Whether labels follow.
    braces: bool,
    rest: &'t str,
}

impl<'t> Head<'t> {
    /// Reads the name at a sample's beginning. One in quotes stands inside of the braces, as in
    /// `{"a.b", c="d"}`.
    pub(super) fn of(line: &'t str) -> Result<Self, Fault> {
        if let Some(inside) = line.strip_prefix('{') {
            let inside = inside.trim_start_matches(is_blank);
            let inside = inside.strip_prefix('"').ok_or("the name is missing")?;
            let (name, rest) = quoted_name(inside)?;
            let rest = rest.trim_start_matches(is_blank);
            return Ok(Self {
                name,
                braces: true,
                rest: rest.strip_prefix(',').unwrap_or(rest),
            });
        }
        let end = line
            .find(|c| c == '{' || is_blank(c))
            .ok_or("the value is missing")?;
        let (name, rest) = line.split_at(end);
        let rest = rest.trim_start_matches(is_blank);
        let inside = rest.strip_prefix('{');
        Ok(Self {
            name,
            braces: inside.is_some(),
            rest: inside.unwrap_or(rest),
        })
    }
}

/// A name in quotes; one with escapes is refused, since nobody writes one.
fn quoted_name(text: &str) -> Result<(&str, &str), Fault> {
    match quoted(text)? {
        (name, _) if name.contains('\\') => Err("a name has escapes"),
        found => Ok(found),
    }
}

/// What stands before the closing quote, escapes and all, and what follows it.
fn quoted(text: &str) -> Result<(&str, &str), Fault> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => {
                let (inside, rest) = text.split_at(at);
                return Ok((inside, rest.get(1..).unwrap_or_default()));
            }
            _ => at += 1,
        }
    }
    Err("a quote is not closed")
}

impl Format {
    fn timestamp_ms(self, text: &str) -> Result<i64, Fault> {
        const FAULT: Fault = "the time is no number";
        match self {
            Self::Classic => text.parse().map_err(|_| FAULT),
            Self::OpenMetrics => {
                let seconds: f64 = text.parse().map_err(|_| FAULT)?;
                #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
                let milliseconds = (seconds * 1000.0).round() as i64;
                Ok(milliseconds)
            }
        }
    }
}

/// A sample, read. It is used again for every line.
#[derive(Debug, Default)]
pub(super) struct Sample<'t> {
    pub(super) name: &'t str,
    pub(super) labels: Vec<(&'t str, Cow<'t, str>)>,
    pub(super) value: f64,
    pub(super) timestamp_ms: Option<i64>,
}

impl<'t> Sample<'t> {
    /// Reads what follows the name.
    pub(super) fn read(&mut self, head: Head<'t>, format: Format) -> Result<(), Fault> {
        self.name = head.name;
        self.labels.clear();
        let rest = match head.braces {
            true => self.read_labels(head.rest)?,
            false => head.rest,
        };
        let (value, rest) = word(rest.trim_start_matches(is_blank));
        self.value = value.parse().map_err(|_| match value {
            "" => "the value is missing",
            _ => "the value is no number",
        })?;
        let rest = match (format, rest.split_once('#')) {
            // What follows is an exemplar.
            (Format::OpenMetrics, Some((before, _))) => before,
            _ => rest,
        };
        let (timestamp, rest) = word(rest);
        self.timestamp_ms = match timestamp {
            "" => None,
            _ => Some(format.timestamp_ms(timestamp)?),
        };
        match rest {
            "" => Ok(()),
            _ => Err("something stands behind the time"),
        }
    }

    fn read_labels(&mut self, mut rest: &'t str) -> Result<&'t str, Fault> {
        loop {
            rest = rest.trim_start_matches(is_blank);
            if let Some(rest) = rest.strip_prefix('}') {
                return Ok(rest);
            }
            if self.labels.len() == LABELS_MAX {
                return Err("it has too many labels");
            }
            let (name, after) = match rest.strip_prefix('"') {
                Some(inside) => quoted_name(inside)?,
                None => {
                    let end = rest
                        .find(|c| c == '=' || is_blank(c))
                        .ok_or("a label has no value")?;
                    rest.split_at(end)
                }
            };
            let after = after.trim_start_matches(is_blank);
            let after = after.strip_prefix('=').ok_or("a label has no value")?;
            let after = after.trim_start_matches(is_blank);
            let inside = after
                .strip_prefix('"')
                .ok_or("a label's value is not in quotes")?;
            let (value, after) = quoted(inside)?;
            self.labels.push((name, unescape(value)));
            let after = after.trim_start_matches(is_blank);
            rest = match after.strip_prefix(',') {
                Some(after) => after,
                None if after.starts_with('}') => after,
                None => return Err("the braces are not closed"),
            };
        }
    }

    /// The value of a label, empty where it is not there.
    pub(super) fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    }
}
