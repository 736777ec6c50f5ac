//! From integers to residuals, and which residuals are the cheapest. All arithmetic is modulo
//! 2^64, so that it loses nothing.

use crate::cell::{Transform, fold};
use crate::estimate::{BYTE, cost_below};

/// Integers as residuals: see [`crate::cell::Head`] for the fields.
#[derive(Debug)]
pub(crate) struct Residuals {
    pub(crate) transform: Transform,
    pub(crate) base: u64,
    pub(crate) step: u64,
    pub(crate) slope: u64,
    pub(crate) residuals: Vec<u64>,
    /// What they are estimated to take.
    pub(crate) cost: u64,
}

/// What one more field of the head is taken to cost. It keeps small cells simple.
const FIELD_COST: u64 = 2 * BYTE;

impl Residuals {
    /// The cheapest residuals of integers, at least one, under one of `transforms`. All differences
    /// of the integers are multiples of `step`, which is a power of two where `Xor` is among them.
    pub(crate) fn cheapest(integers: &[u64], step: u64, transforms: &[Transform]) -> Option<Self> {
        let first = *integers.first()?;
        let steps = in_steps(integers, first, step);
        let mut best: Option<Self> = None;
        let mut residuals = Vec::with_capacity(integers.len());
        for transform in transforms {
            residuals.clear();
            let (least, slope) = match transform {
                Transform::Xor => {
                    let shift = step.trailing_zeros();
                    let changes = integers.windows(2).map(|pair| pair[1] ^ pair[0]);
                    residuals.extend(changes.map(|change| change >> shift));
                    (0, 0)
                }
                Transform::Offset => offsets(&steps, &mut residuals),
                Transform::Delta => deltas(&steps, &mut residuals),
                Transform::Delta2 => deltas_of_deltas(&steps, &mut residuals),
                Transform::Slope => slopes(&steps, &mut residuals),
            };
            let field = match transform {
                Transform::Delta2 | Transform::Slope => FIELD_COST,
                _ => 0,
            };
            let limit = best.as_ref().map_or(u64::MAX, |best| best.cost);
            if let Some(cost) = cost_below(&residuals, limit.saturating_sub(field)) {
                let spare = best.map_or_else(Vec::new, |best| best.residuals);
                best = Some(Self {
                    transform: *transform,
                    base: first.wrapping_add(step.wrapping_mul(least)),
                    step,
                    slope,
                    residuals: std::mem::replace(&mut residuals, spare),
                    cost: cost + field,
                });
            }
        }
        best
    }
}

/// The differences to the first integer, in steps.
fn in_steps(integers: &[u64], first: u64, step: u64) -> Vec<u64> {
    let differences = integers.iter().map(|integer| integer.wrapping_sub(first));
    if step.is_power_of_two() {
        let shift = step.trailing_zeros();
        let shifted = differences.map(|d| (d.cast_signed() >> shift).cast_unsigned());
        return shifted.collect();
    }
    let step = step.cast_signed();
    let divided = differences.map(|d| d.cast_signed().wrapping_div(step).cast_unsigned());
    divided.collect()
}

// The following fill in the residuals, and return the least integer, or 0 where the first one
// counts, and the slope.

fn offsets(integers: &[u64], residuals: &mut Vec<u64>) -> (u64, u64) {
    let least = least(integers.iter().copied());
    residuals.extend(integers.iter().map(|integer| integer.wrapping_sub(least)));
    (least, 0)
}

fn deltas(integers: &[u64], residuals: &mut Vec<u64>) -> (u64, u64) {
    residuals.extend(differences(integers).map(fold));
    (0, 0)
}

fn deltas_of_deltas(integers: &[u64], residuals: &mut Vec<u64>) -> (u64, u64) {
    let mut further = differences(integers);
    let first = further.next().unwrap_or(0);
    let mut before = first;
    residuals.extend(further.map(|delta| {
        let change = fold(delta.wrapping_sub(before));
        before = delta;
        change
    }));
    (0, first)
}

fn slopes(integers: &[u64], residuals: &mut Vec<u64>) -> (u64, u64) {
    let least = least(differences(integers));
    residuals.extend(differences(integers).map(|delta| delta.wrapping_sub(least)));
    (0, least)
}

fn differences(integers: &[u64]) -> impl Iterator<Item = u64> {
    integers
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]))
}

/// The least of integers, taken as signed.
fn least(integers: impl Iterator<Item = u64>) -> u64 {
    let signed = integers.map(u64::cast_signed);
    signed.min().unwrap_or(0).cast_unsigned()
}

/// The largest number that all differences of integers are multiples of; 1 if they are all alike.
pub(crate) fn common_step(integers: &[u64]) -> u64 {
    let mut step = 0_u64;
    for pair in integers.windows(2) {
        let difference = pair[1].wrapping_sub(pair[0]).cast_signed().unsigned_abs();
        step = greatest_common_divisor(step, difference);
        if step == 1 {
            return 1;
        }
    }
    // 2^63, the magnitude of no positive number, cannot be divided by.
    match i64::try_from(step) {
        Ok(0) | Err(_) => 1,
        Ok(_) => step,
    }
}

/// The largest power of two that all differences of integers are multiples of; 1 if they are all
/// alike.
pub(crate) fn common_power_of_two(integers: &[u64]) -> u64 {
    let first = integers.first().copied().unwrap_or(0);
    let all = integers.iter().fold(0, |all, i| all | (i ^ first));
    1_u64.checked_shl(all.trailing_zeros()).unwrap_or(1)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIMAL: [Transform; 4] = [
        Transform::Offset,
        Transform::Slope,
        Transform::Delta,
        Transform::Delta2,
    ];

    fn chosen(integers: impl Iterator<Item = i64>) -> Residuals {
        let integers: Vec<u64> = integers.map(i64::cast_unsigned).collect();
        Residuals::cheapest(&integers, common_step(&integers), &DECIMAL).unwrap()
    }

    #[test]
    fn each_shape_gets_its_transform() {
        let noise = |i: i64| {
            let mixed = (i + 1).wrapping_mul(0x1e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 31).wrapping_mul(0x14d0_49bb_1331_11eb);
            (mixed >> 40).rem_euclid(101)
        };
        let gauge = chosen((0..480).map(noise));
        assert_eq!((gauge.transform, gauge.base), (Transform::Offset, 0));
        let counter = chosen((0..480).map(|i| 1_000_000 + 1_000 * i + noise(i)));
        assert_eq!(counter.transform, Transform::Slope);
        let counter_with_reset = chosen((0..480).map(|i| noise(i % 240) % 3 + 700 * (i % 240)));
        assert_eq!(counter_with_reset.transform, Transform::Delta);
        let accelerating = chosen((0..480).map(|i| i * i * 1_000 + noise(i) % 3));
        assert_eq!(accelerating.transform, Transform::Delta2);
    }

    #[test]
    fn bits_that_flip_are_told_by_xor() {
        let bits: Vec<u64> = (0..480_u64)
            .map(|i| ((i % 7 % 2) << 63) | ((i % 3) << 4) | 5)
            .collect();
        let step = common_power_of_two(&bits);
        let chosen = Residuals::cheapest(&bits, step, &[Transform::Xor]).unwrap();
        assert_eq!((chosen.base, chosen.step), (5, 16));
        let mut last = chosen.base;
        for (residual, expected) in chosen.residuals.iter().zip(&bits[1..]) {
            last ^= residual * step;
            assert_eq!(last, *expected);
        }
    }

    #[test]
    fn steps_are_taken_out() {
        let pages = chosen((0..480).map(|i| -4_096 * ((i * 31) % 97)));
        assert_eq!(pages.step, 4_096);
        assert!(pages.residuals.iter().all(|residual| *residual < 256));
        for (integers, step) in [
            (&[5, 5, 5][..], 1),
            (&[7], 1),
            (&[-3, 9, 21], 12),
            (&[0, i64::MIN], 1),
            (&[i64::MIN, i64::MAX], 1),
            (&[0, 10, 4], 2),
        ] {
            let integers: Vec<u64> = integers.iter().map(|i| i.cast_unsigned()).collect();
            assert_eq!(common_step(&integers), step);
        }
        assert_eq!(common_power_of_two(&[8, 8]), 1);
        assert_eq!(common_power_of_two(&[8, 24, 40]), 16);
        assert_eq!(common_power_of_two(&[0, 1 << 63]), 1 << 63);
    }
}
