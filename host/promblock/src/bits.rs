//! Takes single bits off the front of a chunk, and the numbers that chunks are made of.

use crate::Fault;
use crate::cursor::{unzigzag, uvarint};

/// The bits of a number that has so many ones in front of it, as histograms and start times
/// have them.
pub(crate) const VARBIT_WIDTHS: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];

/// The same for how far a time is from where it was expected, in chunks of floats.
pub(crate) const TIME_WIDTHS: [u32; 5] = [0, 14, 17, 20, 64];

/// The bits of a chunk, highest first, and how many are read. Past the end is a fault.
#[derive(Debug, Clone)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bits are left.
    pub(crate) fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// Up to 64 bits, the last one lowest.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> Result<u64, Fault> {
        if count > 32 {
            let high = self.take_few(count - 32)?;
            return Ok(high << 32 | self.take_few(32)?);
        }
        self.take_few(count)
    }

    /// Up to 32 bits, which are in eight bytes wherever they start.
    #[inline]
    fn take_few(&mut self, count: u32) -> Result<u64, Fault> {
        if count == 0 {
            return Ok(0);
        }
        if self.left() < count as usize {
            return Err(Fault::End("a chunk"));
        }
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(eight) => u64::from_be_bytes(*eight),
            None => {
                let mut eight = [0; 8];
                for (to, from) in eight.iter_mut().zip(rest) {
                    *to = *from;
                }
                u64::from_be_bytes(eight)
            }
        };
        let word = word << (self.at % 8);
        self.at += count as usize;
        Ok(word >> (u64::BITS - count))
    }

    /// How many ones come before the first zero, which is taken as well; at most `max`, after
    /// which no zero comes.
    #[inline]
    pub(crate) fn ones(&mut self, max: usize) -> Result<usize, Fault> {
        let mut ones = 0;
        while ones < max && self.take(1)? == 1 {
            ones += 1;
        }
        Ok(ones)
    }

    /// The bits of a float.
    pub(crate) fn float(&mut self) -> Result<f64, Fault> {
        self.take(64).map(f64::from_bits)
    }

    /// A number in whole bytes, as Go's `encoding/binary` has it.
    pub(crate) fn uvarint(&mut self) -> Result<u64, Fault> {
        let byte = || {
            let byte = self.take(8).ok()?;
            u8::try_from(byte).ok()
        };
        uvarint(byte).ok_or(Fault::End("a chunk"))
    }

    /// As [`Self::uvarint`], the sign in the lowest bit.
    pub(crate) fn varint(&mut self) -> Result<i64, Fault> {
        self.uvarint().map(unzigzag)
    }

    /// How far the time of a sample is from where it was expected.
    pub(crate) fn time(&mut self) -> Result<i64, Fault> {
        self.signed(&TIME_WIDTHS)
    }

    /// Prometheus' `varbit_int`.
    pub(crate) fn varbit(&mut self) -> Result<i64, Fault> {
        self.signed(&VARBIT_WIDTHS)
    }

    /// Prometheus' `varbit_uint`.
    pub(crate) fn varbit_unsigned(&mut self) -> Result<u64, Fault> {
        let (_, bits) = self.prefixed(&VARBIT_WIDTHS)?;
        Ok(bits)
    }

    fn signed(&mut self, widths: &[u32]) -> Result<i64, Fault> {
        let (width, bits) = self.prefixed(widths)?;
        // The range of a width is one more above zero than below.
        let is_negative = (1..64).contains(&width) && bits > 1 << (width - 1);
        let offset = if is_negative { 1_u64 << width } else { 0 };
        Ok(bits.wrapping_sub(offset).cast_signed())
    }

    fn prefixed(&mut self, widths: &[u32]) -> Result<(u32, u64), Fault> {
        let ones = self.ones(widths.len() - 1)?;
        let width = widths.get(ones).copied().unwrap_or(64);
        Ok((width, self.take(width)?))
    }
}

/// A float that is kept as what changed of its bits, and where in it bits changed last.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Xored {
    bits: u64,
    leading: u32,
    trailing: u32,
}

impl Xored {
    pub(crate) fn new(value: f64) -> Self {
        Self {
            bits: value.to_bits(),
            leading: 0,
            trailing: 0,
        }
    }

    pub(crate) fn value(self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// The next value: the same, or changed where the last one was, or changed elsewhere.
    #[inline]
    pub(crate) fn advance(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        match bits.ones(2)? {
            0 => Ok(()),
            1 => self.change(bits),
            _ => self.change_elsewhere(bits),
        }
    }

    /// Reads which bits change, where those of the last change are.
    pub(crate) fn change(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        let changed = bits.take(u64::BITS - self.leading - self.trailing)?;
        self.bits ^= changed << self.trailing;
        Ok(())
    }

    /// Reads where bits change, and which.
    pub(crate) fn change_elsewhere(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        let place = u32::try_from(bits.take(11)?).unwrap_or(0);
        let (leading, count) = (place >> 6, place & 0x3f);
        let count = if count == 0 { 64 } else { count };
        let trailing = u64::BITS.checked_sub(leading + count);
        let trailing =
            trailing.ok_or_else(|| Fault::format("a value has more bits than a float"))?;
        (self.leading, self.trailing) = (leading, trailing);
        self.change(bits)
    }
}
