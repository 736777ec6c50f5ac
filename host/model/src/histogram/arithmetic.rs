//! Adding one histogram to another, and taking it away.

use std::cmp::Ordering;
use std::sync::Arc;

use super::merge::{Compensated, merge};
use super::resolution::{Remapped, common_bounds, reduced};
use super::zero::{covered, without_first};
use super::{Buckets, CounterResetHint, FloatHistogram};

/// Histograms with exponential buckets do not go together with those that have custom ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot apply this operation on histograms with a mix of exponential and custom bucket schemas"
)]
pub struct IncompatibleSchemas;

/// What was found when two histograms were combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Combined {
    /// One says that it comes after a reset, the other one that it does not.
    pub resets_collide: bool,
    /// The custom bounds were not the same; those that both have are left.
    pub bounds_reconciled: bool,
}

impl FloatHistogram {
    /// Adds another histogram: the coarser schema, the wider bucket around zero and the common
    /// custom bounds of both are those of the result. Buckets of the result may be empty.
    ///
    /// # Errors
    /// One has exponential and the other one custom buckets; nothing has changed then.
    pub fn add(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, 1.0)
    }

    /// Takes another histogram away, otherwise as [`FloatHistogram::add`]. What comes out may be
    /// no counter any more; who calls says so with the hint.
    ///
    /// # Errors
    /// As [`FloatHistogram::add`].
    pub fn subtract(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, -1.0)
    }

    fn combine(&mut self, other: &Self, sign: f64) -> Result<Combined, IncompatibleSchemas> {
        self.check_kind(other)?;
        let mut combined = Combined {
            resets_collide: self.counter_reset_hint.combine(other.counter_reset_hint),
            bounds_reconciled: false,
        };
        self.count += sign * other.count;
        self.sum += sign * other.sum;
        if !self.has_custom_buckets() {
            self.combine_exponential(other, sign);
        } else if self.has_bounds_of(other) {
            merge(&mut self.positive, &other.positive, sign);
        } else {
            combined.bounds_reconciled = true;
            let common = common_bounds(&self.custom_bounds, &other.custom_bounds);
            let mut sums = Remapped::new(&common);
            let exact = |buckets: &Buckets| Compensated::exact(buckets.clone());
            sums.add(&exact(&self.positive), &self.custom_bounds, 1.0);
            sums.add(&exact(&other.positive), &other.custom_bounds, sign);
            self.positive = sums.buckets().buckets;
            self.custom_bounds = common.into();
        }
        Ok(combined)
    }

    fn combine_exponential(&mut self, other: &Self, sign: f64) {
        self.zero_count += sign * self.reconcile_zero(other);
        self.reduce_resolution(other.schema);
        let (schema, threshold) = (self.schema, self.zero_threshold);
        let add = |own: &mut Buckets, theirs: &Buckets| {
            let reduced = (other.schema > schema).then(|| reduced(theirs, other.schema, schema));
            let theirs = reduced.as_ref().unwrap_or(theirs);
            match covered(theirs, schema, threshold) {
                0 => merge(own, theirs, sign),
                count => merge(own, &without_first(theirs, count), sign),
            }
        };
        add(&mut self.positive, &other.positive);
        add(&mut self.negative, &other.negative);
    }

    /// Widens the bucket around zero until it can take in that of `other`; gives the
    /// observations that `other` would have in a bucket as wide.
    fn reconcile_zero(&mut self, other: &Self) -> f64 {
        let mut theirs = (other.zero_count, other.zero_threshold);
        while differ(theirs.1, self.zero_threshold) {
            if self.zero_threshold > theirs.1 {
                let widened = other.widened(self.zero_threshold);
                theirs = (widened.count.sum, widened.threshold);
            }
            if theirs.1 > self.zero_threshold {
                let widened = self.widened(theirs.1);
                self.zero_count = widened.count.sum;
                self.zero_threshold = widened.threshold;
                for side in [&mut self.positive, &mut self.negative] {
                    let count = covered(side, self.schema, widened.threshold);
                    *side = without_first(side, count);
                }
            }
        }
        theirs.0
    }

    pub(super) fn check_kind(&self, other: &Self) -> Result<(), IncompatibleSchemas> {
        match self.has_custom_buckets() == other.has_custom_buckets() {
            true => Ok(()),
            false => Err(IncompatibleSchemas),
        }
    }

    /// Whether the custom bounds are the same.
    pub(super) fn has_bounds_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.custom_bounds, &other.custom_bounds)
            || self.custom_bounds == other.custom_bounds
    }
}

/// Whether two thresholds are not the same. Those that are no numbers would never meet.
pub(super) fn differ(a: f64, b: f64) -> bool {
    a.partial_cmp(&b).is_some_and(Ordering::is_ne)
}

impl CounterResetHint {
    /// Becomes the hint of a histogram that another one was added to; says whether the two
    /// contradict each other.
    pub(super) fn combine(&mut self, other: Self) -> bool {
        let (combined, collide) = match (*self, other) {
            (own, other) if own == other => (own, false),
            (Self::Gauge, _) | (_, Self::Gauge) => (Self::Gauge, false),
            (Self::Unknown, _) | (_, Self::Unknown) => (Self::Unknown, false),
            _ => (Self::Unknown, true),
        };
        *self = combined;
        collide
    }
}
