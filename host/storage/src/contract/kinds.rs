//! What a store must do with native histograms and start timestamps.

use std::sync::Arc;

use futures::TryStreamExt;
use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint};
use narthex_model::{
    FloatHistogram, HistogramSample, Labels, Rejection, Sample, SeriesRef, WriteBatch, sample,
};

use super::expect;
use crate::{Appendable, Queryable, SelectRequest, TimeRange};

pub(super) async fn hold<S: Appendable + Queryable>(mut fresh: impl FnMut() -> S) {
    histograms_come_back_bit_for_bit(&fresh()).await;
    hints_say_what_the_sample_before_allows(&fresh()).await;
    histograms_keep_their_place_among_numbers(&fresh()).await;
    histograms_that_cannot_be_stored_are_refused(&fresh()).await;
    starts_stay_with_their_samples(&fresh()).await;
    no_number_passes_for_a_histogram(&fresh()).await;
}

/// A sample as it came back: its time, the bits of its value, its histogram, its start.
type Found = (i64, u64, Option<Arc<FloatHistogram>>, i64);

/// The samples of the only series in the range.
async fn found(store: &impl Queryable, start_ms: i64, end_ms: i64) -> Vec<Found> {
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange { start_ms, end_ms },
    };
    let stream = expect(store.select(&request).await);
    let mut series: Vec<_> = expect(stream.try_collect().await);
    let Some(series) = series.pop() else {
        return Vec::new();
    };
    let samples = series.timestamps.iter().zip(series.values.iter());
    let samples = samples.enumerate().map(|(at, (timestamp_ms, value))| {
        let histogram = series.histograms.as_ref().and_then(|all| all[at].clone());
        let is_marked = sample::is_histogram(*value);
        assert_eq!(histogram.is_some(), is_marked, "at {timestamp_ms}");
        let start_ms = series.starts.as_ref().map_or(0, |starts| starts[at]);
        (*timestamp_ms, value.to_bits(), histogram, start_ms)
    });
    samples.collect()
}

fn labels() -> Labels {
    Labels::from_pairs([("__name__", "h"), ("job", "x")])
}

fn at(timestamp_ms: i64, histogram: FloatHistogram) -> HistogramSample {
    HistogramSample {
        series: SeriesRef::UNKNOWN,
        labels: labels(),
        timestamp_ms,
        histogram: Arc::new(histogram),
    }
}

fn number_at(timestamp_ms: i64, value: f64) -> Sample {
    Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(),
        timestamp_ms,
        value,
    }
}

fn batch(histograms: Vec<HistogramSample>) -> WriteBatch {
    WriteBatch {
        histograms,
        ..WriteBatch::default()
    }
}

fn counter(counts: &[f64]) -> FloatHistogram {
    FloatHistogram {
        schema: 1,
        count: counts.iter().sum(),
        sum: 0.1,
        positive: expect(Buckets::consecutive(-2, counts.to_vec()).ok_or("no buckets")),
        ..FloatHistogram::default()
    }
}

async fn histograms_come_back_bit_for_bit(store: &(impl Appendable + Queryable)) {
    let strange = f64::from_bits(0xfff8_dead_beef_0001);
    let buckets = |pairs: &[(i32, f64)]| {
        let (indexes, counts): (Vec<i32>, Vec<f64>) = pairs.iter().copied().unzip();
        expect(Buckets::new(indexes, counts).ok_or("no buckets"))
    };
    let exotic = FloatHistogram {
        counter_reset_hint: CounterResetHint::Gauge,
        schema: 8,
        zero_threshold: -0.0,
        zero_count: -0.0,
        count: strange,
        sum: f64::NEG_INFINITY,
        positive: buckets(&[(i32::MIN, 0.0), (-1, -0.5), (i32::MAX, f64::INFINITY)]),
        negative: buckets(&[(0, 1e-300), (1, strange), (7, 3.0)]),
        custom_bounds: [].into(),
    };
    let bounded = FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 9_007_199_254_740_993.0,
        sum: sample::STALE_NAN,
        positive: buckets(&[(0, 2.0), (1, 0.0), (3, 1e15)]),
        custom_bounds: [-1.5, 0.25, 1e9].into(),
        ..FloatHistogram::default()
    };
    let plain = counter(&[3.0, 0.0, 12.0]);
    let all = [FloatHistogram::default(), exotic, bounded, plain];
    for (histogram, timestamp_ms) in all.iter().zip((1_000..).step_by(250)) {
        let report = expect(store.append(&batch(vec![at(timestamp_ms, histogram.clone())])));
        assert!(report.rejected_histograms.is_empty());
        assert_eq!(report.histogram_series.len(), 1);
    }
    let bits = |h: &FloatHistogram| {
        let counts = h.positive.counts().iter().chain(h.negative.counts());
        let fields = [h.zero_threshold, h.zero_count, h.count, h.sum];
        let floats = fields.iter().chain(counts).chain(h.custom_bounds.iter());
        let floats: Vec<u64> = floats.map(|float| float.to_bits()).collect();
        let indexes = [h.positive.indexes(), h.negative.indexes()].concat();
        (h.schema, h.positive.len(), indexes, floats)
    };
    let found = found(store, i64::MIN, i64::MAX).await;
    let found: Vec<_> = found.iter().filter_map(|(.., h, _)| h.as_ref()).collect();
    assert_eq!(found.len(), all.len());
    for (found, expected) in found.iter().zip(&all) {
        assert_eq!(bits(found), bits(expected));
    }
}

async fn hints_say_what_the_sample_before_allows(store: &(impl Appendable + Queryable)) {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    let hinted = |hint, counts: &[f64]| FloatHistogram {
        counter_reset_hint: hint,
        ..counter(counts)
    };
    let script = [
        (hinted(NotReset, &[1.0]), Unknown),
        (hinted(Unknown, &[2.0]), NotReset),
        (hinted(Unknown, &[2.0, 5.0]), NotReset),
        (hinted(Unknown, &[1.0, 9.0]), Unknown),
        (hinted(NotReset, &[2.0, 9.0]), NotReset),
        (hinted(Reset, &[3.0, 9.0]), Unknown),
        (hinted(Gauge, &[7.0]), Gauge),
        (hinted(Gauge, &[1.0]), Gauge),
        (hinted(Unknown, &[9.0]), Unknown),
    ];
    let mut expected = Vec::new();
    for ((histogram, hint), timestamp_ms) in script.into_iter().zip(1..) {
        let report = expect(store.append(&batch(vec![at(timestamp_ms, histogram)])));
        assert!(report.rejected_histograms.is_empty());
        expected.push(hint);
    }
    // Behind a number nothing is known, be it a staleness marker.
    expect(store.append(&vec![number_at(20, sample::STALE_NAN)].into()));
    expect(store.append(&batch(vec![
        at(21, counter(&[9.0])),
        at(22, counter(&[9.5])),
    ])));
    expected.extend([Unknown, NotReset]);
    let found = found(store, i64::MIN, i64::MAX).await;
    let hints = found
        .iter()
        .filter_map(|(.., histogram, _)| histogram.as_ref());
    let hints: Vec<_> = hints.map(|h| h.counter_reset_hint).collect();
    assert_eq!(hints, expected);
}

async fn histograms_keep_their_place_among_numbers(store: &(impl Appendable + Queryable)) {
    let mixed = WriteBatch {
        samples: vec![number_at(1, 1.0)],
        histograms: vec![
            at(2, counter(&[5.0])),
            at(2, counter(&[5.0])),
            at(2, counter(&[6.0])),
            at(1, counter(&[5.0])),
        ],
        ..WriteBatch::default()
    };
    let report = expect(store.append(&mixed));
    assert_eq!((report.created, report.rejected.len()), (1, 0));
    assert_eq!(report.histogram_series, [report.series[0]; 4]);
    let rejected = [
        (2, Rejection::DuplicateTimestamp),
        (3, Rejection::OutOfOrder),
    ];
    assert_eq!(report.rejected_histograms, rejected);
    let mut later: WriteBatch = vec![number_at(2, 2.0), number_at(3, 3.0)].into();
    later.histograms = vec![at(4, counter(&[7.0])), at(3, counter(&[7.0]))];
    let report = expect(store.append(&later));
    assert_eq!(report.rejected, [(0, Rejection::DuplicateTimestamp)]);
    assert_eq!(report.rejected_histograms, [(1, Rejection::OutOfOrder)]);
    for (start_ms, end_ms, expected) in [
        (
            i64::MIN,
            i64::MAX,
            vec![(1, None), (2, Some(5.0)), (3, None), (4, Some(7.0))],
        ),
        (2, 3, vec![(2, Some(5.0)), (3, None)]),
        (3, 3, vec![(3, None)]),
        (4, 4, vec![(4, Some(7.0))]),
        (5, 9, vec![]),
    ] {
        let found = found(store, start_ms, end_ms).await;
        let counts = found.iter().map(|(timestamp_ms, _, histogram, _)| {
            (
                *timestamp_ms,
                histogram.as_ref().map(|histogram| histogram.count),
            )
        });
        assert_eq!(
            counts.collect::<Vec<_>>(),
            expected,
            "from {start_ms} to {end_ms}"
        );
    }
}

async fn histograms_that_cannot_be_stored_are_refused(store: &(impl Appendable + Queryable)) {
    let unknown = FloatHistogram {
        schema: 9,
        ..FloatHistogram::default()
    };
    let wide = FloatHistogram {
        custom_bounds: vec![0.0; FloatHistogram::BUCKETS_MAX + 1].into(),
        ..FloatHistogram::default()
    };
    let report = expect(store.append(&batch(vec![at(1, unknown.clone()), at(1, wide)])));
    let why = Rejection::InvalidHistogram;
    assert_eq!(report.rejected_histograms, [(0, why), (1, why)]);
    assert_eq!(report.histogram_series, [SeriesRef::UNKNOWN; 2]);
    assert_eq!(report.created, 0);
    let report = expect(store.append(&batch(vec![at(1, counter(&[1.0])), at(2, unknown)])));
    assert_eq!(report.rejected_histograms, [(1, why)]);
    assert_eq!(found(store, i64::MIN, i64::MAX).await.len(), 1);
}

async fn starts_stay_with_their_samples(store: &(impl Appendable + Queryable)) {
    let times = [
        (1, 0),
        (2, 7),
        (3, 7),
        (4, -4),
        (6, 0),
        (7, 7),
        (8, 0),
        (9, 7),
    ];
    for (timestamp_ms, start_ms) in times {
        let mut batch: WriteBatch = vec![number_at(timestamp_ms, 1.0)].into();
        batch
            .starts
            .samples
            .extend((start_ms != 0).then_some((0, start_ms)));
        expect(store.append(&batch));
    }
    // Those of samples that are left out are left out, too.
    let mut last = WriteBatch {
        samples: vec![number_at(8, 2.0), number_at(10, 1.0), number_at(11, 1.0)],
        histograms: vec![at(12, counter(&[1.0])), at(11, counter(&[1.0]))],
        ..WriteBatch::default()
    };
    last.starts.samples = vec![(0, 55), (2, i64::MIN)];
    last.starts.histograms = vec![(0, 9), (1, 66)];
    expect(store.append(&last));
    let all = found(store, i64::MIN, i64::MAX).await;
    let all: Vec<(i64, i64)> = all
        .iter()
        .map(|(t, .., start_ms)| (*t, *start_ms))
        .collect();
    let expected = [&times[..], &[(10, 0), (11, i64::MIN), (12, 9)]].concat();
    assert_eq!(all, expected);
    for (start_ms, end_ms) in [(3, 4), (6, 6), (8, 12), (5, 5)] {
        let part = found(store, start_ms, end_ms).await;
        let part: Vec<(i64, i64)> = part.iter().map(|(t, .., start)| (*t, *start)).collect();
        let within = expected
            .iter()
            .filter(|(t, _)| (start_ms..=end_ms).contains(t));
        assert!(
            part.iter().eq(within),
            "from {start_ms} to {end_ms}: {part:?}"
        );
    }
}

async fn no_number_passes_for_a_histogram(store: &(impl Appendable + Queryable)) {
    expect(store.append(&vec![number_at(1, sample::HISTOGRAM)].into()));
    let found = found(store, i64::MIN, i64::MAX).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].1, &found[0].2), (sample::NORMAL_NAN_BITS, &None));
}
