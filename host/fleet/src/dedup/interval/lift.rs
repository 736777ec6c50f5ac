//! What a counter is lifted by, so that it grows by what its target has counted, whoever is followed.
//!
//! It is not: who is followed, and when a sample is told. See the parent.

use std::ops::Range;

use super::{Last, Replica, ratio, share};

/// So many samples tell how fast a counter grows.
const GROWTH_SAMPLES: usize = 5;

/// A counter grows at most so many times as fast as usual, where it is to be told from another one.
const FASTEST_FACTOR: f64 = 4.0;

/// What a counter is lifted by from a sample on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lift {
    pub(super) by: f64,
    /// Where the sample is the first one behind a reset: what was counted before that, after the
    /// last sample.
    pub(super) unseen: Option<f64>,
}

impl Lift {
    /// Of a counter that has not been reset.
    fn on(by: f64) -> Self {
        let by = if by.is_finite() { by } else { 0.0 };
        Self { by, unseen: None }
    }

    /// Of a counter that has been reset: what is seen of that is to be what it has counted since,
    /// and what anybody saw it count before.
    fn reset(unseen: f64, last_value: f64, now: f64) -> Self {
        let by = match now + unseen < last_value {
            true => unseen,
            false => last_value + unseen,
        };
        Self {
            unseen: Some(unseen),
            ..Self::on(by)
        }
    }
}

/// What `next` is lifted by at its sample, which is taken after the last one.
pub(super) fn at(all: &[Replica<'_>], next: usize, last: Last, is_scraped: bool) -> Lift {
    match next == last.read_by {
        true => onwards(all, next, last, is_scraped),
        false => after_change(all, next, last, is_scraped),
    }
}

/// The same for the sample behind one that is left out, at which it was lifted by `near`.
pub(super) fn behind_left_out(all: &[Replica<'_>], next: usize, last: Last, near: Lift) -> Lift {
    let own = &all[next];
    let behind = onwards(all, next, last, true);
    match (near.unseen, behind.unseen, last.value, own.raw(own.at)) {
        // The reset has to be seen in this one.
        (Some(unseen), None, Some(last_value), Some(now)) => Lift::reset(unseen, last_value, now),
        _ => behind,
    }
}

/// What `next` is lifted by from here on, which is followed after another one.
fn after_change(all: &[Replica<'_>], next: usize, last: Last, is_scraped: bool) -> Lift {
    let (other, own) = (&all[last.read_by], &all[next]);
    // What the other one has read itself, which is more than was told where that was earlier.
    let (Some(last_value), Some(other_value)) =
        (last.value, other.read_until(last.seen_ms).or(last.read))
    else {
        return Lift::on(0.0);
    };
    let (Some(now), Some(now_ms)) = (own.raw(own.at), own.time_ms()) else {
        return Lift::on(0.0);
    };
    let usual = || own.usual_since(last, other);
    let is_likely = |growth: f64| growth <= usual() * FASTEST_FACTOR;
    let reset = || after_reset(all, last, (last_value, now, now_ms), is_scraped);
    // Both have seen the reset, or it was seen by who was followed before the other one.
    let is_behind = |before_ms: i64| {
        let is_known = last.reset_ms.is_some_and(|reset_ms| reset_ms > before_ms);
        is_known || other.falls(before_ms, last.seen_ms)
    };
    let by = match own.newest_below(own.at) {
        // It was not there before. A target that it sees from its beginning has just begun to
        // count; one that is merely a little behind is no reset; and one that is far from the other
        // one is another process.
        None => match now >= other_value {
            true if is_likely(now - other_value) => other.lift,
            false if own.catches_up_with(other_value) => last_value - now,
            false if is_likely(now) => return reset(),
            _ => last_value + usual() - now,
        },
        Some((before_ms, before)) => {
            let is_same = own.counts_as(other);
            let is_away = now_ms.saturating_sub(before_ms) > own.gap_ms();
            // What another process has counted while it was away is perhaps of long before the last
            // sample, and what the other one was at lies between two samples by chance.
            let is_near = !is_away || is_same == Some(true);
            let goes_on = |growth: f64| is_near || is_likely(growth);
            let has_read = |value: f64| (before..=now).contains(&value);
            let line = (now - before) * share(before_ms, last.time_ms, now_ms);
            match (now < before, is_same) {
                (true, None | Some(true)) if is_behind(before_ms) => match now >= other_value {
                    true if goes_on(now - other_value) => other.lift,
                    true => last_value + usual() - now,
                    false => last_value - now,
                },
                (true, _) if is_near || now <= usual() => return reset(),
                (true, _) => last_value + usual() - now,
                (false, None | Some(true))
                    if has_read(other_value) && goes_on(now - other_value) =>
                {
                    other.lift
                }
                (false, None) if !is_away && has_read(last_value) => 0.0,
                (false, _) => last_value + line - now,
            }
        }
    };
    // Rounding makes no reset.
    match now + by < last_value {
        true => Lift::on(by.next_up()),
        false => Lift::on(by),
    }
}

/// What the counter is lifted by that is followed and goes on.
fn onwards(all: &[Replica<'_>], next: usize, last: Last, is_scraped: bool) -> Lift {
    let own = &all[next];
    let (Some(last_value), Some(now), Some(now_ms)) = (last.value, own.raw(own.at), own.time_ms())
    else {
        return Lift::on(own.lift);
    };
    let has_fallen = match own.newest_below(own.at) {
        Some((_, before)) => now < before,
        None => now + own.lift < last_value,
    };
    match has_fallen {
        true => after_reset(all, last, (last_value, now, now_ms), is_scraped),
        false => Lift::on(own.lift),
    }
}

/// What a counter is lifted by that has been reset since the last sample.
fn after_reset(
    all: &[Replica<'_>],
    last: Last,
    (last_value, now, now_ms): (f64, f64, i64),
    is_scraped: bool,
) -> Lift {
    let unseen = match is_scraped {
        true => {
            let read = last.read.unwrap_or(last_value);
            let seen = all.iter().map(|one| one.lost((last.time_ms, read), now_ms));
            seen.fold(0.0, f64::max)
        }
        // What is kept of windows has what their samples saw.
        false => 0.0,
    };
    Lift::reset(unseen, last_value, now)
}

impl Replica<'_> {
    /// The newest number below this place, if it is among the two samples there.
    fn newest_below(&self, place: usize) -> Option<(i64, f64)> {
        let places = (0..place).rev().take(2);
        let mut numbers = places.filter_map(|at| Some((self.series.timestamps[at], self.raw(at)?)));
        numbers.next()
    }

    /// The newest number that is not after this time, if it is among the last two samples then.
    fn read_until(&self, time_ms: i64) -> Option<f64> {
        let times = &self.series.timestamps;
        let behind = times.partition_point(|own_ms| *own_ms <= time_ms);
        self.newest_below(behind).map(|(_, value)| value)
    }

    /// How much it grows in a time as fast as between its samples at these places, as far as there
    /// is no reset among them; `None` where there are not two.
    fn usual_growth(&self, places: Range<usize>, length_ms: i64) -> Option<f64> {
        let numbers = places.filter_map(|at| {
            let time_ms = self.series.timestamps.get(at)?;
            Some((*time_ms, self.raw(at)?))
        });
        let mut first = None;
        let mut newest: Option<(i64, f64)> = None;
        for number in numbers {
            if newest.is_some_and(|(_, before)| number.1 < before) {
                break;
            }
            first.get_or_insert(number);
            newest = Some(number);
        }
        let ((from_ms, from), (to_ms, to)) = (first?, newest?);
        let seen_ms = to_ms.saturating_sub(from_ms);
        (seen_ms > 0).then(|| (to - from) * ratio(length_ms, seen_ms))
    }

    /// How much it grows in the time since the last sample as fast as it does from here on, or as the
    /// other one did, where there is nothing more of it.
    fn usual_since(&self, last: Last, other: &Self) -> f64 {
        let Some(now_ms) = self.time_ms() else {
            return 0.0;
        };
        let length_ms = now_ms.saturating_sub(last.time_ms);
        let ahead = self.usual_growth(self.at..self.at + GROWTH_SAMPLES, length_ms);
        let usual = ahead.or_else(|| {
            let times = &other.series.timestamps;
            let end = times.partition_point(|time_ms| *time_ms <= last.seen_ms);
            other.usual_growth(end.saturating_sub(GROWTH_SAMPLES)..end, length_ms)
        });
        usual.unwrap_or_default()
    }

    /// Whether it counts what the other one counts, as far as its newest samples tell that have
    /// some of the other one about them: `None` where there is none. Two processes that count
    /// the same are taken for one.
    fn counts_as(&self, other: &Self) -> Option<bool> {
        let places = (0..self.at).rev().take(GROWTH_SAMPLES);
        let mut numbers = places.filter_map(|at| Some((self.series.timestamps[at], self.raw(at)?)));
        numbers.find_map(|number| other.has_read(number))
    }

    /// Whether it was there when this was read, and has read less before and more behind.
    fn has_read(&self, (time_ms, value): (i64, f64)) -> Option<bool> {
        let times = &self.series.timestamps;
        let behind = times.partition_point(|other_ms| *other_ms <= time_ms);
        // Clocks differ: one sample more on either side.
        let (low_at, high_at) = (behind.checked_sub(2)?, behind + 1);
        let (low, high) = (self.raw(low_at)?, self.raw(high_at)?);
        // Without a gap these are three intervals.
        let length_ms = times[high_at].saturating_sub(times[low_at]);
        let is_there = length_ms <= self.gap_ms().saturating_mul(3);
        (low <= high && is_there).then(|| (low..=high).contains(&value))
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

    /// What it has seen the target count after the first time, when somebody has read that value,
    /// before a reset that it saw as well and that was over by the second one; 0 where it saw none.
    fn lost(&self, (from_ms, read): (i64, f64), to_ms: i64) -> f64 {
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
            grown += match at == first && (before..=value).contains(&read) {
                // Both count the same: a part of the time would say what is not so where the
                // counter does not grow evenly.
                true => value - read,
                false => (value - before) * share(before_ms, from_ms, times[at]),
            };
            (before_ms, before) = (times[at], value);
        }
        0.0
    }
}
