//! A chunk in XOR, written: how many samples (two bytes, the high one first), then bits.
//!
//! | sample | time | value |
//! |---|---|---|
//! | first | varint, zigzag | 64 bits |
//! | second | difference as varint | XOR with the one before |
//! | others | difference of differences: `0`, or `10`, `110`, `1110`, `1111` and 14, 17, 20, 64 bits | XOR |
//!
//! An XOR is `0` where it is none; `10` and the bits in the place of the one before; or `11`, how
//! many bits are 0 in front (5 bits), how many follow (6 bits, 0 for 64), and those.

use crate::bit_writer::{BitWriter, XorWriter};

/// A chunk of samples in the order of time, at most 65,535.
pub(super) fn write(times: &[i64], values: &[f64]) -> Vec<u8> {
    let count = u16::try_from(times.len()).unwrap_or(u16::MAX);
    let mut bits = BitWriter::default();
    bits.push(u64::from(count), u16::BITS);
    let mut samples = times.iter().zip(values).take(usize::from(count));
    let Some((first_ms, first)) = samples.next() else {
        return bits.into_bytes();
    };
    bits.push_varint(*first_ms);
    bits.push_float(*first);
    let mut value = XorWriter::new(*first);
    let (mut time_ms, mut step_ms) = (*first_ms, 0_i64);
    for (number, (now_ms, now)) in samples.enumerate() {
        let step = now_ms.wrapping_sub(time_ms);
        match number {
            0 => bits.push_uvarint(step.cast_unsigned()),
            _ => bits.push_time(step.wrapping_sub(step_ms)),
        }
        (time_ms, step_ms) = (*now_ms, step);
        value.advance(*now, &mut bits);
    }
    bits.into_bytes()
}
