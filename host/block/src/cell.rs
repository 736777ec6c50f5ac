//! Cells: the values of one series in one slice of time, as bytes. Lossless for all 2^64 bit
//! patterns of a value.
//!
//! This is the plain encoding, [`Encoding::Planes`]: differences of the values' bits, laid out
//! plane by plane so that the page's zstd finds the bytes that repeat. A denser encoding gets a
//! number of its own beside it.

use crate::Fault;

/// How a row of `chunks.parquet` holds its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// No cell: the series has no sample in the slice, or one value in all of them.
    Constant = 0,
    /// One byte that says which planes follow (bit p for plane p), eight bytes of the first
    /// value, then for each such plane, lowest first, one byte for each further value: byte p
    /// of the difference of its bits to those of the value before. The difference wraps, and
    /// is folded so that small negative ones are small: `d << 1 ^ d >> 63`.
    Planes = 2,
}

impl Encoding {
    pub(crate) fn from_number(number: i32) -> Result<Self, Fault> {
        match number {
            0 => Ok(Self::Constant),
            2 => Ok(Self::Planes),
            _ => Err(Fault::format(format!("unknown cell encoding {number}"))),
        }
    }
}

/// The planes of a 64-bit number.
const PLANES: usize = 8;

/// The one value of a cell that has only one.
pub(crate) fn constant(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let same = values.iter().all(|v| v.to_bits() == first.to_bits());
    same.then_some(first)
}

/// Appends the cell of `values`, which is not empty, to `cell`.
pub(crate) fn encode(values: &[f64], cell: &mut Vec<u8>) {
    let Some((first, rest)) = values.split_first() else {
        return;
    };
    let mut previous = first.to_bits();
    let mut folded = Vec::with_capacity(rest.len());
    let mut used = 0_u64;
    for value in rest {
        let difference = value.to_bits().wrapping_sub(previous);
        previous = value.to_bits();
        let fold = difference << 1 ^ 0_u64.wrapping_sub(difference >> 63);
        used |= fold;
        folded.push(fold.to_le_bytes());
    }
    let used = used.to_le_bytes();
    let mask = (0..PLANES).fold(0_u8, |mask, p| mask | u8::from(used[p] != 0) << p);
    cell.push(mask);
    cell.extend(first.to_bits().to_le_bytes());
    for plane in (0..PLANES).filter(|p| mask >> p & 1 == 1) {
        cell.extend(folded.iter().map(|bytes| bytes[plane]));
    }
}

/// Reads a cell of `count` values, at least one, and appends them to `values`.
pub(crate) fn decode(cell: &[u8], count: usize, values: &mut Vec<f64>) -> Result<(), Fault> {
    let broken = || Fault::format(format!("a cell of {} bytes for {count} values", cell.len()));
    let further = count.checked_sub(1).ok_or_else(broken)?;
    let (mask, rest) = cell.split_first().ok_or_else(broken)?;
    let (first, planes) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
    let planes_len = further.checked_mul(mask.count_ones() as usize);
    if planes_len != Some(planes.len()) {
        return Err(broken());
    }
    let mut folded = vec![0_u64; further];
    let mut rest = planes;
    for plane in (0..PLANES).filter(|p| mask >> p & 1 == 1) {
        let (bytes, after) = rest.split_at(further);
        for (number, byte) in folded.iter_mut().zip(bytes) {
            *number |= u64::from(*byte) << (8 * plane);
        }
        rest = after;
    }
    let mut bits = u64::from_le_bytes(*first);
    values.push(f64::from_bits(bits));
    values.extend(folded.into_iter().map(|fold| {
        let difference = fold >> 1 ^ 0_u64.wrapping_sub(fold & 1);
        bits = bits.wrapping_add(difference);
        f64::from_bits(bits)
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(values: &[f64]) -> usize {
        let mut cell = Vec::new();
        encode(values, &mut cell);
        let mut read = Vec::new();
        decode(&cell, values.len(), &mut read).unwrap();
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(values), bits(&read));
        cell.len()
    }

    #[test]
    fn a_cell_is_written_as_the_format_says() {
        let mut cell = Vec::new();
        encode(&[1.0, 1.0, 2.0, 1.0], &mut cell);
        // The bits of 1.0 and 2.0 are 2^52 apart; folded, the difference is 2^53 and the one
        // back is 2^53 - 1.
        let expected = [
            &[0x7f][..],
            &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
            &[0, 0, 0xff],
            &[0, 0, 0xff],
            &[0, 0, 0xff],
            &[0, 0, 0xff],
            &[0, 0, 0xff],
            &[0, 0, 0xff],
            &[0, 0x20, 0x1f],
        ];
        assert_eq!(cell, expected.concat());
        let mut one = Vec::new();
        encode(&[-0.0], &mut one);
        assert_eq!(one, [0, 0, 0, 0, 0, 0, 0, 0, 0x80]);
    }

    #[test]
    fn only_equal_bits_are_constant() {
        assert_eq!(constant(&[]), None);
        assert_eq!(constant(&[0.0, -0.0]), None);
        assert_eq!(constant(&[2.5, 2.5]), Some(2.5));
        let nan = f64::from_bits(0x7ff0_0000_0000_0002);
        assert!(constant(&[nan, nan]).is_some());
    }

    #[test]
    fn a_cell_of_the_wrong_length_is_refused() {
        let mut cell = Vec::new();
        encode(&[1.0, 2.0, 3.0], &mut cell);
        for (bytes, count) in [(&cell[..], 2), (&cell[..], 0), (&cell[1..], 3), (&[], 1)] {
            assert!(decode(bytes, count, &mut Vec::new()).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn all_bits_come_back(bits in proptest::collection::vec(0_u64.., 1..300)) {
            let values: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
            round_trip(&values);
        }
    }
}
