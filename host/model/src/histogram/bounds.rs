//! The bounds of exponential buckets.

use super::roots::ROOTS;
use super::{EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN};

/// The first power of two that is no float any more. The last bucket ends at the largest float
/// instead, so that it is not the one of infinities.
const EXPONENT_OVERFLOW: i64 = 1024;

/// Where the bucket of an index above zero ends.
pub(super) fn upper_bound(index: i32, schema: i32) -> f64 {
    let schema = schema.clamp(EXPONENTIAL_SCHEMA_MIN, EXPONENTIAL_SCHEMA_MAX);
    let index = i64::from(index);
    if schema < 0 {
        let exponent = index << schema.unsigned_abs();
        return power_of_two(1.0, exponent);
    }
    let steps = 1_i64 << schema;
    let root = usize::try_from((index & (steps - 1)) << (EXPONENTIAL_SCHEMA_MAX - schema));
    let root = root.ok().and_then(|root| ROOTS.get(root));
    // The roots are between 1/2 and 1.
    power_of_two(2.0 * root.copied().unwrap_or(0.5), index >> schema)
}

/// `factor * 2^exponent`, for a factor from 1 to 2.
fn power_of_two(factor: f64, exponent: i64) -> f64 {
    /// The exponents of floats with all their digits, and how many more there are below.
    const NORMAL: std::ops::RangeInclusive<i64> = -1022..=1023;
    const BELOW_NORMAL: i64 = 53;
    const BIAS: i64 = 1023;
    const FRACTION_BITS: u32 = 52;
    let exact = |exponent: i64| f64::from_bits((exponent + BIAS).unsigned_abs() << FRACTION_BITS);
    if exponent == EXPONENT_OVERFLOW && factor == 1.0 {
        f64::MAX
    } else if NORMAL.contains(&exponent) {
        factor * exact(exponent)
    } else if exponent > 0 {
        f64::INFINITY
    } else if exponent < NORMAL.start() - BELOW_NORMAL {
        0.0
    } else {
        // One multiplication is exact and the other one rounds.
        factor * exact(exponent + BELOW_NORMAL) * exact(-BELOW_NORMAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers_of_two_and_the_roots_between_them() {
        for (index, schema, expected) in [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-1, 0, 0.5),
            (1, -1, 4.0),
            (-1, -4, 2_f64.powi(-16)),
            (1, 1, 2.0 * 0.707_106_781_186_547_5),
            (2, 1, 2.0),
            (-1, 2, 0.840_896_415_253_714_4),
            (1, 8, 2.0 * 0.501_355_637_525_101_3),
            (1024, 0, f64::MAX),
            (64, -4, f64::MAX),
            (1025, 0, f64::INFINITY),
            (-1074, 0, f64::from_bits(1)),
            (-1076, 0, 0.0),
            (i32::MAX, -4, f64::INFINITY),
            (i32::MIN, 8, 0.0),
        ] {
            let bound = upper_bound(index, schema);
            assert_eq!(bound, expected, "index {index} of schema {schema}");
        }
    }

    #[test]
    fn bounds_ascend_in_every_schema() {
        for schema in EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX {
            let bounds: Vec<f64> = (-3000..3000).map(|i| upper_bound(i, schema)).collect();
            assert!(bounds.is_sorted(), "schema {schema}");
        }
    }
}
