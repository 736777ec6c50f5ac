//! Checksums of a file: one of the whole, and one of each stretch of it, so that a part can be
//! read and trusted without the rest.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::Fault;
use crate::meta::FileMeta;

/// How many bytes one checksum covers; the last stretch of a file is shorter.
pub(crate) const SUM_BYTES: u64 = 32 << 10;

/// Adds up a file while it is written.
#[derive(Debug, Default)]
pub(crate) struct Summing {
    size: u64,
    whole: u32,
    sha256: Sha256,
    stretch: u32,
    sums: String,
}

impl Summing {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.whole = crc32c::crc32c_append(self.whole, bytes);
        self.sha256.update(bytes);
        while !bytes.is_empty() {
            let room = SUM_BYTES - self.size % SUM_BYTES;
            let take = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
            let (now, rest) = bytes.split_at(take);
            self.stretch = crc32c::crc32c_append(self.stretch, now);
            self.size += now.len() as u64;
            if self.size.is_multiple_of(SUM_BYTES) {
                self.end_stretch();
            }
            bytes = rest;
        }
    }

    pub(crate) fn finish(mut self) -> FileMeta {
        if !self.size.is_multiple_of(SUM_BYTES) {
            self.end_stretch();
        }
        FileMeta {
            size: self.size,
            crc32c: hex(self.whole),
            sha256: self.sha256.finalize().iter().fold(
                String::with_capacity(64),
                |mut text, byte| {
                    text.push_str(&format!("{byte:02x}"));
                    text
                },
            ),
            sums: self.sums,
        }
    }

    fn end_stretch(&mut self) {
        self.sums.push_str(&hex(self.stretch));
        self.stretch = 0;
    }
}

/// A checksum as it is written in `meta.json`.
pub(crate) fn hex(sum: u32) -> String {
    format!("{sum:08x}")
}

/// Reads what [`hex`] wrote, any number of them in a row.
pub(crate) fn parse_hex(text: &str) -> Option<Vec<u32>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(8) || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    bytes
        .chunks(8)
        .map(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .collect()
}

/// The checksums of a file that is read.
#[derive(Debug)]
pub(crate) struct Sums {
    size: u64,
    sums: Vec<u32>,
}

impl Sums {
    pub(crate) fn of(meta: &FileMeta) -> Result<Self, Fault> {
        let sums = parse_hex(&meta.sums)
            .filter(|sums| sums.len() as u64 == meta.size.div_ceil(SUM_BYTES))
            .ok_or_else(|| Fault::format("the checksums do not fit the size"))?;
        Ok(Self {
            size: meta.size,
            sums,
        })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The stretches that a range of bytes lies in, as a range of bytes.
    pub(crate) fn widen(&self, range: &Range<u64>) -> Result<Range<u64>, Fault> {
        if range.start > range.end || range.end > self.size {
            return Err(Fault::format(format!(
                "bytes {} to {} of a file of {} bytes",
                range.start, range.end, self.size
            )));
        }
        let start = range.start / SUM_BYTES * SUM_BYTES;
        let end = range.end.div_ceil(SUM_BYTES) * SUM_BYTES;
        Ok(start..end.min(self.size))
    }

    /// How many bytes a stretch has, the last one excepted.
    pub(crate) fn stretch_bytes(&self) -> u64 {
        SUM_BYTES
    }

    /// The numbers of the stretches that a range of bytes lies in.
    pub(crate) fn stretches(&self, range: &Range<u64>) -> Result<Range<u64>, Fault> {
        let wide = self.widen(range)?;
        Ok(wide.start / SUM_BYTES..wide.end.div_ceil(SUM_BYTES))
    }

    /// The bytes of stretches.
    pub(crate) fn bytes(&self, stretches: &Range<u64>) -> Range<u64> {
        let end = stretches.end.saturating_mul(SUM_BYTES).min(self.size);
        stretches.start.saturating_mul(SUM_BYTES).min(end)..end
    }

    /// Checks bytes from `start` on; both ends are ends of stretches, as [`Self::widen`] makes
    /// them.
    pub(crate) fn verify(&self, start: u64, bytes: &[u8]) -> Result<(), Fault> {
        let stretch = usize::try_from(SUM_BYTES).unwrap_or(usize::MAX);
        let first = usize::try_from(start / SUM_BYTES).unwrap_or(usize::MAX);
        for (index, bytes) in bytes.chunks(stretch).enumerate() {
            let start = start + (index * stretch) as u64;
            if self.sums.get(first + index) != Some(&crc32c::crc32c(bytes)) {
                let end = start + bytes.len() as u64;
                return Err(Fault::Checksum { start, end });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stretch_has_its_sum_however_the_file_was_fed() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| i.to_le_bytes()[1]).collect();
        let mut at_once = Summing::default();
        at_once.update(&bytes);
        let mut in_parts = Summing::default();
        for part in bytes.chunks(777) {
            in_parts.update(part);
        }
        let meta = at_once.finish();
        assert_eq!(meta, in_parts.finish());
        assert_eq!(meta.sums.len(), 4 * 8);
        assert_eq!(meta.crc32c, hex(crc32c::crc32c(&bytes)));

        let sums = Sums::of(&meta).unwrap();
        assert_eq!(sums.widen(&(0..1)).unwrap(), 0..SUM_BYTES);
        assert_eq!(sums.widen(&(32_768..32_769)).unwrap(), 32_768..65_536);
        assert_eq!(sums.widen(&(99_999..100_000)).unwrap(), 98_304..100_000);
        assert!(sums.widen(&(99_999..100_001)).is_err());
        assert!(sums.verify(32_768, &bytes[32_768..65_536]).is_ok());
        assert!(sums.verify(98_304, &bytes[98_304..]).is_ok());
        let mut flipped = bytes[32_768..].to_vec();
        flipped[40_000] ^= 1;
        let fault = sums.verify(32_768, &flipped).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "bytes 65536 to 98304 do not match their checksum"
        );
    }

    #[test]
    fn an_empty_file_has_no_stretch() {
        let meta = Summing::default().finish();
        assert_eq!((meta.size, meta.sums.as_str()), (0, ""));
        assert!(Sums::of(&meta).unwrap().verify(0, &[]).is_ok());
    }
}
