//! Reads a file from its begin to its end.

use std::io::{self, Read};
use std::sync::Arc;

use crate::disk::DiskFile;

/// A file as a stream of bytes. It has no buffer.
#[derive(Debug)]
pub struct Reader {
    file: Arc<dyn DiskFile>,
    at: u64,
    end: u64,
}

impl Reader {
    /// A file from an offset on, up to the length that it has now.
    ///
    /// # Errors
    /// The length cannot be read.
    pub fn new(file: Arc<dyn DiskFile>, at: u64) -> io::Result<Self> {
        let end = file.len()?;
        Ok(Self { file, at, end })
    }

    /// How many bytes are left.
    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left()).unwrap_or(usize::MAX);
        let count = left.min(into.len());
        self.file.read_at(self.at, &mut into[..count])?;
        self.at += count as u64;
        Ok(count)
    }
}
