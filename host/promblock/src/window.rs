//! One file, read through a window that slides over it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Fault, PromBlockError};

/// Bytes that are read at a time, so that neighbours cost one call. A part that is longer is
/// read as a whole.
const WINDOW_BYTES: u64 = 256 * 1024;

/// A file and the bytes of it that were read last.
///
/// Files are read rather than mapped: a file that is cut while it is read is an error and no
/// signal, and no code here is unsafe.
#[derive(Debug)]
pub(crate) struct Window {
    file: Arc<File>,
    path: Arc<Path>,
    len: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(crate) fn open(path: PathBuf) -> Result<Self, PromBlockError> {
        let opened = File::open(&path).and_then(|file| {
            let len = file.metadata()?.len();
            Ok((file, len))
        });
        match opened {
            Ok((file, len)) => Ok(Self {
                file: Arc::new(file),
                path: path.into(),
                len,
                start: 0,
                bytes: Vec::new(),
            }),
            Err(error) => Err(Fault::from(error).of(&path)),
        }
    }

    /// Another window over the same file.
    pub(crate) fn another(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            path: Arc::clone(&self.path),
            len: self.len,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// What the file is called, for errors.
    pub(crate) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// The length of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// All bytes from `offset` on, but at most `max`; `what` names them where there is none.
    pub(crate) fn up_to(
        &mut self,
        offset: u64,
        max: u64,
        what: &'static str,
    ) -> Result<&[u8], PromBlockError> {
        let left = self.len.saturating_sub(offset);
        self.exactly(offset, left.min(max).max(1), what)
    }

    /// `count` bytes from `offset` on; `what` names them where the file ends before.
    pub(crate) fn exactly(
        &mut self,
        offset: u64,
        count: u64,
        what: &'static str,
    ) -> Result<&[u8], PromBlockError> {
        let end = offset.checked_add(count).filter(|end| *end <= self.len);
        let Some(end) = end else {
            return Err(Fault::End(what).at(&self.path, offset));
        };
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            self.load(offset, count.max(WINDOW_BYTES).min(self.len - offset))?;
        }
        let place = |at: u64| usize::try_from(at - self.start).ok();
        place(offset)
            .zip(place(end))
            .and_then(|(from, to)| self.bytes.get(from..to))
            .ok_or_else(|| Fault::End(what).at(&self.path, offset))
    }

    fn load(&mut self, offset: u64, count: u64) -> Result<(), PromBlockError> {
        let blame = |fault: Fault| fault.at(&self.path, offset);
        let count = usize::try_from(count)
            .map_err(|_| blame(Fault::format("the part does not fit in memory")))?;
        self.bytes.clear();
        self.bytes.resize(count, 0);
        self.start = offset;
        let read = self.file.read_exact_at(&mut self.bytes, offset);
        if read.is_err() {
            self.bytes.clear();
        }
        read.map_err(|error| blame(error.into()))
    }

    /// Whether the `count` bytes from `offset` on have the checksum that follows them, read
    /// piece by piece.
    pub(crate) fn check(
        &mut self,
        offset: u64,
        count: u64,
        what: &'static str,
    ) -> Result<(), PromBlockError> {
        let end = offset.checked_add(count).filter(|end| *end <= self.len);
        let Some(end) = end else {
            return Err(Fault::End(what).at(&self.path, offset));
        };
        let mut sum = 0;
        let mut at = offset;
        while at < end {
            let piece = self.exactly(at, WINDOW_BYTES.min(end - at), what)?;
            sum = crc32c::crc32c_append(sum, piece);
            at += piece.len() as u64;
        }
        let kept = self.exactly(end, CHECKSUM_BYTES, what)?;
        if kept != sum.to_be_bytes() {
            return Err(Fault::Checksum.at(&self.path, offset));
        }
        Ok(())
    }
}

/// What a checksum takes behind the bytes that it is of.
pub(crate) const CHECKSUM_BYTES: u64 = 4;
