//! The newest samples in memory, found by their labels, and the write-ahead log that brings them
//! back after a restart.
//!
//! A batch goes to the log first, then to memory, then its report goes back; so whatever was
//! reported survives the end of the process. How the log lies on disk is written in `FORMAT.md`
//! beside this crate; how samples lie in memory is private and may change at any time.
//!
//! It is not: the history. Whoever owns the blocks cuts a range out of the head ([`Head::cut`]),
//! writes it somewhere durable, and then tells the head to let go of it ([`Head::truncate`]).
//! Nothing here is async, and nothing here reads the clock.

mod append;
mod appender;
mod chunk;
mod chunk_snapshot;
mod delete;
mod deleted;
mod error;
mod exemplars;
mod head;
mod histogram_chunk;
mod index;
mod late;
mod lateness;
mod log;
mod log_tail;
mod memory;
mod memory_writer;
mod options;
mod paged;
mod read;
mod read_ahead;
mod replay;
mod series;
mod series_kinds;
mod slot_table;
mod snapshot;
mod stale;
mod stats;
mod tail;
#[cfg(test)]
mod tests;
mod timelines;

pub use error::HeadError;
pub use exemplars::ExemplarStats;
pub use head::Head;
pub use log_tail::{LogEvent, LogPlace, LogRecord, LogSample, LogTail};
pub use options::{
    BATCH_BYTES_MAX, GROUP_COMMIT_INTERVAL, HELD_SEGMENTS_MAX, HeadOptions, LABELS_BYTES_MAX,
    SEGMENT_BYTES, SERIES_MAX, SyncMode,
};
pub use read::Cut;
pub use replay::{Damage, ReplayReport};
pub use stale::StaleCut;
