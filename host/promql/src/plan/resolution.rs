//! How coarse the samples of a query may be, and what a selector sees where they are windows.
//!
//! The coarsest windows are taken of which five fit in a step, and five in a range: what happens
//! within one is then never what is looked for. Where the times of a query are multiples of a
//! window, windows say what the samples say. Where they are not, growth is taken for even within the
//! windows at the edges, and what sees a window at an edge wholly or not at all takes shorter ones.
//!
//! It is not: what windows there are. That is the store's to say.

use std::fmt;
use std::sync::Arc;

use narthex_storage::{Aggregate, Queryable, Wanted};

use super::{Planner, Shift};
use crate::ast::RangeEdges;
use crate::evaluate::grid::Grid;
use crate::evaluate::range::Windows;

#[cfg(test)]
mod tests;

/// So many windows fit in a step and in a range, at least (Thanos' `max_source_resolution=auto`).
const WINDOWS_MIN: i64 = 5;

/// So many windows fit in a range, at least, where the times are no multiples of one: a window at an
/// edge counts wholly or not at all, and of five that is a fifth of what is counted.
const CUT_WINDOWS_MIN: i64 = 100;

/// So often a finer resolution is looked for; stores have two.
const FINER_MAX: usize = 4;

/// How coarse the samples may be that a query reads (Thanos' `max_source_resolution`). Where nothing
/// finer is left, coarser ones are read all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MaxSourceResolution {
    /// A fifth of the step, and a fifth of a range.
    #[default]
    Auto,
    /// Windows of so many milliseconds, whatever the step is, but no longer than a fifth of a
    /// range. 0 wants raw samples.
    AtMost(i64),
}

/// Whom a plan asks for windows of samples, and how long they may be. By default there are none.
#[derive(Clone, Default)]
pub(crate) struct Resolutions {
    /// The store; `None` where all is raw.
    pub(crate) storage: Option<Arc<dyn Queryable>>,
    /// What the query allows.
    pub(crate) max: MaxSourceResolution,
}

impl fmt::Debug for Resolutions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resolutions").field(&self.max).finish()
    }
}

/// What a selector sees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// The times of the evaluation.
    pub(super) grid: Grid,
    /// Its offset and `@`.
    pub(super) shift: Shift,
    /// Its range; `None` for an instant selector.
    pub(super) range_ms: Option<i64>,
    /// How the values at the edges are made.
    pub(super) edges: RangeEdges,
    /// How far it looks back beyond that.
    pub(super) lookback_ms: i64,
}

impl Seen {
    /// From the first sample that may be looked at to the last.
    pub(super) fn windows(&self) -> Windows {
        let lookback_ms = self.lookback_ms;
        let (before_ms, after_ms) = match self.edges {
            RangeEdges::Plain => (0, 0),
            RangeEdges::Anchored => (lookback_ms, 0),
            RangeEdges::Smoothed => (lookback_ms, lookback_ms),
        };
        let of_itself_ms = match (self.range_ms, self.edges) {
            (Some(range_ms), _) => range_ms,
            // A smoothed sample looks back and ahead, and no further.
            (None, RangeEdges::Smoothed) => 0,
            (None, _) => lookback_ms,
        };
        Windows {
            grid: self.grid,
            range_ms: of_itself_ms
                .saturating_add(before_ms)
                .saturating_add(after_ms),
            shift: self.shift.later(after_ms),
        }
    }

    /// Whether what is made of windows is off by more than may be, since one at an edge is much of the
    /// range.
    fn is_off(&self, aggregate: Aggregate, resolution_ms: i64) -> bool {
        let range_ms = self.range_ms.unwrap_or_default();
        aggregate.is_at_window_end()
            && resolution_ms > range_ms / CUT_WINDOWS_MIN
            && !self.is_aligned(resolution_ms)
    }

    /// Whether all times that it looks at are multiples of a window.
    fn is_aligned(&self, resolution_ms: i64) -> bool {
        let is_multiple = |ms: i64| ms.rem_euclid(resolution_ms.max(1)) == 0;
        let is_once = self.grid.count == 1 || self.shift.at_ms.is_some();
        is_multiple(self.shift.apply(self.grid.start_ms))
            && (is_once || is_multiple(self.grid.step_ms))
            && is_multiple(self.range_ms.unwrap_or_default())
    }
}

impl Planner {
    /// What a selector sees of windows, where the store has such that it may read; of samples
    /// where not.
    pub(super) fn coarsened(&self, seen: Seen) -> (Seen, Wanted) {
        let of_samples = (seen, self.wanted_of_samples(seen.range_ms));
        let aggregate = match seen.range_ms {
            None => Some(Aggregate::Newest),
            Some(_) => self.aggregate,
        };
        let aggregate = aggregate.filter(|_| seen.edges == RangeEdges::Plain);
        let (Some(aggregate), Some(storage)) = (aggregate, &self.resolutions.storage) else {
            return of_samples;
        };
        let mut max_resolution_ms = self.max_resolution(seen);
        let read = seen.windows().time_range();
        let mut resolution_ms = storage.resolution_ms(read, max_resolution_ms);
        for _ in 0..FINER_MAX {
            let is_finest = resolution_ms == 0 || resolution_ms > max_resolution_ms;
            if is_finest || !seen.is_off(aggregate, resolution_ms) {
                break;
            }
            max_resolution_ms = resolution_ms - 1;
            resolution_ms = storage.resolution_ms(read, max_resolution_ms);
        }
        if resolution_ms == 0 {
            return of_samples;
        }
        let mut seen = seen;
        let is_aligned = seen.is_aligned(resolution_ms);
        if aggregate == Aggregate::Growth {
            seen.edges = match is_aligned {
                // The growth of the first window begins with the last sample before it.
                true => RangeEdges::Anchored,
                // That sample may be a window older than the range, and what a counter has grown by
                // in a range and a window is not what it has grown by in the range.
                false => RangeEdges::Smoothed,
            };
        }
        if !is_aligned {
            // The last sample of a window that is cut may be behind the cut.
            seen.lookback_ms = seen.lookback_ms.saturating_add(resolution_ms);
        }
        let wanted = Wanted::Windows {
            aggregate,
            max_resolution_ms,
        };
        (seen, wanted)
    }

    /// What of raw samples is looked at.
    pub(super) fn wanted_of_samples(&self, range_ms: Option<i64>) -> Wanted {
        range_ms.map_or(Wanted::Samples, |_| self.wanted)
    }

    /// How long windows may be, in milliseconds.
    fn max_resolution(&self, seen: Seen) -> i64 {
        // An instant query has no step; a subquery in it has.
        let has_step = self.times.step_ms > 0 || seen.grid.step_ms > 1;
        let by_step = match (self.resolutions.max, has_step) {
            (MaxSourceResolution::AtMost(max_ms), _) => max_ms.max(0),
            (MaxSourceResolution::Auto, true) => seen.grid.step_ms / WINDOWS_MIN,
            (MaxSourceResolution::Auto, false) => i64::MAX,
        };
        match seen.range_ms {
            Some(range_ms) => by_step.min(range_ms / WINDOWS_MIN),
            None if has_step => by_step,
            // The newest sample of all is wanted once, and costs nothing.
            None => 0,
        }
    }
}
