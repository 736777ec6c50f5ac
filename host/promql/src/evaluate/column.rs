//! One series' values at all steps, and how a vector of such columns is computed.
//!
//! A column holds one value a step. A step without a sample holds [`ABSENT`], the bits of the
//! staleness marker: no sample that reaches an expression has them, because selectors leave
//! markers out and arithmetic makes quiet NaNs only. A step whose sample is a native histogram
//! holds the mark of one; the histogram itself is in a second column, which others do not have.
//! Who computes with numbers only either takes numbers alone ([`is_number`]) or has the
//! histograms dropped first ([`Column::drop_histograms`]).

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use narthex_model::{FloatHistogram, Labels, METRIC_NAME, sample};

use crate::budget::Budget;
use crate::error::QueryError;

/// No sample at this step.
pub(crate) const ABSENT: f64 = sample::STALE_NAN;

/// Whether there is no sample.
#[inline]
pub(crate) fn is_absent(value: f64) -> bool {
    sample::is_stale_nan(value)
}

/// A series of a result.
#[derive(Debug, Clone)]
pub(crate) struct OutputSeries {
    /// The label set.
    pub(crate) labels: Labels,
    /// The metric name goes when the query is done (delayed name removal).
    pub(crate) drop_name: bool,
}

/// Whether there is a sample, and it is a number.
#[inline]
pub(crate) fn is_number(value: f64) -> bool {
    !is_absent(value) && !sample::is_histogram(value)
}

/// A sample's value.
#[derive(Debug, Clone)]
pub(crate) enum SampleValue {
    /// A number.
    Number(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// The values of one series at all steps. As a slice it is the numbers.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    values: Vec<f64>,
    /// As long as `values`, or empty where there is no histogram. What is here counts only where
    /// `values` has the mark.
    histograms: Vec<Option<Arc<FloatHistogram>>>,
}

impl Column {
    /// A column without a sample.
    pub(crate) fn new(steps: usize) -> Self {
        Self::from(vec![ABSENT; steps])
    }

    /// Whether there may be a histogram.
    #[inline]
    pub(crate) fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// Whether a sample is a histogram.
    pub(crate) fn has_a_histogram(&self) -> bool {
        (0..self.values.len()).any(|step| self.histogram(step).is_some())
    }

    /// The histogram of a step.
    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        if !sample::is_histogram(self.values[step]) {
            return None;
        }
        self.histograms.get(step)?.as_ref()
    }

    /// The sample of a step.
    pub(crate) fn sample(&self, step: usize) -> Option<SampleValue> {
        let value = self.values[step];
        if is_absent(value) {
            None
        } else if sample::is_histogram(value) {
            let histogram = self.histograms.get(step)?.as_ref()?;
            Some(SampleValue::Histogram(Arc::clone(histogram)))
        } else {
            Some(SampleValue::Number(value))
        }
    }

    /// Puts a histogram at a step.
    pub(crate) fn set_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        if self.histograms.is_empty() {
            self.histograms = vec![None; self.values.len()];
        }
        self.values[step] = sample::HISTOGRAM;
        self.histograms[step] = Some(histogram);
    }

    /// Puts a sample, or none, at a step.
    pub(crate) fn set(&mut self, step: usize, value: Option<SampleValue>) {
        match value {
            Some(SampleValue::Number(value)) => self.values[step] = value,
            Some(SampleValue::Histogram(histogram)) => self.set_histogram(step, histogram),
            None => self.values[step] = ABSENT,
        }
    }

    /// Leaves the histograms out: a function that takes numbers does not see them.
    #[inline]
    pub(crate) fn drop_histograms(&mut self) {
        if self.histograms.is_empty() {
            return;
        }
        self.histograms.clear();
        for value in &mut self.values {
            if sample::is_histogram(*value) {
                *value = ABSENT;
            }
        }
    }

    /// Becomes a copy of another column of the same length.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.values.copy_from_slice(&other.values);
        self.histograms.clone_from(&other.histograms);
    }

    /// The numbers, and the histograms where there may be some.
    pub(crate) fn into_parts(self) -> (Vec<f64>, Vec<Option<Arc<FloatHistogram>>>) {
        (self.values, self.histograms)
    }

    /// How many samples it counts for; a histogram counts for several.
    fn samples(&self) -> usize {
        let present = self.values.iter().filter(|value| !is_absent(**value));
        let mut samples = present.count();
        if self.has_histograms() {
            let histograms = (0..self.values.len()).filter_map(|step| self.histogram(step));
            samples += histograms.map(|h| h.samples() - 1).sum::<usize>();
        }
        samples
    }
}

impl From<Vec<f64>> for Column {
    fn from(values: Vec<f64>) -> Self {
        Self {
            values,
            histograms: Vec::new(),
        }
    }
}

impl Deref for Column {
    type Target = [f64];

    #[inline]
    fn deref(&self) -> &[f64] {
        &self.values
    }
}

impl DerefMut for Column {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }
}

/// Columns that are being computed, and which series the first one is of.
type Chunk<'c> = (usize, &'c mut [Option<Column>]);

/// Computes the column of a series into one of one value a step, every one of which it sets.
pub(crate) type Fill<'a> = Box<dyn Fn(usize, &mut Column) + Send + Sync + 'a>;

/// An instant vector at all steps: the series are known, each column is computed when asked for.
pub(crate) struct Vector<'a> {
    /// The series; each label set may come more than once only where [`merged`] is still to be
    /// called.
    ///
    /// [`merged`]: super::merge::merged
    pub(crate) series: Vec<OutputSeries>,
    /// Computes a column. Nobody should ask twice for the same one: it costs the same again.
    pub(crate) fill: Fill<'a>,
}

impl Vector<'_> {
    /// A vector without a series.
    pub(crate) fn empty() -> Self {
        Self {
            series: Vec::new(),
            fill: Box::new(|_, _| {}),
        }
    }
}

/// Where columns are computed: on how many threads, and within which budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workers<'a> {
    /// How many threads may work.
    pub(crate) threads: usize,
    /// What the query may take.
    pub(crate) budget: &'a Budget,
}

/// Below so many values a query is done before a second thread has started.
const VALUES_PER_THREAD_MIN: usize = 1 << 16;
/// How many series a thread takes at a time.
const SERIES_AT_A_TIME: usize = 16;
/// How many values a batch of columns holds at most, where columns stream by.
const BATCH_VALUES: usize = 1 << 20;

impl<'a> Workers<'a> {
    /// Computes all columns and keeps those that have a sample.
    pub(crate) fn store(
        &self,
        vector: &Vector<'_>,
        steps: usize,
    ) -> Result<Stored<'a>, QueryError> {
        let mut stored = Stored {
            columns: vec![None; vector.series.len()],
            charge: Charge {
                budget: self.budget,
                samples: 0,
            },
        };
        stored.charge.samples = self.compute(vector, 0, &mut stored.columns, steps)?;
        Ok(stored)
    }

    /// Computes all columns and shows each to `fold`, in order; only a batch of them is in
    /// memory at a time. Columns without a sample are left out.
    pub(crate) fn for_each(
        &self,
        vector: &Vector<'_>,
        steps: usize,
        mut fold: impl FnMut(usize, &Column) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let batch_len = (BATCH_VALUES / steps.max(1)).clamp(1, vector.series.len().max(1));
        let mut batch = vec![None; batch_len];
        let mut first = 0;
        while first < vector.series.len() {
            let len = batch_len.min(vector.series.len() - first);
            let samples = self.compute(vector, first, &mut batch[..len], steps)?;
            for (at, column) in batch[..len].iter_mut().enumerate() {
                if let Some(column) = column.take() {
                    fold(first + at, &column)?;
                }
            }
            self.budget.release(samples);
            first += len;
        }
        Ok(())
    }

    /// Computes the columns of the series from `first` on, as many as `columns` has places, and
    /// says how many samples they have.
    fn compute(
        &self,
        vector: &Vector<'_>,
        first: usize,
        columns: &mut [Option<Column>],
        steps: usize,
    ) -> Result<usize, QueryError> {
        let values = columns.len().saturating_mul(steps);
        let threads = self.threads.min(values / VALUES_PER_THREAD_MIN + 1);
        if threads < 2 {
            let mut scratch = Column::new(steps);
            for (at, place) in columns.iter_mut().enumerate() {
                *place = self.column(vector, first + at, &mut scratch)?;
            }
        } else {
            self.compute_on_threads(vector, first, columns, steps, threads)?;
        }
        Ok(columns.iter().flatten().map(Column::samples).sum())
    }

    fn compute_on_threads(
        &self,
        vector: &Vector<'_>,
        first: usize,
        columns: &mut [Option<Column>],
        steps: usize,
        threads: usize,
    ) -> Result<(), QueryError> {
        let chunks: Vec<Mutex<Chunk<'_>>> = columns
            .chunks_mut(SERIES_AT_A_TIME)
            .enumerate()
            .map(|(at, chunk)| Mutex::new((first + at * SERIES_AT_A_TIME, chunk)))
            .collect();
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), QueryError> {
            let mut scratch = Column::new(steps);
            while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut chunk = chunk.lock().unwrap_or_else(PoisonError::into_inner);
                let (first, places) = &mut *chunk;
                for (at, place) in places.iter_mut().enumerate() {
                    *place = self.column(vector, *first + at, &mut scratch)?;
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mine = work();
            others.into_iter().fold(mine, |result, other| {
                let lost = || QueryError::Execution("a thread of the query panicked".to_owned());
                result.and(other.join().unwrap_or_else(|_| Err(lost())))
            })
        })
    }

    fn column(
        &self,
        vector: &Vector<'_>,
        index: usize,
        scratch: &mut Column,
    ) -> Result<Option<Column>, QueryError> {
        self.budget.check()?;
        scratch.histograms.clear();
        (vector.fill)(index, scratch);
        let samples = scratch.samples();
        if samples == 0 {
            return Ok(None);
        }
        self.budget.charge(samples)?;
        Ok(Some(Column {
            values: scratch.values.clone(),
            histograms: std::mem::take(&mut scratch.histograms),
        }))
    }
}

/// Columns in memory; `None` for a series without a sample.
#[derive(Debug)]
pub(crate) struct Stored<'a> {
    columns: Vec<Option<Column>>,
    charge: Charge<'a>,
}

/// Samples that are given back to the budget when their columns are dropped.
#[derive(Debug)]
struct Charge<'a> {
    budget: &'a Budget,
    samples: usize,
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.budget.release(self.samples);
    }
}

impl<'a> Stored<'a> {
    /// A single column.
    pub(crate) fn one(budget: &'a Budget, column: Column) -> Result<Self, QueryError> {
        budget.charge(column.len())?;
        let samples = column.len();
        Ok(Self {
            columns: vec![Some(column)],
            charge: Charge { budget, samples },
        })
    }

    /// The column of a series, where it has a sample.
    pub(crate) fn column(&self, series: usize) -> Option<&Column> {
        self.columns.get(series)?.as_ref()
    }

    /// Takes the column of a series out.
    pub(crate) fn take(&mut self, series: usize) -> Option<Column> {
        self.columns.get_mut(series)?.take()
    }

    /// The value of a series at a step, [`ABSENT`], or the mark of a histogram.
    pub(crate) fn value(&self, series: usize, step: usize) -> f64 {
        self.column(series).map_or(ABSENT, |column| column[step])
    }

    /// The sample of a series at a step.
    pub(crate) fn sample(&self, series: usize, step: usize) -> Option<SampleValue> {
        self.column(series)?.sample(step)
    }

    /// Copies the column of a series.
    pub(crate) fn copy(&self, series: usize, out: &mut Column) {
        match self.column(series) {
            Some(column) => out.copy_from(column),
            None => out.fill(ABSENT),
        }
    }
}

/// The label set without `__name__`, `__type__` and `__unit__`: what is left of a metric that an
/// expression has changed.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    labels.filtered(|name| !matches!(name, METRIC_NAME | "__type__" | "__unit__"))
}
