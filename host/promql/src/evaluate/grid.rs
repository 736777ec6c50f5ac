//! The times at which an expression is evaluated.

use narthex_storage::Steps;

/// Evenly spaced times, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The first time, in milliseconds.
    pub(crate) start_ms: i64,
    /// From one time to the next; 1 where there is only one.
    pub(crate) step_ms: i64,
    /// How many times.
    pub(crate) count: usize,
}

impl Grid {
    /// A single time.
    pub(crate) fn at(time_ms: i64) -> Self {
        Self {
            start_ms: time_ms,
            step_ms: 1,
            count: 1,
        }
    }

    /// From `start_ms` in steps of `step_ms` (at least 1) to the last one that is not after
    /// `end_ms`; `None` where the start is after the end.
    pub(crate) fn between(start_ms: i64, end_ms: i64, step_ms: i64) -> Option<Self> {
        let span = u64::try_from(i128::from(end_ms) - i128::from(start_ms)).ok()?;
        let steps = span / step_ms.unsigned_abs().max(1);
        Some(Self {
            start_ms,
            step_ms: step_ms.max(1),
            count: usize::try_from(steps)
                .unwrap_or(usize::MAX)
                .saturating_add(1),
        })
    }

    /// The first time after `after_ms` that is a multiple of `step_ms`.
    pub(crate) fn aligned_after(after_ms: i64, step_ms: i64) -> i64 {
        let step = step_ms.max(1);
        after_ms
            .div_euclid(step)
            .saturating_mul(step)
            .saturating_add(step)
    }

    /// The time of a step.
    pub(crate) fn time(self, step: usize) -> i64 {
        let steps = i64::try_from(step).unwrap_or(i64::MAX);
        self.start_ms
            .saturating_add(self.step_ms.saturating_mul(steps))
    }

    /// The step whose time this is, where it is one.
    pub(crate) fn step_at(self, time_ms: i64) -> Option<usize> {
        Steps::from(self).position(time_ms)
    }

    /// The last time.
    pub(crate) fn end_ms(self) -> i64 {
        self.time(self.count - 1)
    }

    /// All times.
    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |step| self.time(step))
    }
}

impl From<Grid> for Steps {
    fn from(grid: Grid) -> Self {
        Self {
            start_ms: grid.start_ms,
            step_ms: grid.step_ms,
            count: grid.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_counts_only_where_a_step_meets_it() {
        assert_eq!(Grid::between(0, 10, 5).map(|g| g.count), Some(3));
        assert_eq!(Grid::between(0, 14, 5).map(|g| g.end_ms()), Some(10));
        assert_eq!(Grid::between(7, 7, 5).map(|g| g.count), Some(1));
        assert_eq!(Grid::between(8, 7, 5), None);
    }

    #[test]
    fn alignment_is_absolute_and_leaves_the_left_end_out() {
        for (after, expected) in [(0, 60), (59, 60), (60, 120), (-1, 0), (-60, 0), (-61, -60)] {
            assert_eq!(Grid::aligned_after(after, 60), expected, "after {after}");
        }
    }
}
