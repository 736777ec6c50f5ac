//! Values as decimals: an integer, the mantissa, divided by one power of ten for the whole cell.
//! Such division is exact to the last bit, as the nearest double of a decimal is what printing and
//! parsing it give.

use crate::cell::EXPONENT_MAX;
use crate::exceptions::Exceptions;

/// Powers of ten by exponent; all are exact.
pub(crate) const POWERS: [f64; EXPONENT_MAX as usize + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// How many finite values may be no decimals: one in this many, and one. They cost ten bytes each.
const VALUES_PER_MISS: usize = 16;

/// How many values are looked at before all are.
const PROBES: usize = 16;

/// The largest mantissa with decimal places: beyond it a double has no digit behind the point.
const MANTISSA_MAX: f64 = 9_007_199_254_740_992.0;

/// Adding and subtracting it rounds a double below 2^51 to an integer.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
const ROUNDER_MAX: f64 = 2_251_799_813_685_248.0;

/// Values as mantissas and a common exponent.
#[derive(Debug)]
pub(crate) struct Decimals {
    pub(crate) exponent: u8,
    /// One for each value; that of an exception is the one before it.
    pub(crate) mantissas: Vec<u64>,
    pub(crate) exceptions: Exceptions,
}

impl Decimals {
    /// The decimals with the fewest places; `None` where too many of the values are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let misses_max = values.len() / VALUES_PER_MISS + 1;
        let stride = values.len().div_ceil(PROBES).max(1);
        let probes = values.iter().step_by(stride);
        let mut exponent = probes.fold(0, |exponent, value| {
            fewest_places(*value, exponent).unwrap_or(exponent)
        });
        let mut mantissas = Vec::with_capacity(values.len());
        'places: loop {
            mantissas.clear();
            let mut exceptions = Exceptions::default();
            let mut misses = 0;
            let mut previous = None;
            for (index, value) in values.iter().enumerate() {
                if let Some(found) = mantissa(*value, exponent) {
                    previous = Some(found);
                } else if let Some(more) = fewest_places(*value, exponent) {
                    exponent = more;
                    continue 'places;
                } else {
                    misses += usize::from(is_ordinary(*value));
                    if misses > misses_max {
                        return None;
                    }
                    exceptions.push(index, *value);
                }
                mantissas.push(previous.unwrap_or(0));
            }
            // Exceptions at the front go on as the first decimal begins.
            let first = values.iter().find_map(|value| mantissa(*value, exponent))?;
            let leading = values.iter();
            let leading = leading.take_while(|value| mantissa(**value, exponent).is_none());
            let leading = leading.count();
            mantissas[..leading].fill(first);
            return Some(Self {
                exponent,
                mantissas,
                exceptions,
            });
        }
    }
}

/// Whether a value could be a decimal: neither infinite, nor NaN, nor -0.0.
fn is_ordinary(value: f64) -> bool {
    value.is_finite() && value.to_bits() != (-0.0_f64).to_bits()
}

/// The smallest exponent, at least `least`, with which a value is a decimal.
fn fewest_places(value: f64, least: u8) -> Option<u8> {
    if !is_ordinary(value) {
        return None;
    }
    (least..=EXPONENT_MAX).find(|exponent| mantissa(value, *exponent).is_some())
}

/// The mantissa that gives back all bits of the value.
#[allow(clippy::cast_possible_truncation, reason = "checked by the way back")]
fn mantissa(value: f64, exponent: u8) -> Option<u64> {
    if exponent == 0 {
        let whole = value as i64;
        return ((whole as f64).to_bits() == value.to_bits()).then_some(whole.cast_unsigned());
    }
    let power = POWERS[usize::from(exponent)];
    let rounded = nearest(value * power);
    let is_same = (rounded / power).to_bits() == value.to_bits();
    (is_same && rounded.abs() <= MANTISSA_MAX).then_some((rounded as i64).cast_unsigned())
}

/// The nearest integer.
pub(crate) fn nearest(value: f64) -> f64 {
    if value.abs() < ROUNDER_MAX {
        value + ROUNDER - ROUNDER
    } else {
        value.round()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimals(values: &[f64]) -> Option<(u8, Vec<i64>, usize)> {
        let found = Decimals::of(values)?;
        let mantissas = found.mantissas.iter().map(|m| m.cast_signed()).collect();
        Some((found.exponent, mantissas, found.exceptions.runs()))
    }

    #[test]
    fn decimals_have_the_fewest_places() {
        let nan = f64::NAN;
        let cases = [
            (&[1.0, -2.0, 3.0][..], Some((0, vec![1, -2, 3], 0))),
            (&[0.5, 2.25, -0.1], Some((2, vec![50, 225, -10], 0))),
            (
                &[1e18, -9e18],
                Some((0, vec![10_i64.pow(18), -9 * 10_i64.pow(18)], 0)),
            ),
            (
                &[nan, nan, 1.5, f64::INFINITY],
                Some((1, vec![15, 15, 15, 15], 2)),
            ),
            (&[-0.0, 0.0], Some((0, vec![0, 0], 1))),
            (&[0.1 + 0.2, 7.0], Some((0, vec![7, 7], 1))),
            (&[0.1 + 0.2, 1.0 / 3.0], None),
            (&[nan], None),
            (&[1e300, 1e301], None),
        ];
        for (values, expected) in cases {
            assert_eq!(decimals(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_late_value_with_more_places_counts_for_all() {
        let mut values = vec![1.0; 100];
        values[77] = 0.125;
        let (exponent, mantissas, _) = decimals(&values).unwrap();
        assert_eq!((exponent, mantissas[0], mantissas[77]), (3, 1_000, 125));
    }

    #[test]
    fn rounding_is_to_the_nearest() {
        for (value, expected) in [
            (2.4, 2.0),
            (2.6, 3.0),
            (-2.6, -3.0),
            (4e15 + 0.5, 4e15 + 1.0),
        ] {
            assert_eq!(nearest(value), expected);
        }
        assert!(nearest(f64::NAN).is_nan());
    }
}
