//! From a cell to its values, all or a stretch of them. Any bytes give values or an error.

use std::ops::Range;

use crate::cell::{Head, Kind, Transform, unfold};
use crate::decimal::POWERS;
use crate::planes::Planes;
use crate::{CellError, correction, exceptions, vector};

/// Reads a cell of `count` values and appends them to `values`.
///
/// It takes memory for `count` values and no more, however the bytes are, so the caller bounds
/// `count`.
///
/// # Errors
/// The bytes are not a cell of so many values; `values` is then as it was.
pub fn decode(cell: &[u8], count: usize, values: &mut Vec<f64>) -> Result<(), CellError> {
    decode_range(cell, count, 0..count, values)
}

/// As [`decode`], of the values in `range` only; those behind the last are not there.
///
/// What lies behind the range is not computed, and what lies before it no further than the sums
/// that lead to it.
///
/// # Errors
/// As in [`decode`].
pub fn decode_range(
    cell: &[u8],
    count: usize,
    range: Range<usize>,
    values: &mut Vec<f64>,
) -> Result<(), CellError> {
    let start = values.len();
    let range = range.start..range.end.min(count);
    let decoded = vector::decode(cell, count, range, values);
    if decoded.is_err() {
        values.truncate(start);
    }
    decoded
}

/// What [`vector::decode`] runs. All of it is inlined there, and so are the loops that it calls, as
/// it is compiled for more than one kind of processor.
#[inline(always)]
pub(crate) fn decode_checked(
    mut cell: &[u8],
    count: usize,
    range: Range<usize>,
    values: &mut Vec<f64>,
) -> Result<(), CellError> {
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
    values.reserve(range.len());
    let power = POWERS[usize::from(head.exponent)];
    let is_near = head.reach(count) < NEAR;
    let mut integers = Integers::of(&head, range.clone());
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
            range.start,
            &mut values[start..],
        );
    }
    if head.has_exceptions {
        exceptions::apply(cell, count, range.start, &mut values[start..])?;
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
    /// Which of them are wanted; all of these are there.
    wanted: Range<usize>,
}

impl Integers {
    fn of(head: &Head, wanted: Range<usize>) -> Self {
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
            wanted,
        }
    }

    /// Appends the values of those integers that are wanted.
    ///
    /// Each block takes several passes: those that carry nothing from one number to the next are
    /// left to the vector unit.
    #[inline(always)]
    fn restore(self, residuals: &Planes<'_>, values: &mut Vec<f64>, value: impl Fn(u64) -> f64) {
        let mut integer = self.base;
        let mut delta = self.slope;
        let lead = self.transform.lead();
        if lead > 0 && self.wanted.contains(&0) {
            values.push(value(integer));
        }
        if self.transform == Transform::Delta2 {
            integer = integer.wrapping_add(self.step.wrapping_mul(delta));
            if self.wanted.contains(&1) {
                values.push(value(integer));
            }
        }
        // Each offset stands for itself; all others add up from the first.
        let from = match self.transform {
            Transform::Offset => self.wanted.start,
            _ => 0,
        };
        residuals.for_blocks(
            from..self.wanted.end.saturating_sub(lead),
            |place, block| {
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
                    Transform::Delta | Transform::Delta2 | Transform::Slope => {
                        each(block, |delta| {
                            integer = integer.wrapping_add(delta);
                            integer
                        })
                    }
                }
                let before = self.wanted.start.saturating_sub(place + lead);
                let wanted = block.get(before..).unwrap_or_default();
                values.extend(wanted.iter().map(|integer| value(*integer)));
            },
        );
    }
}

#[inline(always)]
fn each(numbers: &mut [u64], mut change: impl FnMut(u64) -> u64) {
    for number in numbers {
        *number = change(*number);
    }
}
