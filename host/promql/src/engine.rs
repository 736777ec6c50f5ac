//! The engine: takes a query as text through parsing, planning, fetching and evaluating, and
//! holds it to its bounds.
//!
//! It is not: a cache or a log of queries; those belong to who asks.

mod in_parts;
mod pushed_down;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use narthex_model::PromDuration;
use narthex_storage::{Queryable, Warnings};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::annotations::Annotations;
use crate::ast::{Expr, ValueType};
use crate::budget::{Budget, Stop};
use crate::error::QueryError;
use crate::fetch::{Fetched, fetch};
use crate::parser::{ParseOptions, parse};
use crate::place::Place;
use crate::plan::{MaxSourceResolution, PlanOptions, QueryTimes, Resolutions, plan_over};
use crate::query::Query;
use crate::room::{height, with_room};
use crate::statistics::{QueryTimings, StatsWanted};
use crate::tracker::QueryTracker;
use crate::value::QueryResult;

/// What holds for all queries of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How old a sample may be that an instant selector still takes
    /// (`--query.lookback-delta`).
    pub lookback_delta: PromDuration,
    /// How long a query may take, waiting included (`--query.timeout`).
    pub timeout: PromDuration,
    /// How many samples a query may hold in memory (`--query.max-samples`); one that needs more
    /// fails.
    pub max_samples: usize,
    /// How many bytes a query may hold in memory (`--query.max-bytes`): what it reads from the
    /// store, 16 a sample, the columns that it computes, the labels that its functions make, and
    /// its answer; one that needs more fails. Prometheus has no such bound.
    pub max_bytes: usize,
    /// How many queries run at once (`--query.max-concurrency`); more wait for their turn.
    pub max_concurrency: usize,
    /// The threads that one query may use; 0 is one for each processor.
    pub threads_per_query: usize,
    /// How many samples of a selector are read at a time, where an aggregation that folds them can
    /// take them in before the next ones are read, so that they are not all in memory at once.
    pub batch_samples: usize,
    /// Which parts of the language are switched on.
    pub parse: ParseOptions,
    /// The step of a subquery that has none: the global evaluation interval.
    pub default_subquery_step: PromDuration,
    /// Names are dropped when a query is done, not where they lose their meaning
    /// (`--enable-feature=promql-delayed-name-removal`).
    pub delayed_name_removal: bool,
    /// Samples may be counted at each step (`--enable-feature=promql-per-step-stats`).
    pub per_step_stats: bool,
    /// The type of a metric is the value of its label `__type__`, and not told by its name
    /// (`--enable-feature=type-and-unit-labels`).
    pub type_and_unit_labels: bool,
    /// Start timestamps of samples count in functions of counters
    /// (`--enable-feature=use-start-timestamps`).
    pub use_start_timestamps: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_delta: PromDuration::from_secs(300),
            timeout: PromDuration::from_secs(120),
            max_samples: 50_000_000,
            max_bytes: 2 << 30,
            max_concurrency: 20,
            threads_per_query: 0,
            batch_samples: 1 << 18,
            parse: ParseOptions::default(),
            default_subquery_step: PromDuration::from_secs(60),
            delayed_name_removal: false,
            per_step_stats: false,
            type_and_unit_labels: false,
            use_start_timestamps: false,
        }
    }
}

/// What holds for one query. `None` takes the engine's.
#[derive(Debug, Clone, Default)]
pub struct QueryOptions {
    /// How old a sample may be that an instant selector still takes.
    pub lookback_delta: Option<PromDuration>,
    /// How long the query may take; never longer than the engine's timeout.
    pub timeout: Option<PromDuration>,
    /// What is to be counted.
    pub stats: StatsWanted,
    /// How coarse the samples may be, where the store has downsampled ones.
    pub max_source_resolution: MaxSourceResolution,
    /// What the store could not read is an error, and not a warning.
    pub is_whole: bool,
}

/// Answers queries.
///
/// Its methods are to be called within a tokio runtime that has a clock: reading is done on the
/// caller's task, evaluation on the runtime's blocking pool, unless it is less work than to hand
/// it over. Without a runtime (a script, a test) all is done in place, and only the bound on
/// samples holds.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    turns: Arc<Semaphore>,
    turns_max: usize,
    tracker: Option<Arc<dyn QueryTracker>>,
    threads: usize,
}

impl Engine {
    /// An engine with these options.
    pub fn new(options: EngineOptions) -> Self {
        let threads = match options.threads_per_query {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let turns = options.max_concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            options,
            turns: Arc::new(Semaphore::new(turns)),
            turns_max: turns,
            tracker: None,
            threads,
        }
    }

    /// The same, and somebody who is told which queries run.
    #[must_use]
    pub fn tracked_by(self, tracker: Arc<dyn QueryTracker>) -> Self {
        Self {
            tracker: Some(tracker),
            ..self
        }
    }

    /// How many queries are being read for or evaluated. One that was given up counts until its
    /// last thread has stopped.
    pub fn running(&self) -> usize {
        self.turns_max - self.turns.available_permits()
    }

    /// The options it was made with.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Evaluates a query at one time.
    ///
    /// # Errors
    /// The query does not parse, or cannot be executed within its bounds. A dropped future
    /// stops the evaluation at the next series.
    pub async fn instant(
        &self,
        storage: Arc<dyn Queryable>,
        query: &str,
        time_ms: i64,
        options: &QueryOptions,
    ) -> Result<QueryResult, QueryError> {
        let expr = parse(query, &self.options.parse)?;
        self.instant_parsed(storage, query, &expr, time_ms, options)
            .await
    }

    /// Evaluates at one time what was parsed before; `query` is how it is shown to those who look
    /// which queries run.
    ///
    /// # Errors
    /// The query cannot be executed within its bounds.
    pub async fn instant_parsed(
        &self,
        storage: Arc<dyn Queryable>,
        query: &str,
        expr: &Expr,
        time_ms: i64,
        options: &QueryOptions,
    ) -> Result<QueryResult, QueryError> {
        let times = QueryTimes {
            start_ms: time_ms,
            end_ms: time_ms,
            step_ms: 0,
        };
        self.run(storage, query, expr, times, options).await
    }

    /// Evaluates a query at the times from `start_ms` to `end_ms`, both included, that lie a
    /// multiple of `step` after the start.
    ///
    /// # Errors
    /// As [`Engine::instant`]; also where the query gives neither a scalar nor an instant
    /// vector, where the step is zero, or where the end is before the start.
    pub async fn range(
        &self,
        storage: Arc<dyn Queryable>,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step: PromDuration,
        options: &QueryOptions,
    ) -> Result<QueryResult, QueryError> {
        let expr = parse(query, &self.options.parse)?;
        let described = match expr.value_type() {
            ValueType::Scalar | ValueType::Vector => None,
            ValueType::Matrix => Some("range vector"),
            ValueType::String => Some("string"),
        };
        if let Some(described) = described {
            return Err(QueryError::BadData(format!(
                "invalid expression type {described:?} for range query, must be Scalar or \
                 instant Vector"
            )));
        }
        if step.is_zero() {
            return Err(QueryError::BadData(
                "zero or negative query resolution step widths are not accepted. Try a \
                 positive integer"
                    .to_owned(),
            ));
        }
        if end_ms < start_ms {
            return Err(QueryError::BadData(
                "end timestamp must not be before start time".to_owned(),
            ));
        }
        let times = QueryTimes {
            start_ms,
            end_ms,
            step_ms: step.as_millis_i64(),
        };
        self.run(storage, query, &expr, times, options).await
    }

    async fn run(
        &self,
        storage: Arc<dyn Queryable>,
        query: &str,
        expr: &Expr,
        times: QueryTimes,
        options: &QueryOptions,
    ) -> Result<QueryResult, QueryError> {
        let lookback = options.lookback_delta.filter(|delta| !delta.is_zero());
        let plan_options = PlanOptions {
            lookback_ms: lookback
                .unwrap_or(self.options.lookback_delta)
                .as_millis_i64(),
            subquery_step_ms: self.options.default_subquery_step.as_millis_i64(),
        };
        let subquery_step_ms = plan_options.subquery_step_ms;
        let height = height(expr);
        let stats = match options.stats {
            StatsWanted::SamplesPerStep if !self.options.per_step_stats => StatsWanted::Samples,
            stats => stats,
        };
        let limit = self.options.timeout.as_std();
        let limit = options
            .timeout
            .map_or(limit, |timeout| timeout.as_std().min(limit));
        let budget = Arc::new(Budget::new(
            self.options.max_samples,
            self.options.max_bytes,
        ));
        // Who counts samples has to see them, and others tell neither names that go in the end nor
        // types, and know no start timestamps.
        let is_pushable = storage.pushes_down()
            && stats == StatsWanted::Timings
            && !self.options.delayed_name_removal
            && !self.options.type_and_unit_labels
            && !self.options.use_start_timestamps
            && parse(query, &self.options.parse).is_ok_and(|parsed| parsed == *expr);
        let resolutions = Resolutions {
            storage: Some(Arc::clone(&storage)),
            max: options.max_source_resolution,
        };
        let planned = with_room(height, || plan_over(expr, times, plan_options, resolutions));
        let missing = Warnings::default();
        let query = Query {
            plan: planned?,
            height,
            text: query.to_owned(),
            lookback_ms: plan_options.lookback_ms,
            subquery_step_ms,
            max_source_resolution: options.max_source_resolution,
            is_pushable,
            delayed_name_removal: self.options.delayed_name_removal,
            type_and_unit_labels: self.options.type_and_unit_labels,
            use_start_timestamps: self.options.use_start_timestamps,
            threads: self.threads,
            batch_samples: self.options.batch_samples,
            stats,
            annotations: Annotations::default(),
            warnings: missing.clone(),
            budget: Arc::clone(&budget),
        };
        let query = Arc::new(query);
        let stopped_with_us = StopOnDrop(budget);
        let result = match Handle::try_current() {
            Ok(runtime) => {
                let running = self.run_on(runtime, storage, query, limit, Query::evaluate);
                running.await.map(|(mut result, timings)| {
                    result.stats.timings = timings;
                    result
                })
            }
            Err(_) => {
                let fetched = fetch(&*storage, &query, &Place::Here).await?;
                query.evaluate(&fetched)
            }
        };
        drop(stopped_with_us);
        match options.is_whole {
            true => result.and_then(|result| whole(&missing).map(|()| result)),
            false => result,
        }
    }

    /// Waits for a turn, reads, and evaluates, all within the limit. What is little work is
    /// evaluated where it was read; all else goes to the blocking pool.
    async fn run_on<T: Send + 'static>(
        &self,
        runtime: Handle,
        storage: Arc<dyn Queryable>,
        query: Arc<Query>,
        limit: Duration,
        evaluate: impl FnOnce(&Query, &Fetched) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<(T, QueryTimings), QueryError> {
        const QUEUE: &str = "query queue";
        // Who has no time has none for a turn either, even where one is free.
        if limit.is_zero() {
            return Err(QueryError::Timeout(QUEUE.to_owned()));
        }
        let asked = Instant::now();
        // A limit beyond what the clock can tell is none.
        let deadline = asked.checked_add(limit);
        let turn = within(deadline, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok_or_else(|| QueryError::Timeout(QUEUE.to_owned()))?;
        let turn = turn.map_err(|_| QueryError::Canceled(QUEUE.to_owned()))?;
        let tracked = self.tracker.as_ref().map(|t| t.begin(&query.text));
        let budget = Arc::clone(&query.budget);
        let pool = Place::pool(runtime, Box::new((tracked, turn)));
        let begun = Instant::now();
        let work = async {
            let fetched = fetch(&*storage, &query, &pool).await?;
            let read = Instant::now();
            let result = match fetched.is_light(&query.plan) {
                true => in_place(|| evaluate(&query, &fetched))?,
                false => pool.run(move || evaluate(&query, &fetched)).await?,
            };
            let timings = QueryTimings {
                eval_total: begun.elapsed(),
                result_sort: Duration::ZERO,
                query_preparation: read - begun,
                inner_eval: read.elapsed(),
                exec_queue: begun - asked,
                exec_total: asked.elapsed(),
            };
            Ok((result, timings))
        };
        within(deadline, work).await.unwrap_or_else(|| {
            budget.stop(Stop::Timeout);
            Err(QueryError::Timeout("expression evaluation".to_owned()))
        })
    }
}

/// Fails with what a store could not read.
fn whole(missing: &Warnings) -> Result<(), QueryError> {
    let texts = missing.texts();
    let Some(first) = texts.first() else {
        return Ok(());
    };
    let more = match texts.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Err(QueryError::Incomplete(format!("{first}{more}")))
}

/// Evaluates on this thread. A panic costs the query, as on the blocking pool, and not who asked.
fn in_place<T>(evaluate: impl FnOnce() -> Result<T, QueryError>) -> Result<T, QueryError> {
    let evaluated = catch_unwind(AssertUnwindSafe(evaluate));
    evaluated.unwrap_or_else(|_| {
        let text = "unexpected error: the evaluation panicked";
        Err(QueryError::Execution(text.to_owned()))
    })
}

/// What a future gives, where it does before the deadline.
async fn within<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}

/// Stops an evaluation that nobody waits for.
struct StopOnDrop(Arc<Budget>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop(Stop::Canceled);
    }
}

#[cfg(test)]
mod tests;
