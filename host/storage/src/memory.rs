//! A store that lives as long as the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_buffer::ScalarBuffer;
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use futures::stream::{self, StreamExt};
use narthex_model::{
    AppendReport, FloatHistogram, Labels, Matcher, Rejection, SeriesRef, WriteBatch, sample,
};

use crate::{
    AppendError, Appendable, Changes, Queryable, SelectRequest, Series, SeriesStream, StorageError,
    TimeRange,
};

/// Keeps every sample in maps, without an index: for tests, scripts and small inputs. Of native
/// histograms the counter reset hint is what the store finds
/// ([`FloatHistogram::hint_in_store`]).
#[derive(Debug, Default)]
pub struct MemoryStore {
    series: Mutex<Held>,
    changes: Changes,
}

#[derive(Debug, Default)]
struct Held {
    refs: HashMap<Labels, usize>,
    series: Vec<(Labels, BTreeMap<i64, Kept>)>,
}

/// One sample.
#[derive(Debug)]
struct Kept {
    value: Value,
    /// When its counting began; 0 where that is not known.
    start_ms: i64,
}

/// One sample's value.
#[derive(Debug, Clone)]
enum Value {
    Number(f64),
    Histogram(Arc<FloatHistogram>),
}

impl Value {
    /// The same bits, or the same histogram.
    fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.to_bits() == b.to_bits(),
            (Self::Histogram(a), Self::Histogram(b)) => a == b,
            _ => false,
        }
    }
}

/// What became of one sample.
struct Added {
    series: SeriesRef,
    is_new: bool,
    rejection: Option<Rejection>,
}

impl Held {
    fn add(&mut self, labels: &Labels, timestamp_ms: i64, mut sample: Kept) -> Added {
        if labels.metric_name().is_empty() {
            return Added {
                series: SeriesRef::UNKNOWN,
                is_new: false,
                rejection: Some(Rejection::InvalidLabels),
            };
        }
        if let Value::Histogram(histogram) = &sample.value
            && !histogram.can_be_stored()
        {
            let known = self.refs.get(labels);
            return Added {
                series: known.map_or(SeriesRef::UNKNOWN, |at| SeriesRef(*at as u64 + 1)),
                is_new: false,
                rejection: Some(Rejection::InvalidHistogram),
            };
        }
        let mut is_new = false;
        let at = *self.refs.entry(labels.clone()).or_insert_with(|| {
            is_new = true;
            self.series.push((labels.clone(), BTreeMap::new()));
            self.series.len() - 1
        });
        let samples = &mut self.series[at].1;
        if let Value::Histogram(histogram) = &mut sample.value {
            let earlier = samples.range(..timestamp_ms).next_back();
            let previous = earlier.and_then(|(_, earlier)| match &earlier.value {
                Value::Number(_) => None,
                Value::Histogram(histogram) => Some(&**histogram),
            });
            let hint = histogram.hint_in_store(previous);
            if histogram.counter_reset_hint != hint {
                Arc::make_mut(histogram).counter_reset_hint = hint;
            }
        }
        let rejection = match samples.last_key_value() {
            Some((newest, known)) if *newest == timestamp_ms => {
                (!known.value.is_same_as(&sample.value)).then_some(Rejection::DuplicateTimestamp)
            }
            Some((newest, _)) if *newest > timestamp_ms => Some(Rejection::OutOfOrder),
            _ => {
                samples.insert(timestamp_ms, sample);
                None
            }
        };
        Added {
            series: SeriesRef(at as u64 + 1),
            is_new,
            rejection,
        }
    }
}

impl MemoryStore {
    /// A store without a sample.
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn matching(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Series> {
        let held = self.held();
        held.series
            .iter()
            .filter(|(labels, _)| matches_all(labels, matchers))
            .filter_map(|(labels, samples)| {
                if range.start_ms > range.end_ms {
                    return None;
                }
                let samples = samples.range(range.start_ms..=range.end_ms);
                series(labels, samples)
            })
            .collect()
    }
}

/// The samples in columns; `None` where there is none.
fn series<'a>(
    labels: &Labels,
    samples: impl Iterator<Item = (&'a i64, &'a Kept)> + Clone,
) -> Option<Series> {
    let histogram = |sample: &Kept| match &sample.value {
        Value::Number(_) => None,
        Value::Histogram(histogram) => Some(Arc::clone(histogram)),
    };
    let values = samples.clone().map(|(_, sample)| match sample.value {
        Value::Number(number) => number,
        Value::Histogram(_) => sample::HISTOGRAM,
    });
    let values: ScalarBuffer<f64> = values.collect();
    let has_histogram = values.iter().copied().any(sample::is_histogram);
    let starts = samples.clone().map(|(_, sample)| sample.start_ms);
    let starts: ScalarBuffer<i64> = starts.collect();
    let has_start = starts.iter().any(|start_ms| *start_ms != 0);
    (!values.is_empty()).then(|| Series {
        labels: labels.clone(),
        timestamps: samples
            .clone()
            .map(|(timestamp_ms, _)| *timestamp_ms)
            .collect(),
        values,
        starts: has_start.then_some(starts),
        histograms: has_histogram.then(|| samples.map(|(_, sample)| histogram(sample)).collect()),
    })
}

/// The start of each sample of a batch, in their order.
fn starts_in_order(starts: &[(usize, i64)]) -> impl FnMut(usize) -> i64 {
    let mut rest = starts.iter().peekable();
    move |index| {
        let is_before = |(at, _): &&(usize, i64)| *at < index;
        while rest.next_if(is_before).is_some() {}
        let is_it = |(at, _): &&(usize, i64)| *at == index;
        rest.next_if(is_it).map_or(0, |(_, start_ms)| *start_ms)
    }
}

fn matches_all(labels: &Labels, matchers: &[Matcher]) -> bool {
    matchers
        .iter()
        .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
}

impl Appendable for MemoryStore {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let mut held = self.held();
        let mut report = AppendReport::default();
        let mut start_of = starts_in_order(&batch.starts.samples);
        for (index, sample) in batch.samples.iter().enumerate() {
            let kept = Kept {
                value: Value::Number(f64::from_bits(sample::stored_bits(sample.value))),
                start_ms: start_of(index),
            };
            let added = held.add(&sample.labels, sample.timestamp_ms, kept);
            report.created += u64::from(added.is_new);
            report.series.push(added.series);
            report
                .rejected
                .extend(added.rejection.map(|why| (index, why)));
        }
        let mut start_of = starts_in_order(&batch.starts.histograms);
        for (index, sample) in batch.histograms.iter().enumerate() {
            let kept = Kept {
                value: Value::Histogram(Arc::clone(&sample.histogram)),
                start_ms: start_of(index),
            };
            let added = held.add(&sample.labels, sample.timestamp_ms, kept);
            report.created += u64::from(added.is_new);
            report.histogram_series.push(added.series);
            let rejected = &mut report.rejected_histograms;
            rejected.extend(added.rejection.map(|why| (index, why)));
        }
        drop(held);
        self.changes.note_batch(batch);
        Ok(report)
    }
}

impl Queryable for MemoryStore {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let series = self.matching(&request.matchers, request.range);
        future::ready(Ok(stream::iter(series.into_iter().map(Ok)).boxed())).boxed()
    }

    fn version(&self, range: TimeRange) -> Option<u64> {
        Some(self.changes.version(range))
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::{HistogramSample, Sample};

    use super::*;

    #[test]
    fn the_memory_store_keeps_the_contract() {
        futures::executor::block_on(crate::contract::holds(MemoryStore::new));
    }

    #[test]
    fn histograms_keep_their_place_among_numbers() {
        let store = MemoryStore::new();
        let labels = Labels::from_pairs([("__name__", "h")]);
        let number = |timestamp_ms| Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms,
            value: 1.0,
        };
        let histogram = |timestamp_ms, count| HistogramSample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms,
            histogram: Arc::new(FloatHistogram {
                count,
                ..FloatHistogram::default()
            }),
        };
        let first = WriteBatch {
            samples: vec![number(1)],
            histograms: vec![histogram(2, 5.0), histogram(2, 5.0), histogram(2, 6.0)],
            ..WriteBatch::default()
        };
        let report = store.append(&first).unwrap();
        assert_eq!(
            (report.created, report.series),
            (1, report.histogram_series[..1].to_vec())
        );
        assert_eq!(
            report.rejected_histograms,
            [(2, Rejection::DuplicateTimestamp)]
        );
        let report = store.append(&vec![number(2), number(3)].into()).unwrap();
        assert_eq!(report.rejected, [(0, Rejection::DuplicateTimestamp)]);
        let found = store.matching(&[], TimeRange::ALL).remove(0);
        assert_eq!(&found.timestamps[..], [1, 2, 3]);
        let values: Vec<u64> = found.values.iter().map(|value| value.to_bits()).collect();
        let one = 1.0_f64.to_bits();
        assert_eq!(values, [one, sample::HISTOGRAM_BITS, one]);
        let histograms = found.histograms.unwrap();
        let counts: Vec<Option<f64>> = histograms
            .iter()
            .map(|h| h.as_ref().map(|h| h.count))
            .collect();
        assert_eq!(counts, [None, Some(5.0), None]);
        let only_numbers = TimeRange {
            start_ms: 3,
            end_ms: 3,
        };
        assert!(store.matching(&[], only_numbers)[0].histograms.is_none());
    }
    #[test]
    fn starts_stay_with_their_samples() {
        let store = MemoryStore::new();
        let sample = |name: &str, timestamp_ms| Sample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", name)]),
            timestamp_ms,
            value: 1.0,
        };
        let samples = vec![
            sample("a", 1),
            sample("b", 1),
            sample("a", 2),
            sample("a", 3),
        ];
        let mut batch = WriteBatch::from(samples);
        batch.starts.samples = vec![(2, 7), (3, -4)];
        store.append(&batch).unwrap();
        let of = |name: &str| {
            let found = store.matching(&[Matcher::equal("__name__", name)], TimeRange::ALL);
            found[0].starts.as_ref().map(|starts| starts.to_vec())
        };
        assert_eq!((of("a"), of("b")), (Some(vec![0, 7, -4]), None));
    }
}
