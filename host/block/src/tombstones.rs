//! `tombstones`: which samples of a block are deleted. It is the only file of a block that may
//! change, always as a whole: another one takes its place.
//!
//! It is not: what takes the samples out of what is read, which is [`narthex_storage::Intervals`].

use std::collections::BTreeMap;

use narthex_nx::varint::{self, Input};
use narthex_storage::{Intervals, TimeRange};

use crate::Fault;

/// The name of the file.
pub(crate) const TOMBSTONES_FILE: &str = "tombstones";

/// A file of more bytes is refused, and a deletion that would make one as well: the block has to
/// be cleaned first. It is room for some ten million series.
pub(crate) const TOMBSTONES_BYTES_MAX: usize = 64 << 20;

/// The last byte is the version.
const MAGIC: [u8; 8] = *b"NXTOMB\0\x01";

const ULID_BYTES: usize = 26;

/// The deleted samples of a block, by series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tombstones(BTreeMap<u32, Intervals>);

impl Tombstones {
    /// What is deleted of a series, by its row.
    pub(crate) fn get(&self, row: u32) -> Option<&Intervals> {
        self.0.get(&row)
    }

    /// How many series have deleted samples.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all samples of a series in a range are deleted; `span` is from its first to its last.
    pub(crate) fn hides(&self, row: u32, span: TimeRange, range: TimeRange) -> bool {
        self.get(row).is_some_and(|deleted| {
            deleted.covers(TimeRange {
                start_ms: span.start_ms.max(range.start_ms),
                end_ms: span.end_ms.min(range.end_ms),
            })
        })
    }

    /// Deletes the samples of a series in a range.
    pub(crate) fn add(&mut self, row: u32, range: TimeRange) {
        self.0.entry(row).or_default().add(range);
    }

    /// The file, for the block called `ulid`.
    pub(crate) fn to_bytes(&self, ulid: &str) -> Result<Vec<u8>, Fault> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(ulid.as_bytes());
        varint::push(&mut bytes, self.0.len() as u64);
        let mut next = 0;
        for (row, deleted) in &self.0 {
            varint::push(&mut bytes, u64::from(*row) - next);
            next = u64::from(*row) + 1;
            varint::push(&mut bytes, deleted.len() as u64);
            let mut before_ms = 0_i64;
            for range in deleted.iter() {
                varint::push_folded(&mut bytes, range.start_ms.wrapping_sub(before_ms));
                let length = range.end_ms.wrapping_sub(range.start_ms).cast_unsigned();
                varint::push(&mut bytes, length);
                before_ms = range.end_ms;
            }
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        match bytes.len() > TOMBSTONES_BYTES_MAX {
            false => Ok(bytes),
            true => Err(Fault::format(format!(
                "it would have over {TOMBSTONES_BYTES_MAX} bytes: clean the tombstones first"
            ))),
        }
    }

    /// What the file of a block with so many series says.
    pub(crate) fn from_bytes(bytes: &[u8], ulid: &str, series: u32) -> Result<Self, Fault> {
        let whole = Fault::Checksum {
            start: 0,
            end: bytes.len() as u64,
        };
        let Some((sealed, sum)) = bytes.split_last_chunk() else {
            return Err(whole);
        };
        if crc32c::crc32c(sealed).to_le_bytes() != *sum {
            return Err(whole);
        }
        let mut input = Input::new(sealed, "it does not say what tombstones say");
        if input.take(MAGIC.len())? != MAGIC {
            return Err(input.broken().into());
        }
        if input.take(ULID_BYTES)? != ulid.as_bytes() {
            return Err(Fault::format("it belongs to another block"));
        }
        let mut read = Self::default();
        let mut next = 0_u64;
        for _ in 0..input.size(series as usize)? {
            let row = next.checked_add(input.number()?);
            let row = row.filter(|row| *row < u64::from(series));
            let row = row.ok_or_else(|| input.broken())?;
            next = row + 1;
            let row = u32::try_from(row).map_err(|_| input.broken())?;
            read.0.insert(row, intervals(&mut input)?);
        }
        match input.is_empty() {
            true => Ok(read),
            false => Err(input.broken().into()),
        }
    }
}

/// Reads the spans of one series.
fn intervals(input: &mut Input<'_>) -> Result<Intervals, Fault> {
    let mut deleted = Intervals::default();
    let mut before_ms = 0_i64;
    // Each span takes two bytes at least.
    for _ in 0..input.size(TOMBSTONES_BYTES_MAX / 2)? {
        let start_ms = before_ms.wrapping_add(input.folded()?);
        let end_ms = start_ms.wrapping_add(input.number()?.cast_signed());
        let ascends = deleted.is_empty() || start_ms > before_ms;
        if !ascends || end_ms < start_ms {
            return Err(input.broken().into());
        }
        deleted.add(TimeRange { start_ms, end_ms });
        before_ms = end_ms;
    }
    match deleted.is_empty() {
        false => Ok(deleted),
        true => Err(input.broken().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ULID: &str = "01J00000000000000000000000";

    fn tombstones(all: &[(u32, &[(i64, i64)])]) -> Tombstones {
        let mut tombstones = Tombstones::default();
        for (row, spans) in all {
            for (start_ms, end_ms) in spans.iter().copied() {
                tombstones.add(*row, TimeRange { start_ms, end_ms });
            }
        }
        tombstones
    }

    fn example() -> Tombstones {
        tombstones(&[
            (0, &[(-5, 7), (20, 20)]),
            (7, &[(i64::MIN, i64::MAX)]),
            (8, &[(300, 70_000)]),
        ])
    }

    /// The bytes that `FORMAT.md` promises.
    #[test]
    fn the_file_looks_like_this_and_reads_back() {
        let bytes = example().to_bytes(ULID).unwrap();
        assert_eq!(bytes[..8], *b"NXTOMB\0\x01");
        assert_eq!(bytes[8..34], *ULID.as_bytes());
        assert_eq!(bytes[34..40], [3, 0, 2, 9, 12, 26]);
        let read = Tombstones::from_bytes(&bytes, ULID, 9).unwrap();
        assert_eq!(read, example());
        let none = Tombstones::default().to_bytes(ULID).unwrap();
        assert!(Tombstones::from_bytes(&none, ULID, 9).unwrap().is_empty());
    }

    #[test]
    fn no_flipped_bit_no_cut_and_no_other_block_passes() {
        let bytes = example().to_bytes(ULID).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(Tombstones::from_bytes(&flipped, ULID, 9).is_err());
            }
            assert!(Tombstones::from_bytes(&bytes[..at], ULID, 9).is_err());
        }
        let other = ULID.replace('J', "K");
        assert!(Tombstones::from_bytes(&bytes, &other, 9).is_err());
        assert!(Tombstones::from_bytes(&bytes, ULID, 8).is_err());
    }

    #[test]
    fn spans_that_do_not_ascend_are_refused() {
        let sealed = |payload: &[u8]| {
            let mut bytes = [&MAGIC[..], ULID.as_bytes(), payload].concat();
            bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
            Tombstones::from_bytes(&bytes, ULID, 9)
        };
        assert!(sealed(&[1, 0, 1, 2, 3]).is_ok());
        assert!(sealed(&[1, 0, 2, 2, 3, 2, 0]).is_ok());
        for broken in [
            &[1, 0, 2, 2, 3, 0, 0][..],
            &[1, 0, 2, 2, 3, 1, 0],
            &[1, 0, 0],
            &[1, 9, 1, 2, 3],
            &[10, 0, 1, 2, 3],
            &[1, 0, 1, 2, 3, 0],
            &[1, 0, 1, 2],
            &[],
        ] {
            assert!(sealed(broken).is_err(), "{broken:?}");
        }
    }
}
