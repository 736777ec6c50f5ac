//! A segment while it grows: what of it is written, what of that the disk has, and how it is made
//! whole again when the disk fails.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use narthex_disk::{Disk, DiskFile, blame};

use crate::log::segment;

/// What a copy is called until it takes the place of its segment.
pub(crate) const MENDING_SUFFIX: &str = ".mending";

/// How much of a segment is copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Memory for bytes that wait for an fsync is given back above this.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// A segment file that is written at its end.
///
/// Every byte that no successful fsync has covered is in memory as well. When an fsync fails,
/// nobody knows which of those bytes the disk has, and a later success says nothing of them; so
/// the segment is copied, the part that is certain from the file and the rest from memory, and
/// the copy takes its name.
#[derive(Debug)]
pub(crate) struct GrowingSegment {
    disk: Arc<dyn Disk>,
    name: String,
    state: Mutex<Growing>,
}

#[derive(Debug)]
struct Growing {
    file: Arc<dyn DiskFile>,
    /// Where the last whole frame ends.
    len: u64,
    /// What an fsync has covered.
    synced: u64,
    /// The bytes from `synced` to `len`.
    unsynced: Vec<u8>,
    /// The file may have bytes behind `len`. Nothing is written before they are cut off.
    is_torn: bool,
    /// An fsync failed, so the file is not to be believed behind `synced`.
    is_doubtful: bool,
}

impl GrowingSegment {
    /// Makes a segment with nothing but its header. Where that fails, the file may be there.
    pub(crate) fn create(disk: &Arc<dyn Disk>, number: u32) -> io::Result<Self> {
        let name = segment::name(number);
        let header = segment::header(number);
        let file = disk
            .create(&name)
            .map_err(blame(disk.as_ref(), "make", &name))?;
        file.append(&header)
            .map_err(blame(disk.as_ref(), "write", &name))?;
        disk.sync_folder("")
            .map_err(blame(disk.as_ref(), "sync the folder of", &name))?;
        Ok(Self {
            disk: Arc::clone(disk),
            name,
            state: Mutex::new(Growing {
                file,
                len: header.len() as u64,
                synced: 0,
                unsynced: header.to_vec(),
                is_torn: false,
                is_doubtful: false,
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, Growing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the last whole frame ends.
    pub(crate) fn len(&self) -> u64 {
        self.state().len
    }

    /// How many bytes wait for an fsync.
    pub(crate) fn unsynced_bytes(&self) -> usize {
        self.state().unsynced.len()
    }

    /// Writes a frame. Where that fails, the file is cut back to what it was; where that fails
    /// as well, the next call tries again before it writes anything.
    pub(crate) fn append(&self, frame: &[u8]) -> io::Result<()> {
        self.cut_back()?;
        let mut state = self.state();
        let written = state.file.append(frame);
        match &written {
            Ok(()) => {
                state.len += frame.len() as u64;
                state.unsynced.extend_from_slice(frame);
            }
            Err(_) => state.is_torn = true,
        }
        drop(state);
        if written.is_err() {
            self.try_to_cut_back();
        }
        written.map_err(blame(self.disk.as_ref(), "write", &self.name))
    }

    /// Forgets the frames behind `len`, whose fsync failed before anybody was told of them.
    pub(crate) fn take_back(&self, len: u64) {
        let mut state = self.state();
        let kept = usize::try_from(len.saturating_sub(state.synced)).unwrap_or(usize::MAX);
        state.unsynced.truncate(kept);
        state.len = state.len.min(len);
        state.is_torn = true;
        drop(state);
        self.try_to_cut_back();
    }

    /// Cuts off what a failed write left behind the last whole frame, if it did.
    pub(crate) fn cut_back(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.is_torn {
            let cut = state.file.set_len(state.len);
            cut.map_err(blame(self.disk.as_ref(), "cut", &self.name))?;
            state.is_torn = false;
        }
        Ok(())
    }

    fn try_to_cut_back(&self) {
        if let Err(error) = self.cut_back() {
            // Nobody is told that the record is there, so it had better not be. If the process
            // ends now, replay finds a torn tail, or a record that was never acknowledged.
            tracing::warn!(%error, "the write-ahead log has a torn record");
        }
    }

    /// Forces what was written so far to the disk, in a copy where the file is not to be
    /// believed. One caller at a time.
    pub(crate) fn force(&self) -> io::Result<()> {
        let (file, len, is_doubtful) = {
            let state = self.state();
            (Arc::clone(&state.file), state.len, state.is_doubtful)
        };
        if is_doubtful {
            return self.mend();
        }
        // Others may write to the file meanwhile.
        let forced = file.sync();
        let mut state = self.state();
        match forced {
            Ok(()) => {
                let done = usize::try_from(len.saturating_sub(state.synced)).unwrap_or(usize::MAX);
                let done = done.min(state.unsynced.len());
                state.unsynced.drain(..done);
                state.unsynced.shrink_to(KEPT_BYTES_MAX);
                state.synced = len;
                Ok(())
            }
            Err(error) => {
                state.is_doubtful = true;
                drop(state);
                let segment = &self.name;
                tracing::error!(%error, segment, "an fsync of the write-ahead log failed; the segment is copied");
                self.mend()
            }
        }
    }

    /// Puts a copy in the place of the file.
    fn mend(&self) -> io::Result<()> {
        let disk = self.disk.as_ref();
        let copy = format!("{}{MENDING_SUFFIX}", self.name);
        let mut state = self.state();
        match disk.remove(&copy) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(blame(disk, "remove", &copy)(error));
            }
            _ => {}
        }
        let file = disk.create(&copy).map_err(blame(disk, "make", &copy))?;
        let placed = state
            .copy_to(file.as_ref())
            .map_err(blame(disk, "write", &copy))
            .and_then(|()| {
                let renamed = disk.rename(&copy, &self.name);
                renamed.map_err(blame(disk, "rename", &copy))
            });
        if let Err(error) = placed {
            if let Err(error) = disk.remove(&copy) {
                tracing::warn!(%error, copy, "the copy of a segment stays behind");
            }
            return Err(error);
        }
        state.file = file;
        state.is_torn = false;
        // Until this succeeds, a power cut may bring back the file that is in doubt.
        let synced = disk.sync_folder("");
        synced.map_err(blame(disk, "sync the folder of", &self.name))?;
        state.is_doubtful = false;
        state.synced = state.len;
        state.unsynced = Vec::new();
        tracing::info!(
            segment = self.name,
            "the copy has taken the place of its segment"
        );
        Ok(())
    }
}

impl Growing {
    /// Writes and forces what the segment holds to another file.
    fn copy_to(&self, copy: &dyn DiskFile) -> io::Result<()> {
        let mut at = 0;
        let mut buffer = Vec::new();
        while at < self.synced {
            let left = usize::try_from(self.synced - at).unwrap_or(usize::MAX);
            buffer.resize(left.min(COPY_BYTES), 0);
            self.file.read_at(at, &mut buffer)?;
            copy.append(&buffer)?;
            at += buffer.len() as u64;
        }
        copy.append(&self.unsynced)?;
        copy.sync()
    }
}
