//! Makes longer blocks of several, one compaction at a time.

use std::error::Error as _;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_block::{Block, BlockError, Fault, Ulid};

use crate::catalog::Catalog;
use crate::plan::{Candidate, Plan, levels, plan};
use crate::{Tsdb, TsdbError};

impl Tsdb {
    /// Does the next compaction that is due; whether there may be another one.
    pub(crate) async fn compact_next(self: &Arc<Self>) -> Result<bool, TsdbError> {
        if *self.stopping.borrow() {
            return Ok(false);
        }
        let due = self.due_parents();
        // Deleted samples go first: what is left of a block is then copied as it is.
        let planned = due.as_ref().map(|(parents, _)| parents.iter());
        let planned = planned.and_then(|mut all| all.find(|block| block.has_tombstones()));
        let cleaned = match &due {
            Some(_) => planned.cloned(),
            None => self.due_to_clean(),
        };
        if let Some(block) = cleaned {
            let has_room = self.has_room_for(std::slice::from_ref(&block));
            return Ok(has_room && self.clean_or_set_aside(block).await?);
        }
        let Some((parents, is_vertical)) = due else {
            return Ok(false);
        };
        if !self.has_room_for(&parents) {
            return Ok(false);
        }
        let this = Arc::clone(self);
        let runtime = tokio::runtime::Handle::current();
        let job = move || {
            let compacted = runtime.block_on(this.metered(this.compact(&parents, is_vertical)));
            drop(parents);
            this.catalog.sweep();
            compacted
        };
        let task = tokio::task::spawn_blocking(job);
        task.await.map_err(|error| TsdbError::Task(error.into()))?
    }

    /// Writes a block anew without what is deleted; one that is damaged is left alone.
    async fn clean_or_set_aside(self: &Arc<Self>, block: Arc<Block>) -> Result<bool, TsdbError> {
        match self.clean(Arc::clone(&block)).await {
            Err(TsdbError::Block(error)) => self.set_aside(&[block], error),
            done => done,
        }
    }

    /// Whether a block of these will find room: what is made of them is not larger than they are
    /// together. Where it will not, it is not tried, and the log says so once.
    fn has_room_for(&self, parents: &[Arc<Block>]) -> bool {
        let needed_bytes: u64 = parents.iter().map(|parent| parent.meta().size()).sum();
        let free_bytes = self.free_bytes();
        let waits = free_bytes < needed_bytes;
        self.metrics.waiting_for_room.set(i64::from(waits));
        if self.room.compaction_waits(waits) {
            let path = self.catalog.path();
            let path = path.display();
            match waits {
                true => tracing::warn!(
                    %path,
                    needed_bytes,
                    free_bytes,
                    "blocks are not compacted until there is room on the disk"
                ),
                false => tracing::info!(%path, "blocks are compacted again"),
            }
        }
        !waits
    }

    /// The blocks that are to become one, and whether they overlap. Those that are downsampled lie
    /// over raw ones and are left alone.
    pub(crate) fn due_parents(&self) -> Option<(Vec<Arc<Block>>, bool)> {
        let blocks = self.catalog.blocks();
        let raw = blocks.iter().filter(|block| block.meta().is_raw());
        let blocks: Vec<&Arc<Block>> = raw.collect();
        let candidates = blocks.iter().map(|block| Candidate {
            range: block.meta().range,
            has_failed: self.catalog.is_left_alone(block),
        });
        let candidates: Vec<Candidate> = candidates.collect();
        let min_ms = self.options.min_block_duration.as_millis_i64();
        let max_ms = self.options.max_block_duration().as_millis_i64();
        let Plan {
            blocks: places,
            is_vertical,
        } = plan(&candidates, &levels(min_ms, max_ms))?;
        let parents = blocks.get(places)?.iter().copied().cloned();
        Some((parents.collect(), is_vertical))
    }

    /// All steps of one compaction, each safe to be the last one before a crash. Whether there
    /// may be another compaction.
    #[boxed]
    async fn compact(&self, parents: &[Arc<Block>], is_vertical: bool) -> Result<bool, TsdbError> {
        let ulid = self.new_ulid();
        let mut stopping = self.stopping.subscribe();
        let written = tokio::select! {
            biased;
            _ = stopping.wait_for(|is_stopping| *is_stopping) => None,
            written = self.write_compacted(ulid, parents) => Some(written),
        };
        match written {
            Some(Ok(())) => {}
            None => {
                self.catalog.discard(ulid);
                tracing::info!(block = %ulid, "compaction is stopped");
                return Ok(false);
            }
            Some(Err(error)) => {
                self.catalog.discard(ulid);
                return self.set_aside(parents, error);
            }
        }
        // Where that fails, the next call makes another block of the parents.
        self.catalog.show_instead(parents, ulid).await?;
        if is_vertical {
            self.metrics.vertical_compactions.inc();
        }
        let names: Vec<&str> = parents.iter().map(|p| p.meta().ulid.as_str()).collect();
        tracing::info!(block = %ulid, parents = ?names, "blocks are compacted");
        Ok(true)
    }

    /// Writes the files of a block made of others into its temporary folder.
    pub(crate) async fn write_compacted(
        &self,
        ulid: Ulid,
        parents: &[Arc<Block>],
    ) -> Result<(), BlockError> {
        let folder = Catalog::temporary(ulid);
        let store = self.catalog.store();
        narthex_block::compact(store, &folder, parents, ulid).await?;
        Ok(())
    }

    /// Leaves alone what cannot be compacted; a failure that is not the parents' is handed on.
    pub(crate) fn set_aside(
        &self,
        parents: &[Arc<Block>],
        error: BlockError,
    ) -> Result<bool, TsdbError> {
        let blamed = |parent: &&Arc<Block>| parent.meta().ulid == error.block;
        let culprit = parents.iter().find(blamed);
        let aside = match (culprit, &error.fault) {
            (Some(parent), _) => std::slice::from_ref(parent),
            (None, Fault::Store(_)) => return Err(error.into()),
            // Together they make no block, and would not the next time.
            (None, _) => parents,
        };
        self.metrics.compactions_failed.inc();
        for parent in aside {
            if self.catalog.mark_failed(&parent.meta().ulid) {
                let cause = error.source();
                let block = &parent.meta().ulid;
                tracing::error!(%block, %error, cause, "block is not compacted until the next start");
            }
        }
        Ok(true)
    }

    /// Does something that writes a block, and counts it.
    pub(crate) async fn metered<T>(
        &self,
        work: impl Future<Output = Result<T, TsdbError>>,
    ) -> Result<T, TsdbError> {
        let start_ms = self.options.clock.now_ms();
        self.metrics.populating_block.set(1);
        let done = work.await;
        self.metrics.populating_block.set(0);
        let took_ms = self.options.clock.now_ms().saturating_sub(start_ms);
        let took = std::time::Duration::from_millis(u64::try_from(took_ms).unwrap_or_default());
        let duration = &self.metrics.compaction_duration;
        duration.observe(took.as_secs_f64());
        self.metrics.compactions.inc();
        if done.is_err() {
            self.metrics.compactions_failed.inc();
        }
        done
    }
}
