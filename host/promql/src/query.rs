//! One query: its plan, and all that its evaluation needs beside what is read.

use std::sync::Arc;

use narthex_storage::{Part, Series, Warnings};

use crate::annotations::Annotations;
use crate::ast::AggregateOp;
use crate::budget::Budget;
use crate::error::QueryError;
use crate::evaluate::column::Workers;
use crate::evaluate::{Context, Folds, answer};
use crate::fetch::Fetched;
use crate::plan::{MaxSourceResolution, Plan, Streamed};
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
    /// The step of subqueries without one.
    pub(crate) subquery_step_ms: i64,
    /// How coarse the samples may be.
    pub(crate) max_source_resolution: MaxSourceResolution,
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
    /// Its aggregations may be evaluated by others: the text says what the plan does, and nothing
    /// is asked for that they do not tell.
    pub(crate) is_pushable: bool,
}

impl Query {
    /// Whether the series of a request may be folded a few at a time as they are read. Who wants
    /// samples counted gets all of them counted where they are evaluated.
    pub(crate) fn streams(&self, request: usize) -> bool {
        self.stats == StatsWanted::Timings && self.plan.requests[request].is_streamed
    }

    /// The aggregations that read a request, each with its place in the plan, where they may all be
    /// evaluated by others.
    pub(crate) fn parts(&self, request: usize) -> Option<Vec<(usize, Part)>> {
        if !self.is_pushable || !self.plan.requests[request].is_pushable {
            return None;
        }
        let streamed = self.plan.streamed.iter().enumerate();
        let reading = streamed.filter(|(_, streamed)| streamed.request == request);
        Some(reading.map(|(at, s)| (at, self.part(s))).collect())
    }

    fn part(&self, streamed: &Streamed) -> Part {
        let times = self.plan.times;
        Part {
            query: self.text.clone(),
            start: streamed.span.start,
            end: streamed.span.end,
            query_start_ms: times.start_ms,
            query_end_ms: times.end_ms,
            query_step_ms: times.step_ms,
            steps: streamed.grid.into(),
            lookback_ms: self.lookback_ms,
            subquery_step_ms: self.subquery_step_ms,
            max_resolution_ms: match self.max_source_resolution {
                MaxSourceResolution::Auto => None,
                MaxSourceResolution::AtMost(max_ms) => Some(max_ms),
            },
            with_counts: streamed.aggregation.op == AggregateOp::Avg,
        }
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
        let (mut warnings, mut infos) = self.annotations.finish(&self.text);
        warnings.extend(self.warnings.texts());
        let is_new = |info: &&String| !infos.contains(*info);
        let more: Vec<String> = fetched.infos.iter().filter(is_new).cloned().collect();
        infos.extend(more);
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

    pub(crate) fn context<'a>(
        &'a self,
        fetched: &'a Fetched,
        counting: Counting<'a>,
    ) -> Context<'a> {
        Context {
            fetched: &fetched.series,
            streamed: &self.plan.streamed,
            folded: &fetched.folded,
            partials: &fetched.partials,
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
