//! The buckets of a classic histogram at one step: what they say of quantiles and fractions.

use std::cmp::Ordering;

/// A smaller relative difference between the counts of two buckets is rounding.
const SMALL_DIFFERENCE: f64 = 1e-12;

/// One bucket at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// The upper bound.
    pub(crate) upper: f64,
    /// The observations up to it.
    pub(crate) count: f64,
}

/// The quantile, and where counts did not ascend: the lowest and highest bound and the largest
/// difference.
pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Option<(f64, f64, f64)>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !ends_in_infinity(buckets) {
        return (f64::NAN, None);
    }
    coalesce(buckets);
    let forced = force_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, None);
    }
    let mut rank = q * observations;
    let found = buckets[..last].partition_point(|bucket| {
        // Not `<`: a rank that is NaN is in the last bucket.
        !matches!(
            bucket.count.partial_cmp(&rank),
            Some(Ordering::Equal | Ordering::Greater)
        )
    });
    if found == last {
        return (buckets[last - 1].upper, forced);
    }
    let bucket = buckets[found];
    if found == 0 && bucket.upper <= 0.0 {
        return (bucket.upper, forced);
    }
    let (mut start, mut count) = (0.0, bucket.count);
    if found > 0 {
        start = buckets[found - 1].upper;
        count -= buckets[found - 1].count;
        rank -= buckets[found - 1].count;
    }
    (start + (bucket.upper - start) * (rank / count), forced)
}

/// The share of the observations between two values.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !ends_in_infinity(buckets) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |value: f64| rank_of(value, buckets).map_or(count, |rank| rank.min(count));
    (rank(upper) - rank(lower)) / count
}

/// How many observations are below a value; `None` where it is in no bucket. The lowest bucket
/// starts at zero; one that ends at zero or below starts nowhere, and has all of its observations
/// at its end.
fn rank_of(value: f64, buckets: &[Bucket]) -> Option<f64> {
    let lowest = buckets.first()?;
    let (mut below, mut lower) = match lowest.upper > 0.0 {
        true => (0.0, 0.0),
        false => (0.0, lowest.upper),
    };
    for bucket in buckets {
        if lower >= value {
            return Some(below);
        }
        if bucket.upper > value {
            let share = (value - lower) / (bucket.upper - lower);
            return Some(below + (bucket.count - below) * share);
        }
        below = bucket.count;
        lower = bucket.upper;
    }
    None
}

fn ends_in_infinity(buckets: &[Bucket]) -> bool {
    buckets
        .last()
        .is_some_and(|bucket| bucket.upper == f64::INFINITY)
}

/// Adds up buckets of the same bound.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|bucket, kept| {
        let same = bucket.upper == kept.upper;
        if same {
            kept.count += bucket.count;
        }
        same
    });
}

/// Raises counts that are below the one before. A tiny difference, up or down, is taken for
/// rounding and evened out without a word.
fn force_monotonic(buckets: &mut [Bucket]) -> Option<(f64, f64, f64)> {
    let mut forced: Option<(f64, f64, f64)> = None;
    let mut before = buckets.first()?.count;
    for bucket in &mut buckets[1..] {
        let count = bucket.count;
        if count == before {
            continue;
        }
        if almost_equal(before, count) {
            bucket.count = before;
        } else if count < before {
            let (min, _, diff) = forced.unwrap_or((bucket.upper, bucket.upper, 0.0));
            forced = Some((min, bucket.upper, f64::max(diff, before - count)));
            bucket.count = before;
        } else {
            before = count;
        }
    }
    forced
}

fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < SMALL_DIFFERENCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < SMALL_DIFFERENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs
            .iter()
            .map(|(upper, count)| Bucket {
                upper: *upper,
                count: *count,
            })
            .collect()
    }

    #[test]
    fn quantiles_interpolate_inside_of_a_bucket() {
        let histogram = [(0.1, 10.0), (0.2, 30.0), (f64::INFINITY, 40.0)];
        for (q, expected) in [(0.0, 0.0), (0.125, 0.05), (0.5, 0.15), (0.9, 0.2)] {
            let (value, forced) = bucket_quantile(q, &mut buckets(&histogram));
            assert!((value - expected).abs() < 1e-12, "{q}: {value}");
            assert_eq!(forced, None);
        }
    }

    #[test]
    fn counts_that_fall_are_raised_and_reported() {
        let mut falling = buckets(&[(0.5, 40.0), (1.0, 30.0), (f64::INFINITY, 35.0)]);
        let (value, forced) = bucket_quantile(0.5, &mut falling);
        assert_eq!((value, forced), (0.25, Some((1.0, f64::INFINITY, 10.0))));
        let mut rounded = buckets(&[(0.5, 40.0), (f64::INFINITY, 40.0 - 1e-13)]);
        assert_eq!(bucket_quantile(0.5, &mut rounded).1, None);
    }

    #[test]
    fn a_histogram_without_its_last_bucket_has_no_quantile() {
        assert!(
            bucket_quantile(0.5, &mut buckets(&[(1.0, 10.0)]))
                .0
                .is_nan()
        );
        assert!(
            bucket_quantile(0.5, &mut buckets(&[(f64::INFINITY, 10.0)]))
                .0
                .is_nan()
        );
        assert!(bucket_fraction(0.0, 1.0, &mut buckets(&[(1.0, 10.0)])).is_nan());
    }

    #[test]
    fn fractions_are_the_inverse_of_quantiles() {
        let histogram = [(0.1, 10.0), (0.2, 30.0), (f64::INFINITY, 40.0)];
        for (lower, upper, expected) in [
            (0.0, 0.1, 0.25),
            (0.05, 0.15, 0.375),
            (f64::NEG_INFINITY, 0.2, 0.75),
            (0.2, f64::INFINITY, 0.25),
            (1.0, 0.0, 0.0),
            (-10.0, -5.0, 0.0),
            (-10.0, 0.1, 0.25),
        ] {
            let value = bucket_fraction(lower, upper, &mut buckets(&histogram));
            assert!((value - expected).abs() < 1e-12, "{lower} {upper}: {value}");
        }
    }
}
