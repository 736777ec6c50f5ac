//! Chunks of floats: XOR, and XOR2, which has start times.

use narthex_model::sample::STALE_NAN;

use crate::Fault;
use crate::bits::{Bits, Xored};
use crate::columns::{At, Columns};

/// The bits of the time of a sample in XOR2, where it is not as expected.
const TIME_WIDTHS: [u32; 3] = [13, 20, 64];

/// The bit of the start header that says that the first sample has a start.
const FIRST_HAS_START: u8 = 0x80;

/// Reads a chunk in XOR.
pub(crate) fn read_xor(data: &[u8], count: usize, columns: &mut Columns<'_>) -> Result<(), Fault> {
    let mut bits = Bits::new(data);
    let mut timestamp_ms = 0_i64;
    let mut step_ms = 0_i64;
    let mut value = Xored::default();
    for number in 0..count {
        match number {
            0 => {
                timestamp_ms = bits.varint()?;
                value = Xored::new(bits.float()?);
            }
            1 => {
                step_ms = bits.uvarint()?.cast_signed();
                timestamp_ms = timestamp_ms.wrapping_add(step_ms);
                value.advance(&mut bits)?;
            }
            _ => {
                step_ms = step_ms.wrapping_add(bits.time()?);
                timestamp_ms = timestamp_ms.wrapping_add(step_ms);
                value.advance(&mut bits)?;
            }
        }
        let at = At {
            timestamp_ms,
            start_ms: 0,
        };
        columns.push_number(at, value.value())?;
    }
    Ok(())
}

/// Reads a chunk in XOR2: one prefix says of a sample whether its time is as expected and
/// whether its value has changed, and staleness markers are not values that later ones are
/// told apart from.
pub(crate) fn read_xor2(data: &[u8], count: usize, columns: &mut Columns<'_>) -> Result<(), Fault> {
    let (header, data) = data.split_first().ok_or(Fault::End("a chunk"))?;
    let mut bits = Bits::new(data);
    let mut starts = Starts::new(*header);
    let mut timestamp_ms = 0_i64;
    let mut step_ms = 0_i64;
    let mut value = Xored::default();
    for number in 0..count {
        let before_ms = timestamp_ms;
        let sample = match number {
            0 => {
                timestamp_ms = bits.varint()?;
                let first = bits.float()?;
                if first.to_bits() != STALE_NAN.to_bits() {
                    value = Xored::new(first);
                }
                starts.first(timestamp_ms, &mut bits)?;
                first
            }
            1 => {
                step_ms = bits.uvarint()?.cast_signed();
                advance_or_stale(&mut value, &mut bits)?
            }
            _ => match bits.ones(5)? {
                0 => value.value(),
                1 => {
                    if bits.take(1)? == 0 {
                        value.change(&mut bits)?;
                    } else {
                        value.change_elsewhere(&mut bits)?;
                    }
                    value.value()
                }
                5 => STALE_NAN,
                ones => {
                    let width = TIME_WIDTHS.get(ones - 2).copied().unwrap_or(64);
                    let unused = u64::BITS - width;
                    let change = (bits.take(width)? << unused).cast_signed() >> unused;
                    step_ms = step_ms.wrapping_add(change);
                    advance_or_stale(&mut value, &mut bits)?
                }
            },
        };
        if number > 0 {
            timestamp_ms = timestamp_ms.wrapping_add(step_ms);
            starts.next(number, before_ms, &mut bits)?;
        }
        let at = At {
            timestamp_ms,
            start_ms: starts.start_ms,
        };
        columns.push_number(at, sample)?;
    }
    Ok(())
}

/// The next value in XOR2, where the time is not as expected.
fn advance_or_stale(value: &mut Xored, bits: &mut Bits<'_>) -> Result<f64, Fault> {
    match bits.ones(3)? {
        0 => {}
        1 => value.change(bits)?,
        2 => value.change_elsewhere(bits)?,
        _ => return Ok(STALE_NAN),
    }
    Ok(value.value())
}

/// The start times of a chunk: perhaps one of the first sample, and from some sample on one of
/// each, as its distance from the time of the sample before.
struct Starts {
    first_has_start: bool,
    /// The sample from which on each has one; 0 where none has.
    changes_from: usize,
    start_ms: i64,
    distance_ms: i64,
}

impl Starts {
    fn new(header: u8) -> Self {
        Self {
            first_has_start: header & FIRST_HAS_START != 0,
            changes_from: usize::from(header & !FIRST_HAS_START),
            start_ms: 0,
            distance_ms: 0,
        }
    }

    fn first(&mut self, timestamp_ms: i64, bits: &mut Bits<'_>) -> Result<(), Fault> {
        if self.first_has_start {
            self.start_ms = timestamp_ms.wrapping_sub(bits.varint()?);
        }
        Ok(())
    }

    fn next(&mut self, number: usize, before_ms: i64, bits: &mut Bits<'_>) -> Result<(), Fault> {
        if self.changes_from == 0 || number < self.changes_from {
            return Ok(());
        }
        // The distance is 0 until the first one is read.
        self.distance_ms = self.distance_ms.wrapping_add(bits.varbit()?);
        self.start_ms = before_ms.wrapping_sub(self.distance_ms);
        Ok(())
    }
}
