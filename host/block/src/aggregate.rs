//! The aggregates that a downsampled block has of each window of a series, as series of their own.
//!
//! It is not: what is kept of a counter (`counter.rs`), or the block (`downsample.rs`).

use std::ops::Range;
use std::sync::Arc;

use narthex_model::histogram::{CounterResetHint, HistogramSum};
use narthex_model::{FloatHistogram, Kahan, Labels, LabelsBuilder, sample};
use narthex_storage::Series;

use crate::counter;

/// The label that the series of a downsampled block have beside those of the series that they
/// were made of; its value is [`Aggregate::name`].
pub const AGGREGATE_LABEL: &str = "__aggregate__";

/// What a series of a downsampled block says of the windows of another one.
///
/// Windows are open on the left as PromQL's ranges are: one of resolution r that ends at a multiple
/// t of r has the samples after t - r up to t. Staleness markers count nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aggregate {
    /// How many samples the window has, native histograms included.
    Count,
    /// Samples at their own times, so many that growth and the newest value stay exact.
    Counter,
    /// The highest number; NaN where there are no others.
    Max,
    /// The lowest number; NaN where there are no others.
    Min,
    /// The sum of all numbers, or of all native histograms; NaN where the two do not add up.
    Sum,
}

impl Aggregate {
    /// All of them, in the order of their names, which is that of their series in a block.
    pub const ALL: [Self; 5] = [Self::Count, Self::Counter, Self::Max, Self::Min, Self::Sum];

    /// The value of [`AGGREGATE_LABEL`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Counter => "counter",
            Self::Max => "max",
            Self::Min => "min",
            Self::Sum => "sum",
        }
    }

    /// The aggregate that has this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The aggregate of a series of samples; `None` where it has none to aggregate.
    pub(crate) fn of_samples(self, series: &Series, windows: Windows) -> Option<Series> {
        let mut labels = LabelsBuilder::from_labels(&series.labels);
        labels.set(AGGREGATE_LABEL, self.name());
        let count = |window| samples(series, window).map(|_| 1.0).sum::<f64>();
        self.of_windows(series, windows, count, labels.build())
    }

    /// The same aggregate of longer windows, of a series that is one of shorter ones.
    pub(crate) fn of_aggregates(self, series: &Series, windows: Windows) -> Option<Series> {
        let count = |window| {
            let counts = samples(series, window).map(|at| series.values[at]);
            counts.sum::<f64>()
        };
        self.of_windows(series, windows, count, series.labels.clone())
    }

    fn of_windows(
        self,
        series: &Series,
        windows: Windows,
        count: impl Fn(Range<usize>) -> f64,
        labels: Labels,
    ) -> Option<Series> {
        let mut columns = Columns::default();
        if self == Self::Counter {
            counter::keep(series, windows, &mut columns);
            return columns.into_series(labels);
        }
        for (end_ms, window) in windows.cut(&series.timestamps) {
            let found = match self {
                Self::Max => extreme(series, window, |value, kept| value > kept),
                Self::Min => extreme(series, window, |value, kept| value < kept),
                Self::Sum => sum(series, window),
                Self::Count | Self::Counter => {
                    let count = count(window);
                    (count > 0.0).then_some(Sample::Number(count))
                }
            };
            if let Some(found) = found {
                columns.push(windows.stamp(end_ms), found);
            }
        }
        columns.into_series(labels)
    }
}

/// How the time of a block is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// The length of a window; all end at multiples of it.
    pub(crate) resolution_ms: i64,
    /// The last millisecond of the block.
    pub(crate) last_ms: i64,
}

impl Windows {
    /// The windows that have samples at these times: where each ends, and the places of its
    /// samples.
    pub(crate) fn cut(self, timestamps: &[i64]) -> impl Iterator<Item = (i64, Range<usize>)> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let end_ms = self.end_of(*timestamps.get(from)?);
            let rest = &timestamps[from..];
            let count = rest.partition_point(|timestamp_ms| *timestamp_ms <= end_ms);
            let window = from..from + count;
            from += count;
            Some((end_ms, window))
        })
    }

    /// Where the window ends that a sample lies in.
    fn end_of(self, timestamp_ms: i64) -> i64 {
        let number = timestamp_ms
            .saturating_sub(1)
            .div_euclid(self.resolution_ms);
        let next = number.saturating_add(1);
        next.saturating_mul(self.resolution_ms)
    }

    /// The time of the aggregates of a window: its end. The last window of a block mostly ends
    /// with the first millisecond of the block after it, which may have a sample there and then
    /// has aggregates of its own at that time; those of this block come just before, and still
    /// within the window.
    pub(crate) fn stamp(self, end_ms: i64) -> i64 {
        end_ms.min(self.last_ms)
    }
}

/// A sample that is kept.
#[derive(Debug, Clone)]
pub(crate) enum Sample {
    Number(f64),
    Histogram(Arc<FloatHistogram>),
}

impl Sample {
    /// A sample of a series. What a histogram says of a reset is about a sample that is not
    /// before it any more.
    pub(crate) fn at(series: &Series, at: usize) -> Self {
        let Some(histogram) = histogram(series, at) else {
            return Self::Number(series.values[at]);
        };
        match histogram.counter_reset_hint {
            CounterResetHint::Unknown | CounterResetHint::Gauge => {
                Self::Histogram(Arc::clone(histogram))
            }
            CounterResetHint::Reset | CounterResetHint::NotReset => {
                hinted(histogram, CounterResetHint::Unknown)
            }
        }
    }
}

/// A histogram with another hint.
pub(crate) fn hinted(histogram: &FloatHistogram, hint: CounterResetHint) -> Sample {
    Sample::Histogram(Arc::new(FloatHistogram {
        counter_reset_hint: hint,
        ..histogram.clone()
    }))
}

/// A series on its way.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    timestamps: Vec<i64>,
    values: Vec<f64>,
    histograms: Vec<Option<Arc<FloatHistogram>>>,
}

impl Columns {
    pub(crate) fn push(&mut self, timestamp_ms: i64, sample: Sample) {
        let (value, histogram) = match sample {
            Sample::Number(value) => (value, None),
            Sample::Histogram(histogram) => (sample::HISTOGRAM, Some(histogram)),
        };
        self.timestamps.push(timestamp_ms);
        self.values.push(value);
        self.histograms.push(histogram);
    }

    pub(crate) fn into_series(self, labels: Labels) -> Option<Series> {
        if self.timestamps.is_empty() {
            return None;
        }
        let has_histogram = self.histograms.iter().any(Option::is_some);
        let mut series = Series::of_numbers(labels, self.timestamps, self.values);
        series.histograms = has_histogram.then(|| self.histograms.into());
        Some(series)
    }
}

/// The places of a window that are no staleness markers.
pub(crate) fn samples(series: &Series, window: Range<usize>) -> impl Iterator<Item = usize> {
    window.filter(move |at| !is_stale(series, *at))
}

/// Whether the sample says that the series has ended. Of histograms it is the sum that does.
fn is_stale(series: &Series, at: usize) -> bool {
    let value = histogram(series, at).map_or(series.values[at], |histogram| histogram.sum);
    sample::is_stale_nan(value)
}

pub(crate) fn histogram(series: &Series, at: usize) -> Option<&Arc<FloatHistogram>> {
    series.histograms.as_ref()?.get(at)?.as_ref()
}

/// The first of the numbers that none of the others beats, as `min_over_time` and
/// `max_over_time` choose it.
fn extreme(
    series: &Series,
    window: Range<usize>,
    beats: impl Fn(f64, f64) -> bool,
) -> Option<Sample> {
    let numbers = samples(series, window).filter(|at| histogram(series, *at).is_none());
    let values = numbers.map(|at| series.values[at]);
    let found = values.reduce(|kept, value| match beats(value, kept) || kept.is_nan() {
        true => value,
        false => kept,
    });
    found.map(Sample::Number)
}

/// The sum of a window. It is no counter, so that a histogram becomes a gauge.
fn sum(series: &Series, window: Range<usize>) -> Option<Sample> {
    let mut numbers: Option<Kahan> = None;
    let mut histograms: Option<HistogramSum> = None;
    let mut adds_up = true;
    for at in samples(series, window) {
        let Some(histogram) = histogram(series, at) else {
            let value = series.values[at];
            numbers = Some(numbers.map_or(Kahan::new(value), |sum| sum.plus(value)));
            continue;
        };
        match &mut histograms {
            None => histograms = Some(HistogramSum::new(histogram)),
            Some(sum) => adds_up &= sum.add(histogram).is_ok(),
        }
    }
    let histogram = match (numbers, histograms) {
        (None, None) => return None,
        (Some(sum), None) => return Some(Sample::Number(sum.total())),
        (None, Some(sum)) if adds_up => compacted(&sum),
        _ => None,
    };
    // Something has to say that samples are missing, or a sum of longer windows would be one of
    // the others alone.
    let nothing = || Sample::Number(f64::from_bits(sample::NORMAL_NAN_BITS));
    let gauge = histogram.map(|total| hinted(&total, CounterResetHint::Gauge));
    Some(gauge.unwrap_or_else(nothing))
}

/// The sum of histograms without empty buckets; `None` where it has more buckets than a store
/// keeps.
pub(crate) fn compacted(sum: &HistogramSum) -> Option<FloatHistogram> {
    let mut total = sum.total();
    total.compact();
    total.can_be_stored().then_some(total)
}
