//! The batch that a request becomes.

use std::fmt;
use std::sync::Arc;

use narthex_model::sample::{STALE_NAN, is_stale_nan};
use narthex_model::{
    AppendReport, Exemplar, ExemplarRejection, ExemplarSample, HistogramSample, Labels, Rejection,
    Sample, SeriesRef, WriteBatch,
};

use super::cache::{FirstSample, SeriesCache, ToLearn};
use super::kind::MessageKind;
use super::report::{Faults, Written};
use crate::wire::{SeriesParts, histogram};

const IN_THE_FUTURE: &str = "out of bounds: timestamp is too far in the future";

/// Names and values of labels as they were sent.
pub(super) type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// Takes in series after series.
pub(super) struct Intake<'c> {
    cache: &'c SeriesCache,
    /// Later samples are refused.
    newest_ms: i64,
    requested: Requested,
    series: Vec<ToLearn>,
    faults: Faults,
}

/// The batch, and which of its samples were sent as something else.
#[derive(Debug, Default)]
pub(super) struct Requested {
    pub(super) batch: WriteBatch,
    /// The samples that were sent as native histograms: marks that a series ended. Ascending.
    stale_histograms: Vec<usize>,
}

/// A series of the request.
pub(super) struct Taken {
    pub(super) labels: Labels,
    /// Nobody asked for it for a while.
    pub(super) is_first: bool,
}

impl<'c> Intake<'c> {
    pub(super) fn new(cache: &'c SeriesCache, newest_ms: i64) -> Self {
        Self {
            cache,
            newest_ms,
            requested: Requested::default(),
            series: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Takes a series with its samples. `read` adds its labels in the order in which they were
    /// sent; it is asked where `key` is new. Nothing comes back where the labels are none.
    pub(super) fn series<'a>(
        &mut self,
        key: &[u8],
        parts: &SeriesParts<'a>,
        read: impl FnOnce(&mut Pairs<'a>) -> Result<(), String>,
    ) -> Option<Taken> {
        let key = self.cache.key(key);
        let (series, labels, is_first) = match self.cache.find(key) {
            Some(hit) => (hit.series, hit.labels, hit.is_first),
            None => {
                let mut pairs = Vec::new();
                let labels = read(&mut pairs).and_then(|()| series_labels(&mut pairs));
                match labels {
                    Ok(labels) => (SeriesRef::UNKNOWN, labels, true),
                    Err(fault) => {
                        self.faults.add(&fault, &Shown(&pairs));
                        self.faults.samples_with_invalid_labels += parts.len() as u64;
                        return None;
                    }
                }
            }
        };
        let (samples, histograms) = {
            let batch = &self.requested.batch;
            (batch.samples.len(), batch.histograms.len())
        };
        self.numbers(series, &labels, parts);
        self.histograms(series, &labels, parts);
        let batch = &self.requested.batch;
        let first = if batch.samples.len() > samples {
            Some(FirstSample::Number(samples))
        } else if batch.histograms.len() > histograms {
            Some(FirstSample::Histogram(histograms))
        } else {
            None
        };
        if let Some(first) = first {
            self.series.push(ToLearn { key, series, first });
        }
        Some(Taken { labels, is_first })
    }

    /// Leaves a series out.
    pub(super) fn refuse(&mut self, fault: &str, parts: &SeriesParts<'_>) {
        self.faults.add(fault, &"{}");
        self.faults.samples_with_invalid_labels += parts.len() as u64;
    }

    fn numbers(&mut self, series: SeriesRef, labels: &Labels, parts: &SeriesParts<'_>) {
        for sample in &parts.samples {
            if sample.timestamp_ms > self.newest_ms {
                self.faults.add(IN_THE_FUTURE, labels);
                continue;
            }
            let batch = &mut self.requested.batch;
            let start_ms = match sample.start_ms {
                0 => parts.start_ms,
                own => own,
            };
            if start_ms != 0 {
                let at = batch.samples.len();
                batch.starts.samples.push((at, start_ms));
            }
            batch.samples.push(Sample {
                series,
                labels: labels.clone(),
                timestamp_ms: sample.timestamp_ms,
                value: sample.value,
            });
        }
    }

    fn histograms(&mut self, series: SeriesRef, labels: &Labels, parts: &SeriesParts<'_>) {
        for message in &parts.histograms {
            let read = match histogram::decode(message) {
                Ok(read) => read,
                Err(fault) => {
                    self.faults.add(&fault.to_string(), labels);
                    continue;
                }
            };
            let timestamp_ms = read.timestamp_ms;
            if timestamp_ms > self.newest_ms {
                self.faults.add(IN_THE_FUTURE, labels);
                continue;
            }
            let batch = &mut self.requested.batch;
            if is_stale_nan(read.histogram.sum) {
                self.requested.stale_histograms.push(batch.samples.len());
                batch.samples.push(Sample {
                    series,
                    labels: labels.clone(),
                    timestamp_ms,
                    value: STALE_NAN,
                });
                continue;
            }
            let start_ms = match read.start_ms {
                0 => parts.start_ms,
                own => own,
            };
            if start_ms != 0 {
                let at = batch.histograms.len();
                batch.starts.histograms.push((at, start_ms));
            }
            batch.histograms.push(HistogramSample {
                series,
                labels: labels.clone(),
                timestamp_ms,
                histogram: Arc::new(read.histogram),
            });
        }
    }

    /// Takes an exemplar: its value and time, and its labels.
    pub(super) fn exemplar(
        &mut self,
        series: &Taken,
        read: Result<(f64, i64), String>,
        pairs: &mut Pairs<'_>,
    ) {
        let labels = read.and_then(|read| Ok((read, labels(pairs)?)));
        let ((value, timestamp_ms), labels) = match labels {
            Ok(taken) => taken,
            Err(fault) => {
                self.faults
                    .add(&format!("exemplar: {fault}"), &series.labels);
                return;
            }
        };
        if timestamp_ms > self.newest_ms {
            let fault = format!("exemplar: {IN_THE_FUTURE}");
            self.faults.add(&fault, &series.labels);
            return;
        }
        self.requested.batch.exemplars.push(ExemplarSample {
            series: series.labels.clone(),
            exemplar: Exemplar {
                labels,
                value,
                timestamp_ms,
            },
        });
    }

    pub(super) fn finish(self) -> (Requested, Vec<ToLearn>, Faults) {
        (self.requested, self.series, self.faults)
    }
}

impl Requested {
    pub(super) fn is_empty(&self) -> bool {
        let batch = &self.batch;
        batch.samples.is_empty() && batch.histograms.is_empty() && batch.exemplars.is_empty()
    }

    /// What was stored, and what the store refused besides what was refused before.
    pub(super) fn judge(
        &self,
        kind: MessageKind,
        report: &AppendReport,
        mut faults: Faults,
    ) -> (Written, Faults) {
        let batch = &self.batch;
        let stale = &self.stale_histograms;
        let mut written = Written {
            samples: (batch.samples.len() - stale.len()) as u64,
            histograms: (batch.histograms.len() + stale.len()) as u64,
            exemplars: batch.exemplars.len() as u64,
        };
        for (at, rejection) in &report.rejected {
            match stale.binary_search(at) {
                Ok(_) => written.histograms -= 1,
                Err(_) => written.samples -= 1,
            }
            if let Some(sample) = batch.samples.get(*at) {
                faults.add(rejection_text(*rejection), &sample.labels);
            }
        }
        for (at, rejection) in &report.rejected_histograms {
            written.histograms -= 1;
            if let Some(sample) = batch.histograms.get(*at) {
                faults.add(rejection_text(*rejection), &sample.labels);
            }
        }
        for (at, rejection) in &report.rejected_exemplars {
            // One that is there already is where the sender wants it to be.
            if *rejection == ExemplarRejection::Duplicate {
                continue;
            }
            written.exemplars -= 1;
            // Senders of 1.0 cannot be told of exemplars apart from their samples.
            let is_told = kind == MessageKind::V2 && *rejection == ExemplarRejection::OutOfOrder;
            if let Some(sample) = batch.exemplars.get(*at).filter(|_| is_told) {
                faults.add("out of order exemplar", &sample.series);
            }
        }
        (written, faults)
    }
}

/// In Prometheus' words.
pub(crate) fn rejection_text(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::OutOfOrder => "out of order sample",
        Rejection::DuplicateTimestamp => "duplicate sample for timestamp",
        Rejection::OutOfBounds => "out of bounds",
        Rejection::InvalidLabels => "invalid metric name or labels",
        Rejection::InvalidHistogram => "invalid native histogram",
    }
}

/// The labels of a series: it has a name.
fn series_labels(pairs: &mut Pairs<'_>) -> Result<Labels, String> {
    let labels = labels(pairs)?;
    match labels.metric_name().is_empty() {
        true => Err("invalid metric name or labels: no metric name".to_owned()),
        false => Ok(labels),
    }
}

/// Sorts labels and checks them. An empty value is the same as no label.
fn labels(pairs: &mut Pairs<'_>) -> Result<Labels, String> {
    if !pairs.is_sorted_by(|(a, _), (b, _)| a < b) {
        pairs.sort_by_key(|(name, _)| *name);
    }
    let texts = pairs.iter().map(|(name, value)| {
        let name = std::str::from_utf8(name)
            .ok()
            .filter(|name| !name.is_empty())?;
        Some((name, std::str::from_utf8(value).ok()?))
    });
    let texts: Option<Vec<(&str, &str)>> = texts.collect();
    let texts = texts.ok_or("invalid metric name or labels: an empty name, or no UTF-8")?;
    Labels::from_sorted(texts)
        .map_err(|name| format!("invalid labels for series: duplicated label {name}"))
}

/// Labels that are none, for a message.
struct Shown<'a>(&'a [(&'a [u8], &'a [u8])]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            let separator = if at > 0 { ", " } else { "" };
            let (name, value) = (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
            write!(f, "{separator}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}
