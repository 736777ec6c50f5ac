//! Blocks that new readers no longer get. Their folders go once the last reader has finished.

use std::sync::{Arc, Mutex, PoisonError};

use narthex_block::{Block, DiskStore};
use narthex_disk::{Disk, DiskExt};

use crate::TsdbError;

/// What a block's folder is called while its files are removed. Prometheus says the same.
pub(crate) const DELETION_SUFFIX: &str = ".tmp-for-deletion";

/// Blocks whose folders are to be removed. What is still in here when the process ends is
/// removed, or taken away again, after the next start: see `Catalog::open`.
#[derive(Debug, Default)]
pub(crate) struct Retired {
    blocks: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    block: Arc<Block>,
    /// Whether the log has said that the folder cannot be removed.
    is_told: bool,
}

impl Retired {
    /// Takes a block that the catalog no longer names.
    pub(crate) fn add(&self, block: Arc<Block>) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.push(Waiting {
            block,
            is_told: false,
        });
    }

    /// How many blocks wait for their readers.
    pub(crate) fn len(&self) -> usize {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.len()
    }

    /// Removes the folders of the blocks that nobody reads. A folder that cannot be removed is
    /// tried again the next time.
    pub(crate) fn sweep(&self, store: &DiskStore) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain_mut(|waiting| {
            // Readers take blocks from the catalog only, so a block that nobody else holds now
            // is never held again.
            if Arc::strong_count(&waiting.block) > 1 {
                return true;
            }
            let name = &waiting.block.meta().ulid;
            let Err(error) = delete(store, name) else {
                tracing::debug!(block = %name, "folder of a block is removed");
                return false;
            };
            if !std::mem::replace(&mut waiting.is_told, true) {
                let cause = std::error::Error::source(&error);
                tracing::warn!(%error, cause, "the folder of a block stays behind");
            }
            true
        });
    }
}

/// Removes the folder of a block, in such a way that after a crash it is a block, or a leftover
/// that opening removes, and never half a block.
pub(crate) fn delete(store: &DiskStore, name: &str) -> Result<(), TsdbError> {
    let disk = store.disk();
    let doomed = format!("{name}{DELETION_SUFFIX}");
    store.forget(name);
    if disk.exists(name) {
        let renamed = disk.rename(name, &doomed);
        renamed.map_err(TsdbError::io("rename", disk.show(name)))?;
        sync(disk.as_ref())?;
    }
    match disk.remove_folder(&doomed) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(TsdbError::io("remove", disk.show(&doomed))(error))
        }
        _ => Ok(()),
    }
}

/// Makes the names of blocks outlive the machine.
pub(crate) fn sync(disk: &dyn Disk) -> Result<(), TsdbError> {
    let synced = disk.sync_folder("");
    synced.map_err(TsdbError::io("sync", disk.show("")))
}
