//! Decimals that arithmetic has blurred: sums of decimals are some doubles off the decimal that
//! they mean. A correction says how many doubles up or down.

use crate::cell::fold;
use crate::cell::{EXPONENT_MAX, unfold};
use crate::decimal::{POWERS, nearest};
use crate::estimate::cost_below;
use crate::planes::Planes;

/// The number of a double among all doubles, in the order of their values; -0.0 comes directly
/// before 0.0.
fn ordinal(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ magnitude_bits_if_negative(bits)
}

/// Undoes [`ordinal`].
fn from_ordinal(ordinal: u64) -> f64 {
    f64::from_bits(ordinal ^ magnitude_bits_if_negative(ordinal))
}

fn magnitude_bits_if_negative(bits: u64) -> u64 {
    0_u64.wrapping_sub(bits >> 63) >> 1
}

/// Corrects decoded decimals, the values from the one at `first` on.
#[inline(always)]
pub(crate) fn apply(planes: &Planes<'_>, are_deltas: bool, first: usize, values: &mut [f64]) {
    let end = first + values.len();
    let mut correction = 0_u64;
    if are_deltas {
        planes.for_blocks(0..first, |_, block| {
            let numbers = block.iter().map(|folded| unfold(*folded));
            correction = numbers.fold(correction, u64::wrapping_add);
        });
    }
    let mut rest = values.iter_mut();
    planes.for_blocks(first..end, |_, block| {
        for (folded, value) in block.iter().zip(&mut rest) {
            let number = unfold(*folded);
            correction = match are_deltas {
                true => correction.wrapping_add(number),
                false => number,
            };
            *value = from_ordinal(ordinal(*value).wrapping_add(correction));
        }
    });
}

/// How many stretches of a series are tried with each exponent, and how long they are.
const STRETCHES: usize = 4;
const STRETCH: usize = 9;

/// How many of the most promising exponents are tried on the whole series.
const FINALISTS: usize = 2;

/// Values as mantissas with a common exponent, and the corrections.
#[derive(Debug)]
pub(crate) struct Corrected {
    pub(crate) exponent: u8,
    pub(crate) mantissas: Vec<u64>,
    /// Folded.
    pub(crate) corrections: Vec<u64>,
    pub(crate) are_deltas: bool,
    /// What the corrections are estimated to take.
    pub(crate) cost: u64,
}

impl Corrected {
    /// The most promising ways to see finite values as blurred decimals.
    pub(crate) fn of(values: &[f64]) -> impl Iterator<Item = Self> {
        let promising = promising_exponents(values);
        promising
            .into_iter()
            .map(|exponent| Self::with(values, exponent))
    }

    fn with(values: &[f64], exponent: u8) -> Self {
        let mut mantissas = Vec::with_capacity(values.len());
        let mut absolute = Vec::with_capacity(values.len());
        let mut deltas = Vec::with_capacity(values.len());
        let mut before = 0;
        for value in values {
            let (mantissa, correction) = split(*value, exponent);
            mantissas.push(mantissa);
            absolute.push(fold(correction));
            deltas.push(fold(correction.wrapping_sub(before)));
            before = correction;
        }
        let absolute_cost = cost_below(&absolute, u64::MAX).unwrap_or(u64::MAX);
        let deltas_cost = cost_below(&deltas, absolute_cost);
        let are_deltas = deltas_cost.is_some();
        Self {
            exponent,
            mantissas,
            corrections: if are_deltas { deltas } else { absolute },
            are_deltas,
            cost: deltas_cost.unwrap_or(absolute_cost),
        }
    }
}

/// The mantissa of a value, and how far the decimal is off.
#[allow(clippy::cast_possible_truncation, reason = "what is lost is corrected")]
fn split(value: f64, exponent: u8) -> (u64, u64) {
    let power = POWERS[usize::from(exponent)];
    let mantissa = nearest(value * power) as i64;
    let correction = ordinal(value).wrapping_sub(ordinal(mantissa as f64 / power));
    (mantissa.cast_unsigned(), correction)
}

/// The exponents with which a few stretches of the values take the fewest bits.
fn promising_exponents(values: &[f64]) -> Vec<u8> {
    let stride = values.len().div_ceil(STRETCHES).max(STRETCH);
    let stretches = || values.chunks(stride).map(|s| &s[..s.len().min(STRETCH)]);
    let bits = |number: u64| u64::BITS - fold(number).leading_zeros();
    let mut scores: Vec<(u32, u8)> = (0..=EXPONENT_MAX)
        .map(|exponent| {
            let mut score = 0;
            for stretch in stretches() {
                let mut before = None;
                for value in stretch {
                    let (mantissa, correction) = split(*value, exponent);
                    let delta = mantissa.wrapping_sub(before.unwrap_or(mantissa));
                    before = Some(mantissa);
                    score += bits(delta) + bits(correction);
                }
            }
            (score, exponent)
        })
        .collect();
    scores.sort_unstable();
    scores.truncate(FINALISTS);
    scores.into_iter().map(|(_, exponent)| exponent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_numbered_in_their_order() {
        let tiny = f64::from_bits(1);
        let ascending = [
            f64::NEG_INFINITY,
            -1.5,
            -tiny,
            -0.0,
            0.0,
            tiny,
            2.0,
            f64::INFINITY,
        ];
        let ordinals = ascending.map(|value| ordinal(value).cast_signed());
        assert!(ordinals.is_sorted_by(|a, b| a < b));
        assert_eq!(ordinals[2..6], [-2, -1, 0, 1]);
        for value in ascending {
            assert_eq!(from_ordinal(ordinal(value)).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn a_blurred_sum_is_seen_as_decimals() {
        let mut sum = 0.0;
        let values: Vec<f64> = (1..400_u32)
            .map(|i| {
                sum += f64::from(i % 17) * 0.001;
                sum
            })
            .collect();
        let best = Corrected::of(&values)
            .min_by_key(|found| found.cost)
            .unwrap();
        assert_eq!(best.exponent, 3);
        assert!(best.corrections.iter().all(|correction| *correction < 256));
    }
}
