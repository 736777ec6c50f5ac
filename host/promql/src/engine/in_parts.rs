//! What those need who evaluate a range query in parts: which samples a part reads, and whether the
//! parts together are within the bounds of one query.
//!
//! It is not: which queries may be evaluated in parts, or how; that is theirs to know.

use std::sync::Arc;

use narthex_model::PromDuration;
use narthex_storage::{Queryable, TimeRange};

use super::{Engine, QueryOptions};
use crate::ast::Expr;
use crate::budget::Budget;
use crate::error::QueryError;
use crate::plan::{PlanOptions, QueryTimes, Resolutions, plan_over};
use crate::room::{height, with_room};
use crate::value::MatrixSeries;

impl Engine {
    /// The times of all samples that a range query of this store may look at, selector by selector.
    ///
    /// # Errors
    /// The query cannot be planned, as in [`Engine::range`].
    pub fn read_ranges(
        &self,
        storage: &Arc<dyn Queryable>,
        expr: &Expr,
        start_ms: i64,
        end_ms: i64,
        step: PromDuration,
        options: &QueryOptions,
    ) -> Result<Vec<TimeRange>, QueryError> {
        let times = QueryTimes {
            start_ms,
            end_ms,
            step_ms: step.as_millis_i64(),
        };
        let lookback = options.lookback_delta.filter(|delta| !delta.is_zero());
        let plan_options = PlanOptions {
            lookback_ms: lookback
                .unwrap_or(self.options.lookback_delta)
                .as_millis_i64(),
            subquery_step_ms: self.options.default_subquery_step.as_millis_i64(),
        };
        let resolutions = Resolutions {
            storage: Some(Arc::clone(storage)),
            max: options.max_source_resolution,
        };
        let height = height(expr);
        let planned = with_room(height, || plan_over(expr, times, plan_options, resolutions));
        let plan = planned?;
        let ranges = plan.requests.iter().map(|request| request.select.range);
        Ok(ranges
            .filter(|range| range.start_ms <= range.end_ms)
            .collect())
    }

    /// Refuses an answer that was put together of parts and is larger than that of one query may be.
    ///
    /// # Errors
    /// It is over [`EngineOptions::max_samples`] or [`EngineOptions::max_bytes`].
    ///
    /// [`EngineOptions::max_samples`]: super::EngineOptions::max_samples
    /// [`EngineOptions::max_bytes`]: super::EngineOptions::max_bytes
    pub fn check_answer<'a>(
        &self,
        answer: impl IntoIterator<Item = &'a MatrixSeries>,
    ) -> Result<(), QueryError> {
        let budget = Budget::new(self.options.max_samples, self.options.max_bytes);
        for series in answer {
            budget.charge(series.samples())?;
            budget.charge_bytes(size_of_val(&series.timestamps[..]))?;
        }
        Ok(())
    }
}
