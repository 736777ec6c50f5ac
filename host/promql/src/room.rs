//! Room on the stack for queries that are nested deeply.
//!
//! The parser bounds how high the tree of a query grows; planning and evaluating walk it by
//! recursion. Nearly all queries are low and stay on their thread.

use crate::ast::{Expr, ExprKind};
use crate::error::QueryError;

/// Queries up to this height are worked on where they are.
const HEIGHT_IN_PLACE_MAX: usize = 32;
/// The stack of the thread that takes the others; several times what the highest tree needs in
/// an unoptimised build.
const STACK_BYTES: usize = 16 << 20;

/// Runs `work` with enough stack for a tree of this height.
pub(crate) fn with_room<T: Send>(
    height: usize,
    work: impl FnOnce() -> Result<T, QueryError> + Send,
) -> Result<T, QueryError> {
    if height <= HEIGHT_IN_PLACE_MAX {
        return work();
    }
    let failed = |what: String| QueryError::Execution(format!("unexpected error: {what}"));
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| failed(error.to_string()))?
            .join()
            .unwrap_or_else(|_| Err(failed("a thread of the query panicked".to_owned())))
    })
}

/// How high the tree is; found without recursion.
pub(crate) fn height(root: &Expr) -> usize {
    let mut highest = 0;
    let mut open = vec![(root, 1)];
    while let Some((expr, height)) = open.pop() {
        highest = highest.max(height);
        let mut push = |inner| open.push((inner, height + 1));
        match &expr.kind {
            ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::VectorSelector(_)
            | ExprKind::MatrixSelector(_) => {}
            ExprKind::Subquery(subquery) => push(&subquery.expr),
            ExprKind::Aggregate(aggregate) => {
                push(&aggregate.expr);
                aggregate.param.iter().for_each(push);
            }
            ExprKind::Binary(binary) => {
                push(&binary.lhs);
                push(&binary.rhs);
            }
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => push(inner),
            ExprKind::Call(call) => call.args.iter().for_each(push),
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_of_trees() {
        for (query, expected) in [
            ("x", 1),
            ("1 + 2 + 3", 3),
            ("sum(rate(x[5m])) by (a)", 3),
            ("topk(scalar(-x), (y))", 4),
            ("max_over_time(x[1h:])", 3),
        ] {
            let expr = crate::parse(query, &crate::ParseOptions::all()).unwrap();
            assert_eq!(height(&expr), expected, "{query}");
        }
    }
}
