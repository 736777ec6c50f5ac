//! Start timestamps: when the counting of a sample began, where its source has said so. A
//! counter that began anew after the sample before was reset, even where its value is no smaller.
//!
//! A time of 0 is not known.

use super::range::{RangeSeries, Window, Windows};
use super::range_functions::RangeFunction;
use super::rate::Extrapolation;

/// Whether the start of a sample says that the counter was reset since the sample before. Both
/// are given as start and time, in milliseconds.
pub(crate) fn is_reset(before: (i64, i64), sample: (i64, i64)) -> bool {
    let ((start_before, time_before), (start, time)) = (before, sample);
    // One that begins at its own time or later is wrong, or the source does not know it.
    if start == 0 || start >= time || start < time_before {
        return false;
    }
    if start > time_before {
        return true;
    }
    // It begins where the one before ends. That is a delta, unless that one's start is unknown
    // or wrong: then it is a counter whose source learned of it only now.
    start_before != 0 && start_before < time_before
}

/// Whether a sample says that its counting began before the sample before was taken, and is not
/// the same counting.
pub(crate) fn overlaps(before: (i64, i64), start: i64) -> bool {
    let (start_before, time_before) = before;
    start != 0 && start < time_before && start != start_before
}

/// The samples of a series, in columns of the same length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started<'s> {
    /// When each was taken.
    pub(crate) timestamps: &'s [i64],
    /// When the counting of each began.
    pub(crate) starts: &'s [i64],
}

impl Started<'_> {
    /// Start and time of a sample.
    pub(crate) fn at(self, sample: usize) -> (i64, i64) {
        (self.starts[sample], self.timestamps[sample])
    }

    /// Whether the start of a sample, not the first one, says that the counter was reset.
    pub(crate) fn is_reset(self, sample: usize) -> bool {
        is_reset(self.at(sample - 1), self.at(sample))
    }

    /// Since when the first sample of a window has been counting up from zero, where that is
    /// within the window.
    pub(crate) fn zero_within(self, window: &Window) -> Option<i64> {
        let (start, time) = self.at(window.low);
        (start != 0 && start > window.start_ms && start < time).then_some(start)
    }
}

impl RangeFunction {
    /// Whether this is a rate that sees a sample that overlaps the one before.
    pub(crate) fn overlaps(&self, series: &RangeSeries<'_>, windows: &Windows) -> bool {
        let is_rate = |how: &Extrapolation| how.is_counter;
        if !matches!(self, Self::Extrapolated(how) if is_rate(how)) {
            return false;
        }
        let samples = series.samples();
        let Some(started) = samples.started() else {
            return false;
        };
        let is_overlapping = |at: &usize| overlaps(started.at(at - 1), started.starts[*at]);
        let places: Vec<usize> = (1..started.starts.len()).filter(is_overlapping).collect();
        let mut sees = false;
        windows.for_each(started.timestamps, |window| {
            let first = places.partition_point(|at| *at <= window.low);
            sees |= places.get(first).is_some_and(|at| *at < window.high);
        });
        sees
    }
}
