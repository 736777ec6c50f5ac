//! One bucket with its bounds, and the order in which all of them come.

use super::FloatHistogram;
use super::bounds::upper_bound;

/// A bucket as it lies on the number line.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bucket {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// Whether the lower bound is in the bucket.
    pub lower_inclusive: bool,
    /// Whether the upper bound is in the bucket.
    pub upper_inclusive: bool,
    /// The observations in it.
    pub count: f64,
}

impl FloatHistogram {
    /// The buckets above zero, nearest to zero first, empty ones included.
    pub fn positive_buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let buckets = self.positive.iter();
        buckets.map(|(index, count)| self.bucket(index, count, false))
    }

    /// The buckets below zero, nearest to zero first, empty ones included.
    pub fn negative_buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let buckets = self.negative.iter();
        buckets.map(|(index, count)| self.bucket(index, count, true))
    }

    /// The bucket around zero.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets from the lowest on, the one around zero where it has an observation. A bucket
    /// that reaches into the one around zero ends where that begins.
    pub fn all_buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let zero = (self.zero_count > 0.0).then(|| self.zero_bucket());
        let threshold = self.zero_threshold;
        let outside = move |mut bucket: Bucket| {
            if bucket.upper < 0.0 && bucket.upper > -threshold {
                bucket.upper = -threshold;
            } else if bucket.lower > 0.0 && bucket.lower < threshold {
                bucket.lower = threshold;
            }
            bucket
        };
        let negative = self.negative_buckets().rev().map(outside);
        negative
            .chain(zero)
            .chain(self.positive_buckets().map(outside))
    }

    fn bucket(&self, index: i32, count: f64, is_negative: bool) -> Bucket {
        let (inner, outer) = self.bucket_bounds(index);
        let (lower, upper) = match is_negative {
            true => (-outer, -inner),
            false => (inner, outer),
        };
        let is_custom = self.has_custom_buckets();
        Bucket {
            lower,
            upper,
            lower_inclusive: if is_custom { index == 0 } else { lower < 0.0 },
            upper_inclusive: is_custom || upper > 0.0,
            count,
        }
    }

    /// The bounds of a bucket above zero.
    fn bucket_bounds(&self, index: i32) -> (f64, f64) {
        let before = index.saturating_sub(1);
        if self.has_custom_buckets() {
            (self.custom_bound(before), self.custom_bound(index))
        } else {
            let bound = |index| upper_bound(index, self.schema);
            (bound(before), bound(index))
        }
    }

    fn custom_bound(&self, index: i32) -> f64 {
        match usize::try_from(index) {
            Ok(index) => self
                .custom_bounds
                .get(index)
                .copied()
                .unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        }
    }
}
