//! When a group is evaluated: at times that depend on its interval and its names only, so that they
//! are the same after a restart.
//!
//! It is not: what waits.

use xxhash_rust::xxh64::xxh64;

const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// The grid of a group's evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) interval_ms: i64,
    offset_ms: i64,
}

impl Schedule {
    /// The grid of a group. The offset is that of Prometheus 2 (`Group.hash`): the hash of the
    /// labels `file` and `name`, modulo the interval.
    pub(crate) fn new(file: &str, name: &str, interval_ms: i64) -> Self {
        let interval_ms = interval_ms.max(1);
        let mut labels = Vec::new();
        for text in ["file", file, "name", name] {
            labels.extend_from_slice(text.as_bytes());
            labels.push(0xff);
        }
        let interval_ns = interval_ms
            .unsigned_abs()
            .saturating_mul(NANOSECONDS_PER_MS);
        let offset_ms = xxh64(&labels, 0) % interval_ns / NANOSECONDS_PER_MS;
        Self {
            interval_ms,
            offset_ms: i64::try_from(offset_ms).unwrap_or_default(),
        }
    }

    /// The first time on the grid after `now_ms`.
    pub(crate) fn after(self, now_ms: i64) -> i64 {
        let since = now_ms.saturating_sub(self.offset_ms);
        let base = since.div_euclid(self.interval_ms) * self.interval_ms;
        base.saturating_add(self.offset_ms + self.interval_ms)
    }

    /// How long to wait after an evaluation at `last_ms` for the next one. Where the clock was set
    /// back by more than an interval, that is the next time on the grid: it must not stop the rules.
    pub(crate) fn wait_ms(self, last_ms: i64, now_ms: i64) -> u64 {
        let next_ms = last_ms.saturating_add(self.interval_ms);
        let wait_ms = next_ms.saturating_sub(now_ms).max(0);
        match wait_ms > self.interval_ms.saturating_mul(2) {
            true => self.after(now_ms).saturating_sub(now_ms).unsigned_abs(),
            false => wait_ms.unsigned_abs(),
        }
    }

    /// The time of the next evaluation after one at `last_ms`, and how many were missed between.
    /// Never one that is still to come, because the clock was set back: there are no samples yet.
    pub(crate) fn next(self, last_ms: i64, now_ms: i64) -> (i64, u64) {
        if last_ms > now_ms {
            return (self.after(now_ms).saturating_sub(self.interval_ms), 0);
        }
        let passed = now_ms.saturating_sub(last_ms).div_euclid(self.interval_ms);
        let steps = passed.max(1);
        let next_ms = last_ms.saturating_add(steps.saturating_mul(self.interval_ms));
        (next_ms, (steps - 1).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_spread_over_their_interval_and_keep_their_place() {
        let place = |file: &str, name: &str| Schedule::new(file, name, 60_000).offset_ms;
        let places = [place("a", "b"), place("a", "c"), place("b", "b")];
        assert_eq!(place("a", "b"), places[0]);
        assert!(places[0] != places[1] && places[0] != places[2]);
        assert!(places.iter().all(|place| (0..60_000).contains(place)));
    }

    #[test]
    fn evaluations_lie_on_the_grid() {
        let schedule = Schedule {
            interval_ms: 1000,
            offset_ms: 300,
        };
        for (now, after) in [
            (0, 300),
            (299, 300),
            (300, 1300),
            (1299, 1300),
            (-800, -700),
        ] {
            assert_eq!(schedule.after(now), after, "{now}");
        }
        for (last, now, wait, next) in [
            (300, 300, 1000, (1300, 0)),
            (300, 900, 400, (1300, 0)),
            (300, 1300, 0, (1300, 0)),
            (300, 2299, 0, (1300, 0)),
            (300, 2300, 0, (2300, 1)),
            (300, 5400, 0, (5300, 4)),
            // The clock was set back: by much, and by less than an interval.
            (9300, 300, 1000, (300, 0)),
            (9300, 1400, 900, (1300, 0)),
            (1300, 1200, 1100, (300, 0)),
            (1300, 2300, 0, (2300, 0)),
        ] {
            assert_eq!(schedule.wait_ms(last, now), wait, "{last} {now}");
            assert_eq!(schedule.next(last, now), next, "{last} {now}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_no_evaluation_ahead_of_it() {
        let schedule = Schedule {
            interval_ms: 1000,
            offset_ms: 300,
        };
        for back_ms in [1, 700, 1000, 1001, 3_600_000] {
            let (mut last, mut now) = (10_000_300, 10_000_300 - back_ms);
            for _ in 0..3 {
                now += i64::try_from(schedule.wait_ms(last, now)).unwrap();
                (last, _) = schedule.next(last, now);
                assert_eq!(last, now, "{back_ms}");
            }
        }
    }

    #[test]
    fn an_interval_of_nothing_is_a_millisecond() {
        assert_eq!(Schedule::new("a", "b", 0).interval_ms, 1);
    }
}
