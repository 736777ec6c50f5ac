//! The functions on range vectors: one sliding pass over a series gives all steps.

use std::collections::VecDeque;

use super::column::{ABSENT, is_absent};
use super::kahan::{Kahan, Mean};
use super::quantile::quantile;
use super::range::{RangeSeries, Samples, Window, Windows};
use super::rate::{self, Extrapolation};
use super::regression;

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
    pub(crate) fn fill(&self, series: &RangeSeries<'_>, windows: &Windows, out: &mut [f64]) {
        out.fill(ABSENT);
        let samples = series.samples();
        let (timestamps, values) = (&*samples.timestamps, &*samples.values);
        match self {
            Self::Extrapolated(extrapolation) => extrapolation.fill(&samples, windows, out),
            Self::Irate => each(&samples, windows, out, |w| rate::instant(true, &samples, w)),
            Self::Idelta => each(&samples, windows, out, |w| {
                rate::instant(false, &samples, w)
            }),
            Self::Deriv => each(&samples, windows, out, |w| {
                if w.len() < 2 {
                    return ABSENT;
                }
                let timestamps = &timestamps[w.low..w.high];
                regression::line(timestamps, &values[w.low..w.high], timestamps[0]).0
            }),
            Self::PredictLinear(seconds) => each(&samples, windows, out, |w| {
                if w.len() < 2 {
                    return ABSENT;
                }
                let now_ms = windows.grid.time(w.step);
                let (slope, now) =
                    regression::line(&timestamps[w.low..w.high], &values[w.low..w.high], now_ms);
                slope * seconds[w.step] + now
            }),
            Self::Smoothing(smoothing, trend) => each(&samples, windows, out, |w| {
                if w.len() < 2 {
                    return ABSENT;
                }
                let values = &values[w.low..w.high];
                regression::double_exponential_smoothing(values, smoothing[w.step], trend[w.step])
            }),
            Self::Changes => {
                count_pairs(&samples, windows, out, |a, b| {
                    a != b && !(a.is_nan() && b.is_nan())
                });
            }
            Self::Resets => count_pairs(&samples, windows, out, |a, b| b < a),
            Self::Quantile(quantiles) => {
                let mut scratch = Vec::new();
                each(&samples, windows, out, |w| {
                    scratch.clear();
                    scratch.extend_from_slice(&values[w.low..w.high]);
                    quantile(quantiles[w.step], &mut scratch)
                });
            }
            Self::OverTime(function) => function.fill(&samples, windows, out),
        }
    }
}

fn each(
    samples: &Samples<'_>,
    windows: &Windows,
    out: &mut [f64],
    mut f: impl FnMut(&Window) -> f64,
) {
    windows.for_each(&samples.timestamps, |window| {
        out[window.step] = f(&window);
    });
}

/// Counts in each window the neighbours for which `differs` holds: the difference of two running
/// counts.
#[allow(
    clippy::cast_precision_loss,
    reason = "a window has fewer samples than a double has digits"
)]
fn count_pairs(
    samples: &Samples<'_>,
    windows: &Windows,
    out: &mut [f64],
    differs: impl Fn(f64, f64) -> bool,
) {
    let mut counts = Vec::with_capacity(samples.values.len());
    let mut count = 0_u64;
    counts.extend(samples.values.first().map(|_| count));
    counts.extend(samples.values.windows(2).map(|pair| {
        count += u64::from(differs(pair[0], pair[1]));
        count
    }));
    each(samples, windows, out, |w| {
        (counts[w.high - 1] - counts[w.low]) as f64
    });
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts and milliseconds have fewer digits than a double"
)]
impl OverTime {
    fn fill(self, samples: &Samples<'_>, windows: &Windows, out: &mut [f64]) {
        let (timestamps, values) = (&*samples.timestamps, &*samples.values);
        let seconds = |at: usize| timestamps[at] as f64 / 1000.0;
        let of = |w: &Window| &values[w.low..w.high];
        match self {
            Self::Avg => each(samples, windows, out, |w| average(of(w))),
            Self::Count => each(samples, windows, out, |w| w.len() as f64),
            Self::First => each(samples, windows, out, |w| values[w.low]),
            Self::Last => each(samples, windows, out, |w| values[w.high - 1]),
            Self::Mad => {
                let mut scratch = Vec::new();
                each(samples, windows, out, |w| {
                    median_deviation(of(w), &mut scratch)
                });
            }
            Self::Max => sliding_extreme(samples, windows, out, |a, b| a > b),
            Self::Min => sliding_extreme(samples, windows, out, |a, b| a < b),
            Self::Present => each(samples, windows, out, |_| 1.0),
            Self::Stddev => each(samples, windows, out, |w| variance(of(w)).sqrt()),
            Self::Stdvar => each(samples, windows, out, |w| variance(of(w))),
            Self::Sum => each(samples, windows, out, |w| sum(of(w))),
            Self::TsOfFirst => each(samples, windows, out, |w| seconds(w.low)),
            Self::TsOfLast => each(samples, windows, out, |w| seconds(w.high - 1)),
            Self::TsOfMax => each(samples, windows, out, |w| {
                seconds(extreme(of(w), w.low, |a, b| a >= b))
            }),
            Self::TsOfMin => each(samples, windows, out, |w| {
                seconds(extreme(of(w), w.low, |a, b| a <= b))
            }),
        }
    }
}

/// The value of each window that `beats` all others, the earliest of equal ones. NaN beats
/// nothing. Each sample enters and leaves the queue once, however much the windows overlap: it
/// holds those that no later sample beats.
fn sliding_extreme(
    samples: &Samples<'_>,
    windows: &Windows,
    out: &mut [f64],
    beats: impl Fn(f64, f64) -> bool,
) {
    let values = &*samples.values;
    let mut queue: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    each(samples, windows, out, |w| {
        next = next.max(w.low);
        for at in next..w.high {
            if values[at].is_nan() {
                continue;
            }
            while queue
                .back()
                .is_some_and(|last| beats(values[at], values[*last]))
            {
                queue.pop_back();
            }
            queue.push_back(at);
        }
        next = w.high.max(next);
        while queue.front().is_some_and(|first| *first < w.low) {
            queue.pop_front();
        }
        queue.front().map_or(f64::NAN, |first| values[*first])
    });
}

fn average(values: &[f64]) -> f64 {
    let mut mean = Mean::new(values[0]);
    for value in &values[1..] {
        mean.add(*value);
    }
    mean.result()
}

fn sum(values: &[f64]) -> f64 {
    let sum = values.iter().copied().fold(Kahan::default(), Kahan::plus);
    if sum.sum.is_infinite() {
        sum.sum
    } else {
        sum.total()
    }
}

/// The place of the value that `wins` over all others, plus `offset`; NaN never wins.
fn extreme(values: &[f64], offset: usize, wins: impl Fn(f64, f64) -> bool) -> usize {
    let (mut best, mut best_at) = (values[0], 0);
    for (at, value) in values.iter().enumerate() {
        if wins(*value, best) || best.is_nan() {
            (best, best_at) = (*value, at);
        }
    }
    offset + best_at
}

fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, Kahan::default(), Kahan::default());
    for value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean = mean.plus(delta / count);
        squares = squares.plus(delta * (value - mean.total()));
    }
    squares.total() / count
}

fn median_deviation(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend_from_slice(values);
    let median = quantile(0.5, scratch);
    scratch.clear();
    scratch.extend(values.iter().map(|value| (value - median).abs()));
    quantile(0.5, scratch)
}

/// Marks the steps at which a window has a sample.
pub(crate) fn mark_present(series: &RangeSeries<'_>, windows: &Windows, present: &mut [bool]) {
    let samples = series.samples();
    windows.for_each(&samples.timestamps, |window| present[window.step] = true);
}

/// Whether a column has any sample.
pub(crate) fn has_sample(column: &[f64]) -> bool {
    column.iter().any(|value| !is_absent(*value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::grid::Grid;
    use crate::plan::Shift;

    /// Windows of 50 ms every 10 ms over samples of 0 to 10 ms distance.
    fn windows() -> (Windows, Samples<'static>) {
        let windows = Windows {
            grid: Grid {
                start_ms: 0,
                step_ms: 10,
                count: 60,
            },
            range_ms: 50,
            shift: Shift::NONE,
        };
        let values: Vec<f64> = (0..90_u32)
            .map(|i| match i.wrapping_mul(2_654_435_761) >> 28 {
                0..3 => f64::NAN,
                value => f64::from(value),
            })
            .collect();
        let samples = Samples {
            timestamps: (0..90).map(|i| i * 7 - i % 3).collect(),
            values: values.into(),
        };
        (windows, samples)
    }

    #[test]
    fn sliding_gives_what_looking_at_each_window_gives() {
        let (windows, samples) = windows();
        for (function, wins) in [
            (OverTime::Max, (|a, b| a > b) as fn(f64, f64) -> bool),
            (OverTime::Min, |a, b| a < b),
        ] {
            let (mut sliding, mut looking) = (vec![ABSENT; 60], vec![ABSENT; 60]);
            function.fill(&samples, &windows, &mut sliding);
            each(&samples, &windows, &mut looking, |w| {
                samples.values[extreme(&samples.values[w.low..w.high], w.low, wins)]
            });
            let bits = |column: Vec<f64>| column.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(sliding), bits(looking), "{function:?}");
        }
    }

    #[test]
    fn running_counts_are_those_of_each_window() {
        let (windows, samples) = windows();
        let (mut running, mut looking) = (vec![ABSENT; 60], vec![ABSENT; 60]);
        count_pairs(&samples, &windows, &mut running, |a, b| b < a);
        each(&samples, &windows, &mut looking, |w| {
            let values = &samples.values[w.low..w.high];
            let count = values.windows(2).filter(|pair| pair[1] < pair[0]).count();
            f64::from(u32::try_from(count).unwrap())
        });
        assert_eq!(running, looking);
    }
}
