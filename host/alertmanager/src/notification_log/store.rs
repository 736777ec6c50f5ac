//! The notification log on the disk: a snapshot, and a journal of what was told since.
//!
//! The snapshot is one list in JSON, the journal an entry a line. Of an entry that is there twice the
//! newer one counts, so the journal may outlive the snapshot that has all of it. Once it is longer
//! than the snapshot, a new one takes the place of both: all in all at most some three times as much
//! is written as was told, however many groups there are.

use std::io;
use std::sync::Arc;

use narthex_disk::{Disk, DiskFile};

use super::{LogEntry, LogKey};
use crate::snapshot;

/// The file of the snapshot.
const SNAPSHOT_FILE: &str = "nflog.json";

/// The file of the journal.
const JOURNAL_FILE: &str = "nflog.jsonl";

/// A journal that is no longer than this does not become a snapshot before the next stop.
const JOURNAL_BYTES_MIN: u64 = 1 << 20;

/// Who was told what.
type Told = (LogKey, LogEntry);

/// The two files.
#[derive(Debug)]
pub(crate) struct LogStore {
    disk: Arc<dyn Disk>,
    /// There once something was told since the snapshot.
    journal: Option<Arc<dyn DiskFile>>,
    journal_bytes: u64,
    snapshot_bytes: u64,
    /// Whether a power cut may cost what is in the journal.
    is_unforced: bool,
    /// Whether the files may lack an entry, or nobody knows how the journal ends.
    is_incomplete: bool,
}

impl LogStore {
    /// Opens what there is, and says what was told. An entry of the journal that was not written
    /// whole is left out: the process or the machine went down in it.
    ///
    /// # Errors
    /// The file of that name cannot be read, or the snapshot is none.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
    ) -> Result<(Self, Vec<Told>), (&'static str, io::Error)> {
        let kept = snapshot::read(&disk, SNAPSHOT_FILE).map_err(|error| (SNAPSHOT_FILE, error))?;
        let journal =
            snapshot::bytes(&disk, JOURNAL_FILE).map_err(|error| (JOURNAL_FILE, error))?;
        let mut told: Vec<Told> = kept.unwrap_or_default();
        let is_incomplete = journal.is_some();
        let journal = journal.unwrap_or_default();
        let lines = journal.split(|byte| *byte == b'\n');
        let mut unread = 0_u64;
        for line in lines.filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(entry) => told.push(entry),
                Err(_) => unread += 1,
            }
        }
        if unread > 0 {
            tracing::warn!(
                entries = unread,
                "a part of the notification log cannot be read; what it says is told once more"
            );
        }
        let store = Self {
            disk,
            journal: None,
            journal_bytes: 0,
            snapshot_bytes: 0,
            is_unforced: false,
            // Nothing is added to the journal of an earlier process.
            is_incomplete,
        };
        Ok((store, told))
    }

    /// Whether a [snapshot](Self::replace) is due before something is [added](Self::add).
    pub(crate) fn is_snapshot_due(&self) -> bool {
        self.is_incomplete || self.journal_bytes > self.snapshot_bytes.max(JOURNAL_BYTES_MIN)
    }

    /// Whether there is a journal of this process.
    pub(crate) fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    /// Whether a power cut may cost something.
    pub(crate) fn is_unforced(&self) -> bool {
        self.is_unforced
    }

    /// Writes down what was told. From then on it outlives the process, and the machine once it is
    /// [forced](Self::force).
    ///
    /// # Errors
    /// It cannot be written; a snapshot is due.
    pub(crate) fn add(&mut self, told: &[Told]) -> io::Result<()> {
        if told.is_empty() {
            return Ok(());
        }
        self.is_incomplete = true;
        let mut lines = Vec::new();
        for entry in told {
            lines.extend(serde_json::to_vec(entry).map_err(io::Error::other)?);
            lines.push(b'\n');
        }
        let journal = match &self.journal {
            Some(journal) => Arc::clone(journal),
            None => {
                let journal = self.disk.create(JOURNAL_FILE)?;
                self.disk.sync_folder("")?;
                self.journal = Some(Arc::clone(&journal));
                journal
            }
        };
        journal.append(&lines)?;
        self.journal_bytes += lines.len() as u64;
        self.is_unforced = true;
        self.is_incomplete = false;
        Ok(())
    }

    /// Lets what was added outlive a power cut.
    ///
    /// # Errors
    /// It cannot be forced; a snapshot is due.
    pub(crate) fn force(&mut self) -> io::Result<()> {
        let journal = self.journal.as_ref().filter(|_| self.is_unforced);
        let Some(journal) = journal else {
            return Ok(());
        };
        let forced = journal.sync();
        self.is_incomplete |= forced.is_err();
        self.is_unforced = forced.is_err();
        forced
    }

    /// Writes down all that is known, in the place of what was there.
    ///
    /// # Errors
    /// It cannot be written; what was there is there still, and a snapshot is due.
    pub(crate) fn replace(&mut self, all: &[Told]) -> io::Result<()> {
        self.is_incomplete = true;
        snapshot::write(&self.disk, SNAPSHOT_FILE, &all)?;
        self.snapshot_bytes = self.disk.open(SNAPSHOT_FILE)?.len()?;
        self.journal = None;
        match self.disk.remove(JOURNAL_FILE) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.journal_bytes = 0;
        self.is_unforced = false;
        self.is_incomplete = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
