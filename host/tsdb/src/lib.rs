//! The head and the blocks as one store: what is new is in memory and in the log, what is older
//! lies in blocks, and a reader sees every sample once.
//!
//! ```text
//! <path>/wal/...      the head's log
//! <path>/<ULID>/...   a block
//! <path>/<ULID>.tmp/  a block that is being written; removed when the store is opened
//! <path>/<ULID>.tmp-for-deletion/  a block that is being removed; as above
//! <path>/snapshots/... copies of the store at some moment
//! <path>/lock         taken while the store is open, removed when it is closed
//! ```
//!
//! Samples move from the head to a block in steps, each of which may be the last one before the
//! process dies: late samples are refused, the block is written beside the others, its folder
//! gets its name, readers get to know it, the head lets go. Opening takes samples from the log
//! only where no block answers for their time, so none is lost and none is there twice.
//!
//! Blocks become longer ones by compaction, in steps of the same kind: the new block is written
//! beside its parents, gets its name, takes their place before readers all at once, and the
//! parents' folders go once the last reader of them has finished. Opening removes blocks in whose
//! place another one stands. Blocks that are older or larger than what is kept go whole.
//!
//! [`LabelledBlocks`] are blocks of several servers, which are only read. An [`Agent`] has the log alone, for who sends on what comes.
//!
//! It is not: a format. The log is the head's and the blocks are the block crate's.

mod admin;
mod agent;
mod agent_metrics;
mod analysis;
mod block_list;
mod block_set;
mod catalog;
mod clean;
mod compact;
mod config;
mod cut;
mod delete;
mod distribution;
mod dump;
mod error;
mod export;
mod import;
mod intake;
mod labelled;
mod late;
mod line_parts;
mod lock;
mod merge;
mod metrics;
mod open_metrics;
mod options;
mod plan;
mod read;
mod read_only;
mod remote;
mod resolutions;
mod retention;
mod retired;
mod room;
mod snapshot;
mod stale;
mod tsdb;
mod windows;

#[cfg(test)]
mod tests;

pub use agent::{Agent, AgentOptions, MAX_WAL_TIME, MIN_WAL_TIME};
pub use analysis::{ANALYSIS_LIMIT, Analysis, AnalysisOptions};
pub use block_list::BlockList;
pub use block_set::BlockSet;
pub use config::{
    ChunkEncodingConfig, ExemplarsConfig, FloatChunkEncoding, RetentionConfig, StorageConfig,
    TsdbConfig,
};
pub use dump::{DumpError, DumpFormat, dump};
pub use error::TsdbError;
pub use export::{ExportError, ExportOptions, ExportProgress, export_blocks};
pub use import::{ImportError, ImportProgress, ImportReport};
pub use labelled::LabelledBlocks;
pub use narthex_block::export;
pub use narthex_head::{LogPlace, LogTail};
pub use narthex_storage::ReplayProgress;
pub use open_metrics::{OpenMetricsError, OpenMetricsProgress, SAMPLES_AT_ONCE};
pub use options::{
    EXEMPLARS_MAX, MAX_BLOCK_DURATION, MIN_BLOCK_DURATION, PAGE_CACHE_BYTES, TsdbOptions,
};
pub use read_only::{OpenedBlocks, StoredBlocks, select_blocks};
pub use remote::RemoteBlocks;
pub use retention::{RETENTION_TIME, Retention};
pub use tsdb::Tsdb;
