//! From a tree to a plan: durations computed, `@` resolved, parentheses gone, and every selector
//! of the query listed with the exact time range it needs.

use std::sync::Arc;

use narthex_model::Matcher;
use narthex_storage::{Aggregate as WindowAggregate, SelectRequest, TimeRange, Wanted};

use crate::ast::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Expr, ExprKind, RangeEdges, Span,
    TimeShift, UnaryOp, VectorMatching, VectorSelector,
};
use crate::error::QueryError;
use crate::evaluate::grid::Grid;
use crate::evaluate::range::Windows;
use crate::functions::Function;

mod call;
mod durations;
mod info;
mod light;
mod part;
mod resolution;
mod streamed;

use resolution::Seen;

pub(crate) use info::{IDENTIFYING, Info};
pub(crate) use part::{PartPlan, part};
pub use resolution::MaxSourceResolution;
pub(crate) use resolution::Resolutions;
pub(crate) use streamed::Streamed;

/// The times of the whole query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryTimes {
    /// The first evaluation.
    pub(crate) start_ms: i64,
    /// Where the query ends; the last evaluation may be before it.
    pub(crate) end_ms: i64,
    /// From one evaluation to the next; 0 for an instant query.
    pub(crate) step_ms: i64,
}

#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in a double"
)]
impl QueryTimes {
    /// `step()`
    pub(crate) fn step_seconds(self) -> f64 {
        self.step_ms as f64 / 1000.0
    }

    /// `range()`
    pub(crate) fn range_seconds(self) -> f64 {
        self.end_ms.saturating_sub(self.start_ms) as f64 / 1000.0
    }
}

/// What the planner needs to know of the engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanOptions {
    /// How far an instant selector looks back.
    pub(crate) lookback_ms: i64,
    /// The step of subqueries without one.
    pub(crate) subquery_step_ms: i64,
}

/// A query, ready to be fetched and evaluated.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The whole expression.
    pub(crate) root: Node,
    /// What to read; [`Selector::request`] is an index into it.
    pub(crate) requests: Vec<Request>,
    /// Aggregations that may take in their series a few at a time; [`NodeKind::Streamed`] is an
    /// index into it.
    pub(crate) streamed: Vec<Streamed>,
    /// How many expressions there are, where none does more work than there are samples.
    expressions: Option<usize>,
    /// The times of the evaluation.
    pub(crate) grid: Grid,
    /// The query's times.
    pub(crate) times: QueryTimes,
}

/// What one selector, or several that are alike, read.
#[derive(Debug)]
pub(crate) struct Request {
    /// Which series, and the range from the first sample that may be needed to the last.
    pub(crate) select: SelectRequest,
    /// What of the samples is looked at.
    pub(crate) wanted: Wanted,
    /// What of that range is looked at.
    pub(crate) windows: Windows,
    /// Only the newest sample of each window is looked at.
    pub(crate) newest_only: bool,
    /// Native histograms say of themselves whether a counter was reset before them: nobody looks
    /// at their buckets.
    pub(crate) with_reset_hints: bool,
    /// How many expressions look at it.
    uses: usize,
    /// All of them are aggregations that may take in their series a few at a time.
    pub(crate) is_streamed: bool,
    /// All of them are aggregations that may be evaluated where the series are.
    pub(crate) is_pushable: bool,
}

/// An expression of the plan.
#[derive(Debug)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) kind: NodeKind,
    /// Where it stands in the query.
    pub(crate) span: Span,
    /// Its value is the same at all times.
    pub(crate) is_step_invariant: bool,
}

/// The kinds of expression in a plan.
#[derive(Debug)]
pub(crate) enum NodeKind {
    /// A number.
    Number(f64),
    /// A text.
    String(String),
    /// The newest sample of each series.
    Instant(Selector),
    /// The samples of a range.
    Range(Selector, i64),
    /// An expression over a range of its own.
    Subquery(Box<Subquery>),
    /// An aggregation.
    Aggregate(Box<Aggregation>),
    /// An aggregation that may take in its series a few at a time, by its place in the plan.
    Streamed(usize),
    /// An operator between two expressions.
    Binary(Box<Operation>),
    /// `-expr`
    Negate(Box<Node>),
    /// A function.
    Call(&'static Function, Vec<Node>),
    /// `info()`, which reads series of its own.
    Info(Box<Info>),
}

/// `offset` and `@`, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shift {
    offset_ms: i64,
    at_ms: Option<i64>,
}

impl Shift {
    /// Neither `offset` nor `@`.
    pub(crate) const NONE: Self = Self {
        offset_ms: 0,
        at_ms: None,
    };

    /// The same, so many milliseconds later.
    pub(crate) fn later(self, ms: i64) -> Self {
        Self {
            offset_ms: self.offset_ms.saturating_sub(ms),
            at_ms: self.at_ms,
        }
    }

    /// The time that is looked at when the evaluation is at `time_ms`.
    pub(crate) fn apply(self, time_ms: i64) -> i64 {
        self.at_ms.unwrap_or(time_ms).saturating_sub(self.offset_ms)
    }
}

/// A selector.
#[derive(Debug)]
pub(crate) struct Selector {
    /// Which of the plan's requests reads it.
    pub(crate) request: usize,
    /// Its matchers, for the labels of `absent`.
    pub(crate) matchers: Arc<[Matcher]>,
    /// Its offset and `@`.
    pub(crate) shift: Shift,
    /// How the values at the edges are made.
    pub(crate) edges: RangeEdges,
    /// How far an instant selector looks back, or what is made at the edges of a range: longer
    /// where samples are as far apart as windows are long.
    pub(crate) lookback_ms: i64,
}

/// A subquery.
#[derive(Debug)]
pub(crate) struct Subquery {
    /// The inner expression.
    pub(crate) inner: Node,
    /// When it is evaluated.
    pub(crate) times: SubqueryTimes,
}

/// When a subquery evaluates what is inside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubqueryTimes {
    /// How far back.
    pub(crate) range_ms: i64,
    /// The distance of the evaluations.
    pub(crate) step_ms: i64,
    /// The subquery's offset and `@`.
    pub(crate) shift: Shift,
}

impl SubqueryTimes {
    /// The times of the inner evaluations that outer ones at the times of `outer` need; `None`
    /// where there are none.
    pub(crate) fn inner(&self, outer: Grid) -> Option<Grid> {
        let first_ms = self.shift.apply(outer.start_ms);
        let after_ms = first_ms.saturating_sub(self.range_ms);
        let start_ms = Grid::aligned_after(after_ms, self.step_ms);
        Grid::between(start_ms, self.shift.apply(outer.end_ms()), self.step_ms)
    }
}

/// An aggregation.
#[derive(Debug)]
pub(crate) struct Aggregation {
    /// Which one.
    pub(crate) op: AggregateOp,
    /// The aggregated expression.
    pub(crate) inner: Node,
    /// The parameter, where the aggregation has one.
    pub(crate) param: Option<Node>,
    /// `without` and not `by`.
    pub(crate) without: bool,
    /// The names to group by, sorted.
    pub(crate) labels: Vec<String>,
}

/// An operator and its sides.
#[derive(Debug)]
pub(crate) struct Operation {
    /// The operator.
    pub(crate) op: BinaryOp,
    /// The left side.
    pub(crate) lhs: Node,
    /// The right side.
    pub(crate) rhs: Node,
    /// A comparison gives 0 or 1 and does not filter.
    pub(crate) returns_bool: bool,
    /// Set where both sides are vectors.
    pub(crate) matching: Option<VectorMatching>,
    /// The sides are sums and counts of the same series, which meet by all labels and keep them.
    pub(crate) is_mean: bool,
}

/// No time at all.
const NOTHING: TimeRange = TimeRange {
    start_ms: 0,
    end_ms: -1,
};

impl Request {
    fn is_like(&self, other: &Self) -> bool {
        self.select.range == other.select.range
            && self.wanted == other.wanted
            && self.newest_only == other.newest_only
            && self.with_reset_hints == other.with_reset_hints
            && self.windows == other.windows
            && self.select.matchers == other.select.matchers
    }
}

/// Plans a query that reads raw samples.
///
/// # Errors
/// As [`plan_over`].
#[cfg(test)]
pub(crate) fn plan(
    expr: &Expr,
    times: QueryTimes,
    options: PlanOptions,
) -> Result<Plan, QueryError> {
    plan_over(expr, times, options, Resolutions::default())
}

/// Plans a query of a store that may have windows of samples.
///
/// # Errors
/// A computed duration is out of range, or the query uses what the engine does not do yet.
pub(crate) fn plan_over(
    expr: &Expr,
    times: QueryTimes,
    options: PlanOptions,
    resolutions: Resolutions,
) -> Result<Plan, QueryError> {
    let mut planner = Planner::new(times, options);
    planner.resolutions = resolutions;
    let grid = Grid::between(times.start_ms, times.end_ms, times.step_ms.max(1));
    let grid = grid.unwrap_or(Grid::at(times.start_ms));
    let root = planner.node(expr, Some(grid))?;
    streamed::mark(&mut planner.requests, &planner.streamed);
    Ok(Plan {
        expressions: light::expressions(&root, &planner.streamed),
        root,
        requests: planner.requests,
        streamed: planner.streamed,
        grid,
        times,
    })
}

struct Planner {
    times: QueryTimes,
    options: PlanOptions,
    requests: Vec<Request>,
    streamed: Vec<Streamed>,
    /// Calls around the expression that look at the counts and sums of histograms only.
    totals_only: usize,
    /// Calls and subqueries around the expression that look at whole histograms.
    whole: usize,
    /// What the call that is nearest around the expression looks at of a range.
    wanted: Wanted,
    /// The aggregate of windows from which that call can make its values.
    aggregate: Option<WindowAggregate>,
    /// How coarse samples may be.
    resolutions: Resolutions,
}

impl Planner {
    fn new(times: QueryTimes, options: PlanOptions) -> Self {
        Self {
            times,
            options,
            requests: Vec::new(),
            streamed: Vec::new(),
            totals_only: 0,
            whole: 0,
            wanted: Wanted::Samples,
            aggregate: None,
            resolutions: Resolutions::default(),
        }
    }

    /// Plans an expression that is evaluated at the times of a grid; `None` where it is inside
    /// of a subquery that never evaluates it.
    fn node(&mut self, expr: &Expr, grid: Option<Grid>) -> Result<Node, QueryError> {
        let (kind, is_step_invariant) = match &expr.kind {
            ExprKind::Paren(inner) | ExprKind::Unary(UnaryOp::Plus, inner) => {
                return self.node(inner, grid);
            }
            ExprKind::Number(number) => (NodeKind::Number(number.value), true),
            ExprKind::String(text) => (NodeKind::String(text.clone()), true),
            ExprKind::VectorSelector(selector) => {
                let selector = self.selector(selector, grid, None)?;
                let invariant = selector.shift.at_ms.is_some();
                (NodeKind::Instant(selector), invariant)
            }
            ExprKind::MatrixSelector(matrix) => {
                let range_ms = durations::length_ms(&matrix.range, self.times)?;
                let selector = self.selector(&matrix.selector, grid, Some(range_ms))?;
                let invariant = selector.shift.at_ms.is_some();
                (NodeKind::Range(selector, range_ms), invariant)
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery, grid)?,
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, expr.span, grid)?,
            ExprKind::Binary(binary) => self.binary(binary, grid)?,
            ExprKind::Unary(UnaryOp::Minus, inner) => {
                let inner = self.node(inner, grid)?;
                let invariant = inner.is_step_invariant;
                (NodeKind::Negate(Box::new(inner)), invariant)
            }
            ExprKind::Call(call) if call.function.name == "info" => {
                let info = self.info(call, grid)?;
                let invariant = info.inner.is_step_invariant;
                (NodeKind::Info(Box::new(info)), invariant)
            }
            ExprKind::Call(call) => self.call(call, expr.span, grid)?,
        };
        Ok(Node {
            kind,
            span: expr.span,
            is_step_invariant,
        })
    }

    fn selector(
        &mut self,
        selector: &VectorSelector,
        grid: Option<Grid>,
        range_ms: Option<i64>,
    ) -> Result<Selector, QueryError> {
        let shift = self.shift(&selector.shift)?;
        let edges = match (selector.edges, range_ms) {
            // Only a range has an edge to be anchored at.
            (RangeEdges::Anchored, None) => RangeEdges::Plain,
            (edges, _) => edges,
        };
        let seen = Seen {
            grid: grid.unwrap_or(Grid::at(self.times.start_ms)),
            shift,
            range_ms,
            edges,
            lookback_ms: self.options.lookback_ms,
        };
        let (seen, wanted) = match grid {
            Some(_) => self.coarsened(seen),
            None => (seen, self.wanted_of_samples(range_ms)),
        };
        let newest_only = range_ms.is_none() && seen.edges == RangeEdges::Plain;
        let matchers = selector.matchers.to_vec();
        let windows = seen.windows();
        Ok(Selector {
            request: self.request(matchers, windows, newest_only, grid.is_some(), wanted),
            matchers: Arc::clone(&selector.matchers),
            shift,
            edges: seen.edges,
            lookback_ms: seen.lookback_ms,
        })
    }

    /// The place of a request among those of the plan; nothing is read for what is never
    /// evaluated.
    fn request(
        &mut self,
        matchers: Vec<Matcher>,
        windows: Windows,
        newest_only: bool,
        is_evaluated: bool,
        wanted: Wanted,
    ) -> usize {
        let range = if is_evaluated {
            windows.time_range()
        } else {
            NOTHING
        };
        let request = Request {
            select: SelectRequest { matchers, range },
            wanted,
            windows,
            newest_only,
            with_reset_hints: self.totals_only > 0 && self.whole == 0,
            uses: 0,
            is_streamed: false,
            is_pushable: false,
        };
        let known = self
            .requests
            .iter()
            .position(|known| known.is_like(&request));
        let place = known.unwrap_or_else(|| {
            self.requests.push(request);
            self.requests.len() - 1
        });
        self.requests[place].uses += 1;
        place
    }

    fn shift(&self, shift: &TimeShift) -> Result<Shift, QueryError> {
        let offset_ms = match &shift.offset {
            Some(offset) => durations::offset_ms(offset, self.times)?,
            None => 0,
        };
        let at_ms = shift.at.map(|at| match at {
            AtModifier::Timestamp(at_ms) => at_ms,
            AtModifier::Start => self.times.start_ms,
            AtModifier::End => self.times.end_ms,
        });
        Ok(Shift { offset_ms, at_ms })
    }

    fn subquery(
        &mut self,
        subquery: &crate::ast::Subquery,
        grid: Option<Grid>,
    ) -> Result<(NodeKind, bool), QueryError> {
        let step_ms = match &subquery.step {
            Some(step) => durations::length_ms(step, self.times)?,
            None => self.options.subquery_step_ms,
        };
        let times = SubqueryTimes {
            range_ms: durations::length_ms(&subquery.range, self.times)?,
            step_ms: step_ms.max(1),
            shift: self.shift(&subquery.shift)?,
        };
        let inner_grid = grid.and_then(|grid| times.inner(grid));
        self.whole += 1;
        let inner = self.node(&subquery.expr, inner_grid)?;
        self.whole -= 1;
        let invariant = times.shift.at_ms.is_some();
        Ok((
            NodeKind::Subquery(Box::new(Subquery { inner, times })),
            invariant,
        ))
    }

    fn aggregate(
        &mut self,
        aggregate: &Aggregate,
        span: Span,
        grid: Option<Grid>,
    ) -> Result<(NodeKind, bool), QueryError> {
        let inner = self.node(&aggregate.expr, grid)?;
        let param = match &aggregate.param {
            Some(param) => Some(self.node(param, grid)?),
            None => None,
        };
        let invariant =
            inner.is_step_invariant && param.as_ref().is_none_or(|param| param.is_step_invariant);
        let mut labels = aggregate.grouping.labels.clone();
        labels.sort();
        labels.dedup();
        let aggregation = Aggregation {
            op: aggregate.op,
            inner,
            param,
            without: aggregate.grouping.without,
            labels,
        };
        let kind = match (grid, streamed::only_request(&aggregation)) {
            (Some(grid), Some(request)) => {
                // What does not vary is evaluated at the first of the times.
                let grid = match invariant {
                    true => Grid::at(grid.start_ms),
                    false => grid,
                };
                self.streamed.push(Streamed {
                    aggregation,
                    span,
                    request,
                    grid,
                });
                NodeKind::Streamed(self.streamed.len() - 1)
            }
            _ => NodeKind::Aggregate(Box::new(aggregation)),
        };
        Ok((kind, invariant))
    }

    fn binary(
        &mut self,
        binary: &Binary,
        grid: Option<Grid>,
    ) -> Result<(NodeKind, bool), QueryError> {
        let lhs = self.node(&binary.lhs, grid)?;
        let rhs = self.node(&binary.rhs, grid)?;
        let invariant = lhs.is_step_invariant && rhs.is_step_invariant;
        let operation = Operation {
            op: binary.op,
            lhs,
            rhs,
            returns_bool: binary.returns_bool,
            matching: binary.matching.clone(),
            is_mean: false,
        };
        Ok((NodeKind::Binary(Box::new(operation)), invariant))
    }
}

/// The error for what a later version will do.
pub(crate) fn unsupported(what: &str) -> QueryError {
    let verb = if what.ends_with('s') { "are" } else { "is" };
    QueryError::Execution(format!("{what} {verb} not supported yet"))
}
