//! What others have made of parts of an aggregation's series, as it enters an evaluation here; and what
//! is made here for others.
//!
//! It is not: who evaluates what, which the plan and the store decide.

use std::sync::Arc;

use narthex_model::sample;
use narthex_storage::{Histograms, Partial, Series};

use super::column::{ABSENT, Column, Fill, OutputSeries, Vector, is_absent};
use super::fold::Fold;
use super::grid::Grid;
use super::groups::Groups;
use super::{Context, mistyped, ranking};
use crate::ast::AggregateOp;
use crate::error::QueryError;
use crate::plan::{Node, Streamed};

/// A time, a value, and its place among the steps.
const BYTES_A_SAMPLE: usize = 24;

/// A series of others, as one of a vector.
pub(crate) fn output(series: &Series) -> OutputSeries {
    OutputSeries {
        labels: series.labels.clone(),
        drop_name: false,
    }
}

/// Aggregates what has been read here together with what others have made of theirs.
pub(crate) fn combined<'a>(
    context: Context<'a>,
    streamed: &'a Streamed,
    partial: &'a Partial,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let aggregation = &streamed.aggregation;
    let vector = context.vector(&aggregation.inner, grid)?;
    match aggregation.op {
        AggregateOp::Topk | AggregateOp::Bottomk => {
            let param = aggregation.param.as_ref();
            let k = context.scalar(param.ok_or_else(|| mistyped("a parameter"))?, grid)?;
            let vector = with_candidates(vector, partial, grid);
            let group_of = Groups::default().add(aggregation, &vector.series);
            let (op, span) = (aggregation.op, aggregation.inner.span);
            ranking::ranked(context, op, vector, &group_of, k, span, grid)
        }
        _ => {
            let mut fold = Fold::new(aggregation, grid.count);
            fold.take(context, aggregation, &vector)?;
            fold.combine(context.workers.budget, aggregation, grid, partial)?;
            Ok(Arc::new(fold).vector(context))
        }
    }
}

/// The series of a vector and those of others, in the order of their labels, which decides between
/// equal values.
fn with_candidates<'a>(vector: Vector<'a>, partial: &'a Partial, grid: Grid) -> Vector<'a> {
    let own = vector.series.len();
    let candidates = &partial.values;
    let mut all = vector.series;
    all.extend(candidates.iter().map(output));
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*a].labels.cmp(&all[*b].labels));
    let series = order.iter().map(|index| all[*index].clone()).collect();
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| match order[index].checked_sub(own) {
        None => inner(order[index], out),
        Some(candidate) => {
            out.fill(ABSENT);
            let series = &candidates[candidate];
            for (at, time_ms) in series.timestamps.iter().enumerate() {
                if let Some(step) = grid.step_at(*time_ms) {
                    out[step] = series.values[at];
                }
            }
        }
    });
    Vector { series, fill }
}

/// What an expression is at the times of a grid, as series for others.
pub(crate) fn series_of(
    context: Context<'_>,
    node: &Node,
    grid: Grid,
) -> Result<Vec<Series>, QueryError> {
    let vector = context.vector(node, grid)?;
    let mut found = Vec::new();
    context
        .workers
        .for_each(&vector, grid.count, |index, column| {
            let present = (0..grid.count).filter(|step| !is_absent(column[*step]));
            let present: Vec<usize> = present.collect();
            let budget = context.workers.budget;
            budget.charge_bytes(present.len().saturating_mul(BYTES_A_SAMPLE))?;
            let labels = vector.series[index].labels.clone();
            let timestamps: Vec<i64> = present.iter().map(|step| grid.time(*step)).collect();
            let values: Vec<f64> = present.iter().map(|step| column[*step]).collect();
            let mut series = Series::of_numbers(labels, timestamps, values);
            series.histograms = histograms_of(column, &present);
            found.push(series);
            Ok(())
        })?;
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(found)
}

fn histograms_of(column: &Column, steps: &[usize]) -> Option<Histograms> {
    let is_histogram = |step: &usize| sample::is_histogram(column[*step]);
    if !steps.iter().any(is_histogram) {
        return None;
    }
    let histograms = steps.iter().map(|step| column.histogram(*step).cloned());
    Some(histograms.collect())
}
