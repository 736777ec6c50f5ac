//! Frees the room that deleted samples take: a block with any is written anew without them.
//!
//! A compaction does the same before it takes such a block.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_block::{Block, BlockError, BlockMeta, Ulid};

use crate::catalog::Catalog;
use crate::plan::levels;
use crate::{Tsdb, TsdbError};

/// A block is written anew without being asked for once so large a part of its series has deleted
/// samples, as in Prometheus.
const SHARE_MAX: f64 = 0.05;

impl Tsdb {
    /// Writes each block with deleted samples anew without them; one of which nothing is left
    /// goes. What is deleted in memory is left out when it goes into a block.
    ///
    /// # Errors
    /// The store is closed or about to be, or a block is damaged or cannot be written. It goes on
    /// answering as before, and so do those that were not looked at yet.
    pub async fn clean_deleted(self: &Arc<Self>) -> Result<(), TsdbError> {
        let closed = self.closed.lock().await;
        if *closed {
            return Err(TsdbError::Closed);
        }
        let mut done = BTreeSet::new();
        // Each is looked for anew: what is held of the list keeps folders from being removed.
        while let Some(block) = self.next_to_clean(&done) {
            done.insert(block.meta().ulid.clone());
            if !self.clean(block).await? {
                return Err(TsdbError::Closed);
            }
        }
        Ok(())
    }

    fn next_to_clean(&self, done: &BTreeSet<String>) -> Option<Arc<Block>> {
        let blocks = self.catalog.blocks();
        let is_left = |block: &&Arc<Block>| !done.contains(&block.meta().ulid);
        let mut left = blocks.iter().filter(is_left);
        left.find(|block| block.has_tombstones()).cloned()
    }

    /// The block that is to be written anew without being asked for.
    pub(crate) fn due_to_clean(&self) -> Option<Arc<Block>> {
        let blocks = self.catalog.blocks();
        let min_ms = self.options.min_block_duration.as_millis_i64();
        let max_ms = self.options.max_block_duration().as_millis_i64();
        let levels = levels(min_ms, max_ms);
        let long_ms = levels.get(levels.len() / 2).copied().unwrap_or(min_ms);
        // What lies in a bucket too is not right there before it is written anew.
        let has_bucket = self.remote.get().is_some();
        let newest = blocks.len().saturating_sub(1);
        let is_due = |(place, block): &(usize, &Arc<Block>)| {
            let meta = block.meta();
            let (with, all) = (block.series_with_tombstones(), meta.stats.series);
            let is_long = meta.range.end_ms.saturating_sub(meta.range.start_ms) >= long_ms;
            let is_much = with as f64 / (all + 1) as f64 > SHARE_MAX;
            let is_usable = !self.catalog.is_left_alone(block);
            let waits = *place == newest || !(is_long && is_much || with >= all);
            with > 0 && is_usable && (has_bucket || !waits)
        };
        let due = blocks.iter().enumerate().rev().find(is_due);
        due.map(|(_, block)| Arc::clone(block))
    }

    /// Writes one block anew on a thread of its own; `false` where it was stopped.
    pub(crate) async fn clean(self: &Arc<Self>, block: Arc<Block>) -> Result<bool, TsdbError> {
        let this = Arc::clone(self);
        let runtime = tokio::runtime::Handle::current();
        let job = move || {
            let cleaned = runtime.block_on(this.metered(this.clean_one(&block)));
            drop(block);
            this.catalog.sweep();
            cleaned
        };
        let task = tokio::task::spawn_blocking(job);
        task.await.map_err(|error| TsdbError::Task(error.into()))?
    }

    /// All steps for one block, each safe to be the last one before a crash.
    #[boxed]
    async fn clean_one(&self, block: &Arc<Block>) -> Result<bool, TsdbError> {
        let ulid = self.new_ulid();
        let mut stopping = self.stopping.subscribe();
        let written = tokio::select! {
            biased;
            _ = stopping.wait_for(|is_stopping| *is_stopping) => {
                self.catalog.discard(ulid);
                return Ok(false);
            }
            written = self.write_cleaned(ulid, block) => written,
        };
        let name = &block.meta().ulid;
        match written.inspect_err(|_| self.catalog.discard(ulid))? {
            Some(_) => {
                self.catalog
                    .show_instead(std::slice::from_ref(block), ulid)
                    .await?;
                tracing::info!(block = %ulid, parent = %name, "block is written anew without deleted samples");
            }
            None => {
                self.catalog.discard(ulid);
                match self.may_go(block) {
                    true => {
                        self.catalog.remove(std::slice::from_ref(block));
                        tracing::info!(block = %name, "block goes: all its samples are deleted");
                    }
                    false => self.catalog.leave_alone(block),
                }
            }
        }
        Ok(true)
    }

    async fn write_cleaned(
        &self,
        ulid: Ulid,
        block: &Arc<Block>,
    ) -> Result<Option<BlockMeta>, BlockError> {
        let folder = Catalog::temporary(ulid);
        narthex_block::rewrite(self.catalog.store(), &folder, block, ulid).await
    }

    /// Whether a block of which nothing is left may go. Where it is the one that says from when on
    /// the log counts, the log would bring its samples back; and where it lies in a bucket too,
    /// that one would answer.
    fn may_go(&self, block: &Arc<Block>) -> bool {
        let blocks = self.catalog.blocks();
        let others = blocks.iter().filter(|other| !Arc::ptr_eq(other, block));
        let others = others.filter(|other| other.meta().is_raw());
        let end_ms = others.map(|other| other.meta().complete_to_ms()).max();
        let is_last = block.meta().is_raw()
            && end_ms.is_none_or(|end_ms| end_ms < block.meta().complete_to_ms());
        !is_last && self.remote.get().is_none()
    }
}
