//! The plan of an aggregation that stands in a query whose other parts are evaluated elsewhere.

use narthex_storage::Part;

use super::{Node, NodeKind, Plan, PlanOptions, Planner, QueryTimes, Resolutions, light, streamed};
use crate::ast::{Aggregate, AggregateOp, Expr, ExprKind, Span};
use crate::error::QueryError;
use crate::evaluate::grid::Grid;

/// Such a plan.
#[derive(Debug)]
pub(crate) struct PartPlan {
    /// What is read; its root is the aggregation.
    pub(crate) plan: Plan,
    /// Counts what the aggregation aggregates, where that is wanted.
    pub(crate) counts: Option<Node>,
}

/// Plans a part of a query.
///
/// # Errors
/// There is no aggregation at that place, or it is not one that may be evaluated apart from its
/// query.
pub(crate) fn part(
    query: &Expr,
    part: &Part,
    options: PlanOptions,
    resolutions: Resolutions,
) -> Result<PartPlan, QueryError> {
    let span = Span {
        start: part.start,
        end: part.end,
    };
    let aggregate = aggregate_at(query, span);
    let aggregate = aggregate.ok_or_else(|| refused("there is no aggregation at this place"))?;
    let times = QueryTimes {
        start_ms: part.query_start_ms,
        end_ms: part.query_end_ms,
        step_ms: part.query_step_ms,
    };
    if part.steps.count == 0 || part.steps.step_ms < 1 {
        return Err(refused("there is no step"));
    }
    let grid = Grid {
        start_ms: part.steps.start_ms,
        step_ms: part.steps.step_ms,
        count: part.steps.count,
    };
    let mut planner = Planner::new(times, options);
    planner.resolutions = resolutions;
    let planned = |aggregate: Aggregate| Expr {
        kind: ExprKind::Aggregate(Box::new(aggregate)),
        span,
    };
    let root = planner.node(&planned(aggregate.clone()), Some(grid))?;
    let counts = match part.with_counts {
        true => {
            let counted = Aggregate {
                op: AggregateOp::Count,
                param: None,
                ..aggregate.clone()
            };
            Some(planner.node(&planned(counted), Some(grid))?)
        }
        false => None,
    };
    streamed::mark(&mut planner.requests, &planner.streamed);
    let is_alone = planner.requests.iter().all(|request| request.is_pushable);
    if !matches!(root.kind, NodeKind::Streamed(_)) || !is_alone {
        return Err(refused("it cannot be evaluated apart from its query"));
    }
    Ok(PartPlan {
        plan: Plan {
            expressions: light::expressions(&root, &planner.streamed),
            root,
            requests: planner.requests,
            streamed: planner.streamed,
            grid,
            times,
        },
        counts,
    })
}

fn aggregate_at(query: &Expr, span: Span) -> Option<&Aggregate> {
    let mut found = None;
    query.walk(&mut |expr| {
        if let ExprKind::Aggregate(aggregate) = &expr.kind
            && expr.span == span
        {
            found = Some(&**aggregate);
        }
    });
    found
}

fn refused(why: &str) -> QueryError {
    QueryError::BadData(why.to_owned())
}

#[cfg(test)]
mod tests;
