//! Prometheus' XOR chunk, written: how many samples (two bytes, the high one first), then bits.
//!
//! | sample | time | value |
//! |---|---|---|
//! | first | varint, zigzag | 64 bits |
//! | second | difference as varint | XOR with the one before |
//! | others | difference of differences: `0`, or `10`, `110`, `1110`, `1111` and 14, 17, 20, 64 bits | XOR |
//!
//! An XOR is `0` where it is none; `10` and the bits in the place of the one before; or `11`, how
//! many bits are 0 in front (5 bits), how many follow (6 bits, 0 for 64), and those.

use crate::wire::message::{push_varint, zigzag};

/// How many bits a difference of differences takes, and what stands before them.
const CLASSES: [(u32, u64, u32); 3] = [(14, 0b10, 2), (17, 0b110, 3), (20, 0b1110, 4)];

/// A chunk of samples in the order of time, at most 65,535.
pub(super) fn encode(times: &[i64], values: &[f64]) -> Vec<u8> {
    let count = u16::try_from(times.len()).unwrap_or(u16::MAX);
    let mut bits = Bits::default();
    bits.bytes.extend_from_slice(&count.to_be_bytes());
    let (mut time, mut delta, mut value) = (0_i64, 0_i64, 0_u64);
    // What the one before had in front and behind.
    let mut place = None;
    let samples = times.iter().zip(values).take(usize::from(count));
    for (at, (now, number)) in samples.enumerate() {
        let number = number.to_bits();
        if at == 0 {
            push_varint(&mut bits.bytes, zigzag(*now));
            bits.push(number, 64);
        } else {
            let step = now.wrapping_sub(time);
            match at {
                1 => push_varint(&mut bits.bytes, step.cast_unsigned()),
                _ => bits.push_change(step.wrapping_sub(delta)),
            }
            delta = step;
            bits.push_xor(number ^ value, &mut place);
        }
        (time, value) = (*now, number);
    }
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are free.
    free: u32,
}

impl Bits {
    /// The last `len` bits of a number, the high ones first.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "what is taken is shifted into the last eight bits"
    )]
    fn push(&mut self, number: u64, len: u32) {
        let mut left = len;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let taken = left.min(self.free);
            let part = number >> (left - taken) & ((1 << taken) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part << (self.free - taken)) as u8;
            }
            self.free -= taken;
            left -= taken;
        }
    }

    fn push_change(&mut self, change: i64) {
        if change == 0 {
            return self.push(0, 1);
        }
        for (len, prefix, prefix_len) in CLASSES {
            let half = 1_i64 << (len - 1);
            if (1 - half..=half).contains(&change) {
                self.push(prefix, prefix_len);
                return self.push(change.cast_unsigned(), len);
            }
        }
        self.push(0b1111, 4);
        self.push(change.cast_unsigned(), 64);
    }

    fn push_xor(&mut self, xor: u64, place: &mut Option<(u32, u32)>) {
        if xor == 0 {
            return self.push(0, 1);
        }
        // Five bits are there for it.
        let (front, behind) = (xor.leading_zeros().min(31), xor.trailing_zeros());
        if let Some((held_front, held_behind)) = *place
            && front >= held_front
            && behind >= held_behind
        {
            self.push(0b10, 2);
            return self.push(xor >> held_behind, 64 - held_front - held_behind);
        }
        *place = Some((front, behind));
        let len = 64 - front - behind;
        self.push(0b11, 2);
        self.push(u64::from(front), 5);
        self.push(u64::from(len), 6);
        self.push(xor >> behind, len);
    }
}
