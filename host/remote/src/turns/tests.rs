//! Batches whose series have numbers and histograms, and what a store makes of them.

use std::sync::{Arc, Mutex};

use narthex_model::sample::STALE_NAN;
use narthex_model::{Exemplar, ExemplarSample, FloatHistogram, Rejection};
use narthex_storage::MemoryStore;

use super::*;

/// A store that writes down the times of each batch: numbers, then histograms.
#[derive(Default)]
struct Recorder {
    store: MemoryStore,
    batches: Mutex<Vec<[Vec<i64>; 2]>>,
    exemplars: Mutex<Vec<usize>>,
}

impl Appendable for Recorder {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let numbers = batch.samples.iter().map(|sample| sample.timestamp_ms);
        let histograms = batch.histograms.iter().map(|sample| sample.timestamp_ms);
        let times = [numbers.collect(), histograms.collect()];
        self.batches.lock().unwrap().push(times);
        self.exemplars.lock().unwrap().push(batch.exemplars.len());
        self.store.append(batch)
    }
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name)])
}

fn number(name: &str, timestamp_ms: i64) -> Sample {
    Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        value: STALE_NAN,
    }
}

fn histogram(name: &str, timestamp_ms: i64) -> HistogramSample {
    HistogramSample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        histogram: Arc::new(FloatHistogram::default()),
    }
}

#[test]
fn the_mark_that_histograms_ended_comes_after_them() {
    let store = Recorder::default();
    let batch = WriteBatch {
        samples: vec![number("other", 9), number("h", 3), number("h", 0)],
        histograms: vec![histogram("h", 1), histogram("h", 2), histogram("h", 4)],
        starts: StartTimestamps {
            samples: vec![(1, -5)],
            histograms: vec![(2, -7)],
        },
        exemplars: vec![ExemplarSample {
            series: labels("h"),
            exemplar: Exemplar {
                labels: Labels::default(),
                value: 1.0,
                timestamp_ms: 2,
            },
        }],
    };
    let report = append(&store, &batch).unwrap();
    assert_eq!(report.rejected, []);
    assert_eq!(report.rejected_histograms, []);
    assert_eq!(report.created, 2);
    assert_eq!(report.series[1], report.histogram_series[0]);
    assert_ne!(report.series[0], report.series[1]);
    let batches = store.batches.lock().unwrap();
    assert_eq!(
        *batches,
        [[vec![9, 0], vec![1, 2]], [vec![3], vec![4]]],
        "each batch of the store is in the order of time"
    );
    assert_eq!(*store.exemplars.lock().unwrap(), [1, 0]);
    let turns = turns(&batch).unwrap();
    let parts = parts(&batch, &turns);
    assert_eq!(parts[1].batch.starts.samples, [(0, -5)]);
    assert_eq!(parts[1].batch.starts.histograms, [(0, -7)]);
    assert_eq!(parts[0].batch.starts, StartTimestamps::default());
}

#[test]
fn one_batch_is_enough_where_it_is_in_order() {
    for (samples, histograms) in [
        (vec![number("a", 5)], vec![histogram("h", 1)]),
        (vec![number("h", 1)], vec![histogram("h", 2)]),
        (vec![number("h", 1)], Vec::new()),
        (Vec::new(), vec![histogram("h", 2), histogram("h", 1)]),
    ] {
        let batch = WriteBatch {
            samples,
            histograms,
            ..WriteBatch::default()
        };
        let store = Recorder::default();
        append(&store, &batch).unwrap();
        assert_eq!(store.batches.lock().unwrap().len(), 1);
    }
}

#[test]
fn faults_keep_their_places_and_turns_have_a_bound() {
    let store = Recorder::default();
    let pairs = 2 * i64::try_from(TURNS_MAX).unwrap();
    let batch = WriteBatch {
        samples: (0..pairs).map(|at| number("h", 2 * at + 1)).collect(),
        histograms: (0..pairs).map(|at| histogram("h", 2 * at)).collect(),
        ..WriteBatch::default()
    };
    let report = append(&store, &batch).unwrap();
    assert_eq!(store.batches.lock().unwrap().len(), TURNS_MAX);
    // The last turn has more than it can take in order.
    let first = report.rejected_histograms[0];
    assert_eq!(first.1, Rejection::OutOfOrder);
    let lost = report.rejected_histograms.iter();
    assert!(lost.is_sorted_by_key(|(at, _)| *at));
    assert!(first.0 >= TURNS_MAX - 1, "{first:?}");
    assert_eq!(report.rejected, []);
}
