//! A classic histogram, of which each bucket is a series, as one native histogram whose buckets
//! have the same bounds (`convert_classic_histograms_to_nhcb`).

use std::sync::Arc;

use narthex_model::FloatHistogram;
use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA};
use narthex_model::sample::NORMAL_NAN_BITS;

/// A classic histogram is converted with so many buckets at the most.
pub const CLASSIC_BUCKETS_MAX: usize = 1 << 16;

/// Collects the series of one classic histogram, in any order.
#[derive(Debug, Clone, Default)]
pub struct ClassicHistogram {
    /// Upper bounds, ascending, and cumulative counts, which ascend as well.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
    /// Why it cannot be converted.
    fault: Option<ClassicError>,
}

/// Why a classic histogram is none. The words are Prometheus'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClassicError {
    /// A bucket ends nowhere.
    #[error("bucket boundary must not be NaN")]
    NanBound,
    /// A bucket has less than nothing.
    #[error("bucket count must be non-negative")]
    NegativeBucket,
    /// All of them have.
    #[error("count must be non-negative")]
    NegativeCount,
    /// A bucket has less than the one before it, which is part of it.
    #[error("count is not cumulative")]
    NotCumulative,
    /// There is nothing of it.
    #[error("count must be provided when no buckets are present")]
    NothingThere,
    /// The last bucket does not have all observations.
    #[error("count mismatch")]
    CountMismatch,
    /// It has more buckets than [`CLASSIC_BUCKETS_MAX`].
    #[error("too many buckets")]
    TooManyBuckets,
}

impl ClassicHistogram {
    /// Nothing collected yet, the memory kept.
    pub fn clear(&mut self) {
        self.buckets.clear();
        self.count = None;
        self.sum = 0.0;
        self.fault = None;
    }

    /// How many observations there are up to a bound. A bound that is there already is passed
    /// over.
    pub fn set_bucket(&mut self, upper: f64, count: f64) {
        if self.fault.is_none() {
            self.fault = self.try_bucket(upper, count).err();
        }
    }

    #[allow(
        clippy::float_cmp,
        reason = "whether they are the same bound is the question"
    )]
    fn try_bucket(&mut self, upper: f64, count: f64) -> Result<(), ClassicError> {
        if upper.is_nan() {
            return Err(ClassicError::NanBound);
        }
        if count < 0.0 {
            return Err(ClassicError::NegativeBucket);
        }
        let at = match self.buckets.last() {
            // They mostly come in order.
            Some((last, _)) if *last < upper => self.buckets.len(),
            _ => self.buckets.partition_point(|(bound, _)| *bound < upper),
        };
        let (before, after) = self.buckets.split_at(at);
        match after.first() {
            Some((bound, _)) if *bound == upper => return Ok(()),
            Some((_, next)) if count > *next => return Err(ClassicError::NotCumulative),
            _ => {}
        }
        if before.last().is_some_and(|(_, last)| count < *last) {
            return Err(ClassicError::NotCumulative);
        }
        if self.buckets.len() == CLASSIC_BUCKETS_MAX {
            return Err(ClassicError::TooManyBuckets);
        }
        self.buckets.insert(at, (upper, count));
        Ok(())
    }

    /// How many observations there are.
    pub fn set_count(&mut self, count: f64) {
        if count < 0.0 && self.fault.is_none() {
            self.fault = Some(ClassicError::NegativeCount);
        }
        self.count = Some(count);
    }

    /// Their sum.
    pub fn set_sum(&mut self, sum: f64) {
        self.sum = match sum.is_nan() {
            true => f64::from_bits(NORMAL_NAN_BITS),
            false => sum,
        };
    }

    /// All of it as a native histogram with custom buckets. Where there is no count, that of the
    /// last bucket is it; where no bucket reaches to infinity, one does with the count.
    ///
    /// # Errors
    /// What was collected is no histogram.
    #[allow(
        clippy::float_cmp,
        reason = "whether they are the same number is the question"
    )]
    pub fn convert(&self) -> Result<FloatHistogram, ClassicError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let last = self.buckets.last().copied();
        let count = self.count.or(last.map(|(_, count)| count));
        let count = count.ok_or(ClassicError::NothingThere)?;
        let (finite, in_last) = match last {
            Some((f64::INFINITY, in_last)) => (&self.buckets[..self.buckets.len() - 1], in_last),
            _ => (&self.buckets[..], count),
        };
        if in_last != count {
            return Err(ClassicError::CountMismatch);
        }
        let cumulative = finite.iter().map(|(_, count)| *count).chain([count]);
        let mut before = 0.0;
        let counts: Vec<f64> = cumulative
            .map(|count| {
                let own = count - before;
                before = count;
                own
            })
            .collect();
        if counts.iter().any(|count| *count < 0.0) {
            return Err(ClassicError::NotCumulative);
        }
        let bounds: Arc<[f64]> = finite.iter().map(|(bound, _)| *bound).collect();
        let mut histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            // Consecutive numbers from 0 on always fit: there are no more than the bound.
            positive: Buckets::consecutive(0, counts).unwrap_or_default(),
            custom_bounds: bounds,
            ..FloatHistogram::default()
        };
        histogram.compact();
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(buckets: &[(f64, f64)], count: Option<f64>, expect: Result<&str, ClassicError>) {
        let mut classic = ClassicHistogram::default();
        for (upper, count) in buckets {
            classic.set_bucket(*upper, *count);
        }
        if let Some(count) = count {
            classic.set_count(count);
        }
        classic.set_sum(7.0);
        let converted = classic.convert().map(|histogram| histogram.to_string());
        assert_eq!(
            converted,
            expect.map(str::to_owned),
            "{buckets:?} {count:?}"
        );
    }

    #[test]
    fn buckets_lose_what_the_ones_before_have() {
        let inf = f64::INFINITY;
        let whole = "{count:6, sum:7, [-Inf,1]:2, (1,2]:1, (2,+Inf]:3}";
        check(&[(1.0, 2.0), (2.0, 3.0), (inf, 6.0)], Some(6.0), Ok(whole));
        check(&[(inf, 6.0), (2.0, 3.0), (1.0, 2.0)], Some(6.0), Ok(whole));
        check(&[(1.0, 2.0), (2.0, 3.0)], Some(6.0), Ok(whole));
        check(&[(1.0, 2.0), (2.0, 3.0), (inf, 6.0)], None, Ok(whole));
        check(&[(1.0, 2.0), (1.0, 9.0), (2.0, 3.0)], Some(6.0), Ok(whole));
        check(&[], Some(6.0), Ok("{count:6, sum:7, [-Inf,+Inf]:6}"));
    }

    #[test]
    fn what_is_no_histogram_says_why() {
        let inf = f64::INFINITY;
        for (buckets, count, error) in [
            (&[][..], None, ClassicError::NothingThere),
            (&[(f64::NAN, 1.0)], Some(1.0), ClassicError::NanBound),
            (&[(1.0, -1.0)], Some(1.0), ClassicError::NegativeBucket),
            (&[], Some(-1.0), ClassicError::NegativeCount),
            (
                &[(1.0, 2.0), (2.0, 1.0)],
                Some(2.0),
                ClassicError::NotCumulative,
            ),
            (
                &[(2.0, 1.0), (1.0, 2.0)],
                Some(2.0),
                ClassicError::NotCumulative,
            ),
            (&[(1.0, 3.0)], Some(2.0), ClassicError::NotCumulative),
            (&[(inf, 3.0)], Some(2.0), ClassicError::CountMismatch),
        ] {
            check(buckets, count, Err(error));
        }
    }

    #[test]
    fn there_are_only_so_many_buckets() {
        let mut classic = ClassicHistogram::default();
        for bound in 0..=CLASSIC_BUCKETS_MAX {
            classic.set_bucket(bound as f64, 1.0);
        }
        assert_eq!(classic.convert(), Err(ClassicError::TooManyBuckets));
        classic.clear();
        classic.set_bucket(1.0, 1.0);
        assert!(classic.convert().is_ok());
    }
}
