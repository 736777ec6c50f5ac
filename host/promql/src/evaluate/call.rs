//! Calls of functions: which code a name stands for, and what it gets as arguments.

use super::column::{Fill, Vector, is_number};
use super::grid::Grid;
use super::{
    Context, Evaluated, absent, edges, histogram, histogram_values, instant_functions,
    labels_functions, mistyped, order, range_call, selector, unlabelled,
};
use crate::ast::Span;
use crate::error::QueryError;
use crate::plan::{Node, NodeKind, unsupported};

/// Calls a function.
pub(crate) fn call<'a>(
    context: Context<'a>,
    name: &str,
    args: &'a [Node],
    span: Span,
    grid: Grid,
) -> Result<Evaluated<'a>, QueryError> {
    edges::check(name, args)?;
    if let Some(values) = scalar(context, name, args, grid)? {
        return Ok(Evaluated::Scalar(values));
    }
    let vector = if let Some(vector) = range_call::call(context, name, args, grid)? {
        Ok(vector)
    } else if let Some(f) = instant_functions::by_name(name) {
        let vector = context.vector(arg(args, 0)?, grid)?;
        instant_functions::mapped(context, vector, grid, move |_, value| f(value))
    } else if let Some(part) = instant_functions::date_part(name) {
        let vector = match args.first() {
            Some(arg) => context.vector(arg, grid)?,
            None => constant(seconds(grid)),
        };
        instant_functions::mapped(context, vector, grid, move |_, value| part.of(value))
    } else {
        other(context, name, args, span, grid)
    };
    vector.map(Evaluated::Vector)
}

/// An argument that the type check has seen.
pub(crate) fn arg(args: &[Node], at: usize) -> Result<&Node, QueryError> {
    args.get(at).ok_or_else(|| mistyped("complete"))
}

fn text(args: &[Node], at: usize) -> Result<&str, QueryError> {
    match &arg(args, at)?.kind {
        NodeKind::String(text) => Ok(text),
        _ => Err(mistyped("a string")),
    }
}

fn texts(args: &[Node], from: usize) -> Result<Vec<&str>, QueryError> {
    (from..args.len()).map(|at| text(args, at)).collect()
}

#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in a double"
)]
fn seconds(grid: Grid) -> Vec<f64> {
    grid.times()
        .map(|time_ms| time_ms as f64 / 1000.0)
        .collect()
}

/// A vector of one series without labels.
fn constant<'a>(values: Vec<f64>) -> Vector<'a> {
    let fill: Fill<'a> = Box::new(move |_, out| out.copy_from_slice(&values));
    Vector {
        series: vec![unlabelled()],
        fill,
    }
}

/// The functions that give a scalar.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in a double"
)]
fn scalar<'a>(
    context: Context<'a>,
    name: &str,
    args: &'a [Node],
    grid: Grid,
) -> Result<Option<Vec<f64>>, QueryError> {
    let two = |pick: fn(f64, f64) -> f64| -> Result<Vec<f64>, QueryError> {
        let (a, b) = (arg(args, 0)?, arg(args, 1)?);
        let (a, b) = (context.scalar(a, grid)?, context.scalar(b, grid)?);
        Ok(a.into_iter().zip(b).map(|(a, b)| pick(a, b)).collect())
    };
    let constant = |value: f64| vec![value; grid.count];
    Ok(Some(match name {
        "time" => seconds(grid),
        "pi" => constant(std::f64::consts::PI),
        "start" => constant(context.times.start_ms as f64 / 1000.0),
        "end" => constant(context.times.end_ms as f64 / 1000.0),
        "range" => constant(context.times.range_seconds()),
        "step" => constant(context.times.step_seconds()),
        "min_of" => two(instant_functions::go_min)?,
        "max_of" => two(instant_functions::go_max)?,
        "scalar" => only_value(context, arg(args, 0)?, grid)?,
        _ => return Ok(None),
    }))
}

/// `scalar(v)`: the one value of each step, or NaN.
fn only_value<'a>(context: Context<'a>, arg: &'a Node, grid: Grid) -> Result<Vec<f64>, QueryError> {
    let vector = context.vector(arg, grid)?;
    let mut found = vec![false; grid.count];
    let mut values = vec![f64::NAN; grid.count];
    context.workers.for_each(&vector, grid.count, |_, column| {
        let cells = values.iter_mut().zip(&mut found);
        for ((value, found), candidate) in cells.zip(column.iter()) {
            if is_number(*candidate) {
                *value = if *found { f64::NAN } else { *candidate };
                *found = true;
            }
        }
        Ok(())
    })?;
    Ok(values)
}

/// The functions that are like no other.
fn other<'a>(
    context: Context<'a>,
    name: &str,
    args: &'a [Node],
    span: Span,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let vector = |at| context.vector(arg(args, at)?, grid);
    let values = |at| context.scalar(arg(args, at)?, grid);
    let constant_values = |value: f64| vec![value; grid.count];
    match name {
        "absent" => absent::absent(context, arg(args, 0)?, grid),
        "absent_over_time" => absent::absent_over_time(context, arg(args, 0)?, grid),
        "vector" => Ok(constant(values(0)?)),
        "timestamp" => {
            let inner = match &arg(args, 0)?.kind {
                NodeKind::Instant(found) => {
                    let back = (found.shift, found.lookback_ms);
                    selector::sampled(context, found.request, back, grid)
                }
                _ => {
                    let times = seconds(grid);
                    let vector = vector(0)?;
                    return histogram_values::at_samples(context, vector, grid, times);
                }
            };
            instant_functions::mapped(context, inner, grid, |_, seconds| seconds)
        }
        "start_timestamp" => match &arg(args, 0)?.kind {
            NodeKind::Instant(found) if context.use_start_timestamps => {
                let starts = selector::started(context, found, grid);
                instant_functions::mapped(context, starts, grid, |_, seconds| seconds)
            }
            // What is computed, and all that where they do not count, has none.
            _ => {
                vector(0)?;
                Ok(Vector::empty())
            }
        },
        "clamp" => instant_functions::clamp(context, vector(0)?, grid, values(1)?, values(2)?),
        "clamp_min" => {
            let max = constant_values(f64::INFINITY);
            instant_functions::clamp(context, vector(0)?, grid, values(1)?, max)
        }
        "clamp_max" => {
            let min = constant_values(f64::NEG_INFINITY);
            instant_functions::clamp(context, vector(0)?, grid, min, values(1)?)
        }
        "round" => {
            let to_nearest = match args.get(1) {
                Some(_) => values(1)?,
                None => constant_values(1.0),
            };
            instant_functions::round(context, vector(0)?, grid, to_nearest)
        }
        "label_replace" => {
            let [destination, replacement, source, expression] = [
                text(args, 1)?,
                text(args, 2)?,
                text(args, 3)?,
                text(args, 4)?,
            ];
            let texts = [destination, replacement, source, expression];
            labels_functions::replace(context, vector(0)?, grid, texts)
        }
        "label_join" => {
            let (destination, separator) = (text(args, 1)?, text(args, 2)?);
            let sources = texts(args, 3)?;
            labels_functions::join(context, vector(0)?, grid, destination, separator, &sources)
        }
        "sort" => order::by_value(context, vector(0)?, span, grid, false),
        "sort_desc" => order::by_value(context, vector(0)?, span, grid, true),
        "sort_by_label" | "sort_by_label_desc" => {
            let descending = name.ends_with("desc");
            let names = texts(args, 1)?;
            Ok(order::by_labels(
                context,
                vector(0)?,
                span,
                &names,
                descending,
            ))
        }
        "histogram_quantile" => {
            let quantiles = values(0)?;
            histogram::warn_of_quantiles(context, arg(args, 0)?.span, &quantiles);
            let spans = (arg(args, 0)?.span, arg(args, 1)?.span);
            histogram::quantile(context, vector(1)?, spans, grid, quantiles, None)
        }
        "histogram_quantiles" => histogram_quantiles(context, args, grid),
        "histogram_fraction" => {
            let spans = (arg(args, 0)?.span, arg(args, 2)?.span);
            histogram::fraction(context, vector(2)?, spans, grid, values(0)?, values(1)?)
        }
        _ if histogram_values::by_name(name).is_some() => {
            let of_histogram = histogram_values::by_name(name);
            let of_histogram = of_histogram.ok_or_else(|| mistyped("a function of histograms"))?;
            histogram_values::mapped(context, vector(0)?, grid, of_histogram)
        }
        _ => Err(unsupported(&format!("{name}()"))),
    }
}

/// `histogram_quantiles(v, label, quantiles...)`: one series a histogram and quantile.
fn histogram_quantiles<'a>(
    context: Context<'a>,
    args: &'a [Node],
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let label = text(args, 1)?;
    let inner = arg(args, 0)?;
    let mut all: Vec<Vector<'a>> = Vec::new();
    for arg in args.iter().skip(2) {
        let quantiles = context.scalar(arg, grid)?;
        histogram::warn_of_quantiles(context, arg.span, &quantiles);
        let vector = context.vector(inner, grid)?;
        let named = Some(label);
        let spans = (inner.span, inner.span);
        all.push(histogram::quantile(
            context, vector, spans, grid, quantiles, named,
        )?);
    }
    let mut places = Vec::new();
    let mut series = Vec::new();
    for (vector_at, vector) in all.iter().enumerate() {
        for (at, output) in vector.series.iter().enumerate() {
            places.push((vector_at, at));
            series.push(output.clone());
        }
    }
    let fill: Fill<'a> = Box::new(move |index, out| {
        let (vector, at) = places[index];
        (all[vector].fill)(at, out);
    });
    instant_functions::checked(context, Vector { series, fill }, grid)
}
