//! The functions on range vectors: which is which.

use super::column::ABSENT;
use super::range::{RangeSeries, Window, Windows};
use super::rate::{self, Extrapolation, resets};
use super::window_functions::Pass;
use crate::budget::Budget;

/// A function on a range vector, with its other arguments at all steps.
#[derive(Debug, Clone)]
pub(crate) enum RangeFunction {
    /// `rate`, `increase`, `delta`
    Extrapolated(Extrapolation),
    /// `irate`
    Irate,
    /// `idelta`
    Idelta,
    /// `deriv`
    Deriv,
    /// `predict_linear`, and how many seconds ahead.
    PredictLinear(Vec<f64>),
    /// `double_exponential_smoothing`, with the smoothing and the trend factors.
    Smoothing(Vec<f64>, Vec<f64>),
    /// `changes`
    Changes,
    /// `resets`
    Resets,
    /// `quantile_over_time`, and the quantiles.
    Quantile(Vec<f64>),
    /// The other `..._over_time`.
    OverTime(OverTime),
}

/// What is made of the samples of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the function `<name>_over_time`")]
pub(crate) enum OverTime {
    Avg,
    Count,
    First,
    Last,
    Mad,
    Max,
    Min,
    Present,
    Stddev,
    Stdvar,
    Sum,
    TsOfFirst,
    TsOfLast,
    TsOfMax,
    TsOfMin,
}

impl RangeFunction {
    /// Computes the column of one series.
    pub(crate) fn fill(
        &self,
        series: &RangeSeries<'_>,
        windows: &Windows,
        budget: &Budget,
        out: &mut [f64],
    ) {
        out.fill(ABSENT);
        let samples = &series.samples();
        let pass = Pass {
            samples,
            windows,
            budget,
        };
        match self {
            Self::Extrapolated(extrapolation) => extrapolation.fill(&pass, out),
            Self::Irate => pass.each(out, |w| rate::instant(true, samples, w)),
            Self::Idelta => pass.each(out, |w| rate::instant(false, samples, w)),
            Self::Deriv => {
                let first_ms = |w: &Window| samples.timestamps[w.low];
                pass.line(out, first_ms, |_, (slope, _)| slope);
            }
            Self::PredictLinear(seconds) => {
                let now_ms = |w: &Window| windows.grid.time(w.step);
                pass.line(out, now_ms, |w, (slope, now)| slope * seconds[w.step] + now);
            }
            Self::Smoothing(smoothing, trend) => pass.smooth(out, smoothing, trend),
            Self::Changes => {
                pass.count_pairs(out, |a, b| a != b && !(a.is_nan() && b.is_nan()));
            }
            Self::Resets => match samples.started() {
                None => pass.count_pairs(out, |a, b| b < a),
                started => pass.count_places(out, &resets(&samples.values, started)),
            },
            Self::Quantile(quantiles) => pass.quantile(out, quantiles),
            Self::OverTime(function) => function.fill(&pass, out),
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts and milliseconds have fewer digits than a double"
)]
impl OverTime {
    fn fill(self, pass: &Pass<'_>, out: &mut [f64]) {
        let (timestamps, values) = (&*pass.samples.timestamps, &*pass.samples.values);
        let seconds = |at: usize| timestamps[at] as f64 / 1000.0;
        match self {
            Self::Avg => pass.average(out),
            Self::Count => pass.each(out, |w| w.len() as f64),
            Self::First => pass.each(out, |w| values[w.low]),
            Self::Last => pass.each(out, |w| values[w.high - 1]),
            Self::Mad => pass.median_deviation(out),
            Self::Max => pass.extreme(out, |a, b| a > b, |at| values[at]),
            Self::Min => pass.extreme(out, |a, b| a < b, |at| values[at]),
            Self::Present => pass.each(out, |_| 1.0),
            Self::Stddev => pass.variance(out, f64::sqrt),
            Self::Stdvar => pass.variance(out, |variance| variance),
            Self::Sum => pass.sum(out),
            Self::TsOfFirst => pass.each(out, |w| seconds(w.low)),
            Self::TsOfLast => pass.each(out, |w| seconds(w.high - 1)),
            Self::TsOfMax => pass.extreme(out, |a, b| a >= b, seconds),
            Self::TsOfMin => pass.extreme(out, |a, b| a <= b, seconds),
        }
    }
}

/// Marks the steps at which a window has a sample.
pub(crate) fn mark_present(series: &RangeSeries<'_>, windows: &Windows, present: &mut [bool]) {
    let samples = series.samples();
    windows.for_each(&samples.timestamps, |window| present[window.step] = true);
}
