//! When a target is scraped, and with which timestamp.

use std::time::Duration;

/// A scrape this near to the grid gets the grid's timestamp, as in Prometheus: timestamps that
/// are equally spaced take the least space.
const TOLERANCE_MS_MAX: i64 = 2;

/// How long from `now_ms` to the first scrape. Each target has its own place in the interval,
/// from its hash and the server's seed, and keeps it over restarts and reloads.
pub(crate) fn offset(hash: u64, seed: u64, interval_ms: i64, now_ms: i64) -> Duration {
    let interval = interval_ms.max(1).unsigned_abs();
    let to_grid = interval - now_ms.rem_euclid(interval_ms.max(1)).unsigned_abs();
    let mut wait = to_grid + (hash ^ seed) % interval;
    if wait > interval {
        wait -= interval;
    }
    Duration::from_millis(wait)
}

/// Timestamps one interval apart, as long as the scrapes are.
#[derive(Debug)]
pub(crate) struct Grid {
    interval_ms: i64,
    tolerance_ms: i64,
    aligned_ms: Option<i64>,
}

impl Grid {
    pub(crate) fn new(interval_ms: i64) -> Self {
        let interval_ms = interval_ms.max(1);
        Self {
            interval_ms,
            tolerance_ms: (interval_ms / 100).min(TOLERANCE_MS_MAX),
            aligned_ms: None,
        }
    }

    /// The timestamp of a scrape that begins now. When the clock was set back the grid begins
    /// anew, so that time does not stand still until the clock has caught up.
    pub(crate) fn timestamp_ms(&mut self, now_ms: i64) -> i64 {
        let aligned = self.aligned_ms.get_or_insert(now_ms);
        let ahead = now_ms.saturating_sub(*aligned);
        *aligned += ahead.max(0) / self.interval_ms * self.interval_ms;
        let ahead = now_ms.saturating_sub(*aligned);
        if ahead < -self.tolerance_ms {
            *aligned = now_ms;
        }
        match ahead <= self.tolerance_ms {
            true => *aligned,
            false => now_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_keeps_its_place_in_the_interval() {
        for (hash, seed, now_ms, expected) in [
            (0, 0, 0, 1000),
            (0, 0, 300, 700),
            (250, 0, 0, 250),
            (250, 0, 249, 1),
            (250, 0, 250, 1000),
            (250, 0, 251, 999),
            (1250, 0, 10_000, 250),
            (u64::MAX, 5, 10_000, (u64::MAX ^ 5) % 1000),
            (250, 0, -1, 251),
        ] {
            let wait = offset(hash, seed, 1000, now_ms);
            assert_eq!(
                wait,
                Duration::from_millis(expected),
                "{hash} {seed} {now_ms}"
            );
        }
    }

    #[test]
    fn timestamps_keep_to_the_grid_while_scrapes_are_near_it() {
        for (interval_ms, times, expected) in [
            (
                1000,
                vec![500, 1501, 2502, 3503, 4500],
                vec![500, 1500, 2500, 3503, 4500],
            ),
            (100, vec![0, 101, 202, 300], vec![0, 100, 202, 300]),
            // Skipped ticks.
            (1000, vec![0, 5001, 9002], vec![0, 5000, 9000]),
            // A clock that is set back, and one that is a little early.
            (1000, vec![10_000, 4000, 5001], vec![10_000, 4000, 5000]),
            (
                1000,
                vec![10_000, 10_999, 12_000],
                vec![10_000, 10_999, 12_000],
            ),
        ] {
            let mut grid = Grid::new(interval_ms);
            let found: Vec<_> = times.iter().map(|now| grid.timestamp_ms(*now)).collect();
            assert_eq!(found, expected, "{times:?}");
        }
    }
}
