//! Expected samples: read from text, and compared with what a plugin brought.
//!
//! The text is Prometheus' text format, in which a value may also be `*`, any, or a range
//! `FROM..TO` of which either side may be left out. `# TYPE` and `# HELP` lines are compared
//! where they are written.

use std::collections::BTreeMap;
use std::fmt;

use narthex_exposition::MetricType;
use narthex_model::Labels;

use crate::collected::{Collected, format_series, labels_as_written};

/// What is wrong with a text of expected samples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the samples: {message}")]
pub struct SamplesError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The samples that are to come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExpectedSamples {
    series: BTreeMap<Labels, ExpectedValue>,
    kinds: BTreeMap<String, MetricType>,
    helps: BTreeMap<String, String>,
}

/// The value and time of an expected sample.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ExpectedValue {
    pattern: ValuePattern,
    timestamp_ms: Option<i64>,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ValuePattern {
    Any,
    Exactly(f64),
    /// Both ends belong to it.
    Between(f64, f64),
}

/// How the samples are compared.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// Further samples are fine.
    pub contains: bool,
    /// Metric names whose samples are not looked at; a name may end in `*`.
    pub varying: &'a [String],
}

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// A sample did not come.
    Missing(String),
    /// A sample came that is not expected.
    Unexpected(String),
    /// Something is there, but not as expected.
    Other {
        /// What.
        what: String,
        /// How it was to be.
        expected: String,
        /// How it was.
        was: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(sample) => write!(f, "- {sample}"),
            Self::Unexpected(sample) => write!(f, "+ {sample}"),
            Self::Other {
                what,
                expected,
                was,
            } => write!(f, "! {what}: expected {expected}, was {was}"),
        }
    }
}

impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exactly(value) => write!(f, "{value}"),
            Self::Between(from, to) => write!(f, "{from}..{to}"),
        }
    }
}

impl ValuePattern {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        if let Some((from, to)) = text.split_once("..") {
            let side = |text: &str, open: f64| match text {
                "" => Some(open),
                _ => text.parse().ok(),
            };
            let (from, to) = (side(from, f64::NEG_INFINITY)?, side(to, f64::INFINITY)?);
            return (from <= to).then_some(Self::Between(from, to));
        }
        text.parse().ok().map(Self::Exactly)
    }

    fn covers(self, value: f64) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(expected) => expected == value || (expected.is_nan() && value.is_nan()),
            Self::Between(from, to) => (from..=to).contains(&value),
        }
    }
}

/// Whether a text is one of expected samples.
///
/// # Errors
/// It is not.
pub fn check(text: &str) -> Result<(), SamplesError> {
    ExpectedSamples::parse(text).map(drop)
}

impl ExpectedSamples {
    /// Reads expected samples.
    ///
    /// # Errors
    /// A line is none, or a series is there twice.
    pub fn parse(text: &str) -> Result<Self, SamplesError> {
        let mut expected = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let read = match line.strip_prefix('#') {
                _ if line.is_empty() => Ok(()),
                Some(comment) => expected.comment(comment),
                None => expected.sample(line),
            };
            read.map_err(|message| SamplesError {
                line: index + 1,
                message,
            })?;
        }
        Ok(expected)
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        let mut words = comment.trim_start().splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("TYPE"), Some(name), Some(kind)) => {
                let kind = kind_named(kind.trim())?;
                self.kinds.insert(name.to_owned(), kind);
            }
            (Some("HELP"), Some(name), help) => {
                let help = help.unwrap_or("").to_owned();
                self.helps.insert(name.to_owned(), help);
            }
            // Any other is a comment.
            _ => {}
        }
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let end = series_end(line).ok_or("a series without the end of its labels")?;
        let (series, rest) = line.split_at(end);
        let labels = labels_as_written(series)?;
        let mut words = rest.split_ascii_whitespace();
        let value = words.next().ok_or("a series without a value")?;
        let fault = || format!("{value:?} is not a number, `*` or a range such as 1..5");
        let pattern = ValuePattern::parse(value).ok_or_else(fault)?;
        let timestamp_ms = match words.next() {
            None => None,
            Some(text) => {
                let fault = |_| format!("{text:?} is not a time in milliseconds");
                Some(text.parse().map_err(fault)?)
            }
        };
        if words.next().is_some() {
            return Err("more than a series, a value and a time".to_owned());
        }
        let value = ExpectedValue {
            pattern,
            timestamp_ms,
        };
        match self.series.insert(labels, value) {
            None => Ok(()),
            Some(_) => Err(format!("{series} is there twice")),
        }
    }

    /// How many samples are expected.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Whether a series' value is the same in every run: it is expected to be one number, or
    /// nothing is said of it.
    pub(crate) fn is_fixed(&self, labels: &Labels) -> bool {
        let expected = self.series.get(labels);
        expected.is_none_or(|value| matches!(value.pattern, ValuePattern::Exactly(_)))
    }

    /// What is not as expected, in the order of the series.
    pub fn compare(&self, collected: &Collected, how: Comparison<'_>) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (labels, expected) in &self.series {
            if is_varying(labels.metric_name(), how.varying) {
                continue;
            }
            let series = format_series(labels);
            match collected.series.get(labels) {
                None => {
                    let sample = format!("{series} {}", expected.pattern);
                    differences.push(Difference::Missing(sample));
                }
                Some(was) => {
                    if !expected.pattern.covers(was.value) {
                        differences.push(Difference::Other {
                            what: series.clone(),
                            expected: expected.pattern.to_string(),
                            was: was.value.to_string(),
                        });
                    }
                    let time = expected.timestamp_ms;
                    if time.is_some() && time != was.timestamp_ms {
                        differences.push(Difference::Other {
                            what: format!("the time of {series}"),
                            expected: time.map_or(String::new(), |time| time.to_string()),
                            was: was
                                .timestamp_ms
                                .map_or("none".to_owned(), |t| t.to_string()),
                        });
                    }
                }
            }
        }
        let surplus = collected.series.iter().filter(|(labels, _)| {
            !how.contains
                && !self.series.contains_key(*labels)
                && !is_varying(labels.metric_name(), how.varying)
        });
        for (labels, was) in surplus {
            let sample = format!("{} {}", format_series(labels), was.value);
            differences.push(Difference::Unexpected(sample));
        }
        self.compare_families(collected, &mut differences);
        differences
    }

    fn compare_families(&self, collected: &Collected, differences: &mut Vec<Difference>) {
        for (name, kind) in &self.kinds {
            let was = collected.kinds.get(name);
            if was != Some(kind) {
                differences.push(Difference::Other {
                    what: format!("the type of {name}"),
                    expected: kind.as_str().to_owned(),
                    was: was.map_or("none", |kind| kind.as_str()).to_owned(),
                });
            }
        }
        for (name, help) in &self.helps {
            let was = collected.helps.get(name);
            if was != Some(help) {
                differences.push(Difference::Other {
                    what: format!("the help of {name}"),
                    expected: format!("{help:?}"),
                    was: was.map_or("none".to_owned(), |help| format!("{help:?}")),
                });
            }
        }
    }
}

/// Whether a metric's samples are not looked at.
pub(crate) fn is_varying(name: &str, varying: &[String]) -> bool {
    varying
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        })
}

fn kind_named(name: &str) -> Result<MetricType, String> {
    let kinds = [
        MetricType::Counter,
        MetricType::Gauge,
        MetricType::Histogram,
        MetricType::GaugeHistogram,
        MetricType::Summary,
        MetricType::Info,
        MetricType::Stateset,
        MetricType::Unknown,
    ];
    let name = if name == "untyped" { "unknown" } else { name };
    let found = kinds.into_iter().find(|kind| kind.as_str() == name);
    found.ok_or_else(|| format!("{name:?} is not a type of metrics"))
}

/// Where the series of a sample's line ends: behind its braces, or at the first blank.
fn series_end(line: &str) -> Option<usize> {
    let (mut in_quotes, mut is_escaped, mut in_braces) = (false, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_quotes => is_escaped = true,
            b'"' => in_quotes = !in_quotes,
            _ if in_quotes => {}
            b'{' => in_braces = true,
            b'}' => return Some(at + 1),
            b' ' | b'\t' if !in_braces => {
                // `name {a="b"}` is allowed as well.
                let rest = line.get(at..)?.trim_start();
                if !rest.starts_with('{') {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    (!in_braces && !in_quotes).then_some(line.len())
}

#[cfg(test)]
mod tests {
    use narthex_scrape::Scraped;

    use super::*;

    fn collected(text: &str) -> Collected {
        let scraped = Scraped::Text {
            content_type: "text/plain".to_owned(),
            body: text.to_owned().into(),
        };
        Collected::of(&scraped).unwrap()
    }

    fn differences(expected: &str, came: &str, contains: bool) -> String {
        let expected = ExpectedSamples::parse(expected).unwrap();
        let how = Comparison {
            contains,
            varying: &["v".to_owned(), "w_*".to_owned()],
        };
        let found = expected.compare(&collected(came), how);
        found.iter().map(|d| format!("{d}\n")).collect()
    }

    #[test]
    fn what_is_as_expected_makes_no_difference() {
        for (expected, came) in [
            ("", ""),
            ("a 1", "a 1\n"),
            ("a 1\nb{x=\"1\"} 2\n", "b{x=\"1\"} 2\na 1\n"),
            ("a{x=\"1\",y=\"2\"} 1", "a{y=\"2\",x=\"1\"} 1\n"),
            ("a{x=\"} \\\" {\"} 1", "a{x=\"} \\\" {\"} 1\n"),
            ("{\"a.b\", x=\"1\"} 1", "{\"a.b\",x=\"1\"} 1\n"),
            ("a NaN\nb +Inf", "a NaN\nb +Inf\n"),
            ("a *", "a 7\n"),
            ("a 1..5\nb ..0\nc 3..", "a 5\nb -1\nc 3\n"),
            ("a 1 1000", "a 1 1000\n"),
            ("a 1", "a 1 1000\n"),
            ("# a comment\na 1", "a 1\n"),
            ("a 1", "a 1\nv 3\nw_x 4\n"),
            ("v 1\na 1", "a 1\n"),
            (
                "# TYPE a counter\n# HELP a b c\na 1",
                "# HELP a b c\n# TYPE a counter\na 1\n",
            ),
            (
                "h_bucket{le=\"1\"} 2",
                "# TYPE h histogram\nh_bucket{le=\"1\"} 2\n",
            ),
        ] {
            assert_eq!(differences(expected, came, false), "", "{expected}");
        }
        assert_eq!(differences("a 1", "a 1\nb 2\n", true), "");
    }

    #[test]
    fn what_differs_is_shown_line_by_line() {
        for (expected, came, shown) in [
            ("a 1", "", "- a 1\n"),
            ("a{x=\"y\"} *", "", "- a{x=\"y\"} *\n"),
            ("", "a{x=\"y\"} 1\n", "+ a{x=\"y\"} 1\n"),
            ("a 1", "a 2\n", "! a: expected 1, was 2\n"),
            ("a 1..2", "a 3\n", "! a: expected 1..2, was 3\n"),
            ("a 1", "a NaN\n", "! a: expected 1, was NaN\n"),
            ("a 1..", "a NaN\n", "! a: expected 1..inf, was NaN\n"),
            ("a 1 5", "a 1\n", "! the time of a: expected 5, was none\n"),
            (
                "# TYPE a counter\na 1",
                "# TYPE a gauge\na 1\n",
                "! the type of a: expected counter, was gauge\n",
            ),
            (
                "# HELP a b\na 1",
                "a 1\n",
                "! the help of a: expected \"b\", was none\n",
            ),
        ] {
            assert_eq!(differences(expected, came, false), shown, "{expected}");
        }
    }

    #[test]
    fn what_is_no_sample_names_its_line() {
        for (text, message) in [
            ("a 1\nb", "line 2 of the samples: a series without a value"),
            (
                "a x",
                "line 1 of the samples: \"x\" is not a number, `*` or a range such as 1..5",
            ),
            (
                "a 5..1",
                "line 1 of the samples: \"5..1\" is not a number, `*` or a range such as 1..5",
            ),
            (
                "a 1 x",
                "line 1 of the samples: \"x\" is not a time in milliseconds",
            ),
            (
                "a 1 2 3",
                "line 1 of the samples: more than a series, a value and a time",
            ),
            ("a 1\na 2", "line 2 of the samples: a is there twice"),
            (
                "a{b=\"c 1",
                "line 1 of the samples: a series without the end of its labels",
            ),
            (
                "# TYPE a gouge",
                "line 1 of the samples: \"gouge\" is not a type of metrics",
            ),
        ] {
            assert_eq!(check(text).unwrap_err().to_string(), message, "{text}");
        }
        assert!(check("1a 2").is_err());
    }
}
