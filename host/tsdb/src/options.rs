//! What the owner of a store may choose.

use std::path::PathBuf;
use std::sync::Arc;

use narthex_head::{GROUP_COMMIT_INTERVAL, SEGMENT_BYTES, SyncMode};
use narthex_model::{Clock, PromDuration};
use narthex_storage::ReplayProgress;

use crate::stale::check_share;
use crate::{Retention, TsdbError};

/// The time that one block answers for, unless chosen otherwise.
pub const MIN_BLOCK_DURATION: PromDuration = PromDuration::from_secs(2 * 3_600);

/// Memory for what was read of blocks, unless chosen otherwise.
pub const PAGE_CACHE_BYTES: u64 = 128 << 20;

/// How many exemplars are kept, of all series together, where exemplars are kept at all, unless
/// chosen otherwise.
pub const EXEMPLARS_MAX: usize = 100_000;

/// The longest time that one block answers for, unless chosen otherwise: 31 days, or a tenth of
/// the time that samples are kept where that is shorter.
pub const MAX_BLOCK_DURATION: PromDuration = PromDuration::from_secs(31 * 24 * 3_600);

/// How many of the longest blocks the time that samples are kept has at least.
const BLOCKS_PER_RETENTION: u64 = 10;

/// How to open a store.
#[derive(Debug, Clone)]
pub struct TsdbOptions {
    /// The store's folder. It is made where it does not exist.
    pub path: PathBuf,
    /// The time that one block answers for (`--storage.tsdb.min-block-duration`). Blocks start
    /// at its multiples.
    pub min_block_duration: PromDuration,
    /// The longest time that a block answers for after compaction
    /// (`--storage.tsdb.max-block-duration`); `None` for the default. Where it is shorter than
    /// [`Self::min_block_duration`], blocks stay as they were cut.
    pub max_block_duration: Option<PromDuration>,
    /// How long and how much is kept, until [`crate::Tsdb::set_retention`] says otherwise.
    pub retention: Retention,
    /// How much older than the newest sample one may be that comes out of order
    /// (`storage.tsdb.out_of_order_time_window`), until
    /// [`crate::Tsdb::set_out_of_order_window`] says otherwise.
    pub out_of_order_window: PromDuration,
    /// The part of all series in memory that has to have ended for these to leave it early
    /// (`storage.tsdb.stale_series_compaction_threshold`), until
    /// [`crate::Tsdb::set_stale_series_threshold`] says otherwise; 0 for never.
    pub stale_series_threshold: f64,
    /// A segment of the log is closed once it is this long (`--storage.tsdb.wal-segment-size`).
    pub wal_segment_bytes: u64,
    /// When the log is forced to the disk.
    pub wal_sync: SyncMode,
    /// Is told how far the replay of the log has come.
    pub replay: Arc<ReplayProgress>,
    /// What was read of blocks stays in memory up to so many bytes
    /// (`--storage.tsdb.page-cache-size`).
    pub page_cache_bytes: u64,
    /// So many exemplars are kept, of all series together (`storage.exemplars.max_exemplars`); 0
    /// keeps none.
    pub exemplars_max: usize,
    /// Whether [`crate::Tsdb::close`] leaves a snapshot of what is in memory for the next start. Who
    /// opens the store of a server for a moment leaves none: it would lack the server's exemplars.
    pub snapshot_on_close: bool,
    /// Says what is new: samples ahead of it do not push the present out of the head.
    pub clock: Arc<dyn Clock>,
}

impl TsdbOptions {
    /// The defaults for a store in `path`.
    pub fn new(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            path: path.into(),
            min_block_duration: MIN_BLOCK_DURATION,
            max_block_duration: None,
            retention: Retention::default(),
            out_of_order_window: PromDuration::default(),
            stale_series_threshold: 0.0,
            wal_segment_bytes: SEGMENT_BYTES,
            wal_sync: SyncMode::Group(GROUP_COMMIT_INTERVAL),
            replay: Arc::default(),
            page_cache_bytes: PAGE_CACHE_BYTES,
            exemplars_max: 0,
            snapshot_on_close: true,
            clock,
        }
    }

    pub(crate) fn check(&self) -> Result<(), TsdbError> {
        if self.min_block_duration.is_zero() {
            let reason = "the minimum block duration is zero".to_owned();
            return Err(TsdbError::Options(reason));
        }
        check_share(self.stale_series_threshold)?;
        self.retention.check()
    }

    /// The longest time that a block answers for after compaction.
    pub(crate) fn max_block_duration(&self) -> PromDuration {
        self.max_block_duration.unwrap_or_else(|| {
            let kept = self.retention.time;
            let part = PromDuration::from_millis(kept.as_millis() / BLOCKS_PER_RETENTION);
            match kept.is_zero() || part > MAX_BLOCK_DURATION {
                true => MAX_BLOCK_DURATION,
                false => part,
            }
        })
    }
}
