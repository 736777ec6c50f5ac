//! Puts single bits at the end of a chunk, and the numbers that chunks are made of: what
//! [`Bits`](crate::bits::Bits) takes off the front.

use crate::bits::{TIME_WIDTHS, VARBIT_WIDTHS};

/// The bytes of a chunk, and how many bits of the last one are free.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    free: u32,
}

impl BitWriter {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The last `len` bits of a number, the high ones first.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "what is taken is shifted into the last eight bits"
    )]
    pub(crate) fn push(&mut self, number: u64, len: u32) {
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

    pub(crate) fn push_float(&mut self, value: f64) {
        self.push(value.to_bits(), u64::BITS);
    }

    /// A number in whole bytes, as Go's `encoding/binary` has it.
    pub(crate) fn push_uvarint(&mut self, number: u64) {
        let mut rest = number;
        while rest >= 0x80 {
            self.push((rest & 0x7f) | 0x80, 8);
            rest >>= 7;
        }
        self.push(rest, 8);
    }

    /// As [`Self::push_uvarint`], the sign in the lowest bit.
    pub(crate) fn push_varint(&mut self, number: i64) {
        self.push_uvarint(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// How far the time of a sample is from where it was expected, in chunks of floats.
    pub(crate) fn push_time(&mut self, change: i64) {
        self.push_signed(&TIME_WIDTHS, change);
    }

    /// Prometheus' `varbit_int`.
    pub(crate) fn push_varbit(&mut self, number: i64) {
        self.push_signed(&VARBIT_WIDTHS, number);
    }

    /// Prometheus' `varbit_uint`.
    pub(crate) fn push_varbit_unsigned(&mut self, number: u64) {
        let needed = u64::BITS - number.leading_zeros();
        self.push_prefixed(&VARBIT_WIDTHS, number, |width| needed <= width);
    }

    /// The range of a width is one more above zero than below.
    fn push_signed(&mut self, widths: &[u32], number: i64) {
        self.push_prefixed(widths, number.cast_unsigned(), |width| match width {
            0 => number == 0,
            64.. => true,
            width => {
                let half = 1_i64 << (width - 1);
                (1 - half..=half).contains(&number)
            }
        });
    }

    /// As many ones as there are narrower widths, a zero unless it is the widest, and the number
    /// in the first width that has room for it.
    fn push_prefixed(&mut self, widths: &[u32], number: u64, has_room: impl Fn(u32) -> bool) {
        let widest = widths.len().saturating_sub(1);
        for (ones, width) in widths.iter().enumerate() {
            if ones == widest || has_room(*width) {
                if ones < widest {
                    self.push(0, 1);
                }
                return self.push(number, *width);
            }
            self.push(1, 1);
        }
    }
}

/// A float that is kept as what changes of its bits, and where in it bits changed last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct XorWriter {
    bits: u64,
    /// How many bits were 0 in front and behind; `None` before the first change.
    place: Option<(u32, u32)>,
}

impl XorWriter {
    pub(crate) fn new(value: f64) -> Self {
        Self {
            bits: value.to_bits(),
            place: None,
        }
    }

    /// Writes what changes: nothing, bits where the last ones were, or bits elsewhere.
    pub(crate) fn advance(&mut self, value: f64, to: &mut BitWriter) {
        let changed = value.to_bits() ^ self.bits;
        self.bits = value.to_bits();
        if changed == 0 {
            return to.push(0, 1);
        }
        // Five bits are there for it.
        let (leading, trailing) = (changed.leading_zeros().min(31), changed.trailing_zeros());
        if let Some((held_leading, held_trailing)) = self.place
            && leading >= held_leading
            && trailing >= held_trailing
        {
            to.push(0b10, 2);
            return to.push(
                changed >> held_trailing,
                u64::BITS - held_leading - held_trailing,
            );
        }
        self.place = Some((leading, trailing));
        let len = u64::BITS - leading - trailing;
        to.push(0b11, 2);
        to.push(u64::from(leading), 5);
        // Six bits are there for it, where 0 stands for 64.
        to.push(u64::from(len), 6);
        to.push(changed >> trailing, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::Bits;

    #[test]
    fn what_is_pushed_is_taken_again() {
        let edges = [
            0, 1, 2, 3, 4, 5, 31, 32, 33, 255, 256, 257, 2047, 2048, 2049,
        ];
        let wide = [12, 13, 14, 16, 17, 18, 19, 20, 24, 25, 26, 55, 56, 57, 62];
        let wide = wide.into_iter().flat_map(|bits| {
            let power = 1_i64 << bits;
            [power - 1, power, power + 1]
        });
        let numbers: Vec<i64> = edges
            .into_iter()
            .chain(wide)
            .flat_map(|number| [number, -number])
            .chain([i64::MIN, i64::MAX])
            .collect();
        let mut writer = BitWriter::default();
        for number in &numbers {
            // So that nothing begins where a byte does.
            writer.push(0b101, 3);
            writer.push_time(*number);
            writer.push_varbit(*number);
            writer.push_varbit_unsigned(number.cast_unsigned());
            writer.push_varint(*number);
            writer.push_uvarint(number.cast_unsigned());
        }
        let bytes = writer.into_bytes();
        let mut bits = Bits::new(&bytes);
        for number in &numbers {
            assert_eq!(bits.take(3).unwrap(), 0b101);
            assert_eq!(bits.time().unwrap(), *number);
            assert_eq!(bits.varbit().unwrap(), *number);
            assert_eq!(bits.varbit_unsigned().unwrap(), number.cast_unsigned());
            assert_eq!(bits.varint().unwrap(), *number);
            assert_eq!(bits.uvarint().unwrap(), number.cast_unsigned());
        }
        assert!(bits.left() < 8);
    }
}
