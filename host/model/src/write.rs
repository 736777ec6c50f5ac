//! What one scrape brings to the store, and what the store says of it.

use std::sync::Arc;

use crate::{ExemplarRejection, ExemplarSample, FloatHistogram, Labels};

/// A series as its store numbers it: never used twice, 0 is "not known yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SeriesRef(pub u64);

impl SeriesRef {
    /// No reference: the store looks the series up by its labels.
    pub const UNKNOWN: Self = Self(0);
}

/// One value of one series.
#[derive(Debug, Clone)]
pub struct Sample {
    /// A hint from an earlier [`AppendReport`]. A reference that the store no longer knows is
    /// ignored: the labels decide.
    pub series: SeriesRef,
    /// The series' whole label set, metric name included.
    pub labels: Labels,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The value; its bits are kept, NaN payloads included. Those of
    /// [`sample::HISTOGRAM`](crate::sample::HISTOGRAM), which no number has, are stored as those
    /// of [`sample::NORMAL_NAN_BITS`](crate::sample::NORMAL_NAN_BITS).
    pub value: f64,
}

/// One native histogram of one series. A series that ends is marked by a [`Sample`] with the
/// staleness marker, whatever its samples were.
#[derive(Debug, Clone)]
pub struct HistogramSample {
    /// As in [`Sample`].
    pub series: SeriesRef,
    /// The series' whole label set, metric name included.
    pub labels: Labels,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The histogram.
    pub histogram: Arc<FloatHistogram>,
}

/// All that one scrape (or one request) writes. It reaches the log as one record before it
/// reaches memory, so it is there wholly after a crash or not at all.
#[derive(Debug, Clone, Default)]
pub struct WriteBatch {
    /// The samples, in the order in which they were read.
    pub samples: Vec<Sample>,
    /// The native histograms, in the order in which they were read. They are taken after the
    /// samples: a series that has both in one batch has its histograms later.
    pub histograms: Vec<HistogramSample>,
    /// When the counting of samples began, for those whose source says so.
    pub starts: StartTimestamps,
    /// Exemplars of the series of the batch, or of others, in the order of time. A store that
    /// keeps none ignores them.
    pub exemplars: Vec<ExemplarSample>,
}

/// When the counting of a batch's samples began, in milliseconds since the epoch: index into the
/// batch and time, ascending by index. Samples that come out of order need not keep theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartTimestamps {
    /// Of the samples that are numbers.
    pub samples: Vec<(usize, i64)>,
    /// Of the native histograms.
    pub histograms: Vec<(usize, i64)>,
}

impl From<Vec<Sample>> for WriteBatch {
    fn from(samples: Vec<Sample>) -> Self {
        Self {
            samples,
            ..Self::default()
        }
    }
}

/// Why the store left a single sample out. The other samples of the batch are not affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// The series has a newer sample already.
    OutOfOrder,
    /// The series has another value at the same time; the first one stays.
    DuplicateTimestamp,
    /// The sample is older than what the store still takes.
    OutOfBounds,
    /// The label set is empty or has no metric name.
    InvalidLabels,
    /// The native histogram is none that a store keeps
    /// ([`FloatHistogram::can_be_stored`]).
    InvalidHistogram,
}

/// What became of a [`WriteBatch`].
#[derive(Debug, Clone, Default)]
pub struct AppendReport {
    /// The series of each sample, in the batch's order; `UNKNOWN` for a rejected sample of a
    /// series that does not exist.
    pub series: Vec<SeriesRef>,
    /// Samples left out: index into the batch, and why. Ascending by index.
    pub rejected: Vec<(usize, Rejection)>,
    /// The series of each native histogram, as with the samples.
    pub histogram_series: Vec<SeriesRef>,
    /// Native histograms left out: index into the batch's histograms, and why. Ascending by
    /// index.
    pub rejected_histograms: Vec<(usize, Rejection)>,
    /// Exemplars left out: index into the batch's exemplars, and why. Ascending by index.
    pub rejected_exemplars: Vec<(usize, ExemplarRejection)>,
    /// How many series the batch created.
    pub created: u64,
}
