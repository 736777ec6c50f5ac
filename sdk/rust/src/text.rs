//! The text formats of Prometheus, read into a batch, with what is not wanted left out before
//! anything is allocated for it.
//!
//! ```
//! use narthex_sdk::text::{self, Filter, Format};
//! use narthex_sdk::Batch;
//!
//! let filter: Filter = serde_json::from_str(
//!     r#"{"drop": ["go_*"], "rules": [{"families": ["hits_total"], "drop_labels": ["pod"]}]}"#,
//! )
//! .unwrap();
//! let mut batch = Batch::new();
//! let body = b"# TYPE hits_total counter\nhits_total{pod=\"a\"} 1\nhits_total{pod=\"b\"} 2\n\
//!              go_goroutines 7\n";
//! text::parse(body, Format::Classic, &filter, &mut batch).unwrap();
//! assert_eq!(batch.to_text(), "hits_total 3\n");
//! ```
//!
//! A body that nothing is taken from and nothing added to is best left to the host:
//! [`crate::http::payload`].
//!
//! It is not: a check of the format (the host's is one), and not for protobuf, exemplars and
//! OpenMetrics' `_created`, which becomes a family of its own.

mod filter;
mod line;
mod pattern;

use crate::batch::Merged;
use crate::{Batch, Error, MetricKind};

pub use filter::{Filter, Rule};
use line::{Fault, Head, Line, Sample};
pub use pattern::Pattern;

/// How many samples of one text are kept at most; a text with more is an error that says to drop
/// some.
pub const SAMPLES_MAX: usize = 1_000_000;

/// Which of the two text formats it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Version 0.0.4 and its successors: times in milliseconds, names as they are.
    #[default]
    Classic,
    /// Times in seconds; a counter's samples end in `_total`, its family does not. The batch has
    /// the whole name for both.
    OpenMetrics,
}

impl Format {
    /// The format of a content type; without one it is the classic.
    pub fn of(content_type: Option<&str>) -> Self {
        let media_type = content_type.unwrap_or_default().split(';').next();
        match media_type.map(str::trim) {
            Some("application/openmetrics-text") => Self::OpenMetrics,
            _ => Self::Classic,
        }
    }
}

/// What became of the samples of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Samples in the batch.
    pub kept: usize,
    /// Samples left out.
    pub dropped: usize,
    /// Samples that were added to one that had the same labels, once some were dropped.
    pub merged: usize,
}

/// Reads a text into a batch.
///
/// Where labels are dropped, samples that are the same without them become one with the sum of
/// their values; the quantiles of a summary, which have no sum, are left out then.
///
/// # Errors
/// It is not the text format, with the number of the line; more than [`SAMPLES_MAX`] samples are
/// left.
pub fn parse(
    text: &[u8],
    format: Format,
    filter: &Filter,
    batch: &mut Batch,
) -> Result<Parsed, Error> {
    let text = std::str::from_utf8(text)
        .map_err(|error| Error::Protocol(format!("the metrics are not UTF-8: {error}")))?;
    let mut reader = Reader::new(format, filter, batch);
    for (number, line) in (1..).zip(text.lines()) {
        reader
            .line(line)
            .map_err(|fault| Error::Protocol(format!("line {number} of the metrics: {fault}")))?;
    }
    Ok(reader.parsed)
}

/// What is known of the family under way.
#[derive(Debug)]
struct Current<'t, 'f> {
    name: &'t str,
    /// The name that it has in the batch.
    written: &'t str,
    help: &'t str,
    kind: MetricKind,
    /// Its rule, looked for once.
    rule: Option<&'f Rule>,
    /// Whether the batch has begun it.
    begun: bool,
    /// The last sample's name, and whether it was wanted: samples of one name come together.
    last: Option<(&'t str, bool)>,
}

/// The reading of one text.
#[derive(Debug)]
struct Reader<'t, 'f, 'b> {
    format: Format,
    filter: &'f Filter,
    batch: &'b mut Batch,
    merged: Merged,
    current: Current<'t, 'f>,
    sample: Sample<'t>,
    parsed: Parsed,
}

impl<'t, 'f, 'b> Reader<'t, 'f, 'b> {
    fn new(format: Format, filter: &'f Filter, batch: &'b mut Batch) -> Self {
        Self {
            format,
            filter,
            batch,
            merged: Merged::default(),
            current: Current::of("", None),
            sample: Sample::default(),
            parsed: Parsed::default(),
        }
    }

    fn line(&mut self, line: &'t str) -> Result<(), Fault> {
        match Line::of(line) {
            Line::Empty => {}
            Line::Help(name, help) => self.declare(name).help = help,
            Line::Type(name, kind) => self.declare(name).kind = kind,
            Line::Sample(line) => {
                let head = Head::of(line)?;
                if self.wants(head.name) {
                    self.sample.read(head, self.format)?;
                    self.write()?;
                } else {
                    self.parsed.dropped += 1;
                }
            }
        }
        Ok(())
    }

    /// The family that a comment speaks of.
    fn declare(&mut self, name: &'t str) -> &mut Current<'t, 'f> {
        // A comment behind samples speaks of a new family, even under the same name.
        if self.current.name != name || self.current.begun {
            self.current = Current::of(name, self.filter.rule(name));
        }
        &mut self.current
    }

    /// Whether samples of that name are wanted; the family under way is theirs afterwards.
    fn wants(&mut self, name: &'t str) -> bool {
        if let Some((last, wanted)) = self.current.last
            && last == name
        {
            return wanted;
        }
        if !self.current.has(name, self.format) {
            self.current = Current::of(name, self.filter.rule(name));
        }
        let wanted = self.filter.wants(self.current.name, name);
        self.current.last = Some((name, wanted));
        wanted
    }

    fn write(&mut self) -> Result<(), Fault> {
        let (current, sample) = (&mut self.current, &self.sample);
        if let Some(rule) = current.rule {
            let is_quantile = || sample.labels.iter().any(|(name, _)| *name == "quantile");
            let unwanted = !rule.wants(|name| sample.label(name))
                || (rule.buckets.is_some() && !rule.keeps_bucket(sample.label("le")))
                || (current.kind == MetricKind::Summary && rule.drops_labels() && is_quantile());
            if unwanted {
                self.parsed.dropped += 1;
                return Ok(());
            }
        }
        if !current.begun {
            let help = line::unescape(current.help);
            // OpenMetrics' counters and infos: the batch has one name for family and sample.
            if self.format == Format::OpenMetrics
                && matches!(current.kind, MetricKind::Counter | MetricKind::Info)
            {
                current.written = sample.name;
            }
            self.batch.family(current.kind, current.written, &help);
            current.begun = true;
        }
        let name = (sample.name != current.written).then_some(sample.name);
        let labels = sample.labels.iter().map(|(name, value)| (*name, &**value));
        match current.rule.filter(|rule| rule.drops_labels()) {
            Some(rule) => {
                let labels = labels.filter(|(name, _)| rule.keeps_label(name));
                let merged = self
                    .batch
                    .merge(&mut self.merged, name, labels, sample.value);
                self.parsed.merged += usize::from(merged);
                self.parsed.kept += usize::from(!merged);
            }
            None => {
                let (value, time) = (sample.value, sample.timestamp_ms);
                self.batch.add(name, labels, value, time);
                self.parsed.kept += 1;
            }
        }
        if self.parsed.kept > SAMPLES_MAX {
            return Err("more than a million samples are left: drop some by configuration");
        }
        Ok(())
    }
}

impl<'t, 'f> Current<'t, 'f> {
    fn of(name: &'t str, rule: Option<&'f Rule>) -> Self {
        Self {
            name,
            written: name,
            help: "",
            kind: MetricKind::Unknown,
            rule,
            begun: false,
            last: None,
        }
    }

    /// Whether samples of that name belong to it.
    fn has(&self, name: &str, format: Format) -> bool {
        let Some(suffix) = name.strip_prefix(self.name) else {
            return false;
        };
        match self.kind {
            _ if self.name.is_empty() => false,
            _ if suffix.is_empty() => true,
            MetricKind::Histogram => matches!(suffix, "_bucket" | "_sum" | "_count"),
            MetricKind::Summary => matches!(suffix, "_sum" | "_count"),
            MetricKind::Counter => format == Format::OpenMetrics && suffix == "_total",
            MetricKind::Info => format == Format::OpenMetrics && suffix == "_info",
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
