//! Whether a counter was reset between two histograms.

use super::merge::Compensated;
use super::resolution::{Remapped, common_bounds, reduced};
use super::zero::covered;
use super::{Buckets, CounterResetHint, FloatHistogram};

impl FloatHistogram {
    /// Whether a counter was reset after `previous`: a hint says so, or, where no hint says
    /// anything, a count is smaller. A finer schema or a narrower bucket around zero only come
    /// with a reset; a coarser schema, a wider bucket around zero and other custom bounds are
    /// compared in the buckets that both can be brought to.
    pub fn is_reset_after(&self, previous: &Self) -> bool {
        match self.counter_reset_hint {
            CounterResetHint::Reset => return true,
            CounterResetHint::NotReset => return false,
            // A gauge should not come here; it is treated as a counter.
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.has_custom_buckets() {
            if !previous.has_custom_buckets() {
                return true;
            }
            if !self.has_bounds_of(previous) {
                return self.is_reset_in_common_bounds(previous);
            }
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let before = previous.widened(self.zero_threshold);
        if before.threshold != self.zero_threshold || self.zero_count < before.count.sum {
            return true;
        }
        self.is_reset_on(&self.positive, &previous.positive, previous.schema)
            || self.is_reset_on(&self.negative, &previous.negative, previous.schema)
    }

    /// The hint with which a store keeps a histogram that comes after `previous`, if that was a
    /// histogram, too. A gauge stays one. Where the two can be compared bucket by bucket and
    /// nothing was reset, that is known from now on. Everything else is unknown to who reads,
    /// since what was before may be gone by then.
    pub fn hint_in_store(&self, previous: Option<&Self>) -> CounterResetHint {
        let is_gauge = |h: &Self| h.counter_reset_hint == CounterResetHint::Gauge;
        if is_gauge(self) {
            return CounterResetHint::Gauge;
        }
        let Some(previous) = previous.filter(|previous| !is_gauge(previous)) else {
            return CounterResetHint::Unknown;
        };
        let has_layout_of = self.schema == previous.schema
            && self.zero_threshold == previous.zero_threshold
            && self.has_bounds_of(previous);
        let mut unmarked = self.clone();
        if self.counter_reset_hint == CounterResetHint::NotReset {
            unmarked.counter_reset_hint = CounterResetHint::Unknown;
        }
        match has_layout_of && !unmarked.is_reset_after(previous) {
            true => CounterResetHint::NotReset,
            false => CounterResetHint::Unknown,
        }
    }

    fn is_reset_on(&self, own: &Buckets, previous: &Buckets, previous_schema: i32) -> bool {
        if self.has_custom_buckets() {
            return falls(own, previous, 0, 0);
        }
        let threshold = self.zero_threshold;
        let reduced = (previous_schema > self.schema)
            .then(|| reduced(previous, previous_schema, self.schema));
        let previous = reduced.as_ref().unwrap_or(previous);
        let skipped = |side| covered(side, self.schema, threshold);
        falls(own, previous, skipped(own), skipped(previous))
    }

    fn is_reset_in_common_bounds(&self, previous: &Self) -> bool {
        let common = common_bounds(&self.custom_bounds, &previous.custom_bounds);
        let counts = |histogram: &Self| {
            let mut sums = Remapped::new(&common);
            let buckets = Compensated::exact(histogram.positive.clone());
            sums.add(&buckets, &histogram.custom_bounds, 1.0);
            sums.counts()
        };
        let mut pairs = counts(self).into_iter().zip(counts(previous));
        pairs.any(|(own, before)| own < before)
    }
}

/// Whether a bucket has fewer observations than before, or is not there any more although it had
/// some. The first buckets of either are skipped.
fn falls(own: &Buckets, before: &Buckets, own_skipped: usize, before_skipped: usize) -> bool {
    if own.has_layout_of(before) {
        let counts = own.counts().iter().zip(before.counts());
        return counts.skip(own_skipped).any(|(own, before)| own < before);
    }
    let mut own = own.iter().skip(own_skipped).peekable();
    before.iter().skip(before_skipped).any(|(index, before)| {
        while own.next_if(|(at, _)| *at < index).is_some() {}
        match own.peek() {
            Some((at, count)) if *at == index => *count < before,
            _ => before != 0.0,
        }
    })
}
