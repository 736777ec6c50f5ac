//! From the value of the whole expression to what the caller gets.

use std::sync::Arc;

use super::column::{Vector, is_number, without_metadata};
use super::grid::Grid;
use super::merge::{Duplicates, merged};
use super::range::MixedSamples;
use super::{Context, Evaluated, mistyped, unlabelled};
use crate::error::QueryError;
use crate::plan::{Node, NodeKind};
use crate::value::{MatrixSeries, Value, VectorSample};

/// Evaluates a plan's root at all times of the query.
pub(crate) fn answer(
    mut context: Context<'_>,
    root: &Node,
    grid: Grid,
) -> Result<Value, QueryError> {
    let is_range = context.times.step_ms > 0;
    if matches!(root.kind, NodeKind::Subquery(_)) {
        context.counting = context.counting.whole_subquery();
    }
    match context.evaluate(root, grid)? {
        Evaluated::String(text) => Ok(Value::String {
            timestamp_ms: grid.start_ms,
            value: text.to_owned(),
        }),
        Evaluated::Scalar(values) if is_range => Ok(Value::Matrix(vec![MatrixSeries {
            labels: unlabelled().labels,
            timestamps: grid.times().collect(),
            values,
            histograms: Vec::new(),
        }])),
        Evaluated::Scalar(values) => Ok(Value::Scalar {
            timestamp_ms: grid.start_ms,
            value: values
                .first()
                .copied()
                .ok_or_else(|| mistyped("a number"))?,
        }),
        Evaluated::Vector(vector) => {
            let vector = cleaned(context, vector, grid)?;
            if is_range {
                matrix_of_columns(context, &vector, grid)
            } else {
                samples(context, &vector, grid)
            }
        }
        Evaluated::Matrix(matrix) => {
            let series = matrix.series.iter().map(|series| {
                let samples = series.samples();
                let mut found = MatrixSeries {
                    labels: match series.drop_name {
                        true => without_metadata(&series.labels),
                        false => series.labels.clone(),
                    },
                    timestamps: Vec::new(),
                    values: Vec::new(),
                    histograms: Vec::new(),
                };
                match matrix.edges {
                    Some(edges) => {
                        edges.check_numbers(series, &matrix.windows)?;
                        (found.timestamps, found.values) = edges.points(&samples, &matrix.windows);
                    }
                    None => matrix.windows.for_each(&samples.timestamps, |window| {
                        let seen = window.low..window.high;
                        found.timestamps = samples.timestamps[seen.clone()].to_vec();
                        found.values = samples.values[seen].to_vec();
                    }),
                }
                if let Some(samples) = series.mixed().filter(|_| matrix.edges.is_none()) {
                    separate(&samples, &mut found);
                }
                context.workers.budget.charge(found.samples())?;
                Ok(found)
            });
            let mut series = series.collect::<Result<Vec<_>, QueryError>>()?;
            series.retain(|series| series.samples() > 0);
            Ok(sorted(series))
        }
    }
}

/// Delayed name removal: now is when.
fn cleaned<'a>(
    context: Context<'a>,
    mut vector: Vector<'a>,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    if !context.delayed_name_removal {
        return Ok(vector);
    }
    for series in vector.series.iter_mut().filter(|series| series.drop_name) {
        series.labels = without_metadata(&series.labels);
    }
    merged(context, vector, grid.count, Duplicates::AtAStep)
}

fn samples(context: Context<'_>, vector: &Vector<'_>, grid: Grid) -> Result<Value, QueryError> {
    let mut samples = Vec::with_capacity(vector.series.len());
    context.workers.for_each(vector, 1, |index, column| {
        samples.push(VectorSample {
            labels: vector.series[index].labels.clone(),
            timestamp_ms: grid.start_ms,
            value: column[0],
            histogram: column.histogram(0).cloned(),
        });
        Ok(())
    })?;
    Ok(Value::Vector(samples))
}

fn matrix_of_columns(
    context: Context<'_>,
    vector: &Vector<'_>,
    grid: Grid,
) -> Result<Value, QueryError> {
    let mut matrix = Vec::new();
    let times: Vec<i64> = grid.times().collect();
    context
        .workers
        .for_each(vector, grid.count, |index, column| {
            let points = times.iter().copied().zip(column.iter().copied());
            let (timestamps, values): (Vec<i64>, Vec<f64>) =
                points.filter(|(_, value)| is_number(*value)).unzip();
            // The column leaves memory; what is copied out of it stays.
            let budget = context.workers.budget;
            budget.charge(values.len())?;
            budget.charge_bytes(size_of_val(&timestamps[..]))?;
            let histograms = match column.has_histograms() {
                true => {
                    let steps = times.iter().enumerate();
                    let histograms = steps.filter_map(|(step, time_ms)| {
                        Some((*time_ms, Arc::clone(column.histogram(step)?)))
                    });
                    histograms.collect()
                }
                false => Vec::new(),
            };
            matrix.push(MatrixSeries {
                labels: vector.series[index].labels.clone(),
                timestamps,
                values,
                histograms,
            });
            Ok(())
        })?;
    Ok(sorted(matrix))
}

/// Takes the histograms out of what a series of a range vector has in its window.
fn separate(samples: &MixedSamples<'_>, found: &mut MatrixSeries) {
    let Some(first_ms) = found.timestamps.first() else {
        return;
    };
    let low = samples
        .timestamps
        .partition_point(|time_ms| time_ms < first_ms);
    let histograms = samples.histograms[low..].iter();
    let points = found.timestamps.iter().copied().zip(histograms);
    let histograms = points.filter_map(|(time_ms, histogram)| Some((time_ms, histogram.clone()?)));
    found.histograms = histograms.collect();
    let points = found
        .timestamps
        .iter()
        .copied()
        .zip(found.values.iter().copied());
    let (timestamps, values) = points.filter(|(_, value)| is_number(*value)).unzip();
    found.timestamps = timestamps;
    found.values = values;
}

fn sorted(mut matrix: Vec<MatrixSeries>) -> Value {
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    Value::Matrix(matrix)
}
