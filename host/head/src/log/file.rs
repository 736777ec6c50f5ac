//! The seam to the file system for what the log writes, so that tests can let it fail.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A segment that is written at its end.
pub(crate) trait LogFile: Send + Sync + std::fmt::Debug {
    /// Writes all bytes at the end, or fails after any number of them.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to a length.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Forces what was written to the disk.
    fn sync(&self) -> io::Result<()>;
}

/// The folder of the log.
pub(crate) trait LogFolder: Send + Sync + std::fmt::Debug {
    /// Makes a segment file that must not exist yet.
    fn create(&self, name: &str) -> io::Result<Arc<dyn LogFile>>;

    /// Removes a segment file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Forces names made and removed to the disk.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of the machine's file system.
#[derive(Debug)]
pub(crate) struct SystemFolder {
    path: PathBuf,
}

impl SystemFolder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }
}

impl LogFolder for SystemFolder {
    fn create(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(self.path.join(name))?;
        Ok(Arc::new(SystemFile(file)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

#[derive(Debug)]
struct SystemFile(File);

impl LogFile for SystemFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
