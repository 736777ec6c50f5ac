//! From fetched columns to an answer. Synchronous, without I/O and without a clock: the same
//! plan on the same columns gives the same answer, on as many threads as it may use.

use std::sync::Arc;

use narthex_model::Labels;
use narthex_storage::{Partial, Series};

use crate::annotations::Annotations;
use crate::ast::RangeEdges;
use crate::error::QueryError;
use crate::plan::{Node, NodeKind, QueryTimes, Streamed};
use crate::statistics::Counting;

mod absent;
mod aggregate;
mod answer;
mod binary;
mod call;
mod cells;
mod classic_buckets;
pub(crate) mod column;
mod count_values;
pub(crate) mod dates;
mod edges;
mod fold;
pub(crate) mod grid;
mod groups;
mod histogram;
mod histogram_aggregate;
mod histogram_edges;
mod histogram_operators;
mod histogram_range;
mod histogram_rate;
mod histogram_values;
mod info;
mod instant_functions;
mod kahan;
mod labels_functions;
mod matching;
mod merge;
pub(crate) mod operators;
mod order;
mod order_statistics;
pub(crate) mod partials;
mod quantile;
pub(crate) mod range;
mod range_call;
mod range_functions;
mod ranking;
mod rate;
mod regression;
mod selector;
mod set_operators;
mod sliding;
mod start_timestamps;
mod summaries;
mod window_functions;

pub(crate) use answer::answer;
use column::{Fill, OutputSeries, SampleValue, Vector, Workers, without_metadata};
pub(crate) use fold::{Fold, Folds};
use grid::Grid;
use range::RangeVector;

/// What every part of an evaluation needs.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The series of each request of the plan.
    pub(crate) fetched: &'a [Vec<Series>],
    /// The aggregations of the plan that may have taken in their series as those were read.
    pub(crate) streamed: &'a [Streamed],
    /// What each of those has become, where it has; then its series are not in `fetched`.
    pub(crate) folded: &'a [Option<Arc<Fold>>],
    /// What others have made of series that are not in `fetched`, by aggregation as `streamed`.
    pub(crate) partials: &'a [Option<Partial>],
    /// How far an instant selector looks back.
    pub(crate) lookback_ms: i64,
    /// Names are dropped when the query is done, not where they lose their meaning.
    pub(crate) delayed_name_removal: bool,
    /// The type of a metric is the value of its label `__type__`.
    pub(crate) type_and_unit_labels: bool,
    /// Start timestamps count.
    pub(crate) use_start_timestamps: bool,
    /// The times of the whole query.
    pub(crate) times: QueryTimes,
    /// The query as it was written.
    pub(crate) query: &'a str,
    /// Where columns are computed.
    pub(crate) workers: Workers<'a>,
    /// Where warnings and infos go.
    pub(crate) annotations: &'a Annotations,
    /// Where the samples are counted that are looked at.
    pub(crate) counting: Counting<'a>,
}

/// The value of an expression at all steps.
pub(crate) enum Evaluated<'a> {
    /// One number a step.
    Scalar(Vec<f64>),
    /// A text.
    String(&'a str),
    /// An instant vector.
    Vector(Vector<'a>),
    /// A range vector.
    Matrix(RangeVector<'a>),
}

impl<'a> Context<'a> {
    /// Evaluates an expression at the times of a grid.
    pub(crate) fn evaluate(self, node: &'a Node, grid: Grid) -> Result<Evaluated<'a>, QueryError> {
        self.workers.budget.check()?;
        if node.is_step_invariant && grid.count > 1 {
            let once = match &node.kind {
                NodeKind::Number(_) | NodeKind::String(_) => None,
                NodeKind::Range(..) | NodeKind::Subquery(_) => None,
                _ => {
                    let once = Self {
                        counting: self.counting.once(),
                        ..self
                    };
                    Some(once.evaluate(node, Grid::at(grid.start_ms))?)
                }
            };
            if let Some(once) = once {
                return self.repeated(once, grid.count);
            }
        }
        match &node.kind {
            NodeKind::Number(value) => Ok(Evaluated::Scalar(vec![*value; grid.count])),
            NodeKind::String(text) => Ok(Evaluated::String(text)),
            NodeKind::Instant(selector) if selector.edges == RangeEdges::Smoothed => Ok(
                Evaluated::Vector(edges::instant(self, selector, node.span, grid)),
            ),
            NodeKind::Instant(selector) => {
                Ok(Evaluated::Vector(selector::instant(self, selector, grid)))
            }
            NodeKind::Range(selector, range_ms) => Ok(Evaluated::Matrix(RangeVector::of_selector(
                self, selector, *range_ms, grid,
            ))),
            NodeKind::Subquery(subquery) => {
                RangeVector::of_subquery(self, subquery, grid).map(Evaluated::Matrix)
            }
            NodeKind::Aggregate(aggregation) => {
                aggregate::aggregate(self, aggregation, grid).map(Evaluated::Vector)
            }
            NodeKind::Streamed(index) => {
                aggregate::streamed(self, *index, grid).map(Evaluated::Vector)
            }
            NodeKind::Binary(operation) => binary::binary(self, operation, node.span, grid),
            NodeKind::Negate(inner) => self.negate(inner, grid),
            NodeKind::Call(function, args) => {
                call::call(self, function.name, args, node.span, grid)
            }
            NodeKind::Info(info) => info::info(self, info, grid).map(Evaluated::Vector),
        }
    }

    /// Evaluates an expression that is a vector.
    pub(crate) fn vector(self, node: &'a Node, grid: Grid) -> Result<Vector<'a>, QueryError> {
        match self.evaluate(node, grid)? {
            Evaluated::Vector(vector) => Ok(vector),
            _ => Err(mistyped("an instant vector")),
        }
    }

    /// Evaluates an expression that is a scalar.
    pub(crate) fn scalar(self, node: &'a Node, grid: Grid) -> Result<Vec<f64>, QueryError> {
        match self.evaluate(node, grid)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(mistyped("a scalar")),
        }
    }

    /// Evaluates an expression that is a range vector.
    pub(crate) fn matrix(self, node: &'a Node, grid: Grid) -> Result<RangeVector<'a>, QueryError> {
        match self.evaluate(node, grid)? {
            Evaluated::Matrix(matrix) => Ok(matrix),
            _ => Err(mistyped("a range vector")),
        }
    }

    /// The labels of a series whose values are no longer those of its metric.
    pub(crate) fn renamed(self, series: &OutputSeries) -> OutputSeries {
        OutputSeries {
            labels: if self.delayed_name_removal {
                series.labels.clone()
            } else {
                without_metadata(&series.labels)
            },
            drop_name: true,
        }
    }

    /// Whether any sample that was read is a native histogram.
    pub(crate) fn may_have_histograms(self) -> bool {
        let read = self.fetched.iter().flatten();
        let folded = self.folded.iter().flatten();
        let partials = self.partials.iter().flatten();
        let read = read.chain(partials.flat_map(|partial| &partial.values));
        folded.into_iter().any(|fold| fold.has_histograms())
            || read.into_iter().any(|series| series.histograms.is_some())
    }

    /// Whether series of the same labels and the same step are wrong already here, or only at
    /// the end of the query.
    pub(crate) fn checks_step(self, grid: Grid) -> bool {
        !self.delayed_name_removal || grid.count > 1
    }

    /// One value for all steps.
    fn repeated(self, once: Evaluated<'a>, count: usize) -> Result<Evaluated<'a>, QueryError> {
        Ok(match once {
            Evaluated::Scalar(values) => {
                Evaluated::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); count])
            }
            Evaluated::Vector(vector) => {
                let stored = self.workers.store(&vector, 1)?;
                let fill: Fill<'a> = Box::new(move |index, out| match stored.sample(index, 0) {
                    Some(SampleValue::Histogram(histogram)) => {
                        (0..count).for_each(|step| out.set_histogram(step, Arc::clone(&histogram)));
                    }
                    _ => out.fill(stored.value(index, 0)),
                });
                Evaluated::Vector(Vector {
                    series: vector.series,
                    fill,
                })
            }
            other => other,
        })
    }

    fn negate(self, inner: &'a Node, grid: Grid) -> Result<Evaluated<'a>, QueryError> {
        match self.evaluate(inner, grid)? {
            Evaluated::Scalar(values) => Ok(Evaluated::Scalar(
                values.into_iter().map(|value| -value).collect(),
            )),
            Evaluated::Vector(vector) => {
                let vector = histogram_operators::negated(self, vector);
                if self.delayed_name_removal {
                    return Ok(Evaluated::Vector(vector));
                }
                merge::merged(self, vector, grid.count, merge::Duplicates::AtAStep)
                    .map(Evaluated::Vector)
            }
            _ => Err(mistyped("a scalar or an instant vector")),
        }
    }
}

/// The type check lets no such query through; this is what is said if it ever does.
pub(crate) fn mistyped(expected: &str) -> QueryError {
    QueryError::Execution(format!("the query has a part that is not {expected}"))
}

/// A series without labels.
pub(crate) fn unlabelled() -> OutputSeries {
    OutputSeries {
        labels: Labels::empty(),
        drop_name: false,
    }
}
