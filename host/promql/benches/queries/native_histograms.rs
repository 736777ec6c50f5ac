//! Series of native histograms: those of Prometheus' `BenchmarkNativeHistograms`, which are all
//! alike, so they share what they have.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA};
use narthex_model::{FloatHistogram, Labels, sample};
use narthex_storage::{Histograms, Series};

use crate::columns::Columns;

/// How many series.
const SERIES: usize = 3000;
/// Between two samples.
const INTERVAL_MS: i64 = 15_000;
/// The points of a series: a little more than is asked for.
const POINTS: i64 = 500;

/// Histograms with exponential buckets; the first sample of a series has a higher resolution than
/// the others.
pub(crate) fn exponential() -> Columns {
    let fine = FloatHistogram {
        schema: 3,
        count: 13.0,
        positive: buckets(
            &[-5, -4, -1, 0, 1, 4, 5],
            [1.0, 3.0, 1.0, 2.0, 1.0, 1.0, 4.0],
        ),
        ..FloatHistogram::default()
    };
    let indexes = [0, 1, 3, 4];
    let coarse = (1..POINTS).map(|i| i as f64).map(|i| {
        let buckets = || buckets(&indexes, [i + 1.0, i + 2.0, i + 1.0, i + 1.0]);
        FloatHistogram {
            schema: 1,
            count: 12.0 + 9.0 * i,
            zero_count: 2.0 + i,
            zero_threshold: 0.001,
            sum: 18.4 * (i + 1.0),
            positive: buckets(),
            negative: buckets(),
            ..FloatHistogram::default()
        }
    });
    let histograms = std::iter::once(fine).chain(coarse);
    series("native_histogram_series", histograms)
}

/// Histograms with bounds of their own.
pub(crate) fn custom() -> Columns {
    let bounds: Arc<[f64]> = [0.0, 1.0, 2.0, 3.0, 4.0].into();
    let histograms = (0..POINTS).map(|i| i as f64).map(|i| FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 5.0 + 4.0 * i,
        sum: 18.4 * (i + 1.0),
        positive: buckets(&[0, 1, 3, 4], [i + 1.0, i + 2.0, i + 1.0, i + 1.0]),
        custom_bounds: Arc::clone(&bounds),
        ..FloatHistogram::default()
    });
    series("native_histogram_custom_bucket_series", histograms)
}

fn buckets(indexes: &[i32], counts: impl Into<Vec<f64>>) -> Buckets {
    Buckets::new(indexes, counts.into()).unwrap_or_default()
}

fn series(name: &str, histograms: impl Iterator<Item = FloatHistogram>) -> Columns {
    let histograms: Histograms = histograms.map(|h| Some(Arc::new(h))).collect();
    let timestamps: ScalarBuffer<i64> = (0..POINTS).map(|i| i * INTERVAL_MS).collect();
    let values: ScalarBuffer<f64> = (0..POINTS).map(|_| sample::HISTOGRAM).collect();
    let series = (0..SERIES).map(|h| Series {
        labels: Labels::from_pairs([("__name__", name), ("foo", "bar"), ("h", &h.to_string())]),
        timestamps: timestamps.clone(),
        values: values.clone(),
        histograms: Some(Arc::clone(&histograms)),
        starts: None,
    });
    Columns(series.collect())
}
