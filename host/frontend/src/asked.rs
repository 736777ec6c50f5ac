//! A range query as it was asked, and what its parts have in common.

use std::fmt;
use std::sync::Arc;

use narthex_model::PromDuration;
use narthex_promql::ast::{Expr, ValueType};
use narthex_promql::{Engine, QueryError, QueryOptions, QueryResult, StatsWanted, parse};
use narthex_storage::{Queryable, TimeRange};

use crate::cache::Key;
use crate::extent::version;
use crate::options::FrontendOptions;
use crate::splittable::is_splittable;
use crate::steps::{Steps, interval};

/// A range query.
#[derive(Clone)]
pub struct RangeQuery {
    /// Who evaluates it.
    pub engine: Arc<Engine>,
    /// What is read.
    pub storage: Arc<dyn Queryable>,
    /// Its text.
    pub query: String,
    /// The first step, in milliseconds since the epoch.
    pub start_ms: i64,
    /// Where it ends; the last step may be before it.
    pub end_ms: i64,
    /// From one step to the next.
    pub step: PromDuration,
    /// As the engine takes them.
    pub options: QueryOptions,
    /// What else the answer depends on, such as whose samples the storage shows.
    pub scope: String,
    /// Whether what is kept may answer, and the answer may be kept: not with `Cache-Control:
    /// no-store`.
    pub may_be_kept: bool,
}

impl fmt::Debug for RangeQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeQuery")
            .field("query", &self.query)
            .field("start_ms", &self.start_ms)
            .field("end_ms", &self.end_ms)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// What became of a query that was looked at.
pub(crate) enum Division {
    /// It is to be evaluated as it is; whether because parts would not give the same.
    Whole { is_indivisible: bool },
    /// It is to be evaluated in parts.
    Parts(Arc<Divided>, Vec<Steps>),
}

/// What the parts of a query have in common.
pub(crate) struct Divided {
    pub(crate) engine: Arc<Engine>,
    pub(crate) storage: Arc<dyn Queryable>,
    pub(crate) text: Arc<str>,
    expr: Expr,
    step: PromDuration,
    pub(crate) options: QueryOptions,
    /// The query of its keys.
    canonical: Arc<str>,
    interval_ms: i64,
    pub(crate) may_be_kept: bool,
    pub(crate) now_ms: i64,
}

impl RangeQuery {
    /// Evaluates it as it is.
    ///
    /// # Errors
    /// As of [`Engine::range`].
    pub async fn evaluate(&self) -> Result<QueryResult, Arc<QueryError>> {
        let storage = Arc::clone(&self.storage);
        let (start_ms, end_ms) = (self.start_ms, self.end_ms);
        let evaluated = self
            .engine
            .range(
                storage,
                &self.query,
                start_ms,
                end_ms,
                self.step,
                &self.options,
            )
            .await;
        evaluated.map_err(Arc::new)
    }

    /// Looks at how to evaluate it. What is wrong with a query is for the engine to say.
    pub(crate) fn divide(&self, options: &FrontendOptions) -> Division {
        let whole = Division::Whole {
            is_indivisible: false,
        };
        // Steps that were not evaluated have no counts.
        let wants_each_step = self.options.stats == StatsWanted::SamplesPerStep;
        if !options.is_on() || wants_each_step {
            return whole;
        }
        let steps = Steps::new(self.start_ms, self.end_ms, self.step.as_millis_i64());
        let Some(steps) = steps.filter(|steps| steps.count() > 1) else {
            return whole;
        };
        let engine = self.engine.options();
        let Ok(expr) = parse(&self.query, &engine.parse) else {
            return whole;
        };
        if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
            return whole;
        }
        if !is_splittable(&expr, engine.delayed_name_removal) {
            return Division::Whole {
                is_indivisible: true,
            };
        }
        let first = steps.from_ms;
        let reads =
            self.engine
                .read_ranges(&self.storage, &expr, first, first, self.step, &self.options);
        let Ok(reads) = reads else {
            return whole;
        };
        let reach_ms = reads.iter().map(|r| r.end_ms.saturating_sub(r.start_ms));
        let split_ms = options.split_interval.as_millis_i64();
        let interval_ms = interval(split_ms, steps.step_ms, reach_ms.max().unwrap_or(0));
        let parts = steps.parts(interval_ms);
        let is_kept = self.may_be_kept && options.cache_bytes > 0;
        if parts.len() == 1 && !is_kept {
            return whole;
        }
        let canonical = self.canonical(&expr, steps, interval_ms);
        let divided = Divided {
            engine: Arc::clone(&self.engine),
            storage: Arc::clone(&self.storage),
            text: self.query.as_str().into(),
            expr,
            step: self.step,
            options: self.options.clone(),
            canonical,
            interval_ms,
            may_be_kept: self.may_be_kept,
            now_ms: options.clock.now_ms(),
        };
        Division::Parts(Arc::new(divided), parts)
    }

    /// All that the answer at a step depends on, but for the step and the samples.
    fn canonical(&self, expr: &Expr, steps: Steps, interval_ms: i64) -> Arc<str> {
        let engine = self.engine.options();
        let options = QueryOptions {
            timeout: None,
            stats: StatsWanted::default(),
            ..self.options.clone()
        };
        let settings = (
            engine.lookback_delta,
            engine.default_subquery_step,
            engine.delayed_name_removal,
            engine.type_and_unit_labels,
            engine.use_start_timestamps,
        );
        let (step_ms, phase_ms) = (steps.step_ms, steps.from_ms.rem_euclid(steps.step_ms));
        let times = (step_ms, phase_ms, interval_ms);
        let scope = &self.scope;
        format!("{expr}\0{times:?}\0{settings:?}\0{options:?}\0{scope}").into()
    }
}

impl Divided {
    /// Under which the answers of a part are kept.
    pub(crate) fn key(&self, part: Steps) -> Key {
        Key {
            query: Arc::clone(&self.canonical),
            part: match self.interval_ms {
                0 => 0,
                interval_ms => part.from_ms.div_euclid(interval_ms),
            },
        }
    }

    /// The samples that steps look at, and what the store says of them now; `None` where it cannot
    /// tell.
    pub(crate) fn reads(&self, steps: Steps) -> Option<(Vec<TimeRange>, u64)> {
        let (from_ms, to_ms) = (steps.from_ms, steps.to_ms);
        let reads = self.engine.read_ranges(
            &self.storage,
            &self.expr,
            from_ms,
            to_ms,
            self.step,
            &self.options,
        );
        let reads = reads.ok()?;
        let version = version(&*self.storage, &reads)?;
        Some((reads, version))
    }

    /// Evaluates some steps.
    pub(crate) async fn evaluate(
        &self,
        steps: Steps,
        timeout: Option<PromDuration>,
    ) -> Result<QueryResult, Arc<QueryError>> {
        let options = QueryOptions {
            timeout,
            ..self.options.clone()
        };
        let storage = Arc::clone(&self.storage);
        let (from_ms, to_ms) = (steps.from_ms, steps.to_ms);
        let evaluated = self
            .engine
            .range(storage, &self.text, from_ms, to_ms, self.step, &options)
            .await;
        evaluated.map_err(Arc::new)
    }
}
