//! The sum of many histograms, with what rounding takes on the way.

use std::sync::Arc;

use super::arithmetic::differ;
use super::merge::Compensated;
use super::resolution::{Remapped, common_bounds};
use super::zero::{Widened, covered};
use super::{Combined, FloatHistogram, IncompatibleSchemas};
use crate::Kahan;

/// Adds histograms up without losing digits.
#[derive(Debug, Clone)]
pub struct HistogramSum {
    /// All but counts and buckets.
    shape: FloatHistogram,
    count: Kahan,
    sum: Kahan,
    zero: Kahan,
    positive: Compensated,
    negative: Compensated,
}

impl HistogramSum {
    /// A sum that starts with a histogram.
    pub fn new(first: &FloatHistogram) -> Self {
        let shape = FloatHistogram {
            counter_reset_hint: first.counter_reset_hint,
            zero_threshold: first.zero_threshold,
            ..first.emptied()
        };
        Self {
            shape,
            count: Kahan::new(first.count),
            sum: Kahan::new(first.sum),
            zero: Kahan::new(first.zero_count),
            positive: Compensated::exact(first.positive.clone()),
            negative: Compensated::exact(first.negative.clone()),
        }
    }

    /// Adds a histogram, as [`FloatHistogram::add`] does.
    ///
    /// # Errors
    /// As [`FloatHistogram::add`].
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        self.shape.check_kind(other)?;
        let hint = &mut self.shape.counter_reset_hint;
        let mut combined = Combined {
            resets_collide: hint.combine(other.counter_reset_hint),
            bounds_reconciled: false,
        };
        self.count = self.count.plus(other.count);
        self.sum = self.sum.plus(other.sum);
        if !self.shape.has_custom_buckets() {
            self.add_exponential(other);
        } else if self.shape.has_bounds_of(other) {
            let theirs = Compensated::exact(other.positive.clone());
            self.positive.merge(&theirs);
        } else {
            combined.bounds_reconciled = true;
            let own_bounds = &self.shape.custom_bounds;
            let common = common_bounds(own_bounds, &other.custom_bounds);
            let mut sums = Remapped::new(&common);
            sums.add(&self.positive, own_bounds, 1.0);
            let theirs = Compensated::exact(other.positive.clone());
            sums.add(&theirs, &other.custom_bounds, 1.0);
            self.positive = sums.buckets();
            self.shape.custom_bounds = Arc::from(common);
        }
        Ok(combined)
    }

    fn add_exponential(&mut self, other: &FloatHistogram) {
        let zero = self.reconcile_zero(other);
        self.zero = self.zero.plus(zero.sum).plus(zero.compensation);
        let own_schema = self.shape.schema;
        if other.schema < own_schema {
            for side in [&mut self.positive, &mut self.negative] {
                *side = side.reduced(own_schema, other.schema);
            }
            self.shape.schema = other.schema;
        }
        let (schema, threshold) = (self.shape.schema, self.shape.zero_threshold);
        let sides = [
            (&mut self.positive, &other.positive),
            (&mut self.negative, &other.negative),
        ];
        for (own, theirs) in sides {
            let mut theirs = Compensated::exact(theirs.clone());
            if other.schema > schema {
                theirs = theirs.reduced(other.schema, schema);
            }
            match covered(&theirs.buckets, schema, threshold) {
                0 => own.merge(&theirs),
                count => own.merge(&theirs.without_first(count)),
            }
        }
    }

    /// As with a plain sum: the observations that `other` has in a bucket around zero that is as
    /// wide as ours has become.
    fn reconcile_zero(&mut self, other: &FloatHistogram) -> Kahan {
        let mut theirs = Widened {
            count: Kahan::new(other.zero_count),
            threshold: other.zero_threshold,
        };
        let threshold = |sum: &Self| sum.shape.zero_threshold;
        while differ(theirs.threshold, threshold(self)) {
            if threshold(self) > theirs.threshold {
                theirs = other.widened(threshold(self));
            }
            if theirs.threshold > threshold(self) {
                let now = Widened {
                    count: self.zero,
                    threshold: threshold(self),
                };
                let sides = [
                    (&self.positive.buckets, &self.positive.lost[..]),
                    (&self.negative.buckets, &self.negative.lost[..]),
                ];
                let widened = now.widened(self.shape.schema, sides, theirs.threshold);
                self.zero = widened.count;
                self.shape.zero_threshold = widened.threshold;
                for side in [&mut self.positive, &mut self.negative] {
                    let count = covered(&side.buckets, self.shape.schema, widened.threshold);
                    *side = side.without_first(count);
                }
            }
        }
        theirs.count
    }

    /// The sum. Buckets may be empty.
    pub fn total(&self) -> FloatHistogram {
        FloatHistogram {
            count: self.count.total(),
            sum: self.sum.total(),
            zero_count: self.zero.total(),
            positive: self.positive.total(),
            negative: self.negative.total(),
            ..self.shape.clone()
        }
    }

    /// Changes all counts and the sum, and what was lost of them.
    pub(super) fn map(&mut self, change: impl Fn(f64) -> f64) {
        for value in [&mut self.count, &mut self.sum, &mut self.zero] {
            *value = Kahan {
                sum: change(value.sum),
                compensation: change(value.compensation),
            };
        }
        self.positive.map(&change);
        self.negative.map(&change);
    }

    /// Whether `test` holds for a count or for the sum.
    pub(super) fn any_value(&self, test: impl Fn(f64) -> bool) -> bool {
        let values = [self.count.sum, self.sum.sum, self.zero.sum];
        let sides = [&self.positive, &self.negative];
        let counts = sides.into_iter().flat_map(|side| side.buckets.counts());
        values.iter().chain(counts).any(|value| test(*value))
    }
}
