//! What a counter is lifted by, so that it grows by what its target has counted, whoever is followed.
//!
//! It is not: who is followed, and when a sample is told. See the parent.

use super::{Last, Replica, share};

/// What `next` is lifted by from here on, which is followed after `other`, whose sample was the
/// last one.
pub(super) fn after_change(
    all: &[Replica<'_>],
    (other, next): (usize, usize),
    last: Last,
    is_scraped: bool,
) -> f64 {
    let (other, own) = (&all[other], &all[next]);
    let (Some(last_value), Some(now), Some(now_ms)) = (last.value, own.raw(own.at), own.time_ms())
    else {
        return 0.0;
    };
    // What the other one has read itself.
    let other_value = last_value - other.lift;
    let reset = || after_reset(all, last, (last_value, now, now_ms), is_scraped);
    let lift = match own.newest_below(own.at) {
        // It was not there before. A target that it sees from its beginning has just begun to
        // count; one that is merely a little behind is no reset.
        None if now >= other_value => other.lift,
        None if own.catches_up_with(other_value) => last_value - now,
        None => reset(),
        // Both have seen the reset.
        Some((before_ms, before)) if now < before && other.falls(before_ms, last.seen_ms) => {
            match now >= other_value {
                true => other.lift,
                false => last_value - now,
            }
        }
        Some((_, before)) if now < before => reset(),
        Some((_, before)) if (before..=now).contains(&other_value) => other.lift,
        Some((_, before)) if (before..=now).contains(&last_value) => 0.0,
        Some((before_ms, before)) => {
            let grown = (now - before) * share(before_ms, last.time_ms, now_ms);
            last_value + grown - now
        }
    };
    if lift.is_finite() { lift } else { 0.0 }
}

/// What the counter is lifted by that is followed and goes on.
pub(super) fn onwards(all: &[Replica<'_>], next: usize, last: Last, is_scraped: bool) -> f64 {
    let own = &all[next];
    let (Some(last_value), Some(now), Some(now_ms), Some((_, before))) = (
        last.value,
        own.raw(own.at),
        own.time_ms(),
        own.newest_below(own.at),
    ) else {
        return own.lift;
    };
    match now < before {
        true => after_reset(all, last, (last_value, now, now_ms), is_scraped),
        false => own.lift,
    }
}

/// What a counter is lifted by that has been reset: what is seen of that is to be what it has
/// counted since, and what anybody saw it count before.
fn after_reset(
    all: &[Replica<'_>],
    last: Last,
    (last_value, now, now_ms): (f64, f64, i64),
    is_scraped: bool,
) -> f64 {
    let unseen = match is_scraped {
        true => {
            let seen = all.iter().map(|one| one.lost(last.time_ms, now_ms));
            seen.fold(0.0, f64::max)
        }
        // What is kept of windows has what their samples saw.
        false => 0.0,
    };
    match now + unseen < last_value {
        true => unseen,
        false => last_value + unseen,
    }
}

impl Replica<'_> {
    /// The newest number below this place, if it is among the two samples there.
    fn newest_below(&self, place: usize) -> Option<(i64, f64)> {
        let places = (0..place).rev().take(2);
        let mut numbers = places.filter_map(|at| Some((self.series.timestamps[at], self.raw(at)?)));
        numbers.next()
    }

    /// Whether it is there within its next two samples.
    fn catches_up_with(&self, value: f64) -> bool {
        let soon = self.at + 1..self.at + 3;
        soon.filter_map(|at| self.raw(at))
            .any(|later| later >= value)
    }

    /// Whether it has read less than before, at a time after the first and not after the second.
    fn falls(&self, after_ms: i64, until_ms: i64) -> bool {
        let times = &self.series.timestamps;
        let first = times.partition_point(|time_ms| *time_ms <= after_ms);
        let end = times.partition_point(|time_ms| *time_ms <= until_ms);
        let mut before = self.newest_below(first).map(|(_, value)| value);
        for value in (first..end).filter_map(|at| self.raw(at)) {
            if before.is_some_and(|before| value < before) {
                return true;
            }
            before = Some(value);
        }
        false
    }

    /// What it has seen the target count after the first time, before a reset that it saw as well and
    /// that was over by the second one; 0 where it saw none.
    fn lost(&self, from_ms: i64, to_ms: i64) -> f64 {
        let times = &self.series.timestamps;
        let first = times.partition_point(|time_ms| *time_ms <= from_ms);
        let Some((mut before_ms, mut before)) = self.newest_below(first) else {
            return 0.0;
        };
        // The reset may be seen in the next scrape only, which may be a mark that the series ended.
        let behind = times.partition_point(|time_ms| *time_ms < to_ms);
        let mut grown = 0.0;
        for at in first..times.len().min(behind + 2) {
            let Some(value) = self.raw(at) else {
                continue;
            };
            if value < before {
                return grown;
            }
            if at >= behind {
                break;
            }
            grown += (value - before) * share(before_ms, before_ms.max(from_ms), times[at]);
            (before_ms, before) = (times[at], value);
        }
        0.0
    }
}
