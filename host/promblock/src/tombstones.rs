//! `tombstones`: the intervals that were deleted and are still in the chunks.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use narthex_storage::TimeRange;

use crate::cursor::Cursor;
use crate::{Fault, PromBlockError};

/// The file's name.
const TOMBSTONES_FILE: &str = "tombstones";

/// The first bytes of the file.
const MAGIC: u32 = 0x0130_BA30;

/// The only version that there is.
const VERSION: u8 = 1;

/// Magic number and version.
const HEADER_BYTES: usize = 5;

/// The longest file that is read. A tombstone has 15 bytes or so; a longer file is an error.
const TOMBSTONES_BYTES_MAX: u64 = 1 << 30;

/// The deleted intervals of a block, by the reference of the series.
#[derive(Debug, Default)]
pub(crate) struct Tombstones {
    intervals: HashMap<u64, Vec<TimeRange>>,
}

impl Tombstones {
    /// Reads the file of the block in `folder`; none is a block without deletions.
    pub(crate) fn read(folder: &Path) -> Result<Self, PromBlockError> {
        let path = folder.join(TOMBSTONES_FILE);
        let bytes = match std::fs::metadata(&path).map(|file| file.len()) {
            Ok(len) if len > TOMBSTONES_BYTES_MAX => {
                let message =
                    format!("it has {len} bytes, and at most {TOMBSTONES_BYTES_MAX} are read");
                return Err(Fault::Format(message).of(&path));
            }
            Ok(_) => std::fs::read(&path),
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) => Self::parse(&bytes).map_err(|(at, fault)| fault.at(&path, at as u64)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Fault::from(error).of(&path)),
        }
    }

    /// Fails with the place and the fault.
    fn parse(bytes: &[u8]) -> Result<Self, (usize, Fault)> {
        let end = || Fault::End("the tombstones");
        let (bytes, sum) = bytes.split_last_chunk().ok_or((0, end()))?;
        let mut cursor = Cursor::new(bytes);
        if cursor.u32() != Some(MAGIC) {
            return Err((0, Fault::format("it does not start as tombstones do")));
        }
        let version = cursor.u8().ok_or((4, end()))?;
        if version != VERSION {
            let fault = Fault::Version {
                found: version.into(),
                supported: VERSION.into(),
            };
            return Err((4, fault));
        }
        let stones = bytes.get(HEADER_BYTES..).unwrap_or_default();
        if crc32c::crc32c(stones).to_be_bytes() != *sum {
            return Err((HEADER_BYTES, Fault::Checksum));
        }
        let mut tombstones = Self::default();
        while !cursor.is_empty() {
            let at = bytes.len() - cursor.len();
            let reference = cursor.uvarint().ok_or((at, end()))?;
            let interval = TimeRange {
                start_ms: cursor.varint().ok_or((at, end()))?,
                end_ms: cursor.varint().ok_or((at, end()))?,
            };
            let intervals = tombstones.intervals.entry(reference).or_default();
            intervals.push(interval);
        }
        for intervals in tombstones.intervals.values_mut() {
            intervals.sort_unstable_by_key(|interval| interval.start_ms);
            intervals.dedup_by(|next, kept| {
                let overlaps = next.start_ms <= kept.end_ms;
                if overlaps {
                    kept.end_ms = kept.end_ms.max(next.end_ms);
                }
                overlaps
            });
        }
        Ok(tombstones)
    }

    /// The deleted intervals of a series, ascending; none overlaps another.
    pub(crate) fn of(&self, reference: u64) -> &[TimeRange] {
        self.intervals
            .get(&reference)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}
