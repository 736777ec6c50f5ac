//! Aggregations: series fold into one column a group as they stream by.

use std::collections::HashMap;

use narthex_model::{Labels, METRIC_NAME};

use super::column::{ABSENT, Column, Fill, OutputSeries, Vector, is_absent, is_number};
use super::grid::Grid;
use super::histogram_aggregate::HistogramCells;
use super::kahan::{Kahan, Mean};
use super::labels_functions::is_label_name;
use super::quantile::quantile;
use super::{Context, count_values, histogram, mistyped, ranking};
use crate::annotations::{Note, Notes};
use crate::ast::{AggregateOp, Span};
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
            let groups = Groups::new(aggregation, &vector.series);
            let (op, span) = (aggregation.op, aggregation.inner.span);
            ranking::ranked(context, op, vector, &groups.of_series, k, span, grid)
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
        op => folded(context, aggregation, op, grid),
    }
}

/// Which series belong together.
pub(crate) struct Groups {
    /// The group of each series.
    pub(crate) of_series: Vec<usize>,
    /// The series that each group becomes.
    series: Vec<OutputSeries>,
}

impl Groups {
    fn new(aggregation: &Aggregation, series: &[OutputSeries]) -> Self {
        let mut index_of: HashMap<Labels, usize> = HashMap::new();
        let mut groups = Self {
            of_series: Vec::with_capacity(series.len()),
            series: Vec::new(),
        };
        for series in series {
            let labels = group_labels(aggregation, &aggregation.labels, &series.labels);
            let index = *index_of.entry(labels).or_insert_with_key(|labels| {
                groups.series.push(OutputSeries {
                    labels: labels.clone(),
                    drop_name: false,
                });
                groups.series.len() - 1
            });
            groups.series[index].drop_name |= series.drop_name;
            groups.of_series.push(index);
        }
        groups
    }
}

/// The labels of the group that a series belongs to.
pub(crate) fn group_labels(aggregation: &Aggregation, names: &[String], labels: &Labels) -> Labels {
    if aggregation.without {
        labels.filtered(|name| {
            name != METRIC_NAME && names.binary_search_by(|n| n.as_str().cmp(name)).is_err()
        })
    } else {
        labels.keep(names)
    }
}

/// What a group has become at one step.
trait Cell: Clone {
    /// Nothing yet.
    fn empty() -> Self;
    /// One more value.
    fn add(&mut self, value: f64);
    /// The result, or [`ABSENT`] where there was no value.
    fn result(self) -> f64;
}

fn folded<'a>(
    context: Context<'a>,
    aggregation: &'a Aggregation,
    op: AggregateOp,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let vector = context.vector(&aggregation.inner, grid)?;
    let groups = Groups::new(aggregation, &vector.series);
    let folding = Folding {
        op,
        span: aggregation.inner.span,
        grid,
    };
    match op {
        AggregateOp::Sum => fold::<Sum>(context, vector, groups, folding, |x| x),
        AggregateOp::Avg => fold::<Mean>(context, vector, groups, folding, |x| x),
        AggregateOp::Min => fold::<Min>(context, vector, groups, folding, |x| x),
        AggregateOp::Max => fold::<Max>(context, vector, groups, folding, |x| x),
        AggregateOp::Count => fold::<Count>(context, vector, groups, folding, |x| x),
        AggregateOp::Stdvar => fold::<Variance>(context, vector, groups, folding, |x| x),
        AggregateOp::Stddev => fold::<Variance>(context, vector, groups, folding, |x| {
            if is_absent(x) { x } else { x.sqrt() }
        }),
        _ => fold::<Count>(context, vector, groups, folding, |x| {
            if is_absent(x) { x } else { 1.0 }
        }),
    }
}

/// What is folded, at which times, and where the expression is that is folded.
#[derive(Debug, Clone, Copy)]
struct Folding {
    op: AggregateOp,
    span: Span,
    grid: Grid,
}

fn fold<'a, C: Cell + Send + Sync + 'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    groups: Groups,
    folding: Folding,
    finish: fn(f64) -> f64,
) -> Result<Vector<'a>, QueryError> {
    let steps = folding.grid.count;
    let cell_count = groups.series.len().saturating_mul(steps);
    let bytes = cell_count.saturating_mul(size_of::<C>());
    context.workers.budget.charge_bytes(bytes)?;
    let mut cells = vec![C::empty(); cell_count];
    let mut histograms = HistogramCells::new(folding.op, cells.len());
    context.workers.for_each(&vector, steps, |index, column| {
        let start = groups.of_series[index] * steps;
        let cells = cells[start..start + steps].iter_mut();
        if !column.has_histograms() {
            for (cell, value) in cells.zip(column.iter()) {
                if !is_absent(*value) {
                    cell.add(*value);
                }
            }
            return Ok(());
        }
        for (step, (cell, value)) in cells.zip(column.iter()).enumerate() {
            match column.histogram(step) {
                Some(histogram) if histograms.takes() => {
                    let metric = vector.series[index].labels.metric_name();
                    histograms.add(start + step, histogram, metric);
                }
                Some(_) if !histograms.counts() => histograms.ignore(),
                _ if is_absent(*value) => {}
                _ => cell.add(*value),
            }
        }
        Ok(())
    })?;
    histograms.report(context.annotations, folding.span);
    let (annotations, span) = (context.annotations, folding.span);
    let fill: Fill<'a> = Box::new(move |index, out| {
        let first = index * steps;
        for (out, cell) in out.iter_mut().zip(&cells[first..first + steps]) {
            *out = finish(cell.clone().result());
        }
        histograms.fill(first, out).report(annotations, span, "");
    });
    Ok(Vector {
        series: groups.series,
        fill,
    })
}

#[derive(Clone)]
struct Sum(Kahan);

impl Cell for Sum {
    fn empty() -> Self {
        Self(Kahan::new(ABSENT))
    }

    #[inline]
    fn add(&mut self, value: f64) {
        self.0 = if is_absent(self.0.sum) {
            Kahan::new(value)
        } else {
            self.0.plus(value)
        };
    }

    fn result(self) -> f64 {
        if is_absent(self.0.sum) {
            ABSENT
        } else {
            self.0.total()
        }
    }
}

impl Cell for Mean {
    fn empty() -> Self {
        Self::default()
    }

    #[inline]
    fn add(&mut self, value: f64) {
        if self.is_empty() {
            *self = Self::new(value);
        } else {
            Self::add(self, value);
        }
    }

    fn result(self) -> f64 {
        if self.is_empty() {
            ABSENT
        } else {
            Self::result(self)
        }
    }
}

#[derive(Clone)]
struct Min(f64);

impl Cell for Min {
    fn empty() -> Self {
        Self(ABSENT)
    }

    #[inline]
    fn add(&mut self, value: f64) {
        // Also true for nothing yet, which is a NaN like those that any number replaces.
        if self.0.is_nan() || value < self.0 {
            self.0 = value;
        }
    }

    fn result(self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct Max(f64);

impl Cell for Max {
    fn empty() -> Self {
        Self(ABSENT)
    }

    #[inline]
    fn add(&mut self, value: f64) {
        if self.0.is_nan() || value > self.0 {
            self.0 = value;
        }
    }

    fn result(self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct Count(f64);

impl Cell for Count {
    fn empty() -> Self {
        Self(0.0)
    }

    #[inline]
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn result(self) -> f64 {
        if self.0 == 0.0 { ABSENT } else { self.0 }
    }
}

/// Welford's running variance.
#[derive(Clone)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Cell for Variance {
    fn empty() -> Self {
        Self {
            count: 0.0,
            mean: 0.0,
            squares: 0.0,
        }
    }

    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = value;
            self.squares = if value.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn result(self) -> f64 {
        if self.count == 0.0 {
            ABSENT
        } else {
            self.squares / self.count
        }
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
    let groups = Groups::new(aggregation, &vector.series);
    let stored = context.workers.store(&vector, grid.count)?;
    if (0..vector.series.len()).any(|at| stored.column(at).is_some_and(Column::has_a_histogram)) {
        let mut notes = Notes::default();
        notes.add(Note::IgnoredInAggregation);
        let span = aggregation.inner.span;
        notes.report(context.annotations, span, aggregation.op.as_str());
    }
    let mut members = vec![Vec::new(); groups.series.len()];
    for (index, group) in groups.of_series.iter().enumerate() {
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
        series: groups.series,
        fill,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded<C: Cell>(values: &[f64]) -> f64 {
        let mut cell = C::empty();
        values.iter().for_each(|value| cell.add(*value));
        cell.result()
    }

    #[test]
    fn nan_counts_only_where_nothing_else_is() {
        let nan = f64::NAN;
        assert_eq!(folded::<Max>(&[nan, 1.0, nan]), 1.0);
        assert_eq!(folded::<Min>(&[2.0, nan, 1.0]), 1.0);
        assert!(folded::<Max>(&[nan]).is_nan() && !is_absent(folded::<Max>(&[nan])));
        assert!(folded::<Sum>(&[1.0, nan]).is_nan());
    }

    #[test]
    fn nothing_gives_nothing() {
        let nothing = [
            folded::<Sum>(&[]),
            folded::<Mean>(&[]),
            folded::<Min>(&[]),
            folded::<Max>(&[]),
            folded::<Count>(&[]),
            folded::<Variance>(&[]),
        ];
        assert!(nothing.into_iter().all(is_absent));
    }

    #[test]
    fn a_variance_of_what_is_not_finite_is_unknown() {
        assert_eq!(folded::<Variance>(&[1.0, 3.0]), 1.0);
        assert!(folded::<Variance>(&[f64::INFINITY]).is_nan());
        assert!(folded::<Variance>(&[1.0, f64::NAN]).is_nan());
    }
}
