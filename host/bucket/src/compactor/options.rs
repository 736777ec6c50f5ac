//! How a bucket is compacted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use narthex_block::{REQUEST_TIMEOUT, Ulid};
use narthex_disk::{Disk, SystemDisk};
use narthex_model::{Clock, PromDuration};
use object_store::ObjectStore;

/// How a bucket is compacted. Durations and their defaults are those of Thanos' flags.
#[derive(Debug, Clone)]
pub struct CompactorOptions {
    /// The bucket.
    pub store: Arc<dyn ObjectStore>,
    /// Where blocks are brought together and written; what lies in its folder `compact` goes.
    pub disk: Arc<dyn Disk>,
    /// Tells how old things are.
    pub clock: Arc<dyn Clock>,
    /// The name of this worker, which no other one has. Names of blocks are made of it.
    pub owner: Ulid,
    /// Blocks that are younger are left alone.
    pub consistency_delay: PromDuration,
    /// How long raw blocks, and those of windows of five minutes and of an hour stay; zero keeps
    /// them for ever.
    pub retention: [PromDuration; 3],
    /// How long a block that is marked for deletion stays, so that whoever reads it can finish.
    pub delete_delay: PromDuration,
    /// Compactions at once.
    pub compactions_max: usize,
    /// Downsamplings at once.
    pub downsamplings_max: usize,
    /// Whether coarser blocks are made.
    pub downsamples: bool,
    /// Whether no other worker runs on this bucket: then a store without conditional writes will
    /// do.
    pub is_only_worker: bool,
    /// How long a request may take.
    pub timeout: Duration,
}

impl CompactorOptions {
    /// The defaults, with work in a folder of the machine.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        data_dir: impl Into<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            disk: Arc::new(SystemDisk::new(data_dir)),
            clock,
            owner: Ulid::generate(),
            consistency_delay: PromDuration::from_secs(30 * 60),
            retention: [PromDuration::default(); 3],
            delete_delay: PromDuration::from_secs(48 * 3_600),
            compactions_max: 1,
            downsamplings_max: 1,
            downsamples: true,
            is_only_worker: false,
            timeout: REQUEST_TIMEOUT,
        }
    }
}
