//! Numbers of seven bits a byte, lowest first, and other small things that cells are made of.
//!
//! It is not: the codec of values.

use crate::CellError;
use crate::cell::{fold, read_number, unfold, write_number};

/// Appends a number.
#[inline]
pub fn push(bytes: &mut Vec<u8>, number: u64) {
    write_number(number, bytes);
}

/// Appends a number that may be negative: small ones of either sign are short.
#[inline]
pub fn push_folded(bytes: &mut Vec<u8>, number: i64) {
    push(bytes, fold(number.cast_unsigned()));
}

/// Bytes that are read from the front.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    bytes: &'a [u8],
    /// What to say where they end too early or say too much.
    broken: &'static str,
}

impl<'a> Input<'a> {
    /// Bytes, and what is said where they are not what they should be.
    #[inline]
    pub fn new(bytes: &'a [u8], broken: &'static str) -> Self {
        Self { bytes, broken }
    }

    /// Whether all bytes are read.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The error of all that is wrong with these bytes.
    #[inline]
    pub fn broken(&self) -> CellError {
        CellError::Broken(self.broken)
    }

    /// So many bytes.
    ///
    /// # Errors
    /// There are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], CellError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| self.broken())?;
        self.bytes = rest;
        Ok(taken)
    }

    /// What is not read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// One byte.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, CellError> {
        let byte = self.take(1)?.first().copied();
        byte.ok_or_else(|| self.broken())
    }

    /// A number of at most 64 bits.
    ///
    /// # Errors
    /// The bytes are something else.
    #[inline]
    pub fn number(&mut self) -> Result<u64, CellError> {
        read_number(&mut self.bytes, "number").map_err(|_| self.broken())
    }

    /// A number that [`push_folded`] wrote.
    ///
    /// # Errors
    /// As of [`Self::number`].
    #[inline]
    pub fn folded(&mut self) -> Result<i64, CellError> {
        Ok(unfold(self.number()?).cast_signed())
    }

    /// A number that is at most `max`.
    ///
    /// # Errors
    /// As of [`Self::number`], or the number is larger.
    #[inline]
    pub fn size(&mut self, max: usize) -> Result<usize, CellError> {
        let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if number > max {
            return Err(self.broken());
        }
        Ok(number)
    }

    /// A double by its bits.
    ///
    /// # Errors
    /// The bytes end too early.
    #[inline]
    pub fn double(&mut self) -> Result<f64, CellError> {
        let bits = self.take(size_of::<u64>())?.try_into();
        let bits = bits.map_err(|_| self.broken())?;
        Ok(f64::from_bits(u64::from_le_bytes(bits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_longer_ones_are_refused() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 1 << 62, u64::MAX];
        let folded = [0, -1, 1, i64::MIN, i64::MAX];
        numbers.iter().for_each(|number| push(&mut bytes, *number));
        folded
            .iter()
            .for_each(|number| push_folded(&mut bytes, *number));
        let mut input = Input::new(&bytes, "broken");
        for number in numbers {
            assert_eq!(input.number().unwrap(), number);
        }
        for number in folded {
            assert_eq!(input.folded().unwrap(), number);
        }
        assert!(input.is_empty());
        assert_eq!(input.byte().unwrap_err().to_string(), "broken");
        for bytes in [&[0xff; 10][..], &[0x80; 11], &[0x80]] {
            assert!(Input::new(bytes, "broken").number().is_err());
        }
    }
}
