//! What a query took: time by its phases, and where asked for the samples that it looked at, as
//! Prometheus counts them.
//!
//! Counting walks over the windows once more, so it is done only for those who ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::evaluate::grid::Grid;
use crate::evaluate::range::Windows;

/// Which statistics are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StatsWanted {
    /// The timings only, which cost nothing.
    #[default]
    Timings,
    /// Also how many samples were looked at.
    Samples,
    /// Also how many at each step, where the engine allows it
    /// ([`EngineOptions::per_step_stats`]).
    ///
    /// [`EngineOptions::per_step_stats`]: crate::EngineOptions::per_step_stats
    SamplesPerStep,
}

/// What a query took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// By phase.
    pub timings: QueryTimings,
    /// The samples, where they were asked for.
    pub samples: Option<QuerySamples>,
}

/// How long each phase took. All is zero where there is no runtime around the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryTimings {
    /// All but waiting for a turn.
    pub eval_total: Duration,
    /// Always zero: answers are sorted as they are made.
    pub result_sort: Duration,
    /// Reading the series.
    pub query_preparation: Duration,
    /// Computing the answer.
    pub inner_eval: Duration,
    /// Waiting for a turn.
    pub exec_queue: Duration,
    /// All.
    pub exec_total: Duration,
}

/// The samples that a query looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuerySamples {
    /// How many, each as often as a window has it.
    pub total: u64,
    /// The same at each step: its time in milliseconds and how many.
    pub total_per_step: Option<Vec<(i64, u64)>>,
    /// How many were read from the store: a sample that several windows of a selector have counts
    /// once.
    pub read: u64,
    /// The same at each step.
    pub read_per_step: Option<Vec<(i64, u64)>>,
    /// The most samples that were in memory at a time.
    pub peak: u64,
}

/// Samples counted by the steps of the query.
#[derive(Debug)]
pub(crate) struct Counts {
    grid: Grid,
    total: Vec<AtomicU64>,
    read: Vec<AtomicU64>,
}

impl Counts {
    /// Nothing counted yet.
    pub(crate) fn new(grid: Grid) -> Self {
        let zeros = || (0..grid.count).map(|_| AtomicU64::new(0)).collect();
        Self {
            grid,
            total: zeros(),
            read: zeros(),
        }
    }

    /// What is told of it.
    pub(crate) fn finish(self, per_step: bool, peak: usize) -> QuerySamples {
        let told = |counts: Vec<AtomicU64>| {
            let counts: Vec<u64> = counts.into_iter().map(AtomicU64::into_inner).collect();
            let steps = || self.grid.times().zip(counts.iter().copied());
            (counts.iter().sum(), per_step.then(|| steps().collect()))
        };
        let (total, total_per_step) = told(self.total);
        let (read, read_per_step) = told(self.read);
        QuerySamples {
            total,
            total_per_step,
            read,
            read_per_step,
            peak: u64::try_from(peak).unwrap_or(u64::MAX),
        }
    }

    /// The step of the query that something at this time is done for: the next one.
    fn step(&self, time_ms: i64) -> usize {
        let after_ms = i128::from(time_ms) - i128::from(self.grid.start_ms);
        let steps = (after_ms + i128::from(self.grid.step_ms) - 1) / i128::from(self.grid.step_ms);
        let last = self.grid.count - 1;
        usize::try_from(steps.max(0)).map_or(last, |step| step.min(last))
    }
}

/// Which of a query's steps what an expression looks at counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Totals {
    /// Each step's own.
    Steps,
    /// It is evaluated once for all steps, and counts for each.
    Repeated,
    /// It is the subquery that the whole query is: all counts for the last step.
    Last,
    /// It is inside of a subquery, whose points are counted and not what they were made of.
    Not,
}

/// Where an expression counts the samples that it looks at. Off where nobody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counting<'a> {
    counts: Option<&'a Counts>,
    totals: Totals,
}

impl<'a> Counting<'a> {
    /// Counts where there is something to count in.
    pub(crate) fn new(counts: Option<&'a Counts>) -> Self {
        Self {
            counts,
            totals: Totals::Steps,
        }
    }

    /// For an expression that is evaluated once for all steps.
    pub(crate) fn once(self) -> Self {
        self.changed(Totals::Steps, Totals::Repeated)
    }

    /// For the subquery that is the whole query.
    pub(crate) fn whole_subquery(self) -> Self {
        self.changed(Totals::Steps, Totals::Last)
    }

    /// For what is inside of a subquery.
    pub(crate) fn in_subquery(self) -> Self {
        match self.totals {
            Totals::Last => self,
            _ => Self {
                totals: Totals::Not,
                ..self
            },
        }
    }

    fn changed(self, from: Totals, to: Totals) -> Self {
        let totals = if self.totals == from { to } else { self.totals };
        Self { totals, ..self }
    }

    /// Whether somebody asks.
    pub(crate) fn is_on(self) -> bool {
        self.counts.is_some()
    }

    /// Counts the windows of a selector's series: all samples of each, and as read those that no
    /// window before it had.
    pub(crate) fn windows(self, windows: &Windows, timestamps: &[i64]) {
        let Some(counts) = self.counts else { return };
        let mut read = 0;
        windows.for_each(timestamps, |window| {
            let time_ms = windows.grid.time(window.step);
            let new = window.high - window.low.max(read).min(window.high);
            read = window.high;
            self.add(counts, time_ms, window.len(), new);
        });
    }

    /// Counts the windows of a subquery's points, which are not read from the store.
    pub(crate) fn points(self, windows: &Windows, timestamps: &[i64]) {
        let Some(counts) = self.counts else { return };
        if self.totals == Totals::Last {
            return;
        }
        windows.for_each(timestamps, |window| {
            self.add(counts, windows.grid.time(window.step), window.len(), 0);
        });
    }

    /// Counts the samples of an instant selector's column.
    pub(crate) fn column(self, grid: Grid, is_present: impl Iterator<Item = bool>) {
        let Some(counts) = self.counts else { return };
        for (time_ms, is_present) in grid.times().zip(is_present) {
            if is_present {
                self.add(counts, time_ms, 1, 1);
            }
        }
    }

    fn add(self, counts: &Counts, time_ms: i64, total: usize, read: usize) {
        let add = |to: &[AtomicU64], step: usize, samples: usize| {
            let samples = u64::try_from(samples).unwrap_or(u64::MAX);
            if let Some(count) = to.get(step) {
                count.fetch_add(samples, Ordering::Relaxed);
            }
        };
        let last = counts.grid.count - 1;
        match self.totals {
            Totals::Steps => add(&counts.total, counts.step(time_ms), total),
            Totals::Repeated => (0..=last).for_each(|step| add(&counts.total, step, total)),
            Totals::Last => add(&counts.total, last, total),
            Totals::Not => {}
        }
        let step = match self.totals {
            Totals::Steps | Totals::Not => counts.step(time_ms),
            Totals::Repeated => 0,
            Totals::Last => last,
        };
        add(&counts.read, step, read);
    }
}

#[cfg(test)]
mod tests;
