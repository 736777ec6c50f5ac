//! Which aggregations may take in their series as they are read, a few at a time: those that fold,
//! where what is made of one series does not depend on another.

use super::{Aggregation, Node, NodeKind, Request};
use crate::ast::AggregateOp;
use crate::evaluate::grid::Grid;

/// Such an aggregation.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// The aggregation.
    pub(crate) aggregation: Aggregation,
    /// The one request that it reads.
    pub(crate) request: usize,
    /// The times at which it is evaluated.
    pub(crate) grid: Grid,
}

impl Streamed {
    /// Whether two series that are told apart in the store may have the same labels where they
    /// are aggregated.
    pub(crate) fn changes_labels(&self) -> bool {
        !matches!(self.aggregation.inner.kind, NodeKind::Instant(_))
    }
}

/// The request of an aggregation that may take in its series a few at a time; `None` where it is
/// to see them all at once.
pub(super) fn only_request(aggregation: &Aggregation) -> Option<usize> {
    if !folds(aggregation.op) {
        return None;
    }
    request_of_each(&aggregation.inner)
}

/// Marks the requests that nobody reads but aggregations that take in their series a few at a
/// time.
pub(super) fn mark(requests: &mut [Request], streamed: &[Streamed]) {
    for (index, request) in requests.iter_mut().enumerate() {
        let taken = streamed.iter().filter(|s| s.request == index).count();
        request.is_streamed = request.uses == taken;
    }
}

fn folds(op: AggregateOp) -> bool {
    matches!(
        op,
        AggregateOp::Sum
            | AggregateOp::Avg
            | AggregateOp::Min
            | AggregateOp::Max
            | AggregateOp::Count
            | AggregateOp::Group
            | AggregateOp::Stddev
            | AggregateOp::Stdvar
    )
}

/// The request that an expression reads, where it makes of each series one of its own.
fn request_of_each(node: &Node) -> Option<usize> {
    match &node.kind {
        NodeKind::Instant(selector) | NodeKind::Range(selector, _) => Some(selector.request),
        NodeKind::Subquery(subquery) => request_of_each(&subquery.inner),
        NodeKind::Negate(inner) => request_of_each(inner),
        NodeKind::Binary(operation) if operation.matching.is_none() => {
            request_of_one([&operation.lhs, &operation.rhs].into_iter())
        }
        NodeKind::Call(function, args) if takes_each_by_itself(function.name) => {
            request_of_one(args.iter())
        }
        _ => None,
    }
}

/// The request of the one part that reads something.
fn request_of_one<'a>(parts: impl Iterator<Item = &'a Node>) -> Option<usize> {
    let mut reading = parts.filter(|part| reads(part));
    let request = request_of_each(reading.next()?)?;
    reading.next().is_none().then_some(request)
}

/// Whether an expression reads from the store.
fn reads(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Number(_) | NodeKind::String(_) => false,
        NodeKind::Instant(_) | NodeKind::Range(..) | NodeKind::Info(_) | NodeKind::Streamed(_) => {
            true
        }
        NodeKind::Subquery(subquery) => reads(&subquery.inner),
        NodeKind::Aggregate(aggregation) => {
            reads(&aggregation.inner) || aggregation.param.as_ref().is_some_and(reads)
        }
        NodeKind::Binary(operation) => reads(&operation.lhs) || reads(&operation.rhs),
        NodeKind::Negate(inner) => reads(inner),
        NodeKind::Call(_, args) => args.iter().any(reads),
    }
}

/// Whether a function makes of each series one of its own. Those of classic histograms make one
/// of several, `absent` looks for none, sorting compares.
fn takes_each_by_itself(function: &str) -> bool {
    let is_of_all = matches!(
        function,
        "absent"
            | "absent_over_time"
            | "histogram_fraction"
            | "histogram_quantile"
            | "histogram_quantiles"
            | "info"
            | "scalar"
            | "sort"
            | "sort_by_label"
            | "sort_by_label_desc"
            | "sort_desc"
            | "vector"
    );
    !is_of_all
}
