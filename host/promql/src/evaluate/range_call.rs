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
use crate::annotations::{Note, Notes};
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
    let suspects = Suspects::of(context, name, &matrix);
    let fill: Fill<'a> = Box::new(move |index, out| {
        let (series, windows) = (&matrix.series[index], &matrix.windows);
        let budget = context.workers.budget;
        let mut notes = match (series.mixed(), matrix.edges) {
            (None, None) => {
                function.fill(series, windows, budget, out);
                Notes::default()
            }
            (None, Some(edges)) => {
                edges.fill(&function, series, windows, out);
                Notes::default()
            }
            (Some(samples), None) => {
                histogram_range::fill(&function, (series, &samples), windows, budget, out)
            }
            (Some(samples), Some(edges)) => edges.fill_mixed(&function, &samples, windows, out),
        };
        if function.overlaps(series, windows) {
            notes.add(Note::StartOverlaps);
        }
        notes.report(
            context.annotations,
            matrix_arg.span,
            series.labels.metric_name(),
        );
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

/// The metrics of a `rate` or `increase` that do not look like counters.
struct Suspects {
    /// The suspect of each series; empty where the function takes anything.
    of_series: Vec<Option<usize>>,
    metrics: Vec<Suspect>,
}

/// A metric that does not look like a counter.
struct Suspect {
    metric: String,
    /// Its type, where types are labels.
    metric_type: Option<String>,
    is_reported: AtomicBool,
}

impl Suspects {
    fn of(context: Context<'_>, function: &str, matrix: &RangeVector<'_>) -> Self {
        let mut suspects = Self {
            of_series: Vec::new(),
            metrics: Vec::new(),
        };
        if !matches!(function, "rate" | "increase") {
            return suspects;
        }
        let mut index_of: HashMap<(&str, Option<&str>), usize> = HashMap::new();
        for series in &matrix.series {
            let metric = series.labels.metric_name();
            let metric_type = context
                .type_and_unit_labels
                .then(|| series.labels.get("__type__").unwrap_or(""));
            let is_counter = match metric_type {
                Some(metric_type) => matches!(metric_type, "counter" | "histogram"),
                None => ["_total", "_sum", "_count", "_bucket"]
                    .iter()
                    .any(|suffix| metric.ends_with(suffix)),
            };
            let suspect = (!metric.is_empty() && !is_counter).then(|| {
                *index_of.entry((metric, metric_type)).or_insert_with(|| {
                    suspects.metrics.push(Suspect {
                        metric: metric.to_owned(),
                        metric_type: metric_type.map(str::to_owned),
                        is_reported: AtomicBool::new(false),
                    });
                    suspects.metrics.len() - 1
                })
            });
            suspects.of_series.push(suspect);
        }
        suspects
    }

    /// Says so, once a metric, when a series of it has a result.
    fn report(&self, context: Context<'_>, span: Span, series: usize, column: &Column) {
        let Some(Some(suspect)) = self.of_series.get(series) else {
            return;
        };
        let Suspect {
            metric,
            metric_type,
            is_reported,
        } = &self.metrics[*suspect];
        if !has_number(column) || is_reported.swap(true, Ordering::Relaxed) {
            return;
        }
        match metric_type {
            Some(metric_type) => {
                context
                    .annotations
                    .possible_non_counter_type(span, metric, metric_type)
            }
            None => context.annotations.possible_non_counter(span, metric),
        }
    }
}
