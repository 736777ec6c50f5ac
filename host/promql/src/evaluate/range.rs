//! Range vectors: samples, and the window that each step sees of them.

use std::borrow::Cow;
use std::sync::Arc;

use narthex_model::{CounterResetHint, FloatHistogram, Labels, sample};
use narthex_storage::{Series, TimeRange};

use super::Context;
use super::column::{Column, Stored, is_absent, is_number};
use super::edges::Edges;
use super::grid::Grid;
use super::selector::advance;
use super::start_timestamps::Started;
use crate::error::QueryError;
use crate::plan::{Selector, Shift, Subquery};

/// The samples of all series, and how windows are cut from them.
pub(crate) struct RangeVector<'a> {
    /// The series, each with all samples that any step may see.
    pub(crate) series: Vec<RangeSeries<'a>>,
    /// How windows are cut.
    pub(crate) windows: Windows,
    /// How the samples at the edges of a window are made, where they are.
    pub(crate) edges: Option<Edges>,
}

/// One series of a range vector.
pub(crate) struct RangeSeries<'a> {
    /// The label set.
    pub(crate) labels: Labels,
    /// The metric name goes when the query is done.
    pub(crate) drop_name: bool,
    timestamps: Cow<'a, [i64]>,
    values: Cow<'a, [f64]>,
    histograms: Option<Cow<'a, [Option<Arc<FloatHistogram>>]>>,
    starts: Option<Cow<'a, [i64]>>,
}

/// Samples of which some are native histograms, without staleness markers, in columns of the
/// same length.
pub(crate) struct MixedSamples<'s> {
    /// Milliseconds since the epoch, ascending.
    pub(crate) timestamps: Cow<'s, [i64]>,
    /// The numbers, and marks of histograms.
    pub(crate) values: Cow<'s, [f64]>,
    /// The histograms.
    pub(crate) histograms: Cow<'s, [Option<Arc<FloatHistogram>>]>,
    /// When the counting of each began, where that is known of any.
    pub(crate) starts: Option<Cow<'s, [i64]>>,
}

/// Samples without staleness markers, in columns of the same length.
#[derive(Clone)]
pub(crate) struct Samples<'s> {
    /// Milliseconds since the epoch, ascending.
    pub(crate) timestamps: Cow<'s, [i64]>,
    /// The values.
    pub(crate) values: Cow<'s, [f64]>,
    /// When the counting of each began, where that is known of any.
    pub(crate) starts: Option<Cow<'s, [i64]>>,
}

impl RangeSeries<'_> {
    /// The samples that count, where some of them are native histograms; `None` for a series of
    /// numbers.
    pub(crate) fn mixed(&self) -> Option<MixedSamples<'_>> {
        let histograms = self.histograms.as_deref()?;
        if !has_markers(&self.values) {
            return Some(MixedSamples {
                timestamps: Cow::Borrowed(&self.timestamps),
                values: Cow::Borrowed(&self.values),
                histograms: Cow::Borrowed(histograms),
                starts: self.starts.as_deref().map(Cow::Borrowed),
            });
        }
        let counts = |at: &usize| !sample::is_stale_nan(self.values[*at]);
        let kept: Vec<usize> = (0..self.values.len()).filter(counts).collect();
        let histograms = kept.iter().map(|at| histograms[*at].clone());
        Some(MixedSamples {
            timestamps: kept.iter().map(|at| self.timestamps[*at]).collect(),
            values: kept.iter().map(|at| self.values[*at]).collect(),
            histograms: histograms.collect(),
            starts: self.starts_of(&kept),
        })
    }

    /// The series with its numbers alone.
    pub(crate) fn numbers(&self) -> RangeSeries<'static> {
        let is_kept = |at: &usize| is_number(self.values[*at]);
        let kept: Vec<usize> = (0..self.values.len()).filter(is_kept).collect();
        RangeSeries {
            labels: self.labels.clone(),
            drop_name: self.drop_name,
            timestamps: kept.iter().map(|at| self.timestamps[*at]).collect(),
            values: kept.iter().map(|at| self.values[*at]).collect(),
            histograms: None,
            starts: self.starts_of(&kept),
        }
    }

    fn starts_of(&self, kept: &[usize]) -> Option<Cow<'static, [i64]>> {
        let starts = self.starts.as_deref()?;
        Some(kept.iter().map(|at| starts[*at]).collect())
    }

    /// The samples that count: all but staleness markers.
    pub(crate) fn samples(&self) -> Samples<'_> {
        if !has_markers(&self.values) {
            return Samples {
                timestamps: Cow::Borrowed(&self.timestamps),
                values: Cow::Borrowed(&self.values),
                starts: self.starts.as_deref().map(Cow::Borrowed),
            };
        }
        let counts = |at: &usize| !sample::is_stale_nan(self.values[*at]);
        let kept: Vec<usize> = (0..self.values.len()).filter(counts).collect();
        Samples {
            timestamps: kept.iter().map(|at| self.timestamps[*at]).collect(),
            values: kept.iter().map(|at| self.values[*at]).collect(),
            starts: self.starts_of(&kept),
        }
    }
}

impl Samples<'_> {
    /// The samples with their starts, where any is known.
    pub(crate) fn started(&self) -> Option<Started<'_>> {
        Some(Started {
            timestamps: &self.timestamps,
            starts: self.starts.as_deref()?,
        })
    }
}

impl MixedSamples<'_> {
    /// The samples with their starts, where any is known.
    pub(crate) fn started(&self) -> Option<Started<'_>> {
        Some(Started {
            timestamps: &self.timestamps,
            starts: self.starts.as_deref()?,
        })
    }
}

/// Whether there is a staleness marker. Nearly always there is none, so values are looked at many
/// at a time.
fn has_markers(values: &[f64]) -> bool {
    const AT_A_TIME: usize = 64;
    let any = |found: bool, value: &f64| found | sample::is_stale_nan(*value);
    let mut parts = values.chunks(AT_A_TIME);
    parts.any(|part| part.iter().fold(false, any))
}

/// What a histogram says of a reset is of the sample before it in the store, which the points of
/// a subquery may leave out, or have twice.
fn without_reset_hint(mut histogram: Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    let hint = histogram.counter_reset_hint;
    if matches!(hint, CounterResetHint::Reset | CounterResetHint::NotReset) {
        Arc::make_mut(&mut histogram).counter_reset_hint = CounterResetHint::Unknown;
    }
    histogram
}

/// How each step's window is cut. The left end is left out, the right one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// The times of the evaluation.
    pub(crate) grid: Grid,
    /// The length.
    pub(crate) range_ms: i64,
    /// `offset` and `@`.
    pub(crate) shift: Shift,
}

/// What one step sees: samples `low..high` of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// The step of the evaluation.
    pub(crate) step: usize,
    /// The first sample.
    pub(crate) low: usize,
    /// After the last sample.
    pub(crate) high: usize,
    /// The left end, itself left out.
    pub(crate) start_ms: i64,
    /// The right end.
    pub(crate) end_ms: i64,
}

impl Window {
    /// How many samples it has.
    pub(crate) fn len(&self) -> usize {
        self.high - self.low
    }
}

impl Windows {
    /// From the first millisecond of the first window to the last one of the last.
    pub(crate) fn time_range(&self) -> TimeRange {
        let first_ms = self.shift.apply(self.grid.start_ms);
        TimeRange {
            start_ms: first_ms.saturating_sub(self.range_ms).saturating_add(1),
            end_ms: self.shift.apply(self.grid.end_ms()),
        }
    }

    /// Shows every window that has a sample, in the order of the steps; both ends only ever move
    /// forward over the samples.
    #[inline]
    pub(crate) fn for_each(&self, timestamps: &[i64], mut see: impl FnMut(Window)) {
        let (mut low, mut high) = (0, 0);
        for step in 0..self.grid.count {
            let end_ms = self.shift.apply(self.grid.time(step));
            let start_ms = end_ms.saturating_sub(self.range_ms);
            low = advance(timestamps, low, start_ms);
            high = advance(timestamps, high.max(low), end_ms);
            if low < high {
                see(Window {
                    step,
                    low,
                    high,
                    start_ms,
                    end_ms,
                });
            }
        }
    }
}

impl<'a> RangeVector<'a> {
    /// The samples that a selector reads.
    pub(crate) fn of_selector(
        context: Context<'a>,
        selector: &'a Selector,
        range_ms: i64,
        grid: Grid,
    ) -> Self {
        let fetched = context.fetched[selector.request].iter();
        let series = fetched.map(|series| RangeSeries {
            labels: series.labels.clone(),
            drop_name: false,
            timestamps: Cow::Borrowed(&series.timestamps[..]),
            values: Cow::Borrowed(&series.values[..]),
            histograms: series.histograms.as_deref().map(Cow::Borrowed),
            starts: starts(context, series),
        });
        let matrix = Self {
            series: series.collect(),
            windows: Windows {
                grid,
                range_ms,
                shift: selector.shift,
            },
            edges: Edges::new(selector.edges, selector.lookback_ms),
        };
        if context.counting.is_on() {
            for series in &matrix.series {
                let samples = series.samples();
                let counting = context.counting;
                let seen = match matrix.edges {
                    Some(edges) => edges.around(&matrix.windows),
                    None => matrix.windows,
                };
                counting.windows(&seen, &samples.timestamps);
            }
        }
        matrix
    }

    /// The samples that a subquery makes.
    pub(crate) fn of_subquery(
        context: Context<'a>,
        subquery: &'a Subquery,
        grid: Grid,
    ) -> Result<Self, QueryError> {
        let times = subquery.times;
        let windows = Windows {
            grid,
            range_ms: times.range_ms,
            shift: times.shift,
        };
        let Some(inner_grid) = times.inner(grid) else {
            return Ok(Self {
                series: Vec::new(),
                windows,
                edges: None,
            });
        };
        context.workers.budget.check_steps(inner_grid.count)?;
        let inner = Context {
            counting: context.counting.in_subquery(),
            ..context
        };
        let (series, mut columns) = match inner.evaluate(&subquery.inner, inner_grid)? {
            super::Evaluated::Vector(vector) => {
                let stored = context.workers.store(&vector, inner_grid.count)?;
                (vector.series, stored)
            }
            super::Evaluated::Scalar(values) => {
                let stored = Stored::one(context.workers.budget, Column::from(values))?;
                (vec![super::unlabelled()], stored)
            }
            _ => return Err(super::mistyped("an instant vector")),
        };
        let mut found = Vec::with_capacity(series.len());
        for (at, series) in series.into_iter().enumerate() {
            let Some(column) = columns.take(at) else {
                continue;
            };
            let (values, histograms) = column.into_parts();
            let present = |step: &usize| !is_absent(values[*step]);
            let kept: Vec<usize> = (0..values.len()).filter(present).collect();
            let timestamps: Vec<i64> = kept.iter().map(|step| inner_grid.time(*step)).collect();
            let histograms = (!histograms.is_empty()).then(|| {
                let kept = kept.iter().map(|step| histograms[*step].clone());
                let kept = kept.map(|histogram| histogram.map(without_reset_hint));
                kept.collect::<Vec<_>>().into()
            });
            let values: Vec<f64> = kept.iter().map(|step| values[*step]).collect();
            context.counting.points(&windows, &timestamps);
            found.push(RangeSeries {
                labels: series.labels,
                drop_name: series.drop_name,
                timestamps: timestamps.into(),
                values: values.into(),
                histograms,
                // A subquery's samples are computed: nobody knows when their counting began.
                starts: None,
            });
        }
        Ok(Self {
            series: found,
            windows,
            edges: None,
        })
    }
}

/// The starts of a series' samples, where they are to count.
fn starts<'a>(context: Context<'a>, series: &'a Series) -> Option<Cow<'a, [i64]>> {
    let starts = series.starts.as_ref();
    let starts = starts.filter(|_| context.use_start_timestamps)?;
    Some(Cow::Borrowed(&starts[..]))
}
