//! Native histograms and start timestamps through the log, a failing disk and truncation.

use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_model::histogram::{Buckets, CounterResetHint};
use narthex_model::{
    Exemplar, ExemplarRejection, ExemplarSample, FloatHistogram, HistogramSample, Labels, Sample,
    SeriesRef, WriteBatch, sample,
};
use narthex_storage::{
    Appendable, ExemplarsRequest, Queryable, SelectRequest, Series, SeriesExemplars, TimeRange,
};
use tempfile::TempDir;

use super::journal::options;
use crate::{Head, HeadOptions};

fn histogram(count: i32) -> FloatHistogram {
    let counts = vec![f64::from(count); 8];
    FloatHistogram {
        schema: 3,
        count: f64::from(count) * 8.0,
        sum: f64::from(count) * 0.37,
        positive: Buckets::consecutive(-4, counts).unwrap(),
        ..FloatHistogram::default()
    }
}

/// Two series with histograms, one of them with numbers among them, and one of numbers, all
/// with starts.
fn batch(round: i32) -> WriteBatch {
    let timestamp_ms = i64::from(round) * 1_000;
    let labels = |name: &str| Labels::from_pairs([("__name__", name)]);
    let at = |name: &str| HistogramSample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        histogram: Arc::new(histogram(round)),
    };
    let number = |name: &str| Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        value: f64::from(round),
    };
    let mut batch = WriteBatch {
        samples: vec![number("plain")],
        histograms: vec![at("native")],
        ..WriteBatch::default()
    };
    match round % 5 {
        0 => batch.samples.push(number("mixed")),
        _ => batch.histograms.push(at("mixed")),
    }
    let start_ms = i64::from(round / 30) * 30_000 + 1;
    batch.starts.samples = vec![(0, start_ms)];
    batch.starts.histograms = vec![(0, 77)];
    batch
}

/// A series by name: times, values, histograms with their hints, starts.
type Held = (
    String,
    Vec<(i64, u64, Option<(FloatHistogram, CounterResetHint)>, i64)>,
);

fn held(head: &Head) -> Vec<Held> {
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let found: Vec<Series> =
        block_on(async { head.select(&request).await.unwrap().try_collect().await }).unwrap();
    let mut held: Vec<Held> = found
        .iter()
        .map(|series| {
            let samples = series
                .timestamps
                .iter()
                .enumerate()
                .map(|(at, timestamp_ms)| {
                    let histogram = series.histograms.as_ref().and_then(|all| all[at].clone());
                    let histogram = histogram.map(|h| ((*h).clone(), h.counter_reset_hint));
                    let start_ms = series.starts.as_ref().map_or(0, |starts| starts[at]);
                    (
                        *timestamp_ms,
                        series.values[at].to_bits(),
                        histogram,
                        start_ms,
                    )
                });
            (series.labels.to_string(), samples.collect())
        })
        .collect();
    held.sort_by(|a, b| a.0.cmp(&b.0));
    held
}

#[test]
fn they_are_there_after_a_replay_and_go_with_a_truncation() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    for round in 1..=200 {
        let report = head.append(&batch(round)).unwrap();
        assert!(report.rejected.is_empty() && report.rejected_histograms.is_empty());
    }
    let before = held(&head);
    assert_eq!(before.len(), 3);
    let (name, native) = &before[1];
    assert_eq!(name, r#"{__name__="native"}"#);
    assert_eq!(native.len(), 200);
    for (index, (at, _, histogram, start_ms)) in native.iter().enumerate() {
        let round = i32::try_from(index).unwrap() + 1;
        let (found, hint) = histogram.as_ref().unwrap();
        assert_eq!(
            (*at, found),
            (i64::from(round) * 1_000, &self::histogram(round))
        );
        let expected = match round {
            1 => CounterResetHint::Unknown,
            _ => CounterResetHint::NotReset,
        };
        assert_eq!((*hint, *start_ms), (expected, 77));
    }
    drop(head);
    let (head, report) = Head::open(options(dir.path())).unwrap();
    assert_eq!((report.samples, report.samples_out_of_order), (600, 0));
    assert!(held(&head) == before);
    // The next histogram still knows the one before.
    head.append(&batch(201)).unwrap();
    let after = held(&head);
    let (_, hint) = after[1].1[200].2.clone().unwrap();
    assert_eq!(hint, CounterResetHint::NotReset);
    let bytes = head.sample_bytes();
    head.truncate(150_000).unwrap();
    let kept = held(&head);
    for ((_, kept), (_, all)) in kept.iter().zip(&after) {
        assert!(kept[..] == all[149..]);
    }
    assert!(head.sample_bytes() < bytes);
    head.truncate(201_000).unwrap();
    assert!(head.sample_bytes() < bytes / 4);
}

#[test]
fn exemplars_are_there_after_a_replay_and_need_a_series() {
    let dir = TempDir::new().unwrap();
    let keeping = |exemplars_max| HeadOptions {
        exemplars_max,
        ..options(dir.path())
    };
    let exemplar = |name: &str, timestamp_ms: i64, value: f64| ExemplarSample {
        series: Labels::from_pairs([("__name__", name)]),
        exemplar: Exemplar {
            labels: Labels::from_pairs([("trace_id", "ü")]),
            value,
            timestamp_ms,
        },
    };
    let request = ExemplarsRequest {
        selectors: vec![vec![]],
        range: TimeRange::ALL,
    };
    let (head, _) = Head::open(keeping(100)).unwrap();
    let mut first = batch(1);
    first.exemplars = vec![
        exemplar("native", 1, -0.0),
        exemplar("nobody", 1, 1.0),
        exemplar("native", 0, 1.0),
        exemplar("plain", 1, 1.0),
    ];
    let report = head.append(&first).unwrap();
    let expected = [
        (1, ExemplarRejection::UnknownSeries),
        (2, ExemplarRejection::OutOfOrder),
    ];
    assert_eq!(report.rejected_exemplars, expected);
    // Without a sample, too.
    let alone = WriteBatch {
        exemplars: vec![exemplar("native", 2, f64::NAN), exemplar("native", 1, 0.0)],
        ..WriteBatch::default()
    };
    let report = head.append(&alone).unwrap();
    assert_eq!(
        report.rejected_exemplars,
        [(1, ExemplarRejection::OutOfOrder)]
    );
    let held = head.exemplars(&request);
    let times = |all: &[SeriesExemplars]| {
        let series = all.iter().map(|series| {
            let times = series.exemplars.iter().map(|e| e.timestamp_ms);
            (series.labels.metric_name().to_owned(), times.collect())
        });
        series.collect::<Vec<(String, Vec<i64>)>>()
    };
    assert_eq!(
        times(&held),
        [("native".into(), vec![1, 2]), ("plain".into(), vec![1])]
    );
    drop(head);
    let (head, _) = Head::open(keeping(100)).unwrap();
    assert!(head.exemplars(&request) == held);
    drop(head);
    let (head, _) = Head::open(keeping(2)).unwrap();
    assert_eq!(
        times(&head.exemplars(&request)),
        [("native".into(), vec![2]), ("plain".into(), vec![1])]
    );
    drop(head);
    let (head, _) = Head::open(keeping(0)).unwrap();
    assert!(head.exemplars(&request).is_empty());
}

/// Latencies of a busy service, in the buckets that it has: 40 of them, growing at their own pace.
fn busy(round: i64) -> HistogramSample {
    let counts = (0..40_i64).map(|bucket| {
        let pace = 20 - (bucket - 17).abs();
        (round * pace.max(1) * 7 + (round * (bucket + 3)) % 11) as f64
    });
    let counts: Vec<f64> = counts.collect();
    let histogram = FloatHistogram {
        schema: 3,
        zero_threshold: 1e-128,
        count: counts.iter().sum(),
        sum: round as f64 * 913.37,
        positive: Buckets::consecutive(-20, counts).unwrap(),
        ..FloatHistogram::default()
    };
    HistogramSample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", "busy")]),
        timestamp_ms: round * 15_000,
        histogram: Arc::new(histogram),
    }
}

#[test]
fn sealed_histograms_take_a_few_bytes_for_each_bucket_that_moves() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    let mut bytes = Vec::new();
    for round in 1..=480 {
        let batch = WriteBatch {
            histograms: vec![busy(round)],
            ..WriteBatch::default()
        };
        head.append(&batch).unwrap();
        bytes.push(head.sample_bytes());
    }
    // The series' first chunk has 60, each later one 120.
    let (open, sealed) = (bytes[58] / 59, bytes[419] / 420);
    eprintln!("a histogram of 40 buckets: {open} bytes, sealed {sealed}");
    assert!(sealed < 90 && open > 300, "{open} {sealed}");
}

#[test]
fn equal_histograms_of_a_series_share_their_layout() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    for round in 1..4 {
        head.append(&batch(round)).unwrap();
    }
    let check = |head: &Head| {
        let held = held(head);
        let native = held[1]
            .1
            .iter()
            .filter_map(|(_, _, histogram, _)| histogram.as_ref());
        let addresses: Vec<_> = native.map(|(h, _)| h.positive.indexes().as_ptr()).collect();
        assert_eq!(addresses, [addresses[0]; 3]);
    };
    check(&head);
    drop(head);
    check(&Head::open(options(dir.path())).unwrap().0);
}

#[test]
fn a_native_histogram_that_ends_is_counted_as_stale_until_it_goes_on() {
    let dir = TempDir::new().unwrap();
    let (mut head, _) = Head::open(options(dir.path())).unwrap();
    let ended = |round: i32| {
        let mut batch = batch(round);
        let end = FloatHistogram {
            sum: sample::STALE_NAN,
            ..FloatHistogram::default()
        };
        batch.histograms[0].histogram = Arc::new(end);
        batch
    };
    for (round, stale, wanted) in [
        (1, false, 0),
        (2, true, 1),
        (3, true, 1),
        (4, false, 0),
        (6, true, 1),
    ] {
        let batch = match stale {
            true => ended(round),
            false => batch(round),
        };
        let report = head.append(&batch).unwrap();
        assert!(report.rejected_histograms.is_empty(), "{report:?}");
        assert_eq!(head.stale_series_count(), wanted, "round {round}");
        // The log says the same.
        drop(head);
        (head, _) = Head::open(options(dir.path())).unwrap();
        assert_eq!(head.stale_series_count(), wanted, "again, round {round}");
    }
    head.truncate(i64::MAX).unwrap();
    assert_eq!((head.stale_series_count(), head.chunk_count()), (0, 0));
}
