//! Numbers as Parquet packs them: levels and places of a dictionary in runs (`RLE`), integers as
//! differences in so many bits (`DELTA_BINARY_PACKED`).

use narthex_nx::varint::Input;

use crate::Fault;

/// More differences than this in a block are refused; our writer makes blocks of 128 and 256.
const BLOCK_MAX: usize = 1 << 16;

/// Takes `count` numbers of so many bits each, at most 32, off the front: runs of one number, and
/// runs of numbers that follow each other, eight at a time.
pub(crate) fn runs(input: &mut Input<'_>, width: u32, count: usize) -> Result<Vec<u32>, Fault> {
    let bytes_each = (width.min(32) as usize).div_ceil(8);
    let mut numbers: Vec<u32> = Vec::with_capacity(count);
    while numbers.len() < count {
        let head = input.number()?;
        let room = count - numbers.len();
        let run = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        if run == 0 || width > 32 {
            return Err(input.broken().into());
        }
        match head & 1 {
            0 => {
                let mut bytes = [0; 4];
                for (byte, stored) in bytes.iter_mut().zip(input.take(bytes_each)?) {
                    *byte = *stored;
                }
                let number = u32::from_le_bytes(bytes);
                numbers.resize(numbers.len() + run.min(room), number);
            }
            // Those behind the last one mean nothing.
            _ => {
                let bytes = run.saturating_mul(width as usize);
                let mut bits = Bits::new(input.take(bytes)?);
                let wanted = run.saturating_mul(8).min(room);
                numbers.extend((0..wanted).map(|_| {
                    let number = bits.next(width);
                    u32::try_from(number).unwrap_or(u32::MAX)
                }));
            }
        }
    }
    Ok(numbers)
}

/// Takes packed integers off the front, at most `count_max`. Those of 32 bits are told by their
/// lowest 32.
pub(crate) fn integers(input: &mut Input<'_>, count_max: usize) -> Result<Vec<i64>, Fault> {
    let in_block = input.size(BLOCK_MAX)?;
    let parts = input.size(BLOCK_MAX)?;
    let count = input.size(count_max)?;
    let in_part = in_block.checked_div(parts).unwrap_or(0);
    if in_part == 0 || !in_part.is_multiple_of(8) {
        return Err(input.broken().into());
    }
    let mut last = input.folded()?;
    let mut integers = Vec::with_capacity(count);
    if count > 0 {
        integers.push(last);
    }
    while integers.len() < count {
        let least = input.folded()?;
        let widths = input.take(parts)?;
        for width in widths {
            // Parts behind the last integer are not there, whatever their width.
            let room = (count - integers.len()).min(in_part);
            if room == 0 {
                break;
            }
            if *width > 64 {
                return Err(input.broken().into());
            }
            let mut bits = Bits::new(input.take(in_part / 8 * usize::from(*width))?);
            integers.extend((0..room).map(|_| {
                let difference = least.wrapping_add(bits.next((*width).into()).cast_signed());
                last = last.wrapping_add(difference);
                last
            }));
        }
    }
    Ok(integers)
}

/// Numbers of some bits each, the lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    held: u128,
    held_bits: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            held: 0,
            held_bits: 0,
        }
    }

    /// The next number of at most 64 bits; bits that are not there are 0.
    fn next(&mut self, width: u32) -> u64 {
        while self.held_bits < width {
            let (more, more_bits, rest) = match self.bytes.split_first_chunk::<4>() {
                Some((word, rest)) => (u32::from_le_bytes(*word), 32, rest),
                None => match self.bytes.split_first() {
                    Some((byte, rest)) => (u32::from(*byte), 8, rest),
                    None => (0, 32, &[][..]),
                },
            };
            self.bytes = rest;
            self.held |= u128::from(more) << self.held_bits;
            self.held_bits += more_bits;
        }
        let mask = u128::from(u64::MAX) >> (64 - width.max(1));
        let number = if width == 0 { 0 } else { self.held & mask };
        self.held >>= width;
        self.held_bits -= width;
        u64::try_from(number).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: &[u8]) -> Input<'_> {
        Input::new(bytes, "numbers are cut short")
    }

    #[test]
    fn runs_are_of_one_number_or_of_eight_at_a_time() {
        let bytes = [0x06, 0x01, 0x03, 0b1010_0101, 0x06, 0x00];
        let mut from = input(&bytes);
        let found = runs(&mut from, 1, 13).unwrap();
        assert_eq!(found, [1, 1, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0]);
        assert!(from.is_empty());
        for broken in [&[][..], &[0x06], &[0x03], &[0x00, 0x01]] {
            assert!(runs(&mut input(broken), 1, 3).is_err(), "{broken:x?}");
        }
        assert_eq!(runs(&mut input(&[0x06, 0x01]), 1, 2).unwrap(), [1; 2]);
        // 0 to 7 in three bits: the example in Parquet's own text.
        let numbers = runs(&mut input(&[0x03, 0x88, 0xc6, 0xfa]), 3, 8).unwrap();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(
            runs(&mut input(&[0x04, 0x39, 0x30]), 14, 2).unwrap(),
            [12_345; 2]
        );
        assert_eq!(runs(&mut input(&[0x04]), 0, 2).unwrap(), [0; 2]);
        assert!(runs(&mut input(&[0x04, 0, 0, 0, 0, 0]), 33, 2).is_err());
    }

    #[test]
    fn integers_come_back_as_the_format_of_parquet_has_them() {
        // 7, 5, 3, 1, 2, 3, 4, 5: the example in Parquet's own text.
        let bytes = [
            0x80, 0x01, 0x04, 0x08, 0x0e, 0x03, 0x02, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0,
        ];
        let mut from = input(&bytes);
        assert_eq!(integers(&mut from, 8).unwrap(), [7, 5, 3, 1, 2, 3, 4, 5]);
        assert!(from.is_empty());
        assert!(
            integers(&mut input(&bytes), 7).is_err(),
            "more than there may be"
        );
        for end in 0..bytes.len() {
            assert!(integers(&mut input(&bytes[..end]), 8).is_err(), "{end}");
        }
        assert!(
            integers(&mut input(&[0x80, 0x01, 0x04, 0x00, 0x00]), 8)
                .unwrap()
                .is_empty()
        );
        for broken in [
            [0x00, 0x04, 0x01, 0x00],
            [0x80, 0x00, 0x01, 0x00],
            [0x04, 0x01, 0x01, 0x00],
        ] {
            assert!(integers(&mut input(&broken), 8).is_err(), "{broken:x?}");
        }
    }

    #[test]
    fn bits_of_any_width_follow_each_other() {
        for width in 0..=64_u32 {
            let numbers: Vec<u64> = (1..=16_u64)
                .map(|n| {
                    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                        .checked_shr(64 - width)
                        .unwrap_or(0)
                })
                .collect();
            let mut bytes = vec![0_u8; 2 * width as usize];
            for (at, number) in numbers.iter().enumerate() {
                for bit in (0..width as usize).filter(|bit| number >> bit & 1 == 1) {
                    let place = at * width as usize + bit;
                    bytes[place / 8] |= 1 << (place % 8);
                }
            }
            let mut bits = Bits::new(&bytes);
            let found: Vec<u64> = numbers.iter().map(|_| bits.next(width)).collect();
            assert_eq!(found, numbers, "{width}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_numbers_or_refused(bytes in proptest::collection::vec(0_u8.., 0..60)) {
            for width in [0, 1, 7, 32] {
                drop(runs(&mut input(&bytes), width, 100));
            }
            if let Ok(integers) = integers(&mut input(&bytes), 100) {
                proptest::prop_assert!(integers.len() <= 100);
            }
        }
    }
}
