//! How the windows of one series are gone through: looked at one by one where they hardly
//! overlap, in one sliding pass where they do.

use std::collections::VecDeque;

use super::column::ABSENT;
use super::kahan::{Kahan, Mean};
use super::order_statistics::OrderStatistics;
use super::quantile::{median_deviation, quantile};
use super::range::{Samples, Window, Windows};
use super::regression;
use super::sliding::{Sliding, Summary};
use super::summaries::{Points, Smoothing, Spread};
use crate::budget::Budget;

/// Looking at each window costs as often as windows overlap, sliding about as much as so many
/// looks.
const OVERLAP_WORTH_SLIDING: i64 = 4;
/// The same for windows whose values are kept in order, which takes more.
const OVERLAP_WORTH_ORDERING: i64 = 16;
/// Values beyond this may overflow when they are added, and then it counts in which order.
const EXACT_MAX: f64 = 1e290;

/// The windows of one series, and where its column goes.
pub(crate) struct Pass<'p> {
    /// The samples.
    pub(crate) samples: &'p Samples<'p>,
    /// How they are cut into windows.
    pub(crate) windows: &'p Windows,
    /// Says when there is no use in going on.
    pub(crate) budget: &'p Budget,
}

impl Pass<'_> {
    fn values(&self) -> &[f64] {
        &self.samples.values
    }

    /// How many windows have the same sample.
    fn overlap(&self) -> i64 {
        match self.windows.grid.count {
            1 => 1,
            _ => self.windows.range_ms / self.windows.grid.step_ms.max(1),
        }
    }

    /// Whether the windows overlap so much that nobody should look at each.
    pub(crate) fn is_worth_sliding(&self) -> bool {
        self.overlap() > OVERLAP_WORTH_SLIDING
    }

    /// The values of all windows, where what one costs does not depend on its length.
    pub(crate) fn each(&self, out: &mut [f64], mut f: impl FnMut(&Window) -> f64) {
        self.windows
            .for_each(&self.samples.timestamps, |w| out[w.step] = f(&w));
    }

    /// The values of all windows, each looked at from end to end.
    pub(crate) fn look(&self, out: &mut [f64], mut f: impl FnMut(&Window) -> f64) {
        let mut pulse = self.budget.pulse();
        self.each(out, |w| match pulse.goes_on(w.len()) {
            true => f(w),
            false => ABSENT,
        });
    }

    /// The values of all windows, of a summary of each.
    fn slide<S: Summary>(
        &self,
        out: &mut [f64],
        of: impl Fn(usize) -> S,
        mut f: impl FnMut(&Window, S) -> f64,
    ) {
        let mut sliding = Sliding::new();
        self.each(out, |w| f(w, sliding.window(w.low, w.high, &of)));
    }

    fn may_overflow(&self) -> bool {
        let is_large = |value: &f64| value.is_finite() && value.abs() > EXACT_MAX;
        self.values().iter().any(is_large)
    }

    /// `sum_over_time`
    pub(crate) fn sum(&self, out: &mut [f64]) {
        let values = self.values();
        if !self.is_worth_sliding() || self.may_overflow() {
            return self.look(out, |w| sum(&values[w.low..w.high]));
        }
        self.slide(out, |at| Kahan::new(values[at]), |_, sum| total(sum));
    }

    /// `avg_over_time`
    #[allow(
        clippy::cast_precision_loss,
        reason = "a window has fewer samples than a double has digits"
    )]
    pub(crate) fn average(&self, out: &mut [f64]) {
        let values = self.values();
        if !self.is_worth_sliding() || self.may_overflow() {
            return self.look(out, |w| average(&values[w.low..w.high]));
        }
        let of = |at: usize| Kahan::new(values[at]);
        self.slide(out, of, |w, sum| {
            let count = w.len() as f64;
            sum.sum / count + sum.compensation / count
        });
    }

    /// `stdvar_over_time`, and what is made of it.
    pub(crate) fn variance(&self, out: &mut [f64], then: impl Fn(f64) -> f64) {
        let values = self.values();
        if !self.is_worth_sliding() {
            return self.look(out, |w| then(variance(&values[w.low..w.high])));
        }
        let of = |at: usize| Spread::of(values[at]);
        self.slide(out, of, |_, spread| then(spread.variance()));
    }

    /// The line of least squares of each window of at least two samples, by its slope and its
    /// value at the time that `at` gives.
    #[allow(
        clippy::cast_precision_loss,
        reason = "milliseconds of any date are exact in a double"
    )]
    pub(crate) fn line(
        &self,
        out: &mut [f64],
        at: impl Fn(&Window) -> i64,
        f: impl Fn(&Window, (f64, f64)) -> f64,
    ) {
        let (timestamps, values) = (&*self.samples.timestamps, self.values());
        let base = timestamps.first().copied().unwrap_or(0);
        let seconds = |time_ms: i64| time_ms.saturating_sub(base) as f64 / 1e3;
        let is_sliding = self.is_worth_sliding();
        // How often the value has changed up to each sample.
        let changes = match is_sliding {
            true => running_count(values, |a, b| a != b),
            false => Vec::new(),
        };
        let mut pulse = self.budget.pulse();
        let mut sliding = Sliding::new();
        let of = |at: usize| Points::of(seconds(timestamps[at]), values[at]);
        self.each(out, |w| {
            if !is_sliding {
                if w.len() < 2 || !pulse.goes_on(w.len()) {
                    return ABSENT;
                }
                let (timestamps, values) = (&timestamps[w.low..w.high], &values[w.low..w.high]);
                return f(w, regression::line(timestamps, values, at(w)));
            }
            let points = sliding.window(w.low, w.high, of);
            if w.len() < 2 {
                return ABSENT;
            }
            let is_constant = changes[w.high - 1] == changes[w.low];
            f(
                w,
                match values[w.low] {
                    value if is_constant && value.is_infinite() => (f64::NAN, f64::NAN),
                    value if is_constant => (0.0, value),
                    _ => points.line(seconds(at(w))),
                },
            )
        });
    }

    /// `double_exponential_smoothing`, with its factors at each step.
    pub(crate) fn smooth(&self, out: &mut [f64], smoothing: &[f64], trend: &[f64]) {
        let values = self.values();
        let is_same = |factors: &[f64]| factors.windows(2).all(|pair| pair[0] == pair[1]);
        let slides = self.is_worth_sliding()
            && is_same(smoothing)
            && is_same(trend)
            && values.iter().all(|value| value.is_finite());
        if !slides {
            return self.look(out, |w| match &values[w.low..w.high] {
                [_] => ABSENT,
                values => {
                    let (smoothing, trend) = (smoothing[w.step], trend[w.step]);
                    regression::double_exponential_smoothing(values, smoothing, trend)
                }
            });
        }
        let mut sliding = Sliding::new();
        self.each(out, |w| {
            let (smoothing, trend) = (smoothing[w.step], trend[w.step]);
            // The first two samples are the level and the slope to begin with.
            let behind = (w.low + 2).min(w.high);
            let of = |at: usize| Smoothing::of(values[at], smoothing, trend);
            let rest = sliding.window(behind, w.high, of);
            match &values[w.low..behind] {
                [first, second] => rest.level(*second, second - first),
                _ => ABSENT,
            }
        });
    }

    /// `quantile_over_time`, with its parameter at each step.
    pub(crate) fn quantile(&self, out: &mut [f64], quantiles: &[f64]) {
        let values = self.values();
        if let Some(mut ordered) = self.ordered() {
            return self.each(out, |w| {
                ordered.slide(w.low, w.high);
                ordered.quantile(quantiles[w.step])
            });
        }
        let mut scratch = Vec::new();
        self.look(out, |w| {
            scratch.clear();
            scratch.extend_from_slice(&values[w.low..w.high]);
            quantile(quantiles[w.step], &mut scratch)
        });
    }

    /// `mad_over_time`
    pub(crate) fn median_deviation(&self, out: &mut [f64]) {
        let values = self.values();
        let mut scratch = Vec::new();
        let Some(mut ordered) = self.ordered() else {
            return self.look(out, |w| {
                median_deviation(&values[w.low..w.high], &mut scratch)
            });
        };
        let mut pulse = self.budget.pulse();
        self.each(out, |w| {
            ordered.slide(w.low, w.high);
            if let Some(deviation) = ordered.median_deviation() {
                return deviation;
            }
            match pulse.goes_on(w.len()) {
                true => median_deviation(&values[w.low..w.high], &mut scratch),
                false => ABSENT,
            }
        });
    }

    /// The values in order, where that is worth its while.
    fn ordered(&self) -> Option<OrderStatistics> {
        match self.overlap() > OVERLAP_WORTH_ORDERING {
            true => OrderStatistics::new(self.values()),
            false => None,
        }
    }

    /// Shows for each window the place of the value that `beats` all others, the earlier of two
    /// that do not beat each other. NaN beats nothing; where all are NaN it is the last place.
    /// Each sample enters and leaves the queue once: it holds those that no later sample beats.
    pub(crate) fn extreme(
        &self,
        out: &mut [f64],
        beats: impl Fn(f64, f64) -> bool,
        f: impl Fn(usize) -> f64,
    ) {
        let values = self.values();
        let mut queue: VecDeque<usize> = VecDeque::new();
        let mut next = 0;
        self.each(out, |w| {
            next = next.max(w.low);
            for at in next..w.high {
                if values[at].is_nan() {
                    continue;
                }
                while queue
                    .back()
                    .is_some_and(|last| beats(values[at], values[*last]))
                {
                    queue.pop_back();
                }
                queue.push_back(at);
            }
            next = w.high.max(next);
            while queue.front().is_some_and(|first| *first < w.low) {
                queue.pop_front();
            }
            f(queue.front().copied().unwrap_or(w.high - 1))
        });
    }

    /// Counts in each window the neighbours for which `differs` holds: the difference of two
    /// running counts.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a window has fewer samples than a double has digits"
    )]
    pub(crate) fn count_pairs(&self, out: &mut [f64], differs: impl Fn(f64, f64) -> bool) {
        let counts = running_count(self.values(), differs);
        self.each(out, |w| (counts[w.high - 1] - counts[w.low]) as f64);
    }

    /// Counts in each window the places, which ascend, but for the window's first sample.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a window has fewer samples than a double has digits"
    )]
    pub(crate) fn count_places(&self, out: &mut [f64], places: &[usize]) {
        let (mut low, mut high) = (0, 0);
        self.each(out, |w| {
            while low < places.len() && places[low] <= w.low {
                low += 1;
            }
            high = high.max(low);
            while high < places.len() && places[high] < w.high {
                high += 1;
            }
            (high - low) as f64
        });
    }
}

/// For each value how many pairs of neighbours up to it differ.
pub(crate) fn running_count(values: &[f64], differs: impl Fn(f64, f64) -> bool) -> Vec<u64> {
    let mut counts = Vec::with_capacity(values.len());
    let mut count = 0_u64;
    counts.extend(values.first().map(|_| count));
    counts.extend(values.windows(2).map(|pair| {
        count += u64::from(differs(pair[0], pair[1]));
        count
    }));
    counts
}

fn average(values: &[f64]) -> f64 {
    let mut mean = Mean::new(values[0]);
    for value in &values[1..] {
        mean.add(*value);
    }
    mean.result()
}

fn sum(values: &[f64]) -> f64 {
    total(values.iter().copied().fold(Kahan::default(), Kahan::plus))
}

fn total(sum: Kahan) -> f64 {
    if sum.sum.is_infinite() {
        sum.sum
    } else {
        sum.total()
    }
}

fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, Kahan::default(), Kahan::default());
    for value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean = mean.plus(delta / count);
        squares = squares.plus(delta * (value - mean.total()));
    }
    squares.total() / count
}

#[cfg(test)]
mod tests;
