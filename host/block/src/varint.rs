//! Numbers of seven bits a byte, lowest first, and other small things that cells are made of.
//!
//! It is not: the codec of values, which has its own in [`narthex_nx`].

use crate::Fault;

/// Appends a number.
pub(crate) fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Appends a number that may be negative: small ones of either sign are short.
pub(crate) fn push_folded(bytes: &mut Vec<u8>, number: i64) {
    push(
        bytes,
        (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned(),
    );
}

/// Bytes that are read from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    bytes: &'a [u8],
    /// What to say where they end too early or say too much.
    broken: &'static str,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8], broken: &'static str) -> Self {
        Self { bytes, broken }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The error of all that is wrong with these bytes.
    pub(crate) fn broken(&self) -> Fault {
        Fault::format(self.broken)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| self.broken())?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.take(1)?.first().copied();
        byte.ok_or_else(|| self.broken())
    }

    /// A number of at most 64 bits.
    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.broken())
    }

    pub(crate) fn folded(&mut self) -> Result<i64, Fault> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A number that is at most `max`.
    pub(crate) fn size(&mut self, max: usize) -> Result<usize, Fault> {
        let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if number > max {
            return Err(self.broken());
        }
        Ok(number)
    }

    /// A double by its bits.
    pub(crate) fn double(&mut self) -> Result<f64, Fault> {
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
