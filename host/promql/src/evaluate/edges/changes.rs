//! How much the numbers of a series change between the edges of a range.

use super::Reach;
use crate::evaluate::kahan::Kahan;
use crate::evaluate::range::Samples;
use crate::evaluate::rate::{Extrapolation, resets};
use crate::evaluate::sliding::Sliding;

/// How much numbers change between edges.
pub(crate) struct Changes<'s> {
    how: Extrapolation,
    samples: &'s Samples<'s>,
    /// The places of resets, of which those in the range that was asked for last are
    /// `low..high`.
    resets: Vec<usize>,
    low: usize,
    high: usize,
    sums: Sliding<Kahan>,
}

impl<'s> Changes<'s> {
    /// Looks for resets once.
    pub(crate) fn new(how: Extrapolation, samples: &'s Samples<'s>) -> Self {
        Self {
            how,
            samples,
            resets: match how.is_counter {
                true => resets(&samples.values, None),
                false => Vec::new(),
            },
            low: 0,
            high: 0,
            sums: Sliding::new(),
        }
    }

    /// The change; steps are to be asked for in their order.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a range has fewer milliseconds than a double has digits"
    )]
    pub(crate) fn between_edges(&mut self, reach: &Reach, range_ms: i64) -> f64 {
        let left = left(self.samples, reach, self.how.is_counter);
        let right = right(self.samples, reach, self.how.is_counter);
        let mut change = right - left;
        if self.how.is_counter {
            change += self.lost(reach, left, right);
        }
        if self.how.per_second {
            change /= range_ms as f64 / 1000.0;
        }
        change
    }

    /// What was there before each reset.
    fn lost(&mut self, reach: &Reach, left: f64, right: f64) -> f64 {
        let (resets, values) = (&self.resets, &self.samples.values);
        while self.low < resets.len() && resets[self.low] <= reach.from {
            self.low += 1;
        }
        self.high = self.high.max(self.low);
        while self.high < resets.len() && resets[self.high] < reach.to {
            self.high += 1;
        }
        let between = values.get(reach.from..reach.to).unwrap_or_default();
        let mut lost = 0.0;
        if between.first().copied().unwrap_or(left) < left {
            lost += left;
        }
        let of = |reset: usize| Kahan::new(values[resets[reset] - 1]);
        lost += self.sums.window(self.low, self.high, of).total();
        let last = between.last().copied().unwrap_or(left);
        if right < last {
            lost += last;
        }
        lost
    }
}

pub(super) fn left(samples: &Samples<'_>, reach: &Reach, is_counter: bool) -> f64 {
    match reach.cuts_left {
        true => interpolated(samples, reach.first, reach.start_ms, is_counter),
        false => samples.values[reach.first],
    }
}

pub(super) fn right(samples: &Samples<'_>, reach: &Reach, is_counter: bool) -> f64 {
    match reach.cuts_right {
        true => interpolated(samples, reach.last - 1, reach.end_ms, is_counter),
        false => samples.values[reach.last],
    }
}

/// The value at a time between sample `before` and the next one. A counter that was reset
/// between them began again from zero.
#[allow(
    clippy::cast_precision_loss,
    reason = "two samples are fewer milliseconds apart than a double has digits"
)]
pub(super) fn interpolated(
    samples: &Samples<'_>,
    before: usize,
    time_ms: i64,
    is_counter: bool,
) -> f64 {
    let (timestamps, values) = (&*samples.timestamps, &*samples.values);
    let (mut from, to) = (values[before], values[before + 1]);
    if is_counter && to < from {
        from = 0.0;
    }
    let passed = (time_ms - timestamps[before]) as f64;
    let distance = (timestamps[before + 1] - timestamps[before]) as f64;
    from + (to - from) * passed / distance
}
