//! What an owner of a head may choose, and the bounds that nobody may choose.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use narthex_disk::{Disk, SystemDisk};
use narthex_storage::ReplayProgress;

/// A log segment is closed once it is this long; a single batch may make it longer.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// So many closed segments are kept at most for who reads the log as it grows
/// ([`crate::Head::hold_log_from`]): 4 GiB, which is hours of any load that one machine takes. Of a
/// reader that is slower the oldest go all the same, and it is told.
pub const HELD_SEGMENTS_MAX: usize = 64;

/// How long an acknowledged batch may wait for its fsync. It bounds what a power cut can take; a
/// killed process loses nothing.
pub const GROUP_COMMIT_INTERVAL: Duration = Duration::from_millis(100);

/// Labels and samples of one batch, as they would lie in the log with every series declared. A
/// larger batch is refused as too large. It also bounds a record, and so what replay will
/// allocate for one.
pub const BATCH_BYTES_MAX: usize = 256 << 20;

/// The labels of one series. A batch with a larger set is refused as too large.
pub const LABELS_BYTES_MAX: usize = 1 << 20;

/// Series that one head can number at a time. A batch that might need more is refused as too
/// large; everything the head holds goes on.
pub const SERIES_MAX: usize = u32::MAX as usize - 1;

/// When the log is forced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Batches are acknowledged once the kernel has them; a thread of the head calls fsync at
    /// most this much later.
    Group(Duration),
    /// Every batch waits for its own fsync.
    EachAppend,
}

/// How to open a head.
#[derive(Debug, Clone)]
pub struct HeadOptions {
    /// The folder of the log. It is made where it does not exist.
    pub disk: Arc<dyn Disk>,
    /// The oldest sample that the head takes, and that replay brings back: everything before is
    /// in blocks.
    pub min_valid_time_ms: i64,
    /// A segment of the log is closed once it is this long.
    pub segment_bytes: u64,
    /// When the log is forced to the disk.
    pub sync: SyncMode,
    /// So many exemplars are kept, of all series together; 0 keeps none.
    pub exemplars_max: usize,
    /// Whether [`Head::close`](crate::Head::close) leaves a snapshot of what is in memory beside the
    /// log, from which the next open is several times as fast.
    pub snapshot_on_close: bool,
    /// Is told how far the replay has come.
    pub replay: Arc<ReplayProgress>,
}

impl HeadOptions {
    /// The defaults for a log in `dir`: all times are taken, segments of [`SEGMENT_BYTES`], group
    /// commit.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self::on(Arc::new(SystemDisk::new(dir)))
    }

    /// As [`Self::new`], for a log on a disk of the caller's.
    pub fn on(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            min_valid_time_ms: i64::MIN,
            segment_bytes: SEGMENT_BYTES,
            sync: SyncMode::Group(GROUP_COMMIT_INTERVAL),
            exemplars_max: 0,
            snapshot_on_close: false,
            replay: Arc::default(),
        }
    }
}
