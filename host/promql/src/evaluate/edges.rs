//! `anchored` and `smoothed`: ranges whose values at the edges are made from samples around them.
//!
//! An anchored range begins with the newest sample at or before its left end. A smoothed one
//! begins and ends with values on the line between the samples on either side. Both look no
//! further than the lookback delta, and nothing is extrapolated.

use super::column::ABSENT;
use super::range::{RangeSeries, Samples, Windows};
use super::range_functions::RangeFunction;
use super::rate::Extrapolation;
use super::selector::advance;
use super::window_functions::running_count;
use crate::ast::RangeEdges;
use crate::error::QueryError;
use crate::plan::{Node, NodeKind};

mod changes;
mod smoothed;

pub(crate) use changes::Changes;
use changes::{left, right};
pub(crate) use smoothed::{around, instant, smoothed_number};

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

/// The samples that one step may look at, and its range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// The step of the evaluation.
    pub(crate) step: usize,
    /// The first sample.
    pub(crate) low: usize,
    /// After the last sample.
    pub(crate) high: usize,
    /// The first sample after the left end.
    from: usize,
    /// The first sample that is not before the right end.
    to: usize,
    start_ms: i64,
    /// The right end.
    pub(crate) end_ms: i64,
}

/// What one step sees of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// The step of the evaluation.
    pub(crate) step: usize,
    /// The sample that makes the left edge.
    pub(crate) first: usize,
    /// The sample that makes the right edge.
    pub(crate) last: usize,
    /// The left end lies between `first` and the next sample.
    pub(crate) cuts_left: bool,
    /// The right end lies between `last` and the sample before.
    pub(crate) cuts_right: bool,
    /// The samples between the edges: from this one,
    from: usize,
    /// to before this one.
    to: usize,
    /// The left end.
    pub(crate) start_ms: i64,
    /// The right end.
    pub(crate) end_ms: i64,
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

    /// The windows with what is looked at around them.
    pub(crate) fn around(self, windows: &Windows) -> Windows {
        let after_ms = if self.is_smoothed {
            self.lookback_ms
        } else {
            0
        };
        Windows {
            grid: windows.grid,
            range_ms: windows
                .range_ms
                .saturating_add(self.lookback_ms)
                .saturating_add(after_ms),
            shift: windows.shift.later(after_ms),
        }
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
    fn rate(self, how: Extrapolation, samples: &Samples<'_>, windows: &Windows, out: &mut [f64]) {
        let mut changes = Changes::new(how, samples);
        self.for_each(&samples.timestamps, windows, |reach| {
            out[reach.step] = changes.between_edges(&reach, windows.range_ms);
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
        let counts = running_count(&samples.values, differs);
        self.for_each(&samples.timestamps, windows, |reach| {
            out[reach.step] = (counts[reach.last] - counts[reach.first]) as f64;
        });
    }

    /// Shows every step that has a value, in order.
    pub(crate) fn for_each(
        self,
        timestamps: &[i64],
        windows: &Windows,
        mut see: impl FnMut(Reach),
    ) {
        self.for_each_slice(timestamps, windows, |slice| {
            if let Some(reach) = self.reach(&slice, timestamps) {
                see(reach);
            }
        });
    }

    /// Shows every step that has a sample to look at, in order; all places only ever move
    /// forward.
    pub(crate) fn for_each_slice(
        self,
        timestamps: &[i64],
        windows: &Windows,
        mut see: impl FnMut(Slice),
    ) {
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
            if low < high {
                see(Slice {
                    step,
                    low,
                    high,
                    from,
                    to,
                    start_ms,
                    end_ms,
                });
            }
        }
    }

    /// Where a step has its edges; `None` where it has no value.
    pub(crate) fn reach(self, slice: &Slice, timestamps: &[i64]) -> Option<Reach> {
        let first = if slice.from > slice.low {
            slice.from - 1
        } else {
            slice.low
        };
        let last = if self.is_smoothed && slice.to < slice.high {
            slice.to
        } else {
            slice.high - 1
        };
        let (first_ms, last_ms) = (timestamps[first], timestamps[last]);
        let is_before = last_ms <= slice.start_ms;
        let is_after = self.is_smoothed && first_ms > slice.end_ms;
        (!is_before && !is_after).then_some(Reach {
            step: slice.step,
            first,
            last,
            cuts_left: self.is_smoothed && first_ms < slice.start_ms,
            cuts_right: self.is_smoothed && last > slice.low && last_ms > slice.end_ms,
            from: slice.from,
            to: slice.to,
            start_ms: slice.start_ms,
            end_ms: slice.end_ms,
        })
    }

    /// Refuses a range with histograms as the answer of a query, as Prometheus does.
    pub(crate) fn check_numbers(
        self,
        series: &RangeSeries<'_>,
        windows: &Windows,
    ) -> Result<(), QueryError> {
        let samples = series.mixed();
        if !samples.is_some_and(|samples| self.sees_histogram(&samples, windows)) {
            return Ok(());
        }
        let modifier = if self.is_smoothed {
            "smoothed"
        } else {
            "anchored"
        };
        Err(QueryError::Execution(format!(
            "{modifier} modifier is not supported with histograms"
        )))
    }

    /// The samples of the range with those that are made at its edges, where the whole query is
    /// a range; empty where the range has none.
    pub(crate) fn points(self, samples: &Samples<'_>, windows: &Windows) -> (Vec<i64>, Vec<f64>) {
        let (mut timestamps, mut values) = (Vec::new(), Vec::new());
        self.for_each(&samples.timestamps, windows, |reach| {
            timestamps.push(reach.start_ms);
            values.push(left(samples, &reach, false));
            timestamps.extend_from_slice(&samples.timestamps[reach.from..reach.to]);
            values.extend_from_slice(&samples.values[reach.from..reach.to]);
            timestamps.push(reach.end_ms);
            values.push(right(samples, &reach, false));
        });
        (timestamps, values)
    }
}

#[cfg(test)]
mod tests;
