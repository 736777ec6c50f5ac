//! From a cell to its values. Any bytes give values or an error.

use crate::cell::{Head, Kind, Transform, unfold};
use crate::decimal::POWERS;
use crate::planes::Planes;
use crate::{CellError, correction, exceptions};

/// Reads a cell of `count` values and appends them to `values`.
///
/// It takes memory for `count` values and no more, however the bytes are, so the caller bounds
/// `count`.
///
/// # Errors
/// The bytes are not a cell of so many values; `values` is then as it was.
pub fn decode(cell: &[u8], count: usize, values: &mut Vec<f64>) -> Result<(), CellError> {
    let start = values.len();
    let decoded = decode_all(cell, count, values);
    if decoded.is_err() {
        values.truncate(start);
    }
    decoded
}

fn decode_all(mut cell: &[u8], count: usize, values: &mut Vec<f64>) -> Result<(), CellError> {
    let start = values.len();
    if count == 0 {
        return all_read(cell);
    }
    let head = Head::read(&mut cell)?;
    let width = head.corrections.width;
    let corrections = Planes::read(&mut cell, width, count, "corrections")?;
    let residual_count = count.saturating_sub(head.transform.lead());
    let residuals = Planes::read(&mut cell, head.width, residual_count, "residuals")?;
    if !head.has_exceptions {
        all_read(cell)?;
    }
    values.reserve(count);
    let power = POWERS[usize::from(head.exponent)];
    let is_near = head.reach(count) < NEAR;
    let mut integers = Integers::of(&head, count);
    match (head.kind, is_near, head.exponent) {
        (Kind::Raw, ..) => integers.restore(&residuals, values, f64::from_bits),
        (_, true, exponent) => {
            integers.base = integers.base.wrapping_add(MARK_BITS);
            let double = |integer: u64| f64::from_bits(integer) - MARK;
            match exponent {
                0 => integers.restore(&residuals, values, double),
                _ => integers.restore(&residuals, values, |integer| double(integer) / power),
            }
        }
        // Dividing by one, where there is no decimal place, changes nothing.
        (_, false, _) => integers.restore(&residuals, values, |integer| {
            integer.cast_signed() as f64 / power
        }),
    }
    if head.kind == Kind::Corrected {
        correction::apply(
            &corrections,
            head.corrections.are_deltas,
            &mut values[start..],
        );
    }
    if head.has_exceptions {
        exceptions::apply(cell, &mut values[start..])?;
    }
    Ok(())
}

fn all_read(rest: &[u8]) -> Result<(), CellError> {
    match rest.len() {
        0 => Ok(()),
        bytes => Err(CellError::Long { bytes }),
    }
}

/// Integers that stay nearer to 0 than this are made doubles by the vector unit, which has no
/// instruction for it: to the bits of [`MARK`], whose unit is the last place, the integer is added,
/// and `MARK` is subtracted from the double of these bits.
const NEAR: u128 = 1 << 51;
const MARK: f64 = 6_755_399_441_055_744.0;
const MARK_BITS: u64 = MARK.to_bits();

/// How the integers of a cell begin and go on.
struct Integers {
    transform: Transform,
    base: u64,
    step: u64,
    slope: u64,
    /// How many there are, at least one.
    count: usize,
}

impl Integers {
    fn of(head: &Head, count: usize) -> Self {
        let Head {
            transform,
            base,
            step,
            slope,
            ..
        } = *head;
        Self {
            transform,
            base,
            step,
            slope,
            count,
        }
    }

    /// Appends the values of the integers that the residuals give.
    ///
    /// Each block takes several passes: those that carry nothing from one number to the next are
    /// left to the vector unit.
    #[inline]
    fn restore(self, residuals: &Planes<'_>, values: &mut Vec<f64>, value: impl Fn(u64) -> f64) {
        let mut integer = self.base;
        let mut delta = self.slope;
        if self.transform.lead() > 0 {
            values.push(value(integer));
        }
        if self.transform == Transform::Delta2 && self.count > 1 {
            integer = integer.wrapping_add(self.step.wrapping_mul(delta));
            values.push(value(integer));
        }
        residuals.for_blocks(|block| {
            match self.transform {
                Transform::Delta | Transform::Delta2 => each(block, unfold),
                Transform::Slope => each(block, |more| more.wrapping_add(self.slope)),
                Transform::Offset | Transform::Xor => {}
            }
            if self.transform == Transform::Delta2 {
                each(block, |change| {
                    delta = delta.wrapping_add(change);
                    delta
                });
            }
            if self.step != 1 {
                each(block, |steps| steps.wrapping_mul(self.step));
            }
            match self.transform {
                Transform::Offset => each(block, |offset| offset.wrapping_add(self.base)),
                Transform::Xor => each(block, |bits| {
                    integer ^= bits;
                    integer
                }),
                Transform::Delta | Transform::Delta2 | Transform::Slope => each(block, |delta| {
                    integer = integer.wrapping_add(delta);
                    integer
                }),
            }
            values.extend(block.iter().map(|integer| value(*integer)));
        });
    }
}

fn each(numbers: &mut [u64], mut change: impl FnMut(u64) -> u64) {
    for number in numbers {
        *number = change(*number);
    }
}
