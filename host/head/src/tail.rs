//! The values of a chunk that still takes samples, without their times.
//!
//! As long as all values are alike there are no bytes at all. After that the bytes are the first
//! value's, and then one control byte for each change or run: below 0x80 it says which bytes of
//! the value differ from the value before, and these follow; from 0x80 on it says how many values
//! are the same as the one before. A run at the end is only counted.
//!
//! It is not: a format. The bytes leave the process only for [`crate::chunk_snapshot`], whose version
//! grows where they change.

/// By how much the buffer grows; doubling would waste half of it.
const GROWTH_BYTES: usize = 48;

/// The most bytes one value takes: those of a run before it, its control byte, its own.
const VALUE_BYTES_MAX: usize = 10;

/// What the first value takes.
const FIRST_BYTES: usize = 8;

/// Marks a control byte as that of a run.
const RUN: u8 = 0x80;

/// For each control byte of a change: the first byte that differs, and how many do.
const SHAPES: [(u8, u8); 64] = shapes();

const fn shapes() -> [(u8, u8); 64] {
    let mut table = [(0, 0); 64];
    let (mut code, mut first) = (1, 0);
    while first < 8 {
        let mut count = 1;
        while first + count <= 8 {
            table[code] = (first, count);
            code += 1;
            count += 1;
        }
        first += 1;
    }
    table
}

/// The first code of each `first` in [`SHAPES`], so that a code is `FIRST_CODE[first] + count`.
const FIRST_CODE: [u8; 8] = [0, 8, 15, 21, 26, 30, 33, 35];

/// Values of a series that are not sealed yet. How many there are is known to the owner.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
    last: u64,
    /// How many values at the end are the same as the one before and not in the bytes.
    run: u8,
}

impl Tail {
    /// Adds a value behind `count` others; a tail has fewer than 127.
    pub(crate) fn push(&mut self, count: u8, bits: u64) {
        if count == 0 {
            self.last = bits;
            return;
        }
        let difference = bits ^ self.last;
        if difference == 0 {
            self.run += 1;
            return;
        }
        if self.bytes.capacity() - self.bytes.len() < VALUE_BYTES_MAX {
            self.bytes.reserve_exact(GROWTH_BYTES);
        }
        if self.bytes.is_empty() {
            self.bytes.extend(self.last.to_le_bytes());
        }
        if self.run > 0 {
            self.bytes.push(RUN | self.run);
            self.run = 0;
        }
        let first = (difference.trailing_zeros() / 8) as usize;
        let end = 8 - (difference.leading_zeros() / 8) as usize;
        let differing = u8::try_from(end - first).unwrap_or(8);
        self.bytes.push(FIRST_CODE[first] + differing);
        self.bytes
            .extend_from_slice(&difference.to_le_bytes()[first..end]);
        self.last = bits;
    }

    /// A tail as [`Self::bytes`], [`Self::last`] and [`Self::run`] told of it.
    pub(crate) fn restored(bytes: Vec<u8>, last: u64, run: u8) -> Self {
        Self { bytes, last, run }
    }

    /// The bits of the last value.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// How many values at the end are not in the bytes, as they are the same as the one before.
    pub(crate) fn run(&self) -> u8 {
        self.run
    }

    /// The value that all values are; `None` where they differ, and then there are bytes.
    pub(crate) fn constant(&self) -> Option<u64> {
        self.bytes.is_empty().then_some(self.last)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Adds the `count` values of a tail's bytes to `values`. Whatever the bytes are, it adds so many.
pub(crate) fn decode(bytes: &[u8], count: usize, values: &mut Vec<f64>) {
    let end = values.len() + count;
    let (first, mut rest) = bytes
        .split_first_chunk::<FIRST_BYTES>()
        .unwrap_or((&[0; FIRST_BYTES], &[]));
    let mut last = u64::from_le_bytes(*first);
    values.reserve(count);
    values.push(f64::from_bits(last));
    while let Some((control, after)) = rest.split_first() {
        rest = after;
        if control & RUN != 0 {
            let filled = (values.len() + usize::from(control & !RUN)).min(end);
            values.resize(filled, f64::from_bits(last));
            continue;
        }
        let (first, differing) = SHAPES[usize::from(control & 0x3f)];
        let differing = usize::from(differing).min(rest.len());
        last ^= word(rest, differing) << (8 * u32::from(first));
        rest = &rest[differing..];
        values.push(f64::from_bits(last));
    }
    values.resize(end, f64::from_bits(last));
}

/// The number in the first `len` bytes, which are there.
fn word(bytes: &[u8], len: usize) -> u64 {
    if let Some(eight) = bytes.first_chunk::<8>() {
        let unused = 64 - 8 * u32::try_from(len).unwrap_or(8);
        let word = u64::from_le_bytes(*eight);
        return word.checked_shl(unused).map_or(0, |top| top >> unused);
    }
    let mut word = [0; 8];
    word[..len].copy_from_slice(&bytes[..len]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[u64]) -> usize {
        let mut tail = Tail::default();
        for (count, bits) in (0..).zip(values) {
            tail.push(count, *bits);
        }
        let mut found = vec![7.0];
        match tail.constant() {
            Some(bits) => found.resize(1 + values.len(), f64::from_bits(bits)),
            None => decode(tail.bytes(), values.len(), &mut found),
        }
        let found: Vec<u64> = found[1..].iter().map(|value| value.to_bits()).collect();
        assert_eq!(found, values);
        tail.bytes().len()
    }

    #[test]
    fn values_come_back_as_they_went_in() {
        let extremes = [
            0,
            u64::MAX,
            1,
            0x8000_0000_0000_0000,
            0x00ff_0000_0000_0000,
            0xff00,
            0x7ff0_0000_0000_0002,
        ];
        check(&extremes);
        for first in 0..8 {
            for last in first..8 {
                let some = 1 << (8 * first) | 1 << (8 * last);
                check(&[0, some, 0]);
                check(&[some, some, 0, 0, some]);
            }
        }
    }

    #[test]
    fn what_does_not_change_takes_next_to_nothing() {
        assert_eq!(check(&[1.5_f64.to_bits(); 120]), 0);
        assert_eq!(check(&[0; 120]), 0);
        let mut values = [0; 120];
        values[60..].fill(0xff00);
        assert_eq!(check(&values), FIRST_BYTES + 3);
        values[119] = 0;
        assert_eq!(check(&values), FIRST_BYTES + 3 + 3);
    }

    #[test]
    fn any_bytes_give_as_many_values_as_are_asked_for() {
        let bytes: Vec<u8> = (0..=255_u8)
            .rev()
            .map(|byte| byte.wrapping_mul(89))
            .collect();
        for end in 0..bytes.len() {
            for count in [1, 2, 120] {
                let mut values = Vec::new();
                decode(&bytes[..end], count, &mut values);
                assert_eq!(values.len(), count);
            }
        }
    }
}
