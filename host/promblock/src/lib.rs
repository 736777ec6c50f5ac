//! Reads the blocks of Prometheus' own time series database, of versions 2 and 3, and writes such.
//!
//! A block is a folder with `meta.json`, `index`, `chunks/` and perhaps `tombstones`. All bytes
//! that are used are covered by checksums, which are checked first; every length is held against
//! the file and a bound before it is used. Whatever the bytes are, there are samples or an error
//! that names the file and the place; a damaged series costs itself.
//!
//! Memory holds the symbols of the index, four bytes a series, the deleted intervals, and one
//! series. Files are read in order and never mapped.
//!
//! [`read_chunk`] reads a single chunk that came another way, as remote read sends them, and
//! [`write_chunks`] writes such chunks.
//!
//! It is not: a writer of whole blocks, a reader of the write-ahead log or of head chunks (what
//! Prometheus has not yet cut into a block is not here: a snapshot makes one of it), or a store that
//! answers queries.
//!
//! # How blocks are taken over
//!
//! What imports a folder of blocks does the following for each block in it that is not
//! [deletable](PromCompaction::deletable).
//!
//! 1. It skips the block where its name stands among the sources of a block of ours; this is how
//!    nothing is imported twice, and how an import that was stopped goes on. It refuses the block
//!    where only some of its [sources](PromCompaction::sources) stand there: then Prometheus has
//!    compacted blocks of which we have a part.
//! 2. [`PromBlock::numbers_by`] gives the series in the order that our blocks want: the metric name
//!    first, and the bounds of buckets as numbers. Prometheus' own order is another one where a
//!    label sorts before `__name__` or a series has `le`.
//! 3. For each slice of two hours, each goes through a [`SeriesReader`] and on to the writer, native
//!    histograms and start timestamps included.
//! 4. Each slice becomes a block, written as `<ULID>.tmp` with the name of the source and its
//!    sources in `meta.json`, and renamed once it is whole. One that a crash leaves is removed at the
//!    next start. Compaction joins the blocks as it does others.
//!
//! `narthex-tsdb` does it. Progress is the number of slices.

mod bit_writer;
mod bits;
mod block;
mod columns;
mod cursor;
mod error;
mod floats;
mod histograms;
mod index;
mod meta;
mod segments;
mod symbols;
mod tombstones;
mod window;
mod write;
mod writer;

pub use block::{PromBlock, SeriesReader, read_chunk, read_counter_chunk};
pub use error::{Fault, PromBlockError};
pub use meta::{PromCompaction, PromMeta, PromStats};
pub use write::{CHUNK_SAMPLES_MAX, ChunkWriter, WrittenChunk, write_chunks};
pub use writer::{PromBlockWriter, WrittenBlock};
