//! What all groups share: the options, the settings of the config that runs, and the turns of rules
//! that are evaluated at the same time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use narthex_model::with_sources;
use narthex_promql::ast::Expr;
use narthex_promql::{QueryError, QueryOptions, QueryResult, Value, VectorSample};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{RuleOptions, RuleSettings};

/// What evaluations need.
pub(crate) struct Environment {
    options: RuleOptions,
    settings: ArcSwap<RuleSettings>,
    turns: Option<Arc<Semaphore>>,
}

impl Environment {
    pub(crate) fn new(options: RuleOptions) -> Self {
        let turns = options
            .concurrent_evaluations_max
            .min(Semaphore::MAX_PERMITS);
        Self {
            turns: (turns > 0).then(|| Arc::new(Semaphore::new(turns))),
            options,
            settings: ArcSwap::default(),
        }
    }

    pub(crate) fn options(&self) -> &RuleOptions {
        &self.options
    }

    pub(crate) fn settings(&self) -> Arc<RuleSettings> {
        self.settings.load_full()
    }

    pub(crate) fn set_settings(&self, settings: RuleSettings) {
        self.settings.store(Arc::new(settings));
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    /// Where rules may be evaluated at the same time.
    pub(crate) fn turns(&self) -> Option<&Arc<Semaphore>> {
        self.turns.as_ref()
    }

    /// A turn to evaluate a rule beside another one.
    pub(crate) fn try_turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(self.turns()?).try_acquire_owned().ok()
    }

    /// Asks a query that was parsed before.
    pub(crate) async fn ask(
        &self,
        question: Question<'_>,
    ) -> Result<Vec<VectorSample>, Unanswered> {
        let engine = (self.options.engine)();
        let storage = Arc::clone(&self.options.queryable);
        let Question {
            text,
            expr,
            time_ms,
            is_whole,
        } = question;
        let options = QueryOptions {
            is_whole,
            ..QueryOptions::default()
        };
        let answer = engine.instant_parsed(storage, text, expr, time_ms, &options);
        match answer.await {
            Ok(result) => samples(result).map_err(Unanswered::of),
            Err(error) => Err(Unanswered {
                text: with_sources(&error),
                is_incomplete: matches!(error, QueryError::Incomplete(_)),
            }),
        }
    }

    /// Asks a query.
    pub(crate) async fn ask_text(
        &self,
        text: &str,
        time_ms: i64,
        is_whole: bool,
    ) -> Result<Vec<VectorSample>, Unanswered> {
        let engine = (self.options.engine)();
        let expr = narthex_promql::parse(text, &engine.options().parse);
        let expr = expr.map_err(|error| Unanswered::of(error.to_string()))?;
        let question = Question {
            text,
            expr: &expr,
            time_ms,
            is_whole,
        };
        self.ask(question).await
    }
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    pub(crate) text: String,
    /// Only because a part of the store did not answer.
    pub(crate) is_incomplete: bool,
}

impl Unanswered {
    /// It has nothing to do with who answers.
    pub(crate) fn of(text: String) -> Self {
        Self {
            text,
            is_incomplete: false,
        }
    }
}

/// A query that was parsed, and what is to be known of its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'q> {
    /// How it is shown to those who look which queries run.
    pub(crate) text: &'q str,
    pub(crate) expr: &'q Expr,
    /// In milliseconds since the epoch.
    pub(crate) time_ms: i64,
    /// What a part of the store did not answer is an error.
    pub(crate) is_whole: bool,
}

fn samples(result: QueryResult) -> Result<Vec<VectorSample>, String> {
    match result.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar {
            timestamp_ms,
            value,
        } => Ok(vec![VectorSample {
            labels: narthex_model::Labels::empty(),
            timestamp_ms,
            value,
            histogram: None,
        }]),
        Value::String { .. } | Value::Matrix(_) => {
            Err("rule result is not a vector or scalar".to_owned())
        }
    }
}
