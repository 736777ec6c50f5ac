//! The write-ahead log: records in frames, frames in segments, segments in a folder.
//!
//! The disk grammar is `FORMAT.md`; here is who does what. [`record`] turns a batch into bytes
//! and back, [`deletion`] a deletion, [`frame`] guards those bytes with a length, a checksum and a sequence number,
//! [`segment`] names files and reads them, [`growing`] is the one that is written, [`flush`] forces
//! files to the disk, [`writer`] puts it all together, and [`failure`] is told to
//! those who could not write.

pub(crate) mod deletion;
pub(crate) mod failure;
pub(crate) mod flush;
pub(crate) mod frame;
pub(crate) mod growing;
pub(crate) mod kinds;
pub(crate) mod record;
pub(crate) mod segment;
pub(crate) mod writer;
