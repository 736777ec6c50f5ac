//! What buckets tell of the observations: quantiles, shares, the average, the spread.
//!
//! Inside of an exponential bucket observations are taken to be spread evenly on a logarithmic
//! scale; inside of a custom bucket, and of the one around zero, on the plain one.

use super::{Bucket, FloatHistogram};
use crate::Kahan;

/// A value that was estimated from buckets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// There are observations that are NaN: they count, but are in no bucket, which makes the
    /// value NaN or takes it up.
    pub has_nan_observations: bool,
}

impl Estimate {
    fn exactly(value: f64) -> Self {
        Self {
            value,
            has_nan_observations: false,
        }
    }
}

impl FloatHistogram {
    /// The `q`-quantile; -Inf below and +Inf above of 0 to 1.
    pub fn quantile(&self, q: f64) -> Estimate {
        if q < 0.0 {
            return Estimate::exactly(f64::NEG_INFINITY);
        }
        if q > 1.0 {
            return Estimate::exactly(f64::INFINITY);
        }
        if self.count == 0.0 || q.is_nan() {
            return Estimate::exactly(f64::NAN);
        }
        // The nearer end is where to start, but NaN observations count as the highest ones.
        if self.sum.is_nan() || q < 0.5 {
            self.quantile_in(q * self.count, true, self.all_buckets())
        } else {
            let rank = (1.0 - q) * self.count;
            self.quantile_in(rank, false, self.all_buckets().rev())
        }
    }

    fn quantile_in(
        &self,
        mut rank: f64,
        is_ascending: bool,
        mut buckets: impl Iterator<Item = Bucket>,
    ) -> Estimate {
        let mut bucket = Bucket::default();
        let mut count = 0.0;
        for found in buckets.by_ref() {
            bucket = found;
            if bucket.count == 0.0 {
                continue;
            }
            count += bucket.count;
            if count >= rank {
                break;
            }
        }
        if self.has_custom_buckets() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return Estimate::exactly(bucket.upper);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return Estimate::exactly(bucket.lower);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            self.halve_zero_bucket(&mut bucket);
        }
        // Rounding may have made more of the parts than of the whole.
        count = count.min(self.count);
        if count < rank {
            return match self.sum.is_nan() {
                true => Estimate {
                    value: f64::NAN,
                    has_nan_observations: true,
                },
                false => Estimate::exactly(bucket.upper),
            };
        }
        if is_ascending {
            rank -= count - bucket.count;
        } else {
            rank = count - rank;
        }
        // Infinite observations make the sum NaN as well, but they are in a bucket.
        let has_nan_observations = self.sum.is_nan() && {
            let rest: f64 = buckets.map(|bucket| bucket.count).sum();
            count + rest < self.count
        };
        let share = rank / bucket.count;
        let is_linear = self.has_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0);
        let value = if is_linear {
            bucket.lower + (bucket.upper - bucket.lower) * share
        } else {
            let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
            match bucket.lower > 0.0 {
                true => (lower + (upper - lower) * share).exp2(),
                false => -(upper + (lower - upper) * (1.0 - share)).exp2(),
            }
        };
        Estimate {
            value,
            has_nan_observations,
        }
    }

    /// The bucket around zero has its observations on the side on which there are buckets.
    fn halve_zero_bucket(&self, bucket: &mut Bucket) {
        match (self.negative.is_empty(), self.positive.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }

    /// The share of the observations between two values.
    pub fn fraction(&self, lower: f64, upper: f64) -> Estimate {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return Estimate::exactly(f64::NAN);
        }
        if lower >= upper {
            return Estimate::exactly(0.0);
        }
        let (mut lower_rank, mut upper_rank) = (None, None);
        let (mut rank, mut count) = (0.0, 0.0);
        let mut buckets = self.all_buckets();
        for mut bucket in buckets.by_ref() {
            count += bucket.count;
            let is_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
            if is_zero {
                self.halve_zero_bucket(&mut bucket);
            }
            let is_linear = is_zero || self.has_custom_buckets();
            for (found, value) in [(&mut lower_rank, lower), (&mut upper_rank, upper)] {
                if found.is_none() {
                    *found = rank_in(&bucket, rank, value, is_linear);
                }
            }
            if lower_rank.is_some() && upper_rank.is_some() {
                break;
            }
            rank += bucket.count;
        }
        let mut has_nan_observations = false;
        if self.sum.is_nan() {
            // Only what is in a bucket is between two values.
            count += buckets.map(|bucket| bucket.count).sum::<f64>();
            has_nan_observations = count < self.count;
        } else {
            count = self.count;
        }
        let rank = |found: Option<f64>| match found {
            Some(rank) if rank <= count => rank,
            _ => count,
        };
        Estimate {
            value: (rank(upper_rank) - rank(lower_rank)) / self.count,
            has_nan_observations,
        }
    }

    /// The average of the observations.
    pub fn average(&self) -> f64 {
        self.sum / self.count
    }

    /// The variance of the observations, each taken to be in the middle of its bucket.
    pub fn variance(&self) -> f64 {
        let mean = self.average();
        let squares = self.all_buckets().filter(|bucket| bucket.count != 0.0);
        let squares = squares.fold(Kahan::default(), |squares, bucket| {
            let value = if self.has_custom_buckets() {
                (bucket.upper + bucket.lower) / 2.0
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
            };
            let delta = value - mean;
            squares.plus(bucket.count * delta * delta)
        });
        squares.total() / self.count
    }
}

/// How many observations are below a value that is in or below a bucket; `rank` are below the
/// bucket.
fn rank_in(bucket: &Bucket, rank: f64, value: f64, is_linear: bool) -> Option<f64> {
    if bucket.lower >= value {
        return Some(rank);
    }
    if bucket.upper <= value {
        return None;
    }
    if !is_linear {
        let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
        let value_log = value.abs().log2();
        let share = match value > 0.0 {
            true => (value_log - lower) / (upper - lower),
            false => 1.0 - (value_log - upper) / (lower - upper),
        };
        return Some(rank + bucket.count * share);
    }
    // Nothing is known of where in an infinite bucket observations are.
    if bucket.lower == f64::NEG_INFINITY {
        return Some(bucket.count);
    }
    Some(rank + bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower))
}
