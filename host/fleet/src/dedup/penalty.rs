//! Thanos' `penalty`: two replicas at a time, of which the one with the earlier next sample is
//! taken, and the other one has to be that much later.

use narthex_model::sample;
use narthex_storage::Series;

use super::totals::totals;
use super::{Taken, series_of};

/// What the replica waits for that was not taken at first, in milliseconds.
const FIRST_PENALTY_MS: i64 = 5_000;

/// One series of all of them, folded from the first one on.
pub(super) fn deduplicate(replicas: Vec<Series>, is_counter: bool) -> Option<Series> {
    let mut replicas = replicas.into_iter().map(|series| match is_counter {
        true => totals(series),
        false => series,
    });
    let first = replicas.next()?;
    replicas.try_fold(first, |a, b| fold(&[a, b], is_counter))
}

/// Where one of the two is.
struct Side<'a> {
    series: &'a Series,
    at: usize,
    penalty_ms: i64,
    /// What its values are lifted by, so that it is not behind the other one.
    lift: f64,
}

impl<'a> Side<'a> {
    fn new(series: &'a Series) -> Self {
        let (at, penalty_ms, lift) = (0, 0, 0.0);
        Self {
            series,
            at,
            penalty_ms,
            lift,
        }
    }

    /// Goes on to the first sample that is late enough.
    fn seek(&mut self, last_ms: Option<i64>) {
        if let Some(last_ms) = last_ms {
            let from_ms = last_ms.saturating_add(1).saturating_add(self.penalty_ms);
            let rest = &self.series.timestamps[self.at..];
            self.at += rest.partition_point(|time_ms| *time_ms < from_ms);
        }
    }

    fn time_ms(&self) -> Option<i64> {
        self.series.timestamps.get(self.at).copied()
    }

    /// The number where it is; `None` for a histogram and at the end.
    fn number(&self) -> Option<f64> {
        let value = self.series.values.get(self.at)?;
        (!sample::is_histogram(*value)).then_some(value + self.lift)
    }

    /// Lifts it to what the other one was at.
    fn lift_to(&mut self, value: f64) {
        if let Some(own) = self.number().filter(|own| *own < value) {
            self.lift += value - own;
        }
    }
}

/// One series of two.
fn fold(pair: &[Series; 2], is_counter: bool) -> Option<Series> {
    let mut sides = [Side::new(&pair[0]), Side::new(&pair[1])];
    let mut taken = Vec::with_capacity(pair[0].timestamps.len().max(pair[1].timestamps.len()));
    let mut last_ms = None;
    // Thanos begins with the second one as the last that was taken, and the first one's value.
    let mut last = (1, sides[0].number());
    loop {
        sides.iter_mut().for_each(|side| side.seek(last_ms));
        let (side, time_ms) = match (sides[0].time_ms(), sides[1].time_ms()) {
            (None, None) => break,
            (Some(a_ms), None) => (0, a_ms),
            (None, Some(b_ms)) => (1, b_ms),
            (Some(a_ms), Some(b_ms)) if a_ms <= b_ms => (0, a_ms),
            (Some(_), Some(b_ms)) => (1, b_ms),
        };
        let other = 1 - side;
        if sides[other].time_ms().is_some() {
            sides[other].penalty_ms = match last_ms {
                Some(last_ms) => time_ms.saturating_sub(last_ms).saturating_mul(2),
                None => FIRST_PENALTY_MS,
            };
        }
        sides[side].penalty_ms = 0;
        if is_counter && last.0 != side {
            // Whoever has missed something was at least where the other one is.
            let last_value = last.1.unwrap_or(f64::NEG_INFINITY);
            sides.iter_mut().for_each(|side| side.lift_to(last_value));
        }
        let place = (side, sides[side].at);
        let lift = sides[side].lift;
        taken.push(Taken { place, lift });
        last = (side, sides[side].number());
        last_ms = Some(time_ms);
    }
    series_of(pair, &taken)
}
