//! The lines that describe series in scripts and rule tests: `metric{l="v"} 0+1x5 _ stale`.
//!
//! It is not: a store. Native histograms are kept as they are written.

mod histogram;
mod starts;

use std::sync::Arc;

use narthex_model::{Labels, METRIC_NAME, sample::STALE_NAN};

use crate::ast::Span;
use crate::parser::{ParseError, ParseOptions, Parser, go_number};
use crate::printer::quote;

pub use histogram::{Buckets, HistogramLiteral};
pub use narthex_model::CounterResetHint;
pub use starts::{StartsDescription, parse_starts_description};

/// A line may describe this many values; more are refused.
pub const SEQUENCE_VALUES_MAX: usize = 1_000_000;

/// A series and its values, one an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesDescription {
    /// The label set.
    pub labels: Labels,
    /// The values from the first interval on.
    pub values: Vec<SequenceValue>,
}

/// What a series has at one interval.
#[derive(Debug, Clone, PartialEq)]
pub enum SequenceValue {
    /// `_`: nothing.
    Omitted,
    /// A number, or the staleness marker.
    Float(f64),
    /// A native histogram.
    Histogram(SequenceHistogram),
}

/// A native histogram of a sequence such as `{{sum:1}}+{{sum:2}}x3`: the first one and so many
/// times the second one.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceHistogram {
    /// The first one.
    pub base: Arc<HistogramLiteral>,
    /// What is added at each interval.
    pub step: Option<Arc<HistogramLiteral>>,
    /// How many times it is added; negative where it is taken away.
    pub steps: i64,
}

/// Parses a line.
///
/// # Errors
/// It is not a series description, or describes more than [`SEQUENCE_VALUES_MAX`] values.
pub fn parse_series_description(line: &str) -> Result<SeriesDescription, ParseError> {
    let mut parser = Parser::new(line, ParseOptions::all())?;
    let labels = Labels::from_pairs(parser.metric()?);
    let mut reader = Reader {
        line,
        pos: line.len() - parser.rest().len(),
    };
    let mut values = Vec::new();
    loop {
        let spaces = reader.skip_spaces();
        if reader.rest().is_empty() {
            break;
        }
        if spaces == 0 {
            return reader.unexpected("a space before the next value");
        }
        reader.item(&mut values)?;
    }
    Ok(SeriesDescription { labels, values })
}

impl Parser<'_> {
    /// The labels of `metric{a="b"}` or `{"metric", a="b"}`. Braces follow a name at once.
    fn metric(&mut self) -> Result<Vec<(String, String)>, ParseError> {
        let mut labels = Vec::new();
        let token = self.peek()?;
        if token.kind.is_metric_name() {
            self.advance()?;
            let name = token.text(self.input());
            labels.push((METRIC_NAME.to_owned(), name.to_owned()));
            if !self.rest().starts_with('{') {
                return Ok(labels);
            }
        }
        self.label_set(&mut labels)?;
        Ok(labels)
    }
}

/// Reads the values, item by item.
struct Reader<'a> {
    line: &'a str,
    pos: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.pos..]
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        let span = Span {
            start: self.pos,
            end: self.line.len(),
        };
        Err(ParseError::new(self.line, span, message))
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, ParseError> {
        let rest = self.rest();
        let word = rest.split([' ', '\t']).next().unwrap_or(rest);
        self.error(format!(
            "unexpected {} in series values, expected {expected}",
            quote(word)
        ))
    }

    fn skip_spaces(&mut self) -> usize {
        let rest = self.rest();
        let spaces = rest.len() - rest.trim_start().len();
        self.pos += spaces;
        spaces
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.pos += text.len();
        }
        found
    }

    /// One item with its repetitions.
    fn item(&mut self, values: &mut Vec<SequenceValue>) -> Result<(), ParseError> {
        if self.take("_") {
            let count = self.repetitions()?.unwrap_or(1);
            return self.push(values, count, |_| SequenceValue::Omitted);
        }
        if self.rest().starts_with("{{") {
            return self.histogram_item(values);
        }
        let mut value = self.number()?;
        let step = if self.rest().starts_with(['+', '-']) {
            let step = self.number()?;
            if !self.rest().starts_with('x') {
                return self.unexpected("\"x\"");
            }
            Some(step)
        } else {
            None
        };
        // The value itself comes before its repetitions.
        let count = self
            .repetitions()?
            .map_or(1, |times| times.saturating_add(1));
        self.push(values, count, |_| {
            let current = value;
            value += step.unwrap_or(0.0);
            SequenceValue::Float(current)
        })
    }

    fn histogram_item(&mut self, values: &mut Vec<SequenceValue>) -> Result<(), ParseError> {
        let base = Arc::new(self.histogram()?);
        let sign = if self.rest().starts_with("+{{") {
            1
        } else if self.rest().starts_with("-{{") {
            -1
        } else {
            0
        };
        let step = if sign == 0 {
            None
        } else {
            self.pos += 1;
            let step = Arc::new(self.histogram()?);
            if !self.rest().starts_with('x') {
                return self.unexpected("\"x\"");
            }
            Some(step)
        };
        let count = self
            .repetitions()?
            .map_or(1, |times| times.saturating_add(1));
        self.push(values, count, |index| {
            SequenceValue::Histogram(SequenceHistogram {
                base: Arc::clone(&base),
                step: step.clone(),
                steps: sign * index,
            })
        })
    }

    fn push(
        &self,
        values: &mut Vec<SequenceValue>,
        count: usize,
        mut value: impl FnMut(i64) -> SequenceValue,
    ) -> Result<(), ParseError> {
        if count > SEQUENCE_VALUES_MAX - values.len() {
            return self.error(format!(
                "too many values in a series, at most {SEQUENCE_VALUES_MAX} are allowed"
            ));
        }
        values.extend((0..).take(count).map(&mut value));
        Ok(())
    }

    /// The number behind an `x`.
    fn repetitions(&mut self) -> Result<Option<usize>, ParseError> {
        if !self.take("x") {
            return Ok(None);
        }
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(times) = rest[..digits].parse() else {
            return self.unexpected("a number of repetitions");
        };
        self.pos += digits;
        Ok(Some(times))
    }

    /// A number with or without a sign, or `stale`.
    fn number(&mut self) -> Result<f64, ParseError> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with(['+', '-']));
        let unsigned = &rest[sign..];
        for word in ["stale", "inf", "nan"] {
            let matches = unsigned
                .get(..word.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(word));
            if !matches {
                continue;
            }
            if word == "stale" && sign > 0 {
                break;
            }
            self.pos += sign + word.len();
            let value = match word {
                "stale" => STALE_NAN,
                "inf" => f64::INFINITY,
                _ => f64::NAN,
            };
            return Ok(if rest.starts_with('-') { -value } else { value });
        }
        let length = number_length(unsigned);
        match go_number(&unsigned[..length]) {
            Ok(value) if length > 0 => {
                self.pos += sign + length;
                Ok(if rest.starts_with('-') { -value } else { value })
            }
            _ => self.unexpected("number or \"stale\""),
        }
    }
}

/// How many bytes of `text` are a decimal number.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let is_part = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'_');
        bytes[from..].iter().take_while(is_part).count()
    };
    let length = digits(0);
    if !matches!(bytes.get(length), Some(b'e' | b'E')) {
        return length;
    }
    let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
    let exponent = length + 1 + sign;
    match digits(exponent.min(bytes.len())) {
        0 => length,
        count => exponent + count,
    }
}

#[cfg(test)]
mod tests;
