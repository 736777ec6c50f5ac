//! Calls of functions on range vectors.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::call::arg;
use super::column::{Column, Fill, OutputSeries, Vector};
use super::grid::Grid;
use super::histogram_range::{self, has_number};
use super::merge::{Duplicates, merged};
use super::range::RangeVector;
use super::range_functions::{OverTime, RangeFunction};
use super::rate::Extrapolation;
use super::{Context, histogram};
use crate::ast::Span;
use crate::error::QueryError;
use crate::plan::Node;

/// Calls a function on a range vector; `None` where the name is not one of these.
pub(crate) fn call<'a>(
    context: Context<'a>,
    name: &str,
    args: &'a [Node],
    grid: Grid,
) -> Result<Option<Vector<'a>>, QueryError> {
    match function(context, name, args, grid)? {
        Some(function) => over_range(context, name, function, args, grid).map(Some),
        None => Ok(None),
    }
}

/// The functions on range vectors; their range vector is the one argument of that type.
fn function<'a>(
    context: Context<'a>,
    name: &str,
    args: &'a [Node],
    grid: Grid,
) -> Result<Option<RangeFunction>, QueryError> {
    let values = |at: usize| context.scalar(arg(args, at)?, grid);
    let extrapolated = |is_counter, per_second| {
        RangeFunction::Extrapolated(Extrapolation {
            is_counter,
            per_second,
        })
    };
    let over_time = RangeFunction::OverTime;
    Ok(Some(match name {
        "rate" => extrapolated(true, true),
        "increase" => extrapolated(true, false),
        "delta" => extrapolated(false, false),
        "irate" => RangeFunction::Irate,
        "idelta" => RangeFunction::Idelta,
        "deriv" => RangeFunction::Deriv,
        "predict_linear" => RangeFunction::PredictLinear(values(1)?),
        "double_exponential_smoothing" => RangeFunction::Smoothing(values(1)?, values(2)?),
        "changes" => RangeFunction::Changes,
        "resets" => RangeFunction::Resets,
        "quantile_over_time" => RangeFunction::Quantile(values(0)?),
        "avg_over_time" => over_time(OverTime::Avg),
        "count_over_time" => over_time(OverTime::Count),
        "first_over_time" => over_time(OverTime::First),
        "last_over_time" => over_time(OverTime::Last),
        "mad_over_time" => over_time(OverTime::Mad),
        "max_over_time" => over_time(OverTime::Max),
        "min_over_time" => over_time(OverTime::Min),
        "present_over_time" => over_time(OverTime::Present),
        "stddev_over_time" => over_time(OverTime::Stddev),
        "stdvar_over_time" => over_time(OverTime::Stdvar),
        "sum_over_time" => over_time(OverTime::Sum),
        "ts_of_first_over_time" => over_time(OverTime::TsOfFirst),
        "ts_of_last_over_time" => over_time(OverTime::TsOfLast),
        "ts_of_max_over_time" => over_time(OverTime::TsOfMax),
        "ts_of_min_over_time" => over_time(OverTime::TsOfMin),
        _ => return Ok(None),
    }))
}

fn over_range<'a>(
    context: Context<'a>,
    name: &str,
    function: RangeFunction,
    args: &'a [Node],
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let at = usize::from(name == "quantile_over_time");
    let matrix_arg = arg(args, at)?;
    let matrix = context.matrix(matrix_arg, grid)?;
    if matrix.series.is_empty() {
        return Ok(Vector::empty());
    }
    check_arguments(context, &function, args)?;
    // These two act like an offset and keep the name.
    let keeps_name = matches!(name, "last_over_time" | "first_over_time");
    let series: Vec<OutputSeries> = matrix
        .series
        .iter()
        .map(|series| {
            let series = OutputSeries {
                labels: series.labels.clone(),
                drop_name: false,
            };
            if keeps_name {
                series
            } else {
                context.renamed(&series)
            }
        })
        .collect();
    let suspects = Suspects::of(name, &matrix);
    let fill: Fill<'a> = Box::new(move |index, out| {
        let (series, windows) = (&matrix.series[index], &matrix.windows);
        match (matrix.edges, series.mixed()) {
            (Some(edges), None) => edges.fill(&function, series, windows, out),
            (Some(edges), Some(_)) => edges.fill(&function, &series.numbers(), windows, out),
            (None, None) => function.fill(series, windows, context.workers.budget, out),
            (None, Some(samples)) => {
                let notes = {
                    let budget = context.workers.budget;
                    histogram_range::fill(&function, (series, &samples), windows, budget, out)
                };
                let metric = series.labels.metric_name();
                notes.report(context.annotations, matrix_arg.span, metric);
            }
        }
        suspects.report(context, matrix_arg.span, index, out);
    });
    let vector = Vector { series, fill };
    if context.delayed_name_removal {
        return Ok(vector);
    }
    merged(context, vector, grid.count, Duplicates::Anywhere)
}

/// Refuses and annotates parameters out of range.
fn check_arguments(
    context: Context<'_>,
    function: &RangeFunction,
    args: &[Node],
) -> Result<(), QueryError> {
    let in_range = |values: &[f64], what: &str, sign: &str| -> Result<(), QueryError> {
        match values.iter().find(|value| **value <= 0.0 || **value >= 1.0) {
            Some(value) => Err(QueryError::Execution(format!(
                "invalid {what} factor. Expected: 0 < {sign} < 1, got: {value:.6}"
            ))),
            None => Ok(()),
        }
    };
    match function {
        RangeFunction::Smoothing(smoothing, trend) => {
            in_range(smoothing, "smoothing", "sf")?;
            in_range(trend, "trend", "tf")?;
        }
        RangeFunction::Quantile(quantiles) => {
            histogram::warn_of_quantiles(context, arg(args, 0)?.span, quantiles);
        }
        _ => {}
    }
    Ok(())
}

/// The metrics of a `rate` or `increase` that are not named like counters.
struct Suspects {
    /// The suspect of each series; empty where the function takes anything.
    of_series: Vec<Option<usize>>,
    metrics: Vec<(String, AtomicBool)>,
}

impl Suspects {
    fn of(function: &str, matrix: &RangeVector<'_>) -> Self {
        let mut suspects = Self {
            of_series: Vec::new(),
            metrics: Vec::new(),
        };
        if !matches!(function, "rate" | "increase") {
            return suspects;
        }
        let mut index_of: HashMap<&str, usize> = HashMap::new();
        for series in &matrix.series {
            let metric = series.labels.metric_name();
            let is_counter = ["_total", "_sum", "_count", "_bucket"]
                .iter()
                .any(|suffix| metric.ends_with(suffix));
            suspects
                .of_series
                .push((!metric.is_empty() && !is_counter).then(|| {
                    *index_of.entry(metric).or_insert_with(|| {
                        suspects
                            .metrics
                            .push((metric.to_owned(), AtomicBool::new(false)));
                        suspects.metrics.len() - 1
                    })
                }));
        }
        suspects
    }

    /// Says so, once a metric, when a series of it has a result.
    fn report(&self, context: Context<'_>, span: Span, series: usize, column: &Column) {
        let Some(Some(suspect)) = self.of_series.get(series) else {
            return;
        };
        let (metric, reported) = &self.metrics[*suspect];
        if has_number(column) && !reported.swap(true, Ordering::Relaxed) {
            context.annotations.possible_non_counter(span, metric);
        }
    }
}
