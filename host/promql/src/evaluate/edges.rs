//! `anchored` and `smoothed`: ranges whose values at the edges are made from samples around them.
//!
//! An anchored range begins with the newest sample at or before its left end. A smoothed one
//! begins and ends with values on the line between the samples on either side. Both look no
//! further than the lookback delta, and nothing is extrapolated.

use super::Context;
use super::column::{ABSENT, Fill, OutputSeries, Vector};
use super::grid::Grid;
use super::range::{RangeSeries, RangeVector, Samples, Windows};
use super::range_functions::RangeFunction;
use super::rate::{Extrapolation, resets};
use super::selector::advance;
use crate::ast::RangeEdges;
use crate::error::QueryError;
use crate::plan::{Node, NodeKind, Selector};

/// What `anchored` may be used with.
const ANCHORED_SAFE: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
/// What `smoothed` may be used with.
const SMOOTHED_SAFE: [&str; 3] = ["delta", "increase", "rate"];

/// Refuses a function that gives no sense to the edges of its range.
pub(crate) fn check(function: &str, args: &[Node]) -> Result<(), QueryError> {
    for arg in args {
        let NodeKind::Range(selector, _) = &arg.kind else {
            continue;
        };
        let (modifier, safe) = match selector.edges {
            RangeEdges::Plain => continue,
            RangeEdges::Anchored => ("anchored", &ANCHORED_SAFE[..]),
            RangeEdges::Smoothed => ("smoothed", &SMOOTHED_SAFE[..]),
        };
        if !safe.contains(&function) {
            return Err(QueryError::Execution(format!(
                "{modifier} modifier can only be used with: {} - not with {function}",
                safe.join(", ")
            )));
        }
    }
    Ok(())
}

/// How the edges of a range are made, and how far samples outside of it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edges {
    is_smoothed: bool,
    lookback_ms: i64,
}

/// What one step sees of a series.
#[derive(Debug, Clone, Copy)]
struct Reach {
    step: usize,
    /// The sample that makes the left edge.
    first: usize,
    /// The sample that makes the right edge.
    last: usize,
    /// Whether a sample that counts is before `last`.
    has_before_last: bool,
    /// The samples between the edges, neither included.
    from: usize,
    to: usize,
    start_ms: i64,
    end_ms: i64,
}

impl Edges {
    /// `None` where there is neither modifier.
    pub(crate) fn new(edges: RangeEdges, lookback_ms: i64) -> Option<Self> {
        let is_smoothed = match edges {
            RangeEdges::Plain => return None,
            RangeEdges::Anchored => false,
            RangeEdges::Smoothed => true,
        };
        Some(Self {
            is_smoothed,
            lookback_ms,
        })
    }

    /// Computes the column of one series.
    pub(crate) fn fill(
        self,
        function: &RangeFunction,
        series: &RangeSeries<'_>,
        windows: &Windows,
        out: &mut [f64],
    ) {
        out.fill(ABSENT);
        let samples = series.samples();
        match function {
            RangeFunction::Extrapolated(how) => self.rate(*how, &samples, windows, out),
            RangeFunction::Changes => self.count(&samples, windows, out, |a, b| {
                a != b && !(a.is_nan() && b.is_nan())
            }),
            RangeFunction::Resets => self.count(&samples, windows, out, |a, b| b < a),
            // `check` lets no other pass.
            _ => {}
        }
    }

    /// `rate`, `increase` and `delta`: what is between the two edges, and nothing else.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a range has fewer milliseconds than a double has digits"
    )]
    fn rate(self, how: Extrapolation, samples: &Samples<'_>, windows: &Windows, out: &mut [f64]) {
        let (timestamps, values) = (&*samples.timestamps, &*samples.values);
        let resets = if how.is_counter {
            resets(values)
        } else {
            Vec::new()
        };
        let (mut reset_low, mut reset_high) = (0, 0);
        self.for_each(timestamps, windows, |reach| {
            let left = self.left(samples, &reach, how.is_counter);
            let right = self.right(samples, &reach, how.is_counter);
            let mut result = right - left;
            if how.is_counter {
                while reset_low < resets.len() && resets[reset_low] <= reach.from {
                    reset_low += 1;
                }
                reset_high = reset_high.max(reset_low);
                while reset_high < resets.len() && resets[reset_high] < reach.to {
                    reset_high += 1;
                }
                let between = values.get(reach.from..reach.to).unwrap_or_default();
                let mut correction = 0.0;
                let first = between.first().copied().unwrap_or(left);
                if first < left {
                    correction += left;
                }
                for reset in &resets[reset_low..reset_high] {
                    correction += values[reset - 1];
                }
                let last = between.last().copied().unwrap_or(left);
                if right < last {
                    correction += last;
                }
                result += correction;
            }
            if how.per_second {
                result /= windows.range_ms as f64 / 1000.0;
            }
            out[reach.step] = result;
        });
    }

    /// Counts the neighbours for which `differs` holds, the first sample's with the second one
    /// included.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a range has fewer samples than a double has digits"
    )]
    fn count(
        self,
        samples: &Samples<'_>,
        windows: &Windows,
        out: &mut [f64],
        differs: impl Fn(f64, f64) -> bool,
    ) {
        let counts = running_counts(&samples.values, differs);
        self.for_each(&samples.timestamps, windows, |reach| {
            out[reach.step] = (counts[reach.last] - counts[reach.first]) as f64;
        });
    }

    /// Shows every step that has a value, in order; all places only ever move forward.
    fn for_each(self, timestamps: &[i64], windows: &Windows, mut see: impl FnMut(Reach)) {
        let after_ms = if self.is_smoothed {
            self.lookback_ms
        } else {
            0
        };
        let (mut low, mut from, mut to, mut high) = (0, 0, 0, 0);
        for step in 0..windows.grid.count {
            let end_ms = windows.shift.apply(windows.grid.time(step));
            let start_ms = end_ms.saturating_sub(windows.range_ms);
            low = advance(timestamps, low, start_ms.saturating_sub(self.lookback_ms));
            from = advance(timestamps, from.max(low), start_ms);
            to = advance(timestamps, to.max(from), end_ms.saturating_sub(1));
            high = advance(timestamps, high.max(to), end_ms.saturating_add(after_ms));
            if low == high {
                continue;
            }
            let first = if from > low { from - 1 } else { low };
            let last = if self.is_smoothed && to < high {
                to
            } else {
                high - 1
            };
            let begins_late = self.is_smoothed && timestamps[first] > end_ms;
            if timestamps[last] > start_ms && !begins_late {
                see(Reach {
                    step,
                    first,
                    last,
                    has_before_last: last > low,
                    from,
                    to,
                    start_ms,
                    end_ms,
                });
            }
        }
    }

    fn left(self, samples: &Samples<'_>, reach: &Reach, is_counter: bool) -> f64 {
        let first = reach.first;
        if self.is_smoothed && samples.timestamps[first] < reach.start_ms {
            interpolated(samples, first, reach.start_ms, is_counter)
        } else {
            samples.values[first]
        }
    }

    fn right(self, samples: &Samples<'_>, reach: &Reach, is_counter: bool) -> f64 {
        let last = reach.last;
        let is_outside = samples.timestamps[last] > reach.end_ms;
        if self.is_smoothed && reach.has_before_last && is_outside {
            interpolated(samples, last - 1, reach.end_ms, is_counter)
        } else {
            samples.values[last]
        }
    }

    /// The samples of the range with those that are made at its edges, where the whole query is
    /// a range; empty where the range has none.
    pub(crate) fn points(self, samples: &Samples<'_>, windows: &Windows) -> (Vec<i64>, Vec<f64>) {
        let (mut timestamps, mut values) = (Vec::new(), Vec::new());
        self.for_each(&samples.timestamps, windows, |reach| {
            timestamps.push(reach.start_ms);
            values.push(self.left(samples, &reach, false));
            timestamps.extend_from_slice(&samples.timestamps[reach.from..reach.to]);
            values.extend_from_slice(&samples.values[reach.from..reach.to]);
            timestamps.push(reach.end_ms);
            values.push(self.right(samples, &reach, false));
        });
        (timestamps, values)
    }
}

/// The value at a time between sample `before` and the next one. A counter that was reset
/// between them began again from zero.
#[allow(
    clippy::cast_precision_loss,
    reason = "two samples are fewer milliseconds apart than a double has digits"
)]
fn interpolated(samples: &Samples<'_>, before: usize, time_ms: i64, is_counter: bool) -> f64 {
    let (timestamps, values) = (&*samples.timestamps, &*samples.values);
    let (mut from, to) = (values[before], values[before + 1]);
    if is_counter && to < from {
        from = 0.0;
    }
    let passed = (time_ms - timestamps[before]) as f64;
    let distance = (timestamps[before + 1] - timestamps[before]) as f64;
    from + (to - from) * passed / distance
}

/// How many neighbours up to each sample differ.
fn running_counts(values: &[f64], differs: impl Fn(f64, f64) -> bool) -> Vec<u64> {
    let mut count = 0;
    let mut counts = Vec::with_capacity(values.len());
    counts.extend(values.first().map(|_| 0));
    counts.extend(values.windows(2).map(|pair| {
        count += u64::from(differs(pair[0], pair[1]));
        count
    }));
    counts
}

/// A smoothed instant selector: the value at each time on the line between the samples around
/// it; after the newest sample its value.
pub(crate) fn instant<'a>(context: Context<'a>, selector: &'a Selector, grid: Grid) -> Vector<'a> {
    let lookback_ms = context.lookback_ms;
    let matrix = RangeVector::of_selector(context, selector, lookback_ms, grid);
    let series = matrix.series.iter().map(|series| OutputSeries {
        labels: series.labels.clone(),
        drop_name: false,
    });
    let series = series.collect();
    let fill: Fill<'a> = Box::new(move |index, out| {
        let samples = matrix.series[index].samples();
        smoothed(&samples, &matrix.windows, out);
    });
    Vector { series, fill }
}

fn smoothed(samples: &Samples<'_>, windows: &Windows, out: &mut [f64]) {
    let timestamps = &*samples.timestamps;
    let (mut low, mut at, mut high) = (0, 0, 0);
    for (step, out) in out.iter_mut().enumerate() {
        let time_ms = windows.shift.apply(windows.grid.time(step));
        low = advance(timestamps, low, time_ms.saturating_sub(windows.range_ms));
        at = advance(timestamps, at.max(low), time_ms.saturating_sub(1));
        high = advance(
            timestamps,
            high.max(at),
            time_ms.saturating_add(windows.range_ms),
        );
        *out = if at < high && timestamps[at] == time_ms {
            samples.values[at]
        } else if at == low {
            ABSENT
        } else if at < high {
            interpolated(samples, at - 1, time_ms, false)
        } else {
            samples.values[at - 1]
        };
    }
}
