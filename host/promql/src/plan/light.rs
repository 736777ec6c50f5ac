//! Which queries are so light that handing them to another thread would cost more than to evaluate
//! them where they were read: most queries of rules are.
//!
//! It is not: a bound. What a query may take is [`crate::budget`]'s.

use super::{Aggregation, Node, NodeKind, Plan, Streamed};

/// So many samples, times the expressions that may each look at them, are looked at in place: a
/// few milliseconds in the worst case, and less than reading them took.
const WORK_IN_PLACE_MAX: usize = 1 << 16;

/// A series counts for so many samples beside its own: for its labels.
const SERIES_AS_SAMPLES: usize = 8;

impl Plan {
    /// Whether evaluating these series with these samples in all is little work.
    pub(crate) fn is_light(&self, series: usize, samples: usize) -> bool {
        let Some(expressions) = self.expressions.filter(|_| self.grid.count == 1) else {
            return false;
        };
        let samples = samples.saturating_add(series.saturating_mul(SERIES_AS_SAMPLES));
        samples.saturating_mul(expressions) <= WORK_IN_PLACE_MAX
    }
}

/// How many expressions a plan has; `None` where one of them may do more work than there are samples
/// that were read: a subquery evaluates at many times, and functions that write labels may make
/// them longer and longer.
pub(super) fn expressions(root: &Node, streamed: &[Streamed]) -> Option<usize> {
    let of_aggregation = |aggregation: &Aggregation| {
        let inner = expressions(&aggregation.inner, streamed)?;
        match &aggregation.param {
            None => Some(inner),
            Some(param) => Some(inner + expressions(param, streamed)?),
        }
    };
    let inside = match &root.kind {
        NodeKind::Number(_) | NodeKind::String(_) => 0,
        NodeKind::Instant(_) | NodeKind::Range(..) => 0,
        NodeKind::Subquery(_) | NodeKind::Info(_) => return None,
        NodeKind::Aggregate(aggregation) => of_aggregation(aggregation)?,
        NodeKind::Streamed(index) => of_aggregation(&streamed.get(*index)?.aggregation)?,
        NodeKind::Binary(operation) => {
            expressions(&operation.lhs, streamed)? + expressions(&operation.rhs, streamed)?
        }
        NodeKind::Negate(inner) => expressions(inner, streamed)?,
        NodeKind::Call(function, _) if matches!(function.name, "label_join" | "label_replace") => {
            return None;
        }
        NodeKind::Call(_, args) => {
            let args = args.iter().map(|arg| expressions(arg, streamed));
            args.sum::<Option<usize>>()?
        }
    };
    Some(inside + 1)
}

#[cfg(test)]
mod tests {
    use crate::plan::{PlanOptions, QueryTimes, plan};

    #[test]
    fn light_is_what_looks_at_few_samples_once() {
        for (query, series, samples, is_light) in [
            ("x > 5", 1, 1, true),
            ("x > 5", 1000, 1000, true),
            ("x > 5", 10_000, 10_000, false),
            ("sum by (job) (rate(x[5m])) > 5", 100, 2000, true),
            ("sum by (job) (rate(x[5m])) > 5", 10_000, 200_000, false),
            ("quantile(0.5, x) / on () group_left () y", 10, 10, true),
            ("absent(x) or vector(1)", 0, 0, true),
            // More work than there are samples.
            ("sum_over_time(x[1h:1m])", 1, 60, false),
            ("max_over_time(rate(x[5m])[1h:1m])", 1, 60, false),
            ("sum_over_time(vector(1)[1y:1ms])", 0, 0, false),
            ("label_replace(x, 'a', '$1$1', 'b', '(.*)')", 1, 1, false),
            ("count(label_join(x, 'a', '', 'b', 'b'))", 1, 1, false),
            ("info(x)", 1, 1, false),
        ] {
            let expr = crate::parse(query, &crate::ParseOptions::all()).unwrap();
            let times = QueryTimes {
                start_ms: 0,
                end_ms: 0,
                step_ms: 0,
            };
            let options = PlanOptions {
                lookback_ms: 300_000,
                subquery_step_ms: 60_000,
            };
            let planned = plan(&expr, times, options).unwrap();
            assert_eq!(planned.is_light(series, samples), is_light, "{query}");
            let over_time = QueryTimes {
                end_ms: 120_000,
                step_ms: 60_000,
                ..times
            };
            let planned = plan(&expr, over_time, options).unwrap();
            assert!(!planned.is_light(series, samples), "{query}");
        }
    }
}
