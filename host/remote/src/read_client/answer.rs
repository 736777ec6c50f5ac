//! What another store answers, in both forms, made series: each label set once, its samples
//! within the time that was asked for, in their order.
//!
//! It is not: the network. Bytes come in, and a bound says how many series and samples are kept.

use std::collections::HashMap;
use std::sync::Arc;

use narthex_model::{Labels, sample};
use narthex_promblock::read_chunk;
use narthex_storage::{Series, TimeRange};

use crate::wire::LABELS_MAX;
use crate::wire::fields::{Field, Fields, WireError};
use crate::wire::histogram::{self, HistogramFault};

/// A chunk has about a kilobyte, those of histograms at least ten samples; a longer one than this
/// is refused, for what it unpacks to may be 64 times as much.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// What a series is counted for beside its labels.
const BYTES_A_SERIES: usize = 128;

/// A timestamp and a value.
const BYTES_A_SAMPLE: usize = 16;

/// What is kept of one answer at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerBounds {
    /// Samples; a native histogram counts as many as in a query.
    pub(super) samples: usize,
    /// Bytes of labels and samples.
    pub(super) bytes: usize,
}

/// Why an answer is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    /// It is no message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A native histogram is none.
    #[error(transparent)]
    Histogram(#[from] HistogramFault),
    /// A chunk is none.
    #[error("a chunk cannot be read")]
    Chunk(#[from] narthex_promblock::Fault),
    /// A chunk is over its bound.
    #[error("a chunk of {0} bytes, where at most {CHUNK_BYTES_MAX} are read")]
    ChunkTooLarge(usize),
    /// A label set is none.
    #[error("{0}")]
    Labels(String),
    /// There is more than is kept.
    #[error("the answer has more than {max} {what}, which is what a query may hold")]
    TooLarge {
        /// What it has too much of.
        what: &'static str,
        /// What is kept.
        max: usize,
    },
}

/// An answer while it is read.
#[derive(Debug)]
pub(super) struct Answer {
    /// Samples outside are left out.
    wanted: TimeRange,
    /// Labels that are taken off.
    removed: Vec<String>,
    bounds: AnswerBounds,
    samples: usize,
    bytes: usize,
    /// What came of each series, none where it came without samples.
    found: HashMap<Labels, Vec<Series>>,
}

impl Answer {
    pub(super) fn new(wanted: TimeRange, removed: Vec<String>, bounds: AnswerBounds) -> Self {
        Self {
            wanted,
            removed,
            bounds,
            samples: 0,
            bytes: 0,
            found: HashMap::new(),
        }
    }

    /// Takes a `prometheus.ReadResponse`, which has one result a query, and so one.
    pub(super) fn take_samples(&mut self, response: &[u8]) -> Result<(), AnswerError> {
        let mut results = Fields::new(response);
        while let Some(result) = results.next()? {
            if result.number != 1 {
                continue;
            }
            let mut all = Fields::new(result.bytes()?);
            while let Some(series) = all.next()? {
                if series.number == 1 {
                    self.take_series_of_samples(series.bytes()?)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a `prometheus.ChunkedReadResponse`, which has series or parts of them.
    pub(super) fn take_chunks(&mut self, response: &[u8]) -> Result<(), AnswerError> {
        let mut all = Fields::new(response);
        while let Some(series) = all.next()? {
            if series.number == 1 {
                self.take_series_of_chunks(series.bytes()?)?;
            }
        }
        Ok(())
    }

    fn take_series_of_samples(&mut self, message: &[u8]) -> Result<(), AnswerError> {
        let labels = self.labels(message)?;
        let mut places = Vec::new();
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            let place = match field.number {
                2 => number(field)?,
                4 => native_histogram(field)?,
                _ => continue,
            };
            if self.wanted.contains(place.0) {
                self.count_samples(place.2.as_ref().map_or(1, |held| held.samples()))?;
                places.push(place);
            }
        }
        places.sort_by_key(|(timestamp_ms, ..)| *timestamp_ms);
        places.dedup_by_key(|(timestamp_ms, ..)| *timestamp_ms);
        if places.is_empty() {
            return self.keep(labels, None);
        }
        let has_histograms = places.iter().any(|(_, _, histogram)| histogram.is_some());
        let series = Series {
            labels: labels.clone(),
            timestamps: places.iter().map(|(time, ..)| *time).collect(),
            values: places.iter().map(|(_, value, _)| *value).collect(),
            histograms: has_histograms.then(|| places.into_iter().map(|(.., held)| held).collect()),
            starts: None,
        };
        self.keep(labels, Some(series))
    }

    fn take_series_of_chunks(&mut self, message: &[u8]) -> Result<(), AnswerError> {
        let labels = self.labels(message)?;
        let mut parts = Vec::new();
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            if field.number != 2 {
                continue;
            }
            let (mut encoding, mut data) = (0, &[][..]);
            let mut chunk = Fields::new(field.bytes()?);
            while let Some(field) = chunk.next()? {
                match field.number {
                    3 => encoding = field.number()?,
                    4 => data = field.bytes()?,
                    _ => {}
                }
            }
            if data.len() > CHUNK_BYTES_MAX {
                return Err(AnswerError::ChunkTooLarge(data.len()));
            }
            // What is no encoding is told by the number of none.
            let encoding = u8::try_from(encoding).unwrap_or(0);
            if let Some(part) = read_chunk(encoding, data, &labels, self.wanted)? {
                let histograms = part.histograms.iter().flat_map(|all| all.iter().flatten());
                let more: usize = histograms.map(|histogram| histogram.samples() - 1).sum();
                self.count_samples(part.timestamps.len() + more)?;
                parts.push(part);
            }
        }
        self.keep(labels, Series::join(parts))
    }

    /// The labels of a series that are kept.
    fn labels(&self, message: &[u8]) -> Result<Labels, AnswerError> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            if field.number != 1 {
                continue;
            }
            let (name, value) = label(field.bytes()?)?;
            if name.is_empty() {
                return Err(AnswerError::Labels("invalid label name: \"\"".to_owned()));
            }
            if pairs.len() >= LABELS_MAX {
                return Err(crate::wire::TOO_MANY_LABELS.into());
            }
            // An empty one is none.
            if !value.is_empty() && self.removed.iter().all(|removed| removed != name) {
                pairs.push((name, value));
            }
        }
        pairs.sort_unstable();
        Labels::from_sorted(pairs)
            .map_err(|name| AnswerError::Labels(format!("duplicate label with name: {name}")))
    }

    fn count_samples(&mut self, count: usize) -> Result<(), AnswerError> {
        self.samples = self.samples.saturating_add(count);
        if self.samples > self.bounds.samples {
            let max = self.bounds.samples;
            return Err(AnswerError::TooLarge {
                what: "samples",
                max,
            });
        }
        self.count_bytes(count.saturating_mul(BYTES_A_SAMPLE))
    }

    fn count_bytes(&mut self, count: usize) -> Result<(), AnswerError> {
        self.bytes = self.bytes.saturating_add(count);
        match self.bytes > self.bounds.bytes {
            true => Err(AnswerError::TooLarge {
                what: "bytes",
                max: self.bounds.bytes,
            }),
            false => Ok(()),
        }
    }

    fn keep(&mut self, labels: Labels, part: Option<Series>) -> Result<(), AnswerError> {
        self.count_bytes(labels.encoded_len().saturating_add(BYTES_A_SERIES))?;
        self.found.entry(labels).or_default().extend(part);
        Ok(())
    }

    /// The series that have samples, in no particular order.
    pub(super) fn into_series(self) -> Vec<Series> {
        self.found.into_values().filter_map(Series::join).collect()
    }

    /// The label sets of all series, in no particular order.
    pub(super) fn into_label_sets(self) -> Vec<Labels> {
        self.found.into_keys().collect()
    }
}

/// A time, a value, and the histogram where it is one.
type Place = (i64, f64, Option<Arc<narthex_model::FloatHistogram>>);

fn number(field: Field<'_>) -> Result<Place, WireError> {
    let (mut timestamp_ms, mut value) = (0, 0.0);
    let mut fields = Fields::new(field.bytes()?);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => value = field.double()?,
            2 => timestamp_ms = field.signed()?,
            _ => {}
        }
    }
    Ok((timestamp_ms, value, None))
}

/// The end of a series of histograms is a number, as in a store.
fn native_histogram(field: Field<'_>) -> Result<Place, HistogramFault> {
    let read = histogram::decode(field.bytes()?)?;
    Ok(match sample::is_stale_nan(read.histogram.sum) {
        true => (read.timestamp_ms, sample::STALE_NAN, None),
        false => {
            let histogram = Some(Arc::new(read.histogram));
            (read.timestamp_ms, sample::HISTOGRAM, histogram)
        }
    })
}

fn label(message: &[u8]) -> Result<(&str, &str), AnswerError> {
    let (mut name, mut value) = ("", "");
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = utf8(field)?,
            2 => value = utf8(field)?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn utf8(field: Field<'_>) -> Result<&str, WireError> {
    std::str::from_utf8(field.bytes()?).map_err(|_| WireError::Utf8(field.number))
}
