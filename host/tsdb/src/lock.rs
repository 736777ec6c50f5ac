//! The file that keeps two processes out of one store.

use std::io;
use std::sync::Arc;

use narthex_disk::{Disk, DiskExt};

use crate::TsdbError;

/// The file's name.
const LOCK_FILE: &str = "lock";

/// A folder that this process has for itself. The system gives it back when the process ends,
/// however that happens.
#[derive(Debug)]
pub(crate) struct Lock {
    disk: Arc<dyn Disk>,
    held: Box<dyn narthex_disk::Lock>,
    /// Whether the store was closed before, or is new: the file was not there.
    pub(crate) is_clean_start: bool,
}

impl Lock {
    pub(crate) fn take(disk: &Arc<dyn Disk>) -> Result<Self, TsdbError> {
        let is_clean_start = !disk.exists(LOCK_FILE);
        match disk.lock(LOCK_FILE) {
            Ok(held) => Ok(Self {
                disk: Arc::clone(disk),
                held,
                is_clean_start,
            }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(TsdbError::Locked {
                path: disk.show(""),
            }),
            Err(error) => Err(TsdbError::io("lock", disk.show(LOCK_FILE))(error)),
        }
    }

    /// Removes the file: the store was closed as it should be.
    pub(crate) fn give_back(self) -> Result<(), TsdbError> {
        let removed = self.disk.remove(LOCK_FILE);
        removed.map_err(TsdbError::io("remove", self.disk.show(LOCK_FILE)))?;
        drop(self.held);
        Ok(())
    }
}
