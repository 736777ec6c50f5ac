//! Moves the oldest samples of the head into a block, and does all else that is due.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_block::{SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order};
use narthex_disk::is_full;
use narthex_storage::TimeRange;

use crate::catalog::Catalog;
use crate::late::LATE_SAMPLES_MAX;
use crate::{Tsdb, TsdbError};

impl Tsdb {
    /// Does what is due. As long as the head spans more than one and a half times the block
    /// duration, its oldest block duration goes into a block; blocks beyond the retention go;
    /// series that have ended leave memory where they are many; blocks become longer ones, one compaction
    /// after the other, and a cut that becomes due in
    /// the meantime comes before the next. Readers see every sample once all the while.
    ///
    /// # Errors
    /// A block could not be written, or the head could not let go. No sample is lost: the next
    /// call tries again. A block that cannot be compacted because it is damaged is no error: the
    /// log of the program and the metrics tell, and it is left alone until the next start.
    pub async fn maintain(self: &Arc<Self>) -> Result<(), TsdbError> {
        let closed = self.closed.lock().await;
        if *closed {
            return Err(TsdbError::Closed);
        }
        self.metrics.compactions_triggered.inc();
        loop {
            let cut = self.cut_due().await;
            // Also where no block could be written: the disk may be full.
            self.retain().await?;
            cut?;
            self.cut_stale_due().await?;
            if !self.compact_next().await? {
                return Ok(());
            }
        }
    }

    /// Cuts all blocks that are due.
    pub(crate) async fn cut_due(self: &Arc<Self>) -> Result<(), TsdbError> {
        while let Some(range) = self.due() {
            let this = Arc::clone(self);
            let cut = async move { this.cut(range).await };
            if !self.cut_where_there_is_room(cut).await? {
                return Ok(());
            }
        }
        if self.head.late_count() > LATE_SAMPLES_MAX {
            let this = Arc::clone(self);
            let cut = async move { this.cut_late_alone().await };
            self.cut_where_there_is_room(cut).await?;
        }
        Ok(())
    }

    /// Cuts on a thread of its own, unless a cut found no room a short while ago; whether it did.
    pub(crate) async fn cut_where_there_is_room(
        self: &Arc<Self>,
        cut: impl Future<Output = Result<(), TsdbError>> + Send + 'static,
    ) -> Result<bool, TsdbError> {
        let (now_ms, free_bytes) = (self.options.clock.now_ms(), self.free_bytes());
        if !self.room.allows_cut(now_ms, free_bytes) {
            return Ok(false);
        }
        let this = Arc::clone(self);
        let runtime = tokio::runtime::Handle::current();
        let job = move || runtime.block_on(this.metered(cut));
        let task = tokio::task::spawn_blocking(job);
        let done = task.await.map_err(|error| TsdbError::Task(error.into()))?;
        let is_full = done.as_ref().is_err_and(|error| is_full(error));
        self.metrics.waiting_for_room.set(i64::from(is_full));
        match &done {
            Ok(()) => self.room.is_there(),
            Err(_) if is_full => self.room.cut_failed(now_ms, free_bytes),
            Err(_) => {}
        }
        done.map(|()| true)
    }

    /// The room on the disk; where the system does not tell, all there can be.
    pub(crate) fn free_bytes(&self) -> u64 {
        let space = self.catalog.disk().space();
        space.map_or(u64::MAX, |space| space.free_bytes)
    }

    /// The span of the next block; `None` where the head is still short.
    pub(crate) fn due(&self) -> Option<TimeBounds> {
        let duration_ms = self.options.min_block_duration.as_millis_i64();
        let oldest_ms = self.head.min_time()?;
        let newest_ms = self.head.max_time()?.min(self.options.clock.now_ms());
        let long_ms = duration_ms.saturating_add(duration_ms / 2);
        if newest_ms.saturating_sub(oldest_ms) <= long_ms {
            return None;
        }
        let start_ms = oldest_ms
            .div_euclid(duration_ms)
            .saturating_mul(duration_ms);
        Some(TimeBounds {
            start_ms,
            end_ms: start_ms.saturating_add(duration_ms),
        })
    }

    /// All steps for one block, each safe to be the last one before a crash.
    #[boxed]
    async fn cut(&self, range: TimeBounds) -> Result<(), TsdbError> {
        self.head.refuse_before(range.end_ms);
        let late = self.cut_late().await?;
        let shown = self.show_block(range).await;
        shown.inspect_err(|_| self.take_back(&late))?;
        self.truncate(range.end_ms)
    }

    async fn show_block(&self, range: TimeBounds) -> Result<(), TsdbError> {
        if let Some(ulid) = self.write_block(range).await? {
            let shown = self.catalog.publish(ulid).await;
            shown.inspect_err(|_| self.catalog.withdraw(ulid))?;
            tracing::info!(block = %ulid, start_ms = range.start_ms, end_ms = range.end_ms, "block is cut");
        }
        Ok(())
    }

    /// Writes the block and gives it its name. Readers do not know it yet. Where that fails, the
    /// head goes on answering and the next call makes another block; should this one have its
    /// name after all and stay, it has nothing that the head has not.
    pub(crate) async fn write_block(&self, range: TimeBounds) -> Result<Option<Ulid>, TsdbError> {
        let ulid = self.new_ulid();
        let written = self.write_files(ulid, range).await;
        match written.and_then(|is_written| Ok(is_written && self.name(ulid)?)) {
            Ok(true) => Ok(Some(ulid)),
            Ok(false) => Ok(None),
            Err(error) => {
                self.catalog.discard(ulid);
                Err(error)
            }
        }
    }

    fn name(&self, ulid: Ulid) -> Result<bool, TsdbError> {
        let named = self.catalog.commit(ulid);
        named.inspect_err(|_| self.catalog.withdraw(ulid))?;
        Ok(true)
    }

    /// A name for a block.
    pub(crate) fn new_ulid(&self) -> Ulid {
        let now_ms = self.options.clock.now_ms();
        Ulid::from_parts(
            u64::try_from(now_ms).unwrap_or_default(),
            Ulid::generate().random(),
        )
    }

    /// Writes the files of a block into its temporary folder; whether there was a sample.
    pub(crate) async fn write_files(
        &self,
        ulid: Ulid,
        range: TimeBounds,
    ) -> Result<bool, TsdbError> {
        let options = WriteOptions {
            ulid,
            range,
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let taken = TimeRange {
            start_ms: range.start_ms,
            end_ms: range.end_ms.saturating_sub(1),
        };
        let series = self.head.cut(taken, block_order);
        let folder = Catalog::temporary(ulid);
        let meta = narthex_block::write(self.catalog.store(), &folder, series, &options).await?;
        Ok(meta.is_some())
    }

    /// Lets the head forget what is in blocks.
    pub(crate) fn truncate(&self, before_ms: i64) -> Result<(), TsdbError> {
        let truncated = self.head.truncate(before_ms);
        self.metrics.head_truncations.inc();
        if truncated.is_err() {
            self.metrics.head_truncations_failed.inc();
        }
        Ok(truncated?)
    }
}
