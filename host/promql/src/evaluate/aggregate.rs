//! Aggregations: which parts each is made of.

use std::sync::Arc;

use super::column::{ABSENT, Column, Fill, Vector, is_number};
use super::fold::Fold;
use super::grid::Grid;
use super::groups::Groups;
use super::labels_functions::is_label_name;
use super::quantile::quantile;
use super::{Context, count_values, histogram, mistyped, partials, ranking};
use crate::annotations::{Note, Notes};
use crate::ast::AggregateOp;
use crate::error::QueryError;
use crate::plan::{Aggregation, Node, NodeKind};

/// Aggregates a vector.
pub(crate) fn aggregate<'a>(
    context: Context<'a>,
    aggregation: &'a Aggregation,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let param = || {
        let param = aggregation.param.as_ref();
        param.ok_or_else(|| mistyped("a parameter"))
    };
    match aggregation.op {
        AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
            let k = context.scalar(param()?, grid)?;
            let vector = context.vector(&aggregation.inner, grid)?;
            let group_of = Groups::default().add(aggregation, &vector.series);
            let (op, span) = (aggregation.op, aggregation.inner.span);
            ranking::ranked(context, op, vector, &group_of, k, span, grid)
        }
        AggregateOp::LimitRatio => {
            let ratios = context.scalar(param()?, grid)?;
            let vector = context.vector(&aggregation.inner, grid)?;
            ranking::limit_ratio(context, vector, ratios, param()?.span)
        }
        AggregateOp::CountValues => {
            let param = param()?;
            let NodeKind::String(label) = &param.kind else {
                return Err(mistyped("a string"));
            };
            if !is_label_name(label) {
                let written = context.query.get(param.span.start..param.span.end);
                let written = written.unwrap_or(label);
                return Err(QueryError::Execution(format!(
                    "invalid label name {written}"
                )));
            }
            count_values::count_values(context, aggregation, label, grid)
        }
        AggregateOp::Quantile => quantiles(context, aggregation, param()?, grid),
        _ => {
            let vector = context.vector(&aggregation.inner, grid)?;
            let mut fold = Fold::new(aggregation, grid.count);
            fold.take(context, aggregation, &vector)?;
            Ok(Arc::new(fold).vector(context))
        }
    }
}

/// Aggregates what has been read, or tells what it became while it was read, or elsewhere.
pub(crate) fn streamed<'a>(
    context: Context<'a>,
    index: usize,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let streamed = &context.streamed[index];
    match (context.folded.get(index), context.partials.get(index)) {
        (Some(Some(fold)), _) => Ok(Arc::clone(fold).vector(context)),
        (_, Some(Some(partial))) => partials::combined(context, streamed, partial, grid),
        _ => aggregate(context, &streamed.aggregation, grid),
    }
}

fn quantiles<'a>(
    context: Context<'a>,
    aggregation: &'a Aggregation,
    param: &'a Node,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let quantiles = context.scalar(param, grid)?;
    let vector = context.vector(&aggregation.inner, grid)?;
    if !vector.series.is_empty() {
        histogram::warn_of_extremes(context, param.span, &quantiles);
    }
    let mut groups = Groups::default();
    let group_of = groups.add(aggregation, &vector.series);
    let stored = context.workers.store(&vector, grid.count)?;
    if (0..vector.series.len()).any(|at| stored.column(at).is_some_and(Column::has_a_histogram)) {
        let mut notes = Notes::default();
        notes.add(Note::IgnoredInAggregation);
        let span = aggregation.inner.span;
        notes.report(context.annotations, span, aggregation.op.as_str());
    }
    let mut members = vec![Vec::new(); groups.series().len()];
    for (index, group) in group_of.iter().enumerate() {
        members[*group].push(index);
    }
    let fill: Fill<'a> = Box::new(move |group, out| {
        let mut values = Vec::with_capacity(members[group].len());
        for (step, out) in out.iter_mut().enumerate() {
            let candidates = members[group]
                .iter()
                .map(|index| stored.value(*index, step));
            values.clear();
            values.extend(candidates.filter(|value| is_number(*value)));
            *out = if values.is_empty() {
                ABSENT
            } else {
                quantile(quantiles[step], &mut values)
            };
        }
    });
    Ok(Vector {
        series: groups.series().to_vec(),
        fill,
    })
}
