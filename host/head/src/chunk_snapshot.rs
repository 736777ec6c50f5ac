//! What is in memory, as a file beside the log: written as the head closes, read as it opens, so
//! that what was sealed need not be sealed again.
//!
//! [`covered`] says for which part of the log it stands, [`series`] how a series lies in it,
//! [`writer`] and [`reader`] go through the file. The grammar is in `FORMAT.md`.
//!
//! It is not: needed. The log has all that it has, and a snapshot that is damaged, or does not fit
//! the log beside it, is left out with a warning. Nor is it a format for others: who reads another
//! version than this one reads the log.

pub(crate) mod covered;
pub(crate) mod reader;
mod series;
pub(crate) mod writer;

pub(crate) use covered::Covered;
pub(crate) use series::{Parts, StoredSeries};

use std::io;

use narthex_disk::Disk;

/// The file.
pub(crate) const FILE: &str = "chunk_snapshot";

/// The file while it is written.
pub(crate) const WRITING: &str = "chunk_snapshot.writing";

/// What the file starts with. The last byte is the version: it grows with each change of what lies
/// in the file, the bytes of a tail and of a cell included.
const MAGIC: [u8; 8] = *b"NXSNAP\0\x01";

/// What the records of the file are. No segment of the log has such records.
const KIND_COVERED: u8 = 64;
const KIND_TIMELINES: u8 = 65;
const KIND_SERIES: u8 = 66;
const KIND_EXEMPLARS: u8 = 67;
const KIND_END: u8 = 68;

/// Removes a file of the two, where it is there.
pub(crate) fn remove(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
