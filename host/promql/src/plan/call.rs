//! Calls: what functions look at of their arguments.

use narthex_storage::{Aggregate, Wanted};

use super::{Node, NodeKind, Operation, Planner};
use crate::ast::{BinaryOp, Call, Cardinality, Span, VectorMatching};
use crate::error::QueryError;
use crate::evaluate::grid::Grid;
use crate::functions::{self, Function};

impl Planner {
    /// Plans a call; also whether it is the same at all times.
    ///
    /// Where windows of samples are read in place of these, counting them is adding up their
    /// counts, and their average is the sum of their sums by that of their counts.
    pub(super) fn call(
        &mut self,
        call: &Call,
        span: Span,
        grid: Option<Grid>,
    ) -> Result<(NodeKind, bool), QueryError> {
        let name = call.function.name;
        let args = self.args(call, aggregate_of(name), grid)?;
        let invariant =
            !depends_on_evaluation_time(name) && args.iter().all(|arg| arg.is_step_invariant);
        if !self.reads_windows(&args) {
            return Ok((NodeKind::Call(call.function, args), invariant));
        }
        let kind = match name {
            "count_over_time" => NodeKind::Call(sum_over_time()?, args),
            "avg_over_time" => {
                let counts = self.args(call, Some(Aggregate::Count), grid)?;
                let side = |args| -> Result<Node, QueryError> {
                    Ok(Node {
                        kind: NodeKind::Call(sum_over_time()?, args),
                        span,
                        is_step_invariant: invariant,
                    })
                };
                NodeKind::Binary(Box::new(Operation {
                    op: BinaryOp::Div,
                    lhs: side(args)?,
                    rhs: side(counts)?,
                    returns_bool: false,
                    matching: Some(VectorMatching {
                        cardinality: Cardinality::OneToOne,
                        on: false,
                        labels: Vec::new(),
                        include: Vec::new(),
                        fill_left: None,
                        fill_right: None,
                    }),
                    is_mean: true,
                }))
            }
            _ => NodeKind::Call(call.function, args),
        };
        Ok((kind, invariant))
    }

    fn args(
        &mut self,
        call: &Call,
        aggregate: Option<Aggregate>,
        grid: Option<Grid>,
    ) -> Result<Vec<Node>, QueryError> {
        let name = call.function.name;
        let totals_only = usize::from(looks_at_totals(name));
        let whole = usize::from(looks_at_buckets(name));
        self.totals_only += totals_only;
        self.whole += whole;
        let wanted = std::mem::replace(&mut self.wanted, wanted_by(name));
        let around = std::mem::replace(&mut self.aggregate, aggregate);
        let args = call.args.iter().map(|arg| self.node(arg, grid));
        let args = args.collect::<Result<Vec<_>, _>>()?;
        self.totals_only -= totals_only;
        self.whole -= whole;
        self.wanted = wanted;
        self.aggregate = around;
        Ok(args)
    }

    /// Whether one of them is a range of which windows are read.
    fn reads_windows(&self, args: &[Node]) -> bool {
        args.iter().any(|arg| match &arg.kind {
            NodeKind::Range(selector, _) => {
                let request = self.requests.get(selector.request);
                request.is_some_and(|r| matches!(r.wanted, Wanted::Windows { .. }))
            }
            _ => false,
        })
    }
}

fn sum_over_time() -> Result<&'static Function, QueryError> {
    let function = functions::function("sum_over_time");
    function.ok_or_else(|| QueryError::Execution("there is no sum_over_time".to_owned()))
}

/// What a function looks at of a range of samples.
fn wanted_by(function: &str) -> Wanted {
    match function {
        "rate" | "increase" | "irate" => Wanted::Growth,
        _ => Wanted::Samples,
    }
}

/// The aggregate of windows from which a function makes what it makes of their samples; `None`
/// where there is none. For an average it is one of two.
fn aggregate_of(function: &str) -> Option<Aggregate> {
    match function {
        "rate" | "increase" => Some(Aggregate::Growth),
        "last_over_time" | "ts_of_last_over_time" => Some(Aggregate::Newest),
        "absent_over_time" | "count_over_time" | "present_over_time" => Some(Aggregate::Count),
        "avg_over_time" | "sum_over_time" => Some(Aggregate::Sum),
        "min_over_time" => Some(Aggregate::Min),
        "max_over_time" => Some(Aggregate::Max),
        _ => None,
    }
}

/// Whether a function takes of native histograms only what they count in all.
fn looks_at_totals(function: &str) -> bool {
    matches!(
        function,
        "histogram_avg" | "histogram_count" | "histogram_sum"
    )
}

/// Whether a function looks at the buckets of native histograms.
fn looks_at_buckets(function: &str) -> bool {
    matches!(
        function,
        "histogram_fraction"
            | "histogram_quantile"
            | "histogram_quantiles"
            | "histogram_stddev"
            | "histogram_stdvar"
    )
}

/// Whether a function looks at the time of the evaluation, so that it varies even where its
/// arguments do not.
fn depends_on_evaluation_time(function: &str) -> bool {
    matches!(
        function,
        "days_in_month"
            | "day_of_month"
            | "day_of_week"
            | "day_of_year"
            | "hour"
            | "minute"
            | "month"
            | "year"
            | "predict_linear"
            | "time"
            | "timestamp"
    )
}
