//! Byte planes: byte 0 of all numbers, then byte 1 of all, and so on. Bytes of one meaning lie
//! side by side, where a compressor finds what they share and a vector unit joins them again.

use std::ops::Range;

use crate::CellError;

/// How many numbers are joined at a time: few enough to stay in the first cache.
pub(crate) const BLOCK: usize = 128;

/// How many planes numbers need of which `all` is the union of the bits.
pub(crate) fn width(all: u64) -> u8 {
    let bits = u64::BITS - all.leading_zeros();
    [0, 1, 2, 3, 4, 5, 6, 7, 8][bits.div_ceil(8) as usize]
}

/// Appends the `width` lowest planes of `numbers` to a cell.
pub(crate) fn pack(numbers: &[u64], width: u8, cell: &mut Vec<u8>) {
    for plane in 0..usize::from(width) {
        cell.extend(numbers.iter().map(|number| number.to_le_bytes()[plane]));
    }
}

/// Planes of a cell, not yet joined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planes<'a> {
    bytes: &'a [u8],
    width: u8,
    /// How many numbers there are.
    len: usize,
}

impl<'a> Planes<'a> {
    /// Takes the planes off the front of a cell.
    pub(crate) fn read(
        cell: &mut &'a [u8],
        width: u8,
        len: usize,
        part: &'static str,
    ) -> Result<Self, CellError> {
        let short = CellError::Short { part };
        let size = len.checked_mul(usize::from(width)).ok_or(short)?;
        let bytes = cell.split_off(..size).ok_or(short)?;
        Ok(Self { bytes, width, len })
    }

    /// Hands on the numbers in `range`, a block at a time with the place of its first number.
    #[inline(always)]
    pub(crate) fn for_blocks(&self, range: Range<usize>, mut each: impl FnMut(usize, &mut [u64])) {
        let mut block = [0; BLOCK];
        let mut halves = [[0; BLOCK]; 2];
        let (mut start, end) = (range.start, range.end.min(self.len));
        while start < end {
            let numbers = &mut block[..BLOCK.min(end - start)];
            self.join(start, numbers, &mut halves);
            each(start, numbers);
            start += BLOCK;
        }
    }

    /// Joins the planes of the numbers from `start` on.
    #[inline(always)]
    fn join(&self, start: usize, numbers: &mut [u64], [low, high]: &mut [[u32; BLOCK]; 2]) {
        let count = numbers.len();
        self.join_half(0, start, &mut low[..count]);
        if self.width <= 4 {
            let pairs = numbers.iter_mut().zip(&*low);
            pairs.for_each(|(number, low)| *number = u64::from(*low));
            return;
        }
        self.join_half(4, start, &mut high[..count]);
        for ((number, low), high) in numbers.iter_mut().zip(&*low).zip(&*high) {
            *number = u64::from(*low) | u64::from(*high) << 32;
        }
    }

    /// Joins up to four planes from `first` on. A vector holds twice as many halves as numbers.
    #[inline(always)]
    fn join_half(&self, first: usize, start: usize, halves: &mut [u32]) {
        let count = halves.len();
        let plane = |plane: usize| &self.bytes[(first + plane) * self.len + start..][..count];
        match usize::from(self.width) - first {
            0 => halves.fill(0),
            1 => {
                for (half, a) in halves.iter_mut().zip(plane(0)) {
                    *half = u32::from(*a);
                }
            }
            2 => {
                for ((half, a), b) in halves.iter_mut().zip(plane(0)).zip(plane(1)) {
                    *half = u32::from(u16::from_le_bytes([*a, *b]));
                }
            }
            3 => {
                let planes = plane(0).iter().zip(plane(1)).zip(plane(2));
                for (half, ((a, b), c)) in halves.iter_mut().zip(planes) {
                    *half = u32::from_le_bytes([*a, *b, *c, 0]);
                }
            }
            _ => {
                let planes = plane(0).iter().zip(plane(1)).zip(plane(2)).zip(plane(3));
                for (half, (((a, b), c), d)) in halves.iter_mut().zip(planes) {
                    *half = u32::from_le_bytes([*a, *b, *c, *d]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_of_any_width_and_length_come_back() {
        for expected_width in 0..=8_u8 {
            for len in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
                let top = u64::MAX.checked_shr(64 - 8 * u32::from(expected_width));
                let numbers: Vec<u64> = (0..len as u64)
                    .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1) & top.unwrap_or(0))
                    .collect();
                let mut cell = Vec::new();
                pack(&numbers, expected_width, &mut cell);
                assert_eq!(cell.len(), len * usize::from(expected_width));
                let mut rest = &cell[..];
                let planes = Planes::read(&mut rest, expected_width, len, "planes").unwrap();
                let mut found = Vec::new();
                planes.for_blocks(0..len, |_, block| found.extend_from_slice(block));
                assert_eq!(found, numbers);
                for range in [0..len / 2, len / 3..len, len / 2..len + 9] {
                    found.clear();
                    planes.for_blocks(range.clone(), |_, block| found.extend_from_slice(block));
                    assert_eq!(found, numbers[range.start..range.end.min(len)]);
                }
                let mut more = &cell[..];
                let read = Planes::read(&mut more, expected_width, len + 1, "planes");
                assert_eq!(read.is_err(), expected_width > 0);
            }
        }
    }

    #[test]
    fn a_width_holds_all_bits_and_no_plane_more() {
        let widths = [(0, 0), (1, 1), (255, 1), (256, 2), (u64::MAX >> 8, 7)];
        for (all, expected) in widths.into_iter().chain([(u64::MAX, 8)]) {
            assert_eq!(width(all), expected);
        }
    }

    #[test]
    fn a_size_beyond_the_address_space_is_short() {
        let read = Planes::read(&mut &[0_u8; 9][..], 8, usize::MAX / 2, "planes");
        assert_eq!(read.unwrap_err(), CellError::Short { part: "planes" });
    }
}
