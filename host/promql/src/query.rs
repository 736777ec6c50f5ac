//! One query: its plan, and all that its evaluation needs beside what is read.

use std::sync::Arc;

use narthex_storage::{Series, Warnings};

use crate::annotations::Annotations;
use crate::budget::Budget;
use crate::error::QueryError;
use crate::evaluate::column::Workers;
use crate::evaluate::{Context, Folds, answer};
use crate::fetch::Fetched;
use crate::plan::Plan;
use crate::room::with_room;
use crate::statistics::{Counting, Counts, QueryStats, QueryTimings, StatsWanted};
use crate::value::QueryResult;

/// A planned query.
pub(crate) struct Query {
    /// What is read and evaluated.
    pub(crate) plan: Plan,
    /// How high the tree is.
    pub(crate) height: usize,
    /// The query as it was written.
    pub(crate) text: String,
    /// How far an instant selector looks back.
    pub(crate) lookback_ms: i64,
    /// Names are dropped when the query is done.
    pub(crate) delayed_name_removal: bool,
    /// The type of a metric is the value of its label `__type__`.
    pub(crate) type_and_unit_labels: bool,
    /// Start timestamps count.
    pub(crate) use_start_timestamps: bool,
    /// How many threads may work on it.
    pub(crate) threads: usize,
    /// How many samples are read at a time where they are folded as they come.
    pub(crate) batch_samples: usize,
    /// What is to be counted.
    pub(crate) stats: StatsWanted,
    /// What was found that the user should know.
    pub(crate) annotations: Annotations,
    /// What the store could not read.
    pub(crate) warnings: Warnings,
    /// What it may take.
    pub(crate) budget: Arc<Budget>,
}

impl Query {
    /// Whether the series of a request may be folded a few at a time as they are read. Who wants
    /// samples counted gets all of them counted where they are evaluated.
    pub(crate) fn streams(&self, request: usize) -> bool {
        self.stats == StatsWanted::Timings && self.plan.requests[request].is_streamed
    }

    /// Folds some of a request's series. `None` where that request is to be read as a whole.
    pub(crate) fn fold(
        &self,
        request: usize,
        mut folds: Folds,
        mut series: Vec<Series>,
    ) -> Result<Option<Folds>, QueryError> {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let mut batch = Fetched::nothing(&self.plan);
        batch.series[request] = series;
        let context = self.context(&batch, Counting::new(None));
        if with_room(self.height, || folds.take(context, &self.plan))? {
            return Ok(Some(folds));
        }
        self.budget.release_bytes(folds.bytes());
        Ok(None)
    }

    /// Makes the answer of what was read.
    pub(crate) fn evaluate(&self, fetched: &Fetched) -> Result<QueryResult, QueryError> {
        let grid = self.plan.grid;
        self.budget.check_steps(grid.count)?;
        let counts = (self.stats != StatsWanted::Timings).then(|| Counts::new(grid));
        let context = self.context(fetched, Counting::new(counts.as_ref()));
        let value = with_room(self.height, || answer(context, &self.plan.root, grid))?;
        let (mut warnings, infos) = self.annotations.finish(&self.text);
        warnings.extend(self.warnings.texts());
        let per_step = self.stats == StatsWanted::SamplesPerStep;
        Ok(QueryResult {
            value,
            warnings,
            infos,
            stats: QueryStats {
                timings: QueryTimings::default(),
                samples: counts.map(|counts| counts.finish(per_step, self.budget.samples_peak())),
            },
        })
    }

    fn context<'a>(&'a self, fetched: &'a Fetched, counting: Counting<'a>) -> Context<'a> {
        Context {
            fetched: &fetched.series,
            streamed: &self.plan.streamed,
            folded: &fetched.folded,
            lookback_ms: self.lookback_ms,
            delayed_name_removal: self.delayed_name_removal,
            type_and_unit_labels: self.type_and_unit_labels,
            use_start_timestamps: self.use_start_timestamps,
            times: self.plan.times,
            query: &self.text,
            workers: Workers {
                threads: self.threads,
                budget: &self.budget,
            },
            annotations: &self.annotations,
            counting,
        }
    }
}
