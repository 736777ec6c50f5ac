//! The folder on the local disk where blocks are brought together and written: how much of it is
//! promised, and that nothing stays behind.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use narthex_block::{DiskStore, Ulid};
use narthex_disk::{Disk, DiskExt, Lock};
use object_store::path::Path;

use super::CompactError;

/// The folder of all work, below the one that the owner chose.
const WORK: &str = "compact";

/// Says that a process works below the folder that the owner chose.
const LOCK: &str = "compact.lock";

/// So much of the disk is left to others.
const SPARE_BYTES: u64 = 64 << 20;

/// The disk, and what of it is promised to work that is under way.
#[derive(Debug)]
pub(crate) struct Workshop {
    disk: Arc<dyn Disk>,
    promised: Arc<Mutex<u64>>,
    /// Another process would empty the folder.
    _lock: Box<dyn Lock>,
}

/// A folder for one piece of work. It goes with the value, whatever is in it.
#[derive(Debug)]
pub(crate) struct Scratch {
    disk: Arc<dyn Disk>,
    /// The files of the folder and of the others.
    pub(crate) store: Arc<DiskStore>,
    folder: String,
    bytes: u64,
    promised: Arc<Mutex<u64>>,
}

impl Workshop {
    /// Removes what a process before left behind.
    ///
    /// # Errors
    /// What the disk says, or another process has the folder.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self, CompactError> {
        let made = disk.create_folder(WORK);
        made.map_err(CompactError::disk("make"))?;
        let lock = match disk.lock(LOCK) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let path = disk.show("");
                return Err(CompactError::Locked { path });
            }
            lock => lock.map_err(CompactError::disk("lock"))?,
        };
        let removed = disk.remove_folder(WORK);
        removed.map_err(CompactError::disk("empty"))?;
        let made = disk.create_folder(WORK);
        made.map_err(CompactError::disk("make"))?;
        Ok(Self {
            disk,
            promised: Arc::default(),
            _lock: lock,
        })
    }

    /// A folder for work that takes so many bytes at most.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) fn scratch(
        &self,
        name: Ulid,
        needed_bytes: u64,
    ) -> Result<Arc<Scratch>, CompactError> {
        let space = self.disk.space();
        let space = space.map_err(CompactError::disk("measure"))?;
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        // What is written already of what was promised is counted twice, on the safe side.
        let taken_bytes = promised.saturating_add(SPARE_BYTES);
        let free_bytes = space.free_bytes.saturating_sub(taken_bytes);
        if free_bytes < needed_bytes {
            return Err(CompactError::NoRoom {
                needed_bytes,
                free_bytes,
            });
        }
        *promised = promised.saturating_add(needed_bytes);
        drop(promised);
        Ok(Arc::new(Scratch {
            store: Arc::new(DiskStore::new(Arc::clone(&self.disk))),
            disk: Arc::clone(&self.disk),
            folder: format!("{WORK}/{name}"),
            bytes: needed_bytes,
            promised: Arc::clone(&self.promised),
        }))
    }
}

impl Scratch {
    /// Where a block lies in the folder.
    pub(crate) fn path_of(&self, block: Ulid) -> Path {
        Path::from(self.folder.as_str()).join(block.to_string())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        *promised = promised.saturating_sub(self.bytes);
        drop(promised);
        if !self.disk.exists(&self.folder) {
            return;
        }
        if let Err(error) = self.disk.remove_folder(&self.folder) {
            let folder = self.disk.show(&self.folder);
            let folder = folder.display();
            tracing::warn!(%folder, %error, "a folder of finished work stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_disk::CrashDisk;

    use super::*;

    #[test]
    fn what_is_promised_is_not_promised_twice_and_comes_back() {
        let disk = CrashDisk::new(1);
        disk.limit(Some(SPARE_BYTES + 1_000));
        let workshop = Workshop::open(Arc::new(disk)).unwrap();
        let name = Ulid::from_parts(1, 1);
        let first = workshop.scratch(name, 600).unwrap();
        let refused = workshop.scratch(Ulid::from_parts(1, 2), 600).unwrap_err();
        assert!(
            refused.to_string().starts_with("600 bytes are needed"),
            "{refused}"
        );
        drop(first);
        assert!(workshop.scratch(name, 600).is_ok());
    }

    #[test]
    fn leftovers_go_at_the_start_and_with_the_work() {
        let disk = CrashDisk::new(1);
        disk.create_folder("compact/left").unwrap();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let workshop = Workshop::open(shared).unwrap();
        assert!(disk.list("compact").unwrap().is_empty());
        let name = Ulid::from_parts(1, 1);
        let scratch = workshop.scratch(name, 0).unwrap();
        disk.create_folder(scratch.path_of(name).as_ref()).unwrap();
        assert_eq!(disk.list("compact").unwrap().len(), 1);
        drop(scratch);
        assert!(disk.list("compact").unwrap().is_empty());
    }

    #[test]
    fn a_folder_in_which_another_process_works_is_not_emptied() {
        let disk = CrashDisk::new(1);
        let open = || {
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            Workshop::open(shared)
        };
        let first = open().unwrap();
        let refused = open().unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.ends_with("is in use by another process"),
            "{refused}"
        );
        drop(first);
        assert!(open().is_ok());
    }
}
