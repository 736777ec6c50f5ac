//! The head of a cell: what its planes mean.

use crate::CellError;

/// What the integers of a cell stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The value is the integer divided by a power of ten.
    Decimal = 0,
    /// As `Decimal`, and then some doubles up or down.
    Corrected = 1,
    /// The integer is the value's bits.
    Raw = 2,
}

/// How the integers of a cell follow from its residuals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transform {
    /// Each is so far above the base.
    Offset = 0,
    /// Each is so far from the one before, which may be below.
    Delta = 1,
    /// The difference to the one before differs so from the difference before.
    Delta2 = 2,
    /// Each has these bits other than the one before.
    Xor = 3,
    /// Each is above the one before by a fixed slope and so much more.
    Slope = 4,
}

impl Transform {
    /// How many integers come before the first residual.
    pub(crate) fn lead(self) -> usize {
        match self {
            Self::Offset => 0,
            Self::Delta | Self::Xor | Self::Slope => 1,
            Self::Delta2 => 2,
        }
    }

    /// Whether a slope is part of the head.
    fn has_slope(self) -> bool {
        matches!(self, Self::Delta2 | Self::Slope)
    }
}

/// The corrections of a [`Kind::Corrected`] cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Corrections {
    /// Planes.
    pub(crate) width: u8,
    /// Each says how it differs from the one before.
    pub(crate) are_deltas: bool,
}

/// Everything of a cell but its planes and exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) transform: Transform,
    /// Exceptions follow the planes.
    pub(crate) has_exceptions: bool,
    /// The power of ten; 0 for raw cells.
    pub(crate) exponent: u8,
    /// Planes of the residuals.
    pub(crate) width: u8,
    /// The first integer, or the least one.
    pub(crate) base: u64,
    /// What all differences of the integers are divided by.
    pub(crate) step: u64,
    /// The first difference, or the least one.
    pub(crate) slope: u64,
    pub(crate) corrections: Corrections,
}

/// The largest power of ten.
pub(crate) const EXPONENT_MAX: u8 = 15;
/// The planes of a 64-bit number.
pub(crate) const WIDTH_MAX: u8 = 8;

const KIND_BITS: u8 = 0b11;
const TRANSFORM_SHIFT: u8 = 2;
const TRANSFORM_BITS: u8 = 0b111;
const STEP_FLAG: u8 = 1 << 5;
const EXCEPTIONS_FLAG: u8 = 1 << 6;
const RESERVED_FLAG: u8 = 1 << 7;
const WIDTH_SHIFT: u8 = 4;
const NIBBLE: u8 = 0xf;
const DELTAS_FLAG: u8 = 1 << 4;

impl Head {
    /// Appends the head to a cell.
    pub(crate) fn write(&self, cell: &mut Vec<u8>) {
        let mut flags = self.kind as u8 | (self.transform as u8) << TRANSFORM_SHIFT;
        if self.step != 1 {
            flags |= STEP_FLAG;
        }
        if self.has_exceptions {
            flags |= EXCEPTIONS_FLAG;
        }
        cell.push(flags);
        cell.push(self.exponent | self.width << WIDTH_SHIFT);
        write_number(fold(self.base), cell);
        if self.step != 1 {
            write_number(self.step, cell);
        }
        if self.transform.has_slope() {
            write_number(fold(self.slope), cell);
        }
        if self.kind == Kind::Corrected {
            let deltas = if self.corrections.are_deltas {
                DELTAS_FLAG
            } else {
                0
            };
            cell.push(self.corrections.width | deltas);
        }
    }

    /// How far from 0 the integers of a cell of `count` values, and those on the way to them, can
    /// come at most.
    pub(crate) fn reach(&self, count: usize) -> u128 {
        let magnitude = |number: u64| u128::from(number.cast_signed().unsigned_abs());
        let residual = 1_u128 << (8 * u32::from(self.width));
        let count = count as u128;
        let steps = match self.transform {
            Transform::Offset => residual,
            Transform::Delta | Transform::Slope => {
                count.saturating_mul(magnitude(self.slope) + residual)
            }
            Transform::Delta2 => {
                let delta = magnitude(self.slope).saturating_add(count.saturating_mul(residual));
                count.saturating_mul(delta)
            }
            Transform::Xor => u128::MAX,
        };
        magnitude(self.base).saturating_add(steps.saturating_mul(u128::from(self.step)))
    }

    /// Takes the head off the front of a cell.
    pub(crate) fn read(cell: &mut &[u8]) -> Result<Self, CellError> {
        let flags = read_byte(cell, "flags")?;
        let unknown = |part, value| CellError::Unknown { part, value };
        if flags & RESERVED_FLAG != 0 {
            return Err(unknown("flags", flags));
        }
        let kind = match flags & KIND_BITS {
            0 => Kind::Decimal,
            1 => Kind::Corrected,
            2 => Kind::Raw,
            other => return Err(unknown("kind", other)),
        };
        let transform = match flags >> TRANSFORM_SHIFT & TRANSFORM_BITS {
            0 => Transform::Offset,
            1 => Transform::Delta,
            2 => Transform::Delta2,
            3 => Transform::Xor,
            4 => Transform::Slope,
            other => return Err(unknown("transform", other)),
        };
        let nibbles = read_byte(cell, "exponent")?;
        let (exponent, width) = (nibbles & NIBBLE, nibbles >> WIDTH_SHIFT);
        if width > WIDTH_MAX {
            return Err(unknown("width", width));
        }
        if kind == Kind::Raw && exponent != 0 {
            return Err(unknown("exponent", exponent));
        }
        let base = unfold(read_number(cell, "base")?);
        let step = match flags & STEP_FLAG {
            0 => 1,
            _ => read_number(cell, "step")?,
        };
        let slope = match transform.has_slope() {
            true => unfold(read_number(cell, "slope")?),
            false => 0,
        };
        let mut corrections = Corrections::default();
        if kind == Kind::Corrected {
            let byte = read_byte(cell, "corrections")?;
            corrections.width = byte & !DELTAS_FLAG;
            corrections.are_deltas = byte & DELTAS_FLAG != 0;
            if corrections.width > WIDTH_MAX {
                return Err(unknown("width of corrections", byte));
            }
        }
        Ok(Self {
            kind,
            transform,
            has_exceptions: flags & EXCEPTIONS_FLAG != 0,
            exponent,
            width,
            base,
            step,
            slope,
            corrections,
        })
    }
}

/// Folds a signed number so that a small negative one is small: 0, -1, 1, -2 become 0, 1, 2, 3.
pub(crate) fn fold(number: u64) -> u64 {
    number << 1 ^ 0_u64.wrapping_sub(number >> 63)
}

/// Undoes [`fold`].
#[inline]
pub(crate) fn unfold(folded: u64) -> u64 {
    folded >> 1 ^ 0_u64.wrapping_sub(folded & 1)
}

/// Appends a number, seven bits a byte, lowest first, 0x80 marking that another follows.
pub(crate) fn write_number(mut number: u64, cell: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            cell.push(low & 0x7f);
            return;
        }
        cell.push(low | 0x80);
    }
}

/// Takes a number off the front of a cell.
#[inline]
pub(crate) fn read_number(cell: &mut &[u8], part: &'static str) -> Result<u64, CellError> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(cell, part)?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return Err(CellError::Number { part });
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(CellError::Number { part })
}

#[inline]
fn read_byte(cell: &mut &[u8], part: &'static str) -> Result<u8, CellError> {
    let byte = cell.split_off_first().ok_or(CellError::Short { part })?;
    Ok(*byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_longer_ones_are_refused() {
        for number in [0, 1, 127, 128, 16_383, 16_384, 1 << 63, u64::MAX] {
            let mut cell = Vec::new();
            write_number(number, &mut cell);
            let mut rest = &cell[..];
            assert_eq!(read_number(&mut rest, "base"), Ok(number));
            assert!(rest.is_empty());
            let mut cut = &cell[..cell.len() - 1];
            let short = CellError::Short { part: "base" };
            assert_eq!(read_number(&mut cut, "base"), Err(short));
        }
        let long = CellError::Number { part: "base" };
        for bytes in [
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            [0xff; 10],
        ] {
            assert_eq!(read_number(&mut &bytes[..], "base"), Err(long));
        }
    }

    #[test]
    fn folding_keeps_small_numbers_small() {
        let folded = [0, 1, 2, 3, u64::MAX, u64::MAX - 1];
        let numbers = [0, -1, 1, -2, i64::MIN, i64::MAX].map(i64::cast_unsigned);
        assert_eq!(numbers.map(fold), folded);
        assert_eq!(folded.map(unfold), numbers);
    }

    #[test]
    fn a_head_comes_back() {
        let head = Head {
            kind: Kind::Corrected,
            transform: Transform::Slope,
            has_exceptions: true,
            exponent: 9,
            width: 3,
            base: 12_345,
            step: 100,
            slope: (-7_i64).cast_unsigned(),
            corrections: Corrections {
                width: 1,
                are_deltas: true,
            },
        };
        let mut cell = Vec::new();
        head.write(&mut cell);
        let mut rest = &cell[..];
        assert_eq!(Head::read(&mut rest), Ok(head));
        assert!(rest.is_empty());
        for end in 0..cell.len() {
            assert!(Head::read(&mut &cell[..end]).is_err());
        }
    }

    #[test]
    fn what_the_format_does_not_know_is_named() {
        let cases = [
            (&[0x80, 0, 0][..], "flags", 0x80),
            (&[0x03, 0, 0], "kind", 3),
            (&[0x14, 0, 0], "transform", 5),
            (&[0x00, 0x90, 0], "width", 9),
            (&[0x02, 0x01, 0], "exponent", 1),
            (&[0x01, 0x00, 0, 0x09], "width of corrections", 9),
        ];
        for (bytes, part, value) in cases {
            let unknown = CellError::Unknown { part, value };
            assert_eq!(Head::read(&mut &bytes[..]), Err(unknown));
        }
    }
}
