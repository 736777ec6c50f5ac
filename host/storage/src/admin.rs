//! What an operator asks of a store: what it holds, and to delete, to clean up and to copy.

use std::sync::Arc;

use futures::future::BoxFuture;
use narthex_model::Matcher;

use crate::TimeRange;

/// What `/api/v1/status/tsdb` tells: counts of the newest samples' index, largest first; and of
/// `/api/v1/status/runtimeinfo` what the store knows.
#[derive(Debug, Clone, Default)]
pub struct StorageStats {
    /// Series in the head.
    pub series: u64,
    /// Distinct label pairs in the head.
    pub label_pairs: u64,
    /// Chunks in the head.
    pub chunks: u64,
    /// Oldest sample in the head; `None` where it is empty.
    pub min_time_ms: Option<i64>,
    /// Newest sample in the head; `None` where it is empty.
    pub max_time_ms: Option<i64>,
    /// Series by metric name.
    pub series_by_metric_name: Vec<(String, u64)>,
    /// Values by label name.
    pub values_by_label_name: Vec<(String, u64)>,
    /// Bytes of label values by label name.
    pub bytes_by_label_name: Vec<(String, u64)>,
    /// Series by label pair, written `name=value`.
    pub series_by_label_pair: Vec<(String, u64)>,
    /// Damaged parts of the write-ahead log that were found since the store was opened, as in
    /// `prometheus_tsdb_wal_corruptions_total`.
    pub wal_corruptions: u64,
}

/// A block that answers queries, as `/api/v1/status/tsdb/blocks` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its name.
    pub ulid: String,
    /// The first millisecond that it answers for.
    pub min_time_ms: i64,
    /// The millisecond after the last one.
    pub max_time_ms: i64,
    /// How many series it has.
    pub series: u64,
    /// How many samples.
    pub samples: u64,
    /// 1 for a block of samples from memory, one more with each compaction.
    pub level: u32,
    /// The blocks of level 1 that it stands for, itself among them.
    pub sources: Vec<String>,
    /// The version of its format.
    pub version: u32,
}

/// Why what an operator asked for was not done, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It cannot be done here. Nothing has changed.
    #[error("{0}")]
    Refused(String),
    /// A part of the store failed. What was done until then stays done, and it can be asked for
    /// again.
    #[error("{context}")]
    Failed {
        /// What was tried.
        context: &'static str,
        /// What was wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What an operator asks of a store.
pub trait StorageAdmin: Send + Sync {
    /// The blocks, oldest first.
    fn blocks(&self) -> Vec<StoredBlock>;

    /// Counts, each list cut to `limit` entries.
    fn stats(&self, limit: usize) -> StorageStats;

    /// Nothing is older, in milliseconds since the epoch, wherever it lies: samples that came late may
    /// be older than all that was cut off. `None` where there is nothing.
    fn oldest_ms(&self) -> Option<i64> {
        let blocks = self.blocks();
        let blocks = blocks.iter().map(|block| block.min_time_ms);
        blocks.chain(self.stats(0).min_time_ms).min()
    }

    /// Deletes the samples in the range of all series that match one of the selectors, as far as
    /// they are there now. When it returns `Ok`, no reader that comes later gets one of them, and
    /// that outlives the machine. Label names and values may be found until
    /// [`Self::clean_tombstones`]; exemplars stay.
    fn delete(
        self: Arc<Self>,
        selectors: Vec<Vec<Matcher>>,
        range: TimeRange,
    ) -> BoxFuture<'static, Result<(), AdminError>>;

    /// Frees the room that deleted samples take on the disk.
    fn clean_tombstones(self: Arc<Self>) -> BoxFuture<'static, Result<(), AdminError>>;

    /// Makes a copy that opens as a store, of what is on the disk and, unless `skips_head`, of
    /// what is in memory; the answer is its name.
    fn snapshot(
        self: Arc<Self>,
        skips_head: bool,
    ) -> BoxFuture<'static, Result<String, AdminError>>;
}
