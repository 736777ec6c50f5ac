//! Functions that make a number of each native histogram: `histogram_count` and its like.

use narthex_model::FloatHistogram;

use super::Context;
use super::column::{ABSENT, Fill, OutputSeries, Vector, is_absent};
use super::grid::Grid;
use super::instant_functions::checked;
use crate::error::QueryError;

/// A function of one histogram; `None` where the name is not one of these.
pub(crate) fn by_name(name: &str) -> Option<fn(&FloatHistogram) -> f64> {
    Some(match name {
        "histogram_avg" => FloatHistogram::average,
        "histogram_count" => |histogram| histogram.count,
        "histogram_stddev" => |histogram| histogram.variance().sqrt(),
        "histogram_stdvar" => FloatHistogram::variance,
        "histogram_sum" => |histogram| histogram.sum,
        _ => return None,
    })
}

/// Makes a number of each histogram; numbers are left out.
pub(crate) fn mapped<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    grid: Grid,
    f: fn(&FloatHistogram) -> f64,
) -> Result<Vector<'a>, QueryError> {
    let series = renamed(context, &vector);
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        inner(index, out);
        for step in 0..out.len() {
            let value = out.histogram(step).map(|histogram| f(histogram));
            out[step] = value.unwrap_or(ABSENT);
        }
        out.drop_histograms();
    });
    checked(context, Vector { series, fill }, grid)
}

/// The value of a step wherever there is a sample, of whatever kind.
pub(crate) fn at_samples<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    grid: Grid,
    values: Vec<f64>,
) -> Result<Vector<'a>, QueryError> {
    let series = renamed(context, &vector);
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        inner(index, out);
        for (out, value) in out.iter_mut().zip(&values) {
            if !is_absent(*out) {
                *out = *value;
            }
        }
        out.drop_histograms();
    });
    checked(context, Vector { series, fill }, grid)
}

fn renamed(context: Context<'_>, vector: &Vector<'_>) -> Vec<OutputSeries> {
    let series = vector.series.iter();
    series.map(|series| context.renamed(series)).collect()
}
