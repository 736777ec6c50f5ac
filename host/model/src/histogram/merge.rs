//! Buckets of two histograms of the same schema become those of one.

use std::cmp::Ordering;

use super::Buckets;
use crate::Kahan;

/// Adds `other`'s counts times `sign` to the buckets of the same index; the other ones are
/// inserted.
pub(super) fn merge(buckets: &mut Buckets, other: &Buckets, sign: f64) {
    if buckets.has_layout_of(other) {
        for (count, addend) in buckets.counts_mut().iter_mut().zip(other.counts()) {
            *count += sign * addend;
        }
        return;
    }
    if other.is_empty() {
        return;
    }
    let places = Places::of(buckets, other);
    let mut counts = Vec::with_capacity(places.indexes.len());
    for (own, theirs) in &places.from {
        let own = own.map(|at| buckets.counts()[at]);
        let theirs = theirs.map(|at| sign * other.counts()[at]);
        counts.push(match (own, theirs) {
            (Some(own), Some(theirs)) => own + theirs,
            (own, theirs) => own.or(theirs).unwrap_or(0.0),
        });
    }
    *buckets = Buckets::from_parts(places.indexes, counts);
}

/// Buckets and what rounding took from each count.
#[derive(Debug, Clone, Default)]
pub(super) struct Compensated {
    pub(super) buckets: Buckets,
    pub(super) lost: Vec<f64>,
}

impl Compensated {
    /// Buckets that nothing is lost of.
    pub(super) fn exact(buckets: Buckets) -> Self {
        let lost = vec![0.0; buckets.len()];
        Self { buckets, lost }
    }

    /// As [`merge`], and keeps what rounding takes.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.buckets.has_layout_of(&other.buckets) {
            let theirs = other.buckets.counts().iter().zip(&other.lost);
            let own = self.buckets.counts_mut().iter_mut().zip(&mut self.lost);
            for ((count, lost), (addend, addend_lost)) in own.zip(theirs) {
                Kahan {
                    sum: *count,
                    compensation: *lost,
                }
                .plus(*addend)
                .plus(*addend_lost)
                .store(count, lost);
            }
            return;
        }
        if other.buckets.is_empty() {
            return;
        }
        let places = Places::of(&self.buckets, &other.buckets);
        let (mut counts, mut lost) = (Vec::new(), Vec::new());
        for (own, theirs) in &places.from {
            let value = |from: &Self, at: &Option<usize>| {
                at.map(|at| Kahan {
                    sum: from.buckets.counts()[at],
                    compensation: from.lost[at],
                })
            };
            let sum = match (value(self, own), value(other, theirs)) {
                (Some(own), Some(theirs)) => own.plus(theirs.sum).plus(theirs.compensation),
                (own, theirs) => own.or(theirs).unwrap_or_default(),
            };
            counts.push(sum.sum);
            lost.push(sum.compensation);
        }
        self.buckets = Buckets::from_parts(places.indexes, counts);
        self.lost = lost;
    }

    /// The counts with what was lost of them.
    pub(super) fn total(&self) -> Buckets {
        let counts = self.buckets.counts().iter().zip(&self.lost);
        let counts = counts.map(|(count, lost)| count + lost).collect();
        self.buckets.with_counts(counts)
    }

    /// Changes counts and losses alike.
    pub(super) fn map(&mut self, change: impl Fn(f64) -> f64) {
        let values = self.buckets.counts_mut().iter_mut().chain(&mut self.lost);
        for value in values {
            *value = change(*value);
        }
    }
}

impl Kahan {
    #[inline]
    fn store(self, sum: &mut f64, compensation: &mut f64) {
        *sum = self.sum;
        *compensation = self.compensation;
    }
}

/// The indexes of two lists, and where each one comes from.
struct Places {
    indexes: Vec<i32>,
    from: Vec<(Option<usize>, Option<usize>)>,
}

impl Places {
    fn of(a: &Buckets, b: &Buckets) -> Self {
        let (a, b) = (a.indexes(), b.indexes());
        let len = a.len().max(b.len());
        let mut places = Self {
            indexes: Vec::with_capacity(len),
            from: Vec::with_capacity(len),
        };
        let (mut at_a, mut at_b) = (0, 0);
        loop {
            let order = match (a.get(at_a), b.get(at_b)) {
                (None, None) => return places,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.cmp(b),
            };
            let own = (order != Ordering::Greater).then_some(at_a);
            let theirs = (order != Ordering::Less).then_some(at_b);
            let index = own.map_or_else(|| b[at_b], |at| a[at]);
            places.indexes.push(index);
            places.from.push((own, theirs));
            at_a += usize::from(own.is_some());
            at_b += usize::from(theirs.is_some());
        }
    }
}
