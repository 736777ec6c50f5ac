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
//! not, the two are counters of different processes, or one of them lags; then it is lifted to
//! what the old one was at and what the new one has grown by since. Nowhere is a fall made that no
//! replica has seen, which a rate would take for a reset.

use narthex_model::sample;
use narthex_storage::{Series, Wanted};

use super::{Taken, is_stale, series_of};

/// The interval of who has too few samples to tell, in milliseconds: what is usual for Prometheus.
const USUAL_INTERVAL_MS: i64 = 15_000;

/// So many distances of samples tell an interval.
const DISTANCES_MAX: usize = 64;

/// So many samples tell the interval at a place, where windows are followed by samples.
const RECENT_MAX: usize = 5;

/// One series of all of them.
pub(super) fn deduplicate(replicas: &[Series], wanted: Wanted) -> Option<Series> {
    let is_counter = wanted.is_growth();
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
    let mut last: Option<Last> = None;
    loop {
        let next = match last {
            None => Some(followed),
            Some(last) => {
                all.iter_mut()
                    .for_each(|replica| replica.go_past(last.time_ms));
                next(&mut all, followed, last, (is_counter, is_mixed))
            }
        };
        let Some(next) = next else { break };
        if let Some(last) = last.filter(|_| is_counter) {
            match next == followed {
                true => all[next].lift_on(last),
                false => all[next].lift_from(last),
            }
        }
        followed = next;
        let replica = &all[followed];
        let Some(time_ms) = replica.time_ms() else {
            break;
        };
        taken.push(Taken {
            place: (followed, replica.at),
            lift: replica.lift,
        });
        last = Some(Last {
            time_ms,
            // The end of a series has no value, and what comes after it is compared with what was
            // before.
            value: replica.number().or(last.and_then(|last| last.value)),
        });
    }
    series_of(replicas, &taken)
}

/// What was taken last.
#[derive(Debug, Clone, Copy)]
struct Last {
    time_ms: i64,
    /// Lifted; `None` of a histogram.
    value: Option<f64>,
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
    let gap_from_ms = last.time_ms.saturating_add(gap_ms);
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
    let from_ms = last.time_ms.saturating_add(too_close_ms.max(1));
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

    /// The number where it is, lifted.
    fn number(&self) -> Option<f64> {
        self.raw(self.at).map(|value| value + self.lift)
    }

    /// Decides what this counter is lifted by, which is followed from here on, after another one
    /// that was at `last`.
    fn lift_from(&mut self, last: Last) {
        self.lift = 0.0;
        let (Some(last_value), Some(now)) = (last.value, self.raw(self.at)) else {
            return;
        };
        let times = &self.series.timestamps;
        let seen = times.partition_point(|time_ms| *time_ms <= last.time_ms);
        let Some((before_ms, before)) = self.newest_below(seen) else {
            // It was not there before. A target that it sees from its beginning has just begun to
            // count; one that is merely a little behind is no reset.
            if now < last_value && self.catches_up_with(last_value) {
                self.lift = last_value - now;
            }
            return;
        };
        if now < before {
            // It has seen a reset itself, and the other one may have as well. Only where the other
            // one is far ahead in spite of it would a fall be one that nobody saw.
            return;
        }
        if (before..=now).contains(&last_value) {
            return;
        }
        let now_ms = times[self.at];
        let grown = (now - before) * share(before_ms, last.time_ms, now_ms);
        self.lift = last_value + grown - now;
    }

    /// Decides what this counter is lifted by, which was followed before: where it is reset, what is
    /// seen of that is to be what it has counted since.
    fn lift_on(&mut self, last: Last) {
        let before = self.newest_below(self.at);
        let (Some(last_value), Some(now), Some((_, before))) =
            (last.value, self.raw(self.at), before)
        else {
            return;
        };
        if self.lift != 0.0 && now < before {
            self.lift = if now < last_value { 0.0 } else { last_value };
        }
    }

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
}

/// Which part of the time from `before_ms` to `now_ms` lies after `last_ms`.
#[allow(
    clippy::cast_precision_loss,
    reason = "distances of samples are exact in a double"
)]
fn share(before_ms: i64, last_ms: i64, now_ms: i64) -> f64 {
    let whole = now_ms.saturating_sub(before_ms).max(1);
    now_ms.saturating_sub(last_ms) as f64 / whole as f64
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
