//! The values of a sliding window by their order: what is the k-th smallest, with each value
//! taken in and let go in logarithmic time.

use std::ops::Range;

use super::quantile::{interpolated, nan_first};

/// A set of places of a series that knows the order of their values.
///
/// All values of the series are ranked once; which ranks are in the set is counted in a binary
/// indexed tree.
#[derive(Debug)]
pub(crate) struct OrderStatistics {
    /// All values by rank, NaN first.
    sorted: Vec<f64>,
    /// The rank of each place.
    ranks: Vec<u32>,
    /// `counts[i - 1]` is how many of the ranks below `i` are in the set, from where `i` has its
    /// lowest bit.
    counts: Vec<u32>,
    /// The places in the set.
    places: Range<usize>,
}

impl OrderStatistics {
    /// The empty set; `None` for more values than it can rank.
    pub(crate) fn new(values: &[f64]) -> Option<Self> {
        let count = u32::try_from(values.len()).ok()?;
        let mut order: Vec<u32> = (0..count).collect();
        let value = |place: &u32| values[*place as usize];
        order.sort_unstable_by(|a, b| nan_first(value(a), value(b)));
        let mut ranks = vec![0; values.len()];
        for (rank, place) in (0..count).zip(&order) {
            ranks[*place as usize] = rank;
        }
        Some(Self {
            sorted: order.iter().map(value).collect(),
            ranks,
            counts: vec![0; values.len()],
            places: 0..0,
        })
    }

    /// Lets the set be the places `low..high`, neither of which is less than before.
    pub(crate) fn slide(&mut self, low: usize, high: usize) {
        for place in self.places.start..self.places.end.min(low) {
            self.change(place, u32::wrapping_sub);
        }
        for place in self.places.end.max(low)..high {
            self.change(place, u32::wrapping_add);
        }
        self.places = low..high;
    }

    /// How many places are in the set.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The value that so many of the set's are before.
    pub(crate) fn nth(&self, before: usize) -> f64 {
        let mut rank = 0;
        let mut left = before;
        let mut stride = self.counts.len().next_power_of_two();
        while stride > 0 {
            if let Some(count) = self.counts.get(rank + stride - 1)
                && (*count as usize) <= left
            {
                left -= *count as usize;
                rank += stride;
            }
            stride /= 2;
        }
        self.sorted.get(rank).copied().unwrap_or(f64::NAN)
    }

    /// The `q`-quantile.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        interpolated(q, self.len(), |below| {
            let above = (below + 1).min(self.len() - 1);
            (self.nth(below), self.nth(above))
        })
    }

    /// The median of the distances from the median; `None` where a value is not finite, because
    /// then distances are not in the order of the values.
    pub(crate) fn median_deviation(&self) -> Option<f64> {
        let last = self.len().checked_sub(1)?;
        if !self.nth(0).is_finite() || !self.nth(last).is_finite() {
            return None;
        }
        let median = self.quantile(0.5);
        // The values from the median on, and below it, are two sequences of ascending distances.
        let split = first(self.len(), |at| self.nth(at) >= median);
        let above = |at: usize| self.nth(split + at) - median;
        let below = |at: usize| median - self.nth(split - 1 - at);
        let (above_count, below_count) = (self.len() - split, split);
        // The distance that so many others are before, and the one behind it.
        let pair = |before: usize| {
            // So many of the first `before` are above: the fewest with which none of those left
            // out above is nearer than one taken below.
            let least = before.saturating_sub(below_count);
            let most = before.min(above_count);
            let taken = least
                + first(most - least, |more| {
                    let (up, down) = (least + more, before - least - more);
                    down == 0 || above(up) >= below(down - 1)
                });
            let (up, down) = (taken, before - taken);
            let nearest = |up: usize, down: usize| {
                let above = (up < above_count).then(|| above(up));
                let below = (down < below_count).then(|| below(down));
                match (above, below) {
                    (Some(above), Some(below)) if above <= below => (above, up + 1, down),
                    (Some(above), None) => (above, up + 1, down),
                    (_, Some(below)) => (below, up, down + 1),
                    (None, None) => (f64::NAN, up, down),
                }
            };
            let (lower, up, down) = nearest(up, down);
            (lower, nearest(up, down).0)
        };
        let (lower, upper) = pair(last / 2);
        if last % 2 == 0 {
            return Some(lower);
        }
        Some(lower * 0.5 + upper * 0.5)
    }

    fn change(&mut self, place: usize, by_one: impl Fn(u32, u32) -> u32) {
        let mut at = self.ranks[place] as usize + 1;
        while let Some(count) = self.counts.get_mut(at - 1) {
            *count = by_one(*count, 1);
            at += at & at.wrapping_neg();
        }
    }
}

/// The first of `0..count` for which `holds` does, or `count`; from one on it holds for all.
fn first(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
