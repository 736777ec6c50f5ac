//! The write-ahead log: records in frames, frames in segments, segments in a folder.
//!
//! The disk grammar is `FORMAT.md`; here is who does what. [`record`] turns a batch into bytes
//! and back, [`frame`] guards those bytes with a length, a checksum and a sequence number,
//! [`segment`] names files and reads them, [`file`] is the seam to the file system, [`flush`]
//! forces files to the disk, and [`writer`] puts it all together.

pub(crate) mod file;
pub(crate) mod flush;
pub(crate) mod frame;
pub(crate) mod kinds;
pub(crate) mod record;
pub(crate) mod segment;
pub(crate) mod writer;
