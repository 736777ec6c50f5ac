//! Immutable blocks: a folder of Parquet files on an object store, of which the local disk is
//! one. `FORMAT.md` beside this crate describes every byte.
//!
//! [`write`] makes a block from sorted series, [`compact`] one of several blocks, [`downsample()`] one
//! of aggregates, and [`Block`] answers for series and labels of one.
//! A block is there when its `meta.json` is, which is written last; after that nothing in the
//! folder ever changes but for what is deleted of it ([`Block::delete`]), which is a file of its
//! own until [`rewrite`] makes another block of the rest. Every byte that is read is checked against a checksum first, so damage
//! is an error and never a number.
//!
//! It is not: a list of blocks, their lifetime, or the newest samples. Those are the tsdb's and
//! the head's.

mod aggregate;
mod blobs;
mod block;
mod cell;
mod chunks;
mod chunks_page;
mod column_page;
mod columns;
mod compact;
mod counter;
mod delete;
mod disk_store;
mod downsample;
mod encoded;
mod error;
mod export;
mod extras;
mod file;
mod index;
mod joined_times;
mod label_files;
mod meta;
mod packed;
mod page;
mod page_header;
mod page_index;
mod postings;
mod ready_pages;
mod remote;
mod rewrite;
mod rows;
mod scan;
mod series;
mod series_union;
mod side;
mod slice_times;
mod slice_union;
mod start_cell;
mod sums;
mod table;
mod times;
mod tombstones;
mod upload;
mod verify;
mod write;

pub use aggregate::{AGGREGATE_LABEL, Aggregate};
pub use block::Block;
pub use compact::{PARENTS_MAX, compact};
pub use disk_store::DiskStore;
pub use downsample::downsample;
pub use error::{BlockError, Fault};
pub use export::export;
pub use meta::{BlockMeta, BlockStats, Compaction, FileMeta, META_FILE, Parent, TimeBounds};
pub use page::PageCache;
pub use remote::{REQUEST_TIMEOUT, REQUESTS_AT_ONCE, Remote, StretchCache, StretchKey};
pub use rewrite::rewrite;
pub use series::block_order;
pub use ulid::Ulid;
pub use verify::verify;
pub use write::{SLICE_MS, WriteOptions, write, write_early};
