//! The labels of a series or an exemplar, read from its text when they are asked for.

use std::borrow::Cow;

use narthex_model::{Labels, METRIC_NAME};

use crate::entry::MetricType;
use crate::float;
use crate::lexer::{Quoted, quoted_end};

/// Why a series has no label set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// Two labels have the same name.
    #[error("label name \"{0}\" is not unique: invalid sample")]
    NotUnique(String),
}

/// The labels of one series or exemplar in the order in which the page has them, unescaped. A
/// value may be empty and a name may come twice.
#[derive(Debug, Clone)]
pub struct LabelPairs<'a> {
    text: &'a str,
    at: usize,
    /// The label whose value is a number.
    number: Option<&'static str>,
}

impl<'a> LabelPairs<'a> {
    /// The labels of a series that the parser has checked.
    pub(crate) fn of_series(text: &'a str, kind: MetricType) -> Self {
        Self {
            text,
            at: 0,
            number: number_label(kind),
        }
    }

    /// The labels of an exemplar that the parser has checked.
    pub(crate) fn of_exemplar(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            number: None,
        }
    }

    /// The label set, sorted.
    pub(crate) fn build(self) -> Result<Labels, LabelsError> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::with_capacity(8);
        pairs.extend(self);
        pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let sorted = pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref()));
        Labels::from_sorted(sorted).map_err(|name| LabelsError::NotUnique(name.to_owned()))
    }

    /// What the quoted string at the current place means.
    fn quoted(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let length = bytes
            .get(start..)?
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\'))?;
        let stop = start + length;
        if bytes.get(stop) == Some(&b'"') {
            self.at = stop + 1;
            return self.text.get(start..stop).map(Cow::Borrowed);
        }
        // The widest rule: the parser has applied the narrower ones.
        let end = quoted_end(bytes, self.at, Quoted::PrometheusValue).ok()?;
        self.at = end;
        self.text.get(start..end - 1).map(unescape_quoted)
    }

    /// Everything up to the first byte that ends a bare name.
    fn bare(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let length = rest
            .bytes()
            .position(|byte| matches!(byte, b'{' | b'=' | b' ' | b'\t'))
            .unwrap_or(rest.len());
        self.at += length;
        rest.get(..length)
    }

    fn skip(&mut self, accept: impl Fn(u8) -> bool) {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|&byte| accept(byte)) {
            self.at += 1;
        }
    }
}

impl<'a> Iterator for LabelPairs<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip(|byte| matches!(byte, b'{' | b',' | b' ' | b'\t'));
        let name = match self.text.as_bytes().get(self.at)? {
            b'}' => return None,
            b'"' => self.quoted()?,
            _ => Cow::Borrowed(self.bare()?),
        };
        self.skip(|byte| matches!(byte, b' ' | b'\t'));
        if self.text.as_bytes().get(self.at) != Some(&b'=') {
            return Some((Cow::Borrowed(METRIC_NAME), name));
        }
        self.at += 1;
        self.skip(|byte| matches!(byte, b' ' | b'\t'));
        let value = self.quoted()?;
        let value = match self.number {
            Some(number) if name == number => number_as_open_metrics(value),
            _ => value,
        };
        Some((name, value))
    }
}

/// The label whose value is a number, in a family of that type.
pub(crate) fn number_label(kind: MetricType) -> Option<&'static str> {
    match kind {
        MetricType::Histogram => Some("le"),
        MetricType::Summary => Some("quantile"),
        _ => None,
    }
}

/// A number in a label value as OpenMetrics writes it; what is no number stays as it is.
pub(crate) fn number_as_open_metrics(value: Cow<'_, str>) -> Cow<'_, str> {
    let Ok(number) = float::parse(value.as_bytes()) else {
        return value;
    };
    let mut written = String::new();
    // Prometheus drops the sign of a zero here.
    float::push_open_metrics_float(&mut written, if number == 0.0 { 0.0 } else { number });
    if written == value {
        value
    } else {
        Cow::Owned(written)
    }
}

/// What stands between quotes, and HELP in OpenMetrics: `\"`, `\\` and `\n` mean one character,
/// any other backslash means itself.
pub(crate) fn unescape_quoted(text: &str) -> Cow<'_, str> {
    unescape(text, true)
}

/// HELP in Prometheus text: `\\` and `\n` alone mean one character.
pub(crate) fn unescape_help(text: &str) -> Cow<'_, str> {
    unescape(text, false)
}

fn unescape(text: &str, quotes: bool) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let (plain, mut rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len());
    out.push_str(plain);
    while let Some(escaped) = rest.strip_prefix('\\') {
        let (meant, taken) = match escaped.as_bytes().first() {
            Some(b'n') => ('\n', 1),
            Some(b'\\') => ('\\', 1),
            Some(b'"') if quotes => ('"', 1),
            _ => ('\\', 0),
        };
        out.push(meant);
        let plain = escaped.get(taken..).unwrap_or_default();
        let next = memchr::memchr(b'\\', plain.as_bytes()).unwrap_or(plain.len());
        let (plain, following) = plain.split_at(next);
        out.push_str(plain);
        rest = following;
    }
    Cow::Owned(out)
}
