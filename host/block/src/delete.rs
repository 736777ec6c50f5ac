//! Deletes samples of a block: what goes is written down beside it, and left out by readers.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_model::Matcher;
use narthex_storage::TimeRange;

use crate::block::Block;
use crate::tombstones::{TOMBSTONES_BYTES_MAX, TOMBSTONES_FILE, Tombstones};
use crate::{BlockError, Fault};

impl Block {
    /// Reads which samples are deleted.
    pub(crate) async fn read_tombstones(&self) -> Result<(), BlockError> {
        let read = async {
            let bytes = self
                .source
                .read_small(TOMBSTONES_FILE, TOMBSTONES_BYTES_MAX);
            let Some(bytes) = bytes.await? else {
                return Ok(());
            };
            let read = Tombstones::from_bytes(&bytes, &self.meta().ulid, self.index.series())?;
            self.tombstones.store(Arc::new(read));
            Ok(())
        };
        let read: Result<(), Fault> = read.await;
        read.map_err(|fault| self.blame_tombstones(fault))
    }

    fn blame_tombstones(&self, fault: Fault) -> BlockError {
        fault.of(&self.meta().ulid, TOMBSTONES_FILE)
    }

    /// Whether samples of it are deleted.
    pub fn has_tombstones(&self) -> bool {
        !self.tombstones.load().is_empty()
    }

    /// Of how many series samples are deleted.
    pub fn series_with_tombstones(&self) -> u64 {
        self.tombstones.load().len() as u64
    }

    /// Deletes the samples in a range of all series that one of the selectors takes; readers that
    /// come later do not get them. When it returns `Ok`, that outlives the machine. A series of
    /// which all is deleted is still among those that label names and values are taken from.
    ///
    /// # Errors
    /// A file is damaged; the store failed, and then the samples are there or deleted, as the file
    /// is read when the block is opened the next time; so much is deleted already that no more can
    /// be written down; or the block is in a store far away, where nothing is deleted.
    #[boxed]
    pub async fn delete(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<(), BlockError> {
        if self.is_remote() {
            let fault = Fault::format("samples of a block in a bucket cannot be deleted");
            return Err(self.blame_tombstones(fault));
        }
        let _one_at_a_time = self.deleting.lock().await;
        let known = self.tombstones.load_full();
        let mut tombstones = Tombstones::clone(&known);
        for matchers in selectors {
            let Some(rows) = self.rows(matchers, range).await? else {
                continue;
            };
            let noted = self.spans(rows, range, |row, span, _| {
                // Not beyond what there is, so that one span tells that all of a series is deleted.
                let deleted = TimeRange {
                    start_ms: range.start_ms.max(span.start_ms),
                    end_ms: range.end_ms.min(span.end_ms),
                };
                tombstones.add(row, deleted);
                true
            });
            noted.await.map_err(|fault| self.series.blame(fault))?;
        }
        if tombstones == *known {
            return Ok(());
        }
        let written = async {
            let bytes = tombstones.to_bytes(&self.meta().ulid)?;
            self.source.replace(TOMBSTONES_FILE, bytes).await
        };
        let written: Result<(), Fault> = written.await;
        written.map_err(|fault| self.blame_tombstones(fault))?;
        self.tombstones.store(Arc::new(tombstones));
        Ok(())
    }
}
