//! Which aggregations may take in their series as they are read, a few at a time: those that fold,
//! where what is made of one series does not depend on another. Of those, and of those that rank,
//! which may be evaluated where their series are.

use super::{Aggregation, Node, NodeKind, Request};
use crate::ast::{AggregateOp, Span};
use crate::evaluate::grid::Grid;

/// Such an aggregation.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// The aggregation.
    pub(crate) aggregation: Aggregation,
    /// Where it stands in the query.
    pub(crate) span: Span,
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

    /// Whether it may be evaluated for some of the series here and for others there, and what became
    /// of them be put together.
    ///
    /// Series that are told apart by a label must not lose it before they are aggregated: elsewhere
    /// nobody would see that there are two.
    pub(crate) fn is_pushable(&self) -> bool {
        let Aggregation {
            op, inner, param, ..
        } = &self.aggregation;
        let distributes = matches!(
            op,
            AggregateOp::Sum
                | AggregateOp::Avg
                | AggregateOp::Min
                | AggregateOp::Max
                | AggregateOp::Count
                | AggregateOp::Group
        );
        (distributes || ranks(*op))
            && keeps_labels(inner)
            && param.as_ref().is_none_or(|param| !reads(param))
    }
}

/// The request of an aggregation that may take in its series a few at a time; `None` where it is
/// to see them all at once.
pub(super) fn only_request(aggregation: &Aggregation) -> Option<usize> {
    let param = aggregation.param.as_ref();
    let ranks = ranks(aggregation.op) && param.is_none_or(|param| !reads(param));
    if !folds(aggregation.op) && !ranks {
        return None;
    }
    request_of_each(&aggregation.inner)
}

/// Marks the requests that nobody reads but aggregations that take in their series a few at a
/// time, and those that nobody reads but aggregations that may be evaluated elsewhere.
pub(super) fn mark(requests: &mut [Request], streamed: &[Streamed]) {
    for (index, request) in requests.iter_mut().enumerate() {
        let users = || streamed.iter().filter(move |s| s.request == index);
        let has_no_other = request.uses == users().count();
        request.is_streamed = has_no_other && users().all(|s| folds(s.aggregation.op));
        request.is_pushable = has_no_other && users().all(Streamed::is_pushable);
    }
}

/// Whether an aggregation leaves some of the series as they are: the best of all are among the best of
/// each part.
fn ranks(op: AggregateOp) -> bool {
    matches!(op, AggregateOp::Topk | AggregateOp::Bottomk)
}

/// Whether series that differ in a label still do so after an expression, but for the name of the
/// metric.
fn keeps_labels(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Subquery(subquery) => keeps_labels(&subquery.inner),
        NodeKind::Negate(inner) => keeps_labels(inner),
        NodeKind::Binary(operation) => keeps_labels(&operation.lhs) && keeps_labels(&operation.rhs),
        NodeKind::Call(function, args) => {
            !matches!(function.name, "label_join" | "label_replace")
                && args.iter().all(keeps_labels)
        }
        NodeKind::Number(_) | NodeKind::String(_) | NodeKind::Instant(_) | NodeKind::Range(..) => {
            true
        }
        NodeKind::Aggregate(_) | NodeKind::Streamed(_) | NodeKind::Info(_) => false,
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
