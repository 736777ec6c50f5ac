//! The reading seam.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use futures::future::{BoxFuture, FutureExt, ready};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use narthex_model::{FloatHistogram, Labels, Matcher};

use crate::{Aggregate, ExemplarsRequest, Part, PushedDown, SeriesExemplars, Wanted, Warnings};

/// A span of time, both ends included, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first millisecond.
    pub start_ms: i64,
    /// The last millisecond.
    pub end_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        start_ms: i64::MIN,
        end_ms: i64::MAX,
    };

    /// Whether the two share a millisecond.
    pub fn overlaps(self, other: Self) -> bool {
        self.start_ms <= other.end_ms && other.start_ms <= self.end_ms
    }

    /// Whether the span has this millisecond.
    pub fn contains(self, timestamp_ms: i64) -> bool {
        (self.start_ms..=self.end_ms).contains(&timestamp_ms)
    }
}

/// Which series, and from when to when.
#[derive(Debug, Clone)]
pub struct SelectRequest {
    /// All of them must hold. No matcher selects every series.
    pub matchers: Vec<Matcher>,
    /// Samples outside are not returned, nor are series that have none inside.
    pub range: TimeRange,
}

/// Which label sets, names or values: of the series that match and may have a sample in the range.
#[derive(Debug, Clone)]
pub struct LabelsRequest {
    /// As in [`SelectRequest`].
    pub matchers: Vec<Matcher>,
    /// A store may answer for whole blocks that overlap it.
    pub range: TimeRange,
    /// So many label sets are enough, or the first so many names or values; a store may stop there.
    /// `None` for all.
    pub limit: Option<usize>,
}

impl LabelsRequest {
    /// For the samples of the series.
    pub fn samples(&self) -> SelectRequest {
        SelectRequest {
            matchers: self.matchers.clone(),
            range: self.range,
        }
    }

    /// For all of the series, however few names or values are enough.
    fn unlimited(&self) -> Self {
        Self {
            limit: None,
            ..self.clone()
        }
    }
}

/// The native histograms of a series: one place a sample, empty where the sample is a number.
pub type Histograms = Arc<[Option<Arc<FloatHistogram>>]>;

/// One series, in columns of the same length, at least one.
///
/// Nearly all series have numbers only. Those have no column of histograms, and who reads them
/// pays one look at an `Option` a series. A sample that is a histogram keeps its place among the
/// timestamps and values, so that windows over a series with both are cut as over any other.
#[derive(Debug, Clone)]
pub struct Series {
    /// The whole label set.
    pub labels: Labels,
    /// Milliseconds since the epoch, strictly ascending; series of one target may share it.
    pub timestamps: ScalarBuffer<i64>,
    /// The values, staleness markers included; [`sample::HISTOGRAM`] where the sample is a
    /// native histogram.
    ///
    /// [`sample::HISTOGRAM`]: narthex_model::sample::HISTOGRAM
    pub values: ScalarBuffer<f64>,
    /// The native histograms; `None` where the series has none.
    pub histograms: Option<Histograms>,
    /// When the counting of each sample began, in milliseconds since the epoch, 0 where it is not
    /// known; `None` where it is of no sample, or the store keeps none.
    pub starts: Option<ScalarBuffer<i64>>,
}

impl Series {
    /// A series of numbers.
    pub fn of_numbers(
        labels: Labels,
        timestamps: impl Into<ScalarBuffer<i64>>,
        values: impl Into<ScalarBuffer<f64>>,
    ) -> Self {
        Self {
            labels,
            timestamps: timestamps.into(),
            values: values.into(),
            histograms: None,
            starts: None,
        }
    }
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// What was stored cannot be read.
    #[error("{context}")]
    Read {
        /// Which file or block.
        context: String,
        /// What was wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
    /// The store answers no reads: it passes samples on and keeps them as long as that takes.
    #[error("unsupported operation with WAL-only storage")]
    Unsupported,
}

/// Series in no particular order, each label set once.
pub type SeriesStream = BoxStream<'static, Result<Series, StorageError>>;

/// Answers for series and labels.
///
/// A store that has no cheaper way answers all but [`Self::select`] by the samples themselves.
pub trait Queryable: Send + Sync {
    /// The samples of all series that match.
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>>;

    /// As [`Self::select`], for who shows warnings: a store with parts that may fail says there
    /// what is missing, before it gives the stream.
    fn select_with_warnings<'a>(
        &'a self,
        request: &'a SelectRequest,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.select_wanted(request, Wanted::Samples, warnings)
    }

    /// As [`Self::select_with_warnings`], for who looks at a part of what samples say. A store that
    /// has raw samples alone need not know of [`Wanted::Windows`]; one with parts that may fail says
    /// here what is missing.
    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        _warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        if wanted.aggregate() != Aggregate::Count {
            return self.select(request);
        }
        async move {
            let found = self.select(request).await?;
            Ok(wanted.of_raw_stream(found))
        }
        .boxed()
    }

    /// The length in milliseconds of the longest windows that may be read in this range where
    /// windows of `max_resolution_ms` are allowed; 0 where all that is read are raw samples. It is
    /// above `max_resolution_ms` where nothing finer is left.
    fn resolution_ms(&self, _range: TimeRange, _max_resolution_ms: i64) -> i64 {
        0
    }

    /// Whether [`Self::push_down`] is worth asking.
    fn pushes_down(&self) -> bool {
        false
    }

    /// Has aggregations, which all read this one request, evaluated where its samples are. `None`
    /// where nobody does that, so that all series are to be read.
    fn push_down<'a>(
        &'a self,
        _request: &'a SelectRequest,
        _parts: &'a [Part],
        _warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Option<PushedDown>, StorageError>> {
        ready(Ok(None)).boxed()
    }

    /// The label sets of all series that match and may have a sample in the range; in no
    /// particular order, each once. Cheaper than `select` where no sample is read, so a store may
    /// answer for whole blocks that overlap the range.
    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async {
            let series = self.select(&request.samples()).await?;
            let labels = series.map_ok(|series| series.labels);
            let limit = request.limit.unwrap_or(usize::MAX);
            labels.take(limit).try_collect().await
        }
        .boxed()
    }

    /// As [`Self::series`], for who shows warnings.
    fn series_with_warnings<'a>(
        &'a self,
        request: &'a LabelsRequest,
        _warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        self.series(request)
    }

    /// A number that stands for the samples in a range: as long as it stays the same, a `select` gives
    /// what it gave before. `None` where the store cannot tell. A store that asks others says who they
    /// are, for it cannot tell what became of their samples.
    fn version(&self, _range: TimeRange) -> Option<u64> {
        None
    }

    /// The exemplars of the series that are asked for, sorted by label set. A store that keeps
    /// none has none.
    fn exemplars(&self, _request: &ExemplarsRequest) -> Vec<SeriesExemplars> {
        Vec::new()
    }

    /// The label names in use, sorted.
    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async {
            let series = self.series(&request.unlimited()).await?;
            let names = series.iter().flat_map(|labels| labels.iter());
            Ok(sorted(names.map(|(name, _)| name)))
        }
        .boxed()
    }

    /// The values of one label, sorted.
    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move {
            let series = self.series(&request.unlimited()).await?;
            Ok(sorted(series.iter().filter_map(|labels| labels.get(name))))
        }
        .boxed()
    }
}

/// Each once.
fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let texts: BTreeSet<&str> = texts.collect();
    texts.into_iter().map(str::to_owned).collect()
}
