//! One replica is followed until it has a gap, and then the one that has a sample soonest.
//!
//! A gap is one and a half of the replica's own intervals without a sample; where it has windows of
//! old samples and then samples, of those that it had just there. Whoever steps in is
//! followed on, until it has a gap itself: a change of replicas is where mistakes come from, so
//! there are as few of them as gaps. A mark that the series has ended is a gap as well while
//! another replica still sees it, for the end was perhaps only a scrape that failed.
//!
//! Replicas of a counter see the same growth at times of their own. So at a change the sample is
//! taken as it is where it fits between what the new replica had before and has now. Where it does
//! not, or what the new replica has read before lies aside of what the old one read about then, the
//! two are counters of different processes, or one of them lags; then it is lifted to what the old
//! one was at and what the new one has grown by since. Nowhere is a fall made that no
//! replica has seen, which a rate would take for a reset. What a target counts between a replica's
//! last scrape of it and its restart, the other ones have perhaps seen: whoever saw most of it is
//! believed, and what comes after the restart is lifted by that.
//!
//! `rate` stretches what it sees to the ends of its window by the mean distance of samples: a sample
//! of the new replica close behind the last one makes that less, and a long way to the next one is
//! taken for the beginning or the end of a series. So one that is too near is left out, and the next
//! ones are told a little earlier, with what the counter was on the line between two of them,
//! until they are at their own times again: distances stay what they are in one replica.

mod lift;

use narthex_model::sample;
use narthex_storage::{Series, Wanted};

use super::{Taken, is_stale, series_of};

/// The interval of who has too few samples to tell, in milliseconds: what is usual for Prometheus.
const USUAL_INTERVAL_MS: i64 = 15_000;

/// So many distances of samples tell an interval.
const DISTANCES_MAX: usize = 64;

/// So many samples tell the interval at a place, where windows are followed by samples.
const RECENT_MAX: usize = 5;

/// Below so many hundredths of an interval behind the last sample, one of another replica is too
/// near. Found by trying: more and the next one is too far, less and a mean of nine distances falls
/// below what `rate` allows for.
const NEAR_HUNDREDTHS: i64 = 30;

/// So many hundredths of an interval lie between samples that are told earlier: `rate` takes 110 of
/// the mean for an end.
const PULLED_HUNDREDTHS: i64 = 106;

/// One series of all of them.
pub(super) fn deduplicate(replicas: &[Series], wanted: Wanted) -> Option<Series> {
    let is_counter = wanted.is_growth();
    let is_scraped = matches!(wanted, Wanted::Growth);
    // What is kept of a counter is not evenly spaced.
    let is_mixed = matches!(wanted, Wanted::Windows { .. }) && !is_counter;
    let known = replicas.iter().filter_map(interval_ms);
    let usual_ms = known.min().unwrap_or(USUAL_INTERVAL_MS);
    let mut all: Vec<Replica<'_>> = replicas
        .iter()
        .map(|series| Replica {
            series,
            interval_ms: interval_ms(series).unwrap_or(usual_ms),
            at: 0,
            lift: 0.0,
        })
        .collect();
    let first = |(_, replica): &(usize, &Replica<'_>)| replica.time_ms();
    let (mut followed, _) = all.iter().enumerate().min_by_key(first)?;
    let mut taken: Vec<Taken> = Vec::with_capacity(all[followed].series.timestamps.len());
    let mut all_pulled = Vec::new();
    let mut last: Option<Last> = None;
    let mut reset_ms = None;
    // A change was just now, and what was taken since was told earlier.
    let mut is_pulled = false;
    loop {
        if let Some(last) = last {
            all.iter_mut()
                .for_each(|replica| replica.go_past(last.seen_ms));
            let Some(next) = next(&mut all, followed, last, (is_counter, is_mixed)) else {
                break;
            };
            if is_counter {
                let mut lift = lift::at(&all, next, last, is_scraped);
                all[next].lift = lift.by;
                if is_scraped && next != followed {
                    is_pulled = true;
                    if all[next].is_too_near(last) {
                        all[next].at += 1;
                        lift = lift::behind_left_out(&all, next, last, lift);
                        all[next].lift = lift.by;
                    }
                }
                if lift.unseen.is_some() {
                    reset_ms = all[next].time_ms();
                }
            }
            followed = next;
        }
        let replica = &all[followed];
        let Some(seen_ms) = replica.time_ms() else {
            break;
        };
        let pulled = last.filter(|_| is_pulled);
        let pulled = pulled.and_then(|last| replica.pulled(last));
        is_pulled = pulled.is_some();
        let (time_ms, value) = match pulled {
            Some((time_ms, value)) => (time_ms, Some(value)),
            None => {
                let value = replica.raw(replica.at);
                (seen_ms, value.map(|value| value + replica.lift))
            }
        };
        // Lifting and taking that back is not exact.
        let read = match pulled {
            Some((_, value)) => Some(value - replica.lift),
            None => replica.raw(replica.at),
        };
        if let (true, Some(value)) = (is_pulled, value) {
            all_pulled.push(Pulled {
                at: taken.len(),
                time_ms,
                value,
            });
        }
        taken.push(Taken {
            place: (followed, replica.at),
            lift: replica.lift,
        });
        last = Some(Last {
            time_ms,
            seen_ms,
            // The end of a series has no value, and what comes after it is compared with what was
            // before.
            value: value.or(last.and_then(|last| last.value)),
            read: read.or(last.and_then(|last| last.read)),
            read_by: match (value, last) {
                (None, Some(last)) => last.read_by,
                _ => followed,
            },
            reset_ms,
        });
    }
    Some(told_earlier(series_of(replicas, &taken)?, &all_pulled))
}

/// A sample that is told earlier than it was scraped.
#[derive(Debug, Clone, Copy)]
struct Pulled {
    /// Its place among those that were taken.
    at: usize,
    time_ms: i64,
    /// Lifted.
    value: f64,
}

/// The series with those samples at their new times.
fn told_earlier(mut series: Series, all: &[Pulled]) -> Series {
    if all.is_empty() {
        return series;
    }
    let (mut times, mut values) = (series.timestamps.to_vec(), series.values.to_vec());
    for pulled in all {
        times[pulled.at] = pulled.time_ms;
        values[pulled.at] = pulled.value;
    }
    series.timestamps = times.into();
    series.values = values.into();
    series
}

/// What was taken last.
#[derive(Debug, Clone, Copy)]
struct Last {
    time_ms: i64,
    /// When it was scraped: later than that, where it is told earlier.
    seen_ms: i64,
    /// Lifted; `None` of a histogram.
    value: Option<f64>,
    /// The same, not lifted.
    read: Option<f64>,
    /// Whose value that is.
    read_by: usize,
    /// When the newest reset was seen that is behind.
    reset_ms: Option<i64>,
}

/// Who has the next sample; `None` at the end of all.
fn next(
    all: &mut [Replica<'_>],
    followed: usize,
    last: Last,
    (is_counter, is_mixed): (bool, bool),
) -> Option<usize> {
    let own = &all[followed];
    let interval_ms = match is_mixed {
        true => own.recent_interval_ms(),
        false => own.interval_ms,
    };
    let own_ms = own.time_ms();
    let has_ended = own_ms.is_some() && is_stale(own.series, own.at);
    let gap_ms = interval_ms.saturating_add(interval_ms / 2);
    let gap_from_ms = last.seen_ms.saturating_add(gap_ms);
    if own_ms.is_some_and(|own_ms| own_ms <= gap_from_ms) && !has_ended {
        return Some(followed);
    }
    // Another one has to be there sooner; where this one says that the series has ended, within the
    // interval after that.
    let before_ms = match own_ms {
        Some(own_ms) if has_ended => own_ms.saturating_add(interval_ms),
        Some(own_ms) => own_ms,
        None => i64::MAX,
    };
    // Two samples that lie closer than half an interval are the same scrape, seen twice. Of a
    // counter each one counts: between the two there may be a reset.
    let too_close_ms = if is_counter { 0 } else { interval_ms / 2 };
    let from_ms = last.seen_ms.saturating_add(too_close_ms.max(1));
    let mut soonest: Option<(i64, usize)> = None;
    let mut end: Option<(i64, usize)> = None;
    for (number, replica) in all.iter_mut().enumerate() {
        if number == followed {
            continue;
        }
        replica.go_to(from_ms);
        let Some(time_ms) = replica.time_ms().filter(|time_ms| *time_ms < before_ms) else {
            continue;
        };
        let place = match is_stale(replica.series, replica.at) {
            true => &mut end,
            false => &mut soonest,
        };
        if place.is_none_or(|(known_ms, _)| time_ms < known_ms) {
            *place = Some((time_ms, number));
        }
    }
    let own = own_ms.map(|_| followed);
    let end = end.map(|(_, number)| number);
    soonest.map(|(_, number)| number).or(own).or(end)
}

/// Where one replica is.
struct Replica<'a> {
    series: &'a Series,
    interval_ms: i64,
    at: usize,
    lift: f64,
}

impl Replica<'_> {
    fn time_ms(&self) -> Option<i64> {
        self.series.timestamps.get(self.at).copied()
    }

    /// The least distance of the samples just below this place: that of old windows says nothing of
    /// the samples behind them.
    fn recent_interval_ms(&self) -> i64 {
        let recent = self.at.saturating_sub(RECENT_MAX)..self.at;
        let pairs = self.series.timestamps[recent].windows(2);
        let distances = pairs.map(|pair| pair[1].saturating_sub(pair[0]));
        distances.min().unwrap_or(self.interval_ms).max(1)
    }

    /// Goes on to the first sample after this time.
    fn go_past(&mut self, time_ms: i64) {
        self.go_to(time_ms.saturating_add(1));
    }

    /// Goes on to the first sample that is not before this time.
    fn go_to(&mut self, from_ms: i64) {
        // Most calls go on by one.
        let times = &self.series.timestamps;
        while self.at < times.len().min(self.at + 2) && times[self.at] < from_ms {
            self.at += 1;
        }
        if self.time_ms().is_some_and(|time_ms| time_ms < from_ms) {
            self.at += times[self.at..].partition_point(|time_ms| *time_ms < from_ms);
        }
    }

    /// The number at this place, as it was scraped; `None` for histograms and ends.
    fn raw(&self, at: usize) -> Option<f64> {
        let value = *self.series.values.get(at)?;
        let is_number = !sample::is_histogram(value) && !sample::is_stale_nan(value);
        is_number.then_some(value)
    }

    /// Behind so much time without a sample there is a gap.
    fn gap_ms(&self) -> i64 {
        self.interval_ms.saturating_add(self.interval_ms / 2)
    }

    /// Whether the sample here is so near behind the last one that the next one, which is there in
    /// time, is better.
    fn is_too_near(&self, last: Last) -> bool {
        let times = &self.series.timestamps;
        let near_ms = self.interval_ms.saturating_mul(NEAR_HUNDREDTHS) / 100;
        let near_ms = last.time_ms.saturating_add(near_ms);
        let late_ms = last.time_ms.saturating_add(self.gap_ms());
        let is_in_time = |at: usize| times.get(at).is_some_and(|time_ms| *time_ms <= late_ms);
        let is_number = |at: usize| self.raw(at).is_some();
        is_number(self.at)
            && self.time_ms().is_some_and(|time_ms| time_ms < near_ms)
            && is_number(self.at + 1)
            && is_in_time(self.at + 1)
    }

    /// When the sample here is told, where that is earlier than it was scraped, and what the counter
    /// was then, lifted, on the line from the sample before.
    fn pulled(&self, last: Last) -> Option<(i64, f64)> {
        let (now_ms, now) = (self.time_ms()?, self.raw(self.at)?);
        let place = self.at.checked_sub(1)?;
        let (before_ms, before) = (self.series.timestamps[place], self.raw(place)?);
        let far_ms = self.interval_ms.saturating_mul(PULLED_HUNDREDTHS) / 100;
        let told_ms = last.time_ms.saturating_add(far_ms);
        // Behind a gap nothing is known of the time in between.
        let is_without_gap = now_ms.saturating_sub(last.time_ms.min(before_ms)) < self.gap_ms();
        let is_line = before <= now && (before_ms + 1..now_ms).contains(&told_ms);
        let told = || {
            let line = now - (now - before) * share(before_ms, told_ms, now_ms) + self.lift;
            match last.value {
                // A counter does not grow evenly: the other one may have seen it above that line,
                // and a fall would be taken for a reset.
                Some(value) if value <= now + self.lift => line.max(value),
                _ => line,
            }
        };
        (is_line && is_without_gap).then(|| (told_ms, told()))
    }
}

/// Which part of the time from `before_ms` to `now_ms` lies after `last_ms`; all of it where that
/// was before.
fn share(before_ms: i64, last_ms: i64, now_ms: i64) -> f64 {
    let whole_ms = now_ms.saturating_sub(before_ms).max(1);
    ratio(now_ms.saturating_sub(last_ms.max(before_ms)), whole_ms)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "distances of samples are exact in a double"
)]
fn ratio(a_ms: i64, b_ms: i64) -> f64 {
    a_ms as f64 / b_ms as f64
}

/// The median distance of samples; `None` where there is none.
fn interval_ms(series: &Series) -> Option<i64> {
    let times = &series.timestamps;
    let stride = (times.len() / DISTANCES_MAX).max(1);
    let pairs = times.windows(2).step_by(stride);
    let mut distances: Vec<i64> = pairs.map(|pair| pair[1].saturating_sub(pair[0])).collect();
    // Of two in the middle the lower one: gaps make distances longer, and nothing makes them shorter.
    let middle = distances.len().checked_sub(1)? / 2;
    let (_, median, _) = distances.select_nth_unstable(middle);
    Some((*median).max(1))
}
