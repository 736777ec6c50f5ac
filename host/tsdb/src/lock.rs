//! The file that keeps two processes out of one store.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::TsdbError;

/// The file's name.
const LOCK_FILE: &str = "lock";

/// A folder that this process has for itself. The system gives it back when the process ends,
/// however that happens.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
    /// Whether the store was closed before, or is new: the file was not there.
    pub(crate) is_clean_start: bool,
}

impl Lock {
    pub(crate) fn take(folder: &Path) -> Result<Self, TsdbError> {
        let path = folder.join(LOCK_FILE);
        let is_clean_start = !path.exists();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(TsdbError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                path,
                file,
                is_clean_start,
            }),
            Err(TryLockError::WouldBlock) => Err(TsdbError::Locked {
                path: folder.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(TsdbError::io("lock", path)(source)),
        }
    }

    /// Removes the file: the store was closed as it should be.
    pub(crate) fn give_back(self) -> Result<(), TsdbError> {
        fs::remove_file(&self.path).map_err(TsdbError::io("remove", &self.path))?;
        drop(self.file);
        Ok(())
    }
}
