//! One series' values at all steps, and how a vector of such columns is computed.
//!
//! A column holds one value a step. A step without a sample holds [`ABSENT`], the bits of the
//! staleness marker: no sample that reaches an expression has them, because selectors leave
//! markers out and arithmetic makes quiet NaNs only.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use narthex_model::{Labels, METRIC_NAME, sample};

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

/// A column in memory.
pub(crate) type Column = Box<[f64]>;

/// Columns that are being computed, and which series the first one is of.
type Chunk<'c> = (usize, &'c mut [Option<Column>]);

/// Computes the column of a series into a slice of one value a step.
pub(crate) type Fill<'a> = Box<dyn Fn(usize, &mut [f64]) + Send + Sync + 'a>;

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
        mut fold: impl FnMut(usize, &[f64]) -> Result<(), QueryError>,
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
            let mut scratch = vec![ABSENT; steps];
            for (at, place) in columns.iter_mut().enumerate() {
                *place = self.column(vector, first + at, &mut scratch)?;
            }
        } else {
            self.compute_on_threads(vector, first, columns, steps, threads)?;
        }
        Ok(columns.iter().flatten().map(|column| present(column)).sum())
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
            let mut scratch = vec![ABSENT; steps];
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
        scratch: &mut [f64],
    ) -> Result<Option<Column>, QueryError> {
        self.budget.check()?;
        (vector.fill)(index, scratch);
        let samples = present(scratch);
        if samples == 0 {
            return Ok(None);
        }
        self.budget.charge(samples)?;
        Ok(Some(Box::from(&*scratch)))
    }
}

fn present(column: &[f64]) -> usize {
    column.iter().filter(|value| !is_absent(**value)).count()
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
    pub(crate) fn column(&self, series: usize) -> Option<&[f64]> {
        self.columns.get(series)?.as_deref()
    }

    /// Takes the column of a series out.
    pub(crate) fn take(&mut self, series: usize) -> Option<Column> {
        self.columns.get_mut(series)?.take()
    }

    /// The value of a series at a step, or [`ABSENT`].
    pub(crate) fn value(&self, series: usize, step: usize) -> f64 {
        self.column(series).map_or(ABSENT, |column| column[step])
    }

    /// Copies the column of a series.
    pub(crate) fn copy(&self, series: usize, out: &mut [f64]) {
        match self.column(series) {
            Some(column) => out.copy_from_slice(column),
            None => out.fill(ABSENT),
        }
    }
}

/// The label set without `__name__`, `__type__` and `__unit__`: what is left of a metric that an
/// expression has changed.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    labels.filtered(|name| !matches!(name, METRIC_NAME | "__type__" | "__unit__"))
}
