//! `eval`: a query, run in all the ways that must agree.

use std::sync::{Arc, LazyLock};

use narthex_model::{PromDuration, sample};
use narthex_storage::Queryable;
use regex::Regex;

use super::compare::{compare, sorted};
use super::expect::Expectations;
use super::load::Loaded;
use crate::ast::{AtModifier, Expr, ExprKind};
use crate::engine::{Engine, QueryOptions};
use crate::value::{MatrixSeries, QueryResult, Value, VectorSample};

/// The command: a query, when to evaluate it, and what it gives.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) query: String,
    pub(super) expr: Expr,
    pub(super) times: Times,
    pub(super) is_range: bool,
    pub(super) also_as_range: bool,
    pub(super) expectations: Expectations,
}

/// From when to when a result reaches. Of an instant all is one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) step_ms: i64,
}

/// Functions that give other results at other times even where their arguments do not.
const TIME_DEPENDENT: [&str; 15] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
    "year",
];

/// What gives one thing in an instant query and another in a range query.
static OF_THE_QUERY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(start|end|range|step)\(\)").ok());

const MINUTE_MS: i64 = 60_000;

impl Evaluation {
    /// Runs it and compares; says what is wrong.
    pub(super) fn run(&self, engine: &Engine, loaded: &Loaded) -> Result<(), String> {
        let runner = Runner { engine, loaded };
        if self.is_range {
            return self.check_range(runner.range(&self.query, self.times));
        }
        let at = self.times.end_ms;
        self.instant(runner, &self.query, at)?;
        let Some(query) = self.with_fixed_times(at) else {
            return Ok(());
        };
        let others = if at == 0 {
            vec![-1_000, 0, 1_000]
        } else {
            vec![-10 * at, 0, at / 5, at, 10 * at]
        };
        others
            .into_iter()
            .try_for_each(|at| self.instant(runner, &query, at))
    }

    fn check_range(&self, result: Result<QueryResult, String>) -> Result<(), String> {
        match result {
            Err(error) if self.expectations.fails() => self.expectations.check_failure(&error),
            Err(error) => Err(error),
            Ok(_) if self.expectations.fails() => Err("expected error but got none".to_owned()),
            Ok(result) => self.check(&result),
        }
    }

    fn check(&self, result: &QueryResult) -> Result<(), String> {
        self.expectations
            .check_annotations(&result.warnings, &result.infos)?;
        compare(&self.expectations, self.times, &result.value)
    }

    /// An instant evaluation, then the same as the middle of a range.
    fn instant(&self, runner: Runner<'_>, query: &str, at: i64) -> Result<(), String> {
        let context = |error: String| {
            if query == self.query && at == self.times.end_ms {
                error
            } else {
                format!("as {query} at {at} ms: {error}")
            }
        };
        let result = runner.instant(query, at);
        let instant = match &result {
            Ok(result) if !self.expectations.fails() => Some(result.value.clone()),
            _ => None,
        };
        self.check_range(result).map_err(context)?;
        let Some(instant) = instant else {
            return Ok(());
        };
        let depends = OF_THE_QUERY.as_ref().is_some_and(|re| re.is_match(query));
        if !self.also_as_range || depends {
            return Ok(());
        }
        let times = Times {
            start_ms: at - MINUTE_MS,
            end_ms: at + MINUTE_MS,
            step_ms: MINUTE_MS,
        };
        let context = |error| context(format!("in range mode: {error}"));
        let range = runner.range(query, times).map_err(context)?;
        // The series of a range are sorted by their labels, whatever the query asks for.
        if self.expectations.ordered() {
            return Ok(());
        }
        let middle = middle(range.value, at, &instant).map_err(context)?;
        compare(&self.expectations, self.times, &middle).map_err(context)
    }

    /// The query with `@ at` wherever there is no `@`; `None` where that does not make it
    /// independent of the time of evaluation.
    fn with_fixed_times(&self, at: i64) -> Option<String> {
        let mut expr = self.expr.clone();
        fix_times(&mut expr, at).then(|| expr.to_string())
    }
}

/// Below a subquery with `@` nothing depends on the time.
fn fix_times(expr: &mut Expr, at: i64) -> bool {
    if let Some(shift) = expr.shift_mut()
        && !matches!(shift.at, Some(AtModifier::Timestamp(_)))
    {
        shift.at = Some(AtModifier::Timestamp(at));
    }
    if let ExprKind::Subquery(_) = expr.kind {
        return true;
    }
    if let ExprKind::Call(call) = &expr.kind
        && TIME_DEPENDENT.contains(&call.function.name)
    {
        return false;
    }
    expr.children_mut()
        .into_iter()
        .all(|child| fix_times(child, at))
}

/// The step at `at` of a range, in the shape that `instant` has.
fn middle(range: Value, at: i64, instant: &Value) -> Result<Value, String> {
    let Value::Matrix(series) = range else {
        return Err("the result is no matrix".to_owned());
    };
    sorted(&series)?;
    let samples: Vec<VectorSample> = series
        .into_iter()
        .filter_map(|series| sample_at(&series, at))
        .collect();
    if let Value::Scalar { .. } = instant {
        return match samples.first() {
            Some(sample) => Ok(Value::Scalar {
                timestamp_ms: at,
                value: sample.value,
            }),
            None => Err("the scalar is missing".to_owned()),
        };
    }
    Ok(Value::Vector(samples))
}

fn sample_at(series: &MatrixSeries, at: i64) -> Option<VectorSample> {
    let index = series.timestamps.iter().position(|time| *time == at);
    let mut histograms = series.histograms.iter();
    let histogram = histograms.find(|(time, _)| *time == at);
    let value = match (index, histogram) {
        (Some(index), _) => series.values[index],
        (None, Some(_)) => sample::HISTOGRAM,
        (None, None) => return None,
    };
    Some(VectorSample {
        labels: series.labels.clone(),
        timestamp_ms: at,
        value,
        histogram: histogram.map(|(_, histogram)| Arc::clone(histogram)),
    })
}

/// An engine and what it reads.
#[derive(Clone, Copy)]
struct Runner<'a> {
    engine: &'a Engine,
    loaded: &'a Loaded,
}

impl Runner<'_> {
    fn storage(self) -> Arc<dyn Queryable> {
        Arc::clone(&self.loaded.store) as Arc<dyn Queryable>
    }

    fn instant(self, query: &str, at: i64) -> Result<QueryResult, String> {
        let options = QueryOptions::default();
        let answer = self.engine.instant(self.storage(), query, at, &options);
        futures::executor::block_on(answer).map_err(|error| error.to_string())
    }

    fn range(self, query: &str, times: Times) -> Result<QueryResult, String> {
        let options = QueryOptions::default();
        let step = PromDuration::from_millis(times.step_ms.unsigned_abs());
        let Times {
            start_ms, end_ms, ..
        } = times;
        let answer = self
            .engine
            .range(self.storage(), query, start_ms, end_ms, step, &options);
        futures::executor::block_on(answer).map_err(|error| error.to_string())
    }
}
