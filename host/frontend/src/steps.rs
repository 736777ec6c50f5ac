//! The steps of a range query, and how they are divided.

/// Steps at equal distances: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// The first one, in milliseconds since the epoch.
    pub(crate) from_ms: i64,
    /// The last one.
    pub(crate) to_ms: i64,
    /// From one to the next, above 0.
    pub(crate) step_ms: i64,
}

/// A part has so many steps at least, as far as the query has them: below that the work around an
/// evaluation is more than what is saved.
const PART_STEPS_MIN: i64 = 24;

/// A part is so many times as long as what its first step looks back on, which each part reads for
/// itself.
const PART_REACHES_MIN: i64 = 4;

impl Steps {
    /// The steps from a start to an end; `None` where there are none or time ends first.
    pub(crate) fn new(start_ms: i64, end_ms: i64, step_ms: i64) -> Option<Self> {
        let length_ms = end_ms.checked_sub(start_ms)?;
        if length_ms < 0 || step_ms <= 0 {
            return None;
        }
        Some(Self {
            from_ms: start_ms,
            to_ms: end_ms - length_ms % step_ms,
            step_ms,
        })
    }

    /// How many there are.
    pub(crate) fn count(self) -> usize {
        let steps = (self.to_ms - self.from_ms) / self.step_ms + 1;
        usize::try_from(steps).unwrap_or(usize::MAX)
    }

    /// The step of this number, from 0 on.
    pub(crate) fn time(self, number: usize) -> i64 {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.from_ms
            .saturating_add(number.saturating_mul(self.step_ms))
    }

    /// The number of a step; `None` where the time is none.
    pub(crate) fn number(self, time_ms: i64) -> Option<usize> {
        let after_ms = time_ms.checked_sub(self.from_ms)?;
        if time_ms > self.to_ms || after_ms % self.step_ms != 0 {
            return None;
        }
        usize::try_from(after_ms / self.step_ms).ok()
    }

    /// The steps up to a time.
    pub(crate) fn until(self, end_ms: i64) -> Option<Self> {
        Self::new(self.from_ms, end_ms.min(self.to_ms), self.step_ms)
    }

    /// The steps from the one after `step_ms` on, which is one of these.
    pub(crate) fn after(self, step_ms: i64) -> Option<Self> {
        Self::new(step_ms.checked_add(self.step_ms)?, self.to_ms, self.step_ms)
    }

    /// The steps before the one at `step_ms`.
    pub(crate) fn before(self, step_ms: i64) -> Option<Self> {
        Self::new(
            self.from_ms,
            step_ms.checked_sub(self.step_ms)?,
            self.step_ms,
        )
    }

    /// The steps that both have; they are steps of one query.
    pub(crate) fn shared(self, other: Self) -> Option<Self> {
        let from_ms = self.from_ms.max(other.from_ms);
        Self::new(from_ms, self.to_ms.min(other.to_ms), self.step_ms)
    }

    /// Whether no step is missing between the two.
    pub(crate) fn touches(self, other: Self) -> bool {
        let reaches = |a: Self, b: Self| a.from_ms <= b.to_ms.saturating_add(b.step_ms);
        reaches(self, other) && reaches(other, self)
    }

    /// From the first step of both to the last one of both.
    #[must_use]
    pub(crate) fn hull(self, other: Self) -> Self {
        Self {
            from_ms: self.from_ms.min(other.from_ms),
            to_ms: self.to_ms.max(other.to_ms),
            step_ms: self.step_ms,
        }
    }

    /// The steps divided at the multiples of an interval, counted from the epoch: where that is a
    /// day, at midnights of UTC. A step at a border belongs to what follows it.
    pub(crate) fn parts(self, interval_ms: i64) -> Vec<Self> {
        if interval_ms <= 0 {
            return vec![self];
        }
        let mut parts = Vec::new();
        let mut rest = Some(self);
        while let Some(steps) = rest {
            let border_ms = steps
                .from_ms
                .div_euclid(interval_ms)
                .saturating_add(1)
                .saturating_mul(interval_ms);
            let part = steps.until(border_ms.saturating_sub(1)).unwrap_or(steps);
            parts.push(part);
            rest = steps.after(part.to_ms);
        }
        parts
    }
}

/// The interval at whose multiples a query is divided: that of the operator, as many times as it
/// takes so that a part is worth its while. 0 where nothing is divided.
pub(crate) fn interval(split_ms: i64, step_ms: i64, reach_ms: i64) -> i64 {
    if split_ms <= 0 {
        return 0;
    }
    let wanted_ms = step_ms
        .saturating_mul(PART_STEPS_MIN)
        .max(reach_ms.saturating_mul(PART_REACHES_MIN));
    let times = wanted_ms.saturating_add(split_ms - 1) / split_ms;
    split_ms.saturating_mul(times.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn parts_end_before_midnights_and_miss_no_step() {
        for (start_ms, end_ms, step_ms) in [
            (0, DAY_MS - 1, 60_000),
            (0, DAY_MS, 60_000),
            (DAY_MS - 1, DAY_MS, 1),
            (12_345_678, 30 * DAY_MS, 777_777),
            (-3 * DAY_MS + 5, 2 * DAY_MS, 3_600_000),
            (0, 10 * DAY_MS, 3 * DAY_MS),
            (7, 7, 15_000),
        ] {
            let all = Steps::new(start_ms, end_ms, step_ms).unwrap();
            let parts = all.parts(DAY_MS);
            let times = |steps: Steps| (0..steps.count()).map(move |number| steps.time(number));
            let divided: Vec<i64> = parts.iter().flat_map(|part| times(*part)).collect();
            assert_eq!(divided, times(all).collect::<Vec<_>>());
            for part in &parts {
                let day = |ms: i64| ms.div_euclid(DAY_MS);
                assert_eq!(day(part.from_ms), day(part.to_ms));
            }
            assert_eq!(all.parts(0), [all]);
        }
    }

    #[test]
    fn the_ends_of_time_are_borders_like_others() {
        let last = Steps::new(i64::MAX - 10, i64::MAX, 3).unwrap();
        assert_eq!(last.count(), 4);
        assert_eq!(last.parts(DAY_MS), [last]);
        let first = Steps::new(i64::MIN, i64::MIN + 10, 3).unwrap();
        assert_eq!(
            first.parts(DAY_MS).iter().map(|p| p.count()).sum::<usize>(),
            4
        );
        assert_eq!(Steps::new(i64::MIN, i64::MAX, 1), None);
        assert_eq!(Steps::new(1, 0, 1), None);
    }

    #[test]
    fn steps_are_cut_and_put_together() {
        let steps = Steps::new(5, 100, 10).unwrap();
        assert_eq!((steps.to_ms, steps.count()), (95, 10));
        assert_eq!(steps.number(35), Some(3));
        assert_eq!((steps.number(36), steps.number(105)), (None, None));
        assert_eq!(steps.until(44), Steps::new(5, 35, 10));
        assert_eq!(steps.until(4), None);
        assert_eq!(steps.after(35), Steps::new(45, 95, 10));
        assert_eq!(steps.after(95), None);
        assert_eq!(steps.before(35), Steps::new(5, 25, 10));
        assert_eq!(steps.before(5), None);
        let next = Steps::new(105, 125, 10).unwrap();
        let far = Steps::new(115, 125, 10).unwrap();
        assert!(steps.touches(next) && next.touches(steps) && !steps.touches(far));
        assert_eq!(steps.shared(next), None);
        assert_eq!(steps.hull(next), Steps::new(5, 125, 10).unwrap());
    }

    #[test]
    fn what_looks_far_back_or_steps_far_is_divided_less() {
        let hour_ms = DAY_MS / 24;
        for (step_ms, reach_ms, expected) in [
            (60_000, 300_000, DAY_MS),
            (hour_ms, 6 * hour_ms, DAY_MS),
            (hour_ms, DAY_MS, 4 * DAY_MS),
            (DAY_MS, hour_ms, 24 * DAY_MS),
            (1, i64::MAX, (i64::MAX / DAY_MS) * DAY_MS),
        ] {
            assert_eq!(interval(DAY_MS, step_ms, reach_ms), expected);
        }
        assert_eq!(interval(0, 1, 1), 0);
    }
}
