//! `rate`, `increase`, `delta`, `irate` and `idelta`.

use super::column::ABSENT;
use super::kahan::Kahan;
use super::range::{Samples, Window};
use super::sliding::Sliding;
use super::start_timestamps::Started;
use super::window_functions::Pass;

/// Which of the extrapolating functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extrapolation {
    /// The samples are of a counter: a decrease is a reset.
    pub(crate) is_counter: bool,
    /// Per second, and not over the range.
    pub(crate) per_second: bool,
}

/// An end further away than so many average distances is not extrapolated to.
const NEAR_ENOUGH: f64 = 1.1;

impl Extrapolation {
    /// Computes a column.
    pub(crate) fn fill(self, pass: &Pass<'_>, out: &mut [f64]) {
        let (timestamps, values) = (&*pass.samples.timestamps, &*pass.samples.values);
        // Nothing but resets matters between the first and the last sample.
        let started = pass.samples.started().filter(|_| self.is_counter);
        let resets = match self.is_counter {
            true => resets(values, started),
            false => Vec::new(),
        };
        let lost = |reset: usize| values[resets[reset] - 1];
        let (mut reset_low, mut reset_high) = (0, 0);
        let mut sliding = pass.is_worth_sliding().then(Sliding::new);
        pass.each(out, |window| {
            let zero_ms = started.and_then(|started| started.zero_within(window));
            if window.len() < 2 && zero_ms.is_none() {
                return ABSENT;
            }
            let last = window.high - 1;
            while reset_low < resets.len() && resets[reset_low] <= window.low {
                reset_low += 1;
            }
            reset_high = reset_high.max(reset_low);
            while reset_high < resets.len() && resets[reset_high] <= last {
                reset_high += 1;
            }
            let mut change = values[last] - values[window.low];
            match &mut sliding {
                Some(sliding) => {
                    let of = |reset: usize| Kahan::new(lost(reset));
                    change += sliding.window(reset_low, reset_high, of).total();
                }
                None => change += (reset_low..reset_high).map(lost).sum::<f64>(),
            }
            let ends_ms = (timestamps[window.low], timestamps[last]);
            let (first, range_ms) = (values[window.low], pass.windows.range_ms);
            match zero_ms {
                Some(zero_ms) => {
                    (change + first) * self.factor_from_zero(window, zero_ms, ends_ms, range_ms)
                }
                None => change * self.factor(window, ends_ms, first, change, range_ms),
            }
        });
    }

    /// By how much what happened between the first and the last sample is to be stretched to the
    /// whole window, where the samples come near enough to its ends.
    #[allow(
        clippy::cast_precision_loss,
        reason = "windows have fewer samples and milliseconds than a double has digits"
    )]
    pub(crate) fn factor(
        self,
        window: &Window,
        (first_ms, last_ms): (i64, i64),
        first_value: f64,
        change: f64,
        range_ms: i64,
    ) -> f64 {
        let mut to_start = (first_ms - window.start_ms) as f64 / 1000.0;
        let mut to_end = (window.end_ms - last_ms) as f64 / 1000.0;
        let sampled = (last_ms - first_ms) as f64 / 1000.0;
        let average = sampled / (window.len() - 1) as f64;
        let threshold = average * NEAR_ENOUGH;
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        // A counter does not start below zero.
        if self.is_counter && change > 0.0 && first_value >= 0.0 {
            let to_zero = sampled * (first_value / change);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        let mut factor = (sampled + to_start + to_end) / sampled;
        if self.per_second {
            factor /= range_ms as f64 / 1000.0;
        }
        factor
    }

    /// The same where the counter is known to have been zero at a time within the window: nothing
    /// is to be guessed before that.
    #[allow(
        clippy::cast_precision_loss,
        reason = "windows have fewer samples and milliseconds than a double has digits"
    )]
    pub(crate) fn factor_from_zero(
        self,
        window: &Window,
        zero_ms: i64,
        (first_ms, last_ms): (i64, i64),
        range_ms: i64,
    ) -> f64 {
        let mut to_end = (window.end_ms - last_ms) as f64 / 1000.0;
        let average = match window.len() {
            1 => 0.0,
            len => (last_ms - first_ms) as f64 / 1000.0 / (len - 1) as f64,
        };
        if to_end >= average * NEAR_ENOUGH {
            to_end = average / 2.0;
        }
        let counted = (last_ms - zero_ms) as f64 / 1000.0;
        let factor = (counted + to_end) / counted;
        match self.per_second {
            true => factor / (range_ms as f64 / 1000.0),
            false => factor,
        }
    }
}

/// The places where a value is smaller than the one before, or its counting began after that.
pub(crate) fn resets(values: &[f64], started: Option<Started<'_>>) -> Vec<usize> {
    let pairs = values.windows(2).zip(1..);
    let is_reset = |at| started.is_some_and(|started| started.is_reset(at));
    pairs
        .filter(|(pair, at)| pair[1] < pair[0] || is_reset(*at))
        .map(|(_, at)| at)
        .collect()
}

/// The difference of a window's last two samples.
#[allow(
    clippy::cast_precision_loss,
    reason = "windows have fewer milliseconds than a double has digits"
)]
pub(crate) fn instant(is_rate: bool, samples: &Samples<'_>, window: &Window) -> f64 {
    if window.len() < 2 {
        return ABSENT;
    }
    let last = window.high - 1;
    let (before, value) = (samples.values[last - 1], samples.values[last]);
    if !is_rate {
        return value - before;
    }
    let is_reset = |started: Started<'_>| started.is_reset(last);
    let change = if value < before || samples.started().is_some_and(is_reset) {
        value
    } else {
        value - before
    };
    let interval_ms = samples.timestamps[last] - samples.timestamps[last - 1];
    change / (interval_ms as f64 / 1000.0)
}
