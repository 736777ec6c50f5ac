//! Blocks that are kept elsewhere too, as in a bucket: they answer where no block here does.
//!
//! It is not: how they get there, or how they are read.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use narthex_block::{Block, BlockMeta, PageCache, TimeBounds};
use narthex_storage::{StorageError, TimeRange};

use crate::Tsdb;
use crate::block_set::{is_touched, order};

/// What is kept elsewhere.
pub trait RemoteBlocks: fmt::Debug + Send + Sync {
    /// The blocks that are there, complete, none of them in place of another one; `None` as long
    /// as nobody knows.
    fn blocks(&self) -> Option<Arc<Vec<Arc<Block>>>>;

    /// Whether every sample of a block is there, read back and found sound. What is not stays
    /// here, as far as there is room for it.
    fn has(&self, block: &Block) -> bool;
}

impl Tsdb {
    /// Lets blocks that are kept elsewhere answer too. It can be done once, before the store is
    /// read and maintained; what comes later has no effect.
    pub fn attach(&self, remote: Arc<dyn RemoteBlocks>) {
        // A second one is dropped, as the contract says.
        let _ = self.remote.set(remote);
    }

    /// The blocks that lie here, oldest first. Their files stay as long as they are held.
    pub fn local_blocks(&self) -> Arc<Vec<Arc<Block>>> {
        self.catalog.blocks()
    }

    /// Where pages of blocks are kept in memory.
    pub fn page_cache(&self) -> &Arc<PageCache> {
        self.catalog.cache()
    }

    /// Whether every sample of a block is kept elsewhere too, where that is wanted, and no other
    /// ones: what is deleted of it would answer from there.
    pub(crate) fn is_safe(&self, block: &Block) -> bool {
        let remote = self.remote.get();
        remote.is_none_or(|remote| remote.has(block) && !block.has_tombstones())
    }

    /// Whether there are blocks of windows at all, here or elsewhere.
    pub(crate) fn has_windows(&self) -> bool {
        let is_coarse = |block: &Arc<Block>| !block.meta().is_raw();
        let elsewhere = self.remote.get().and_then(|remote| remote.blocks());
        self.catalog.blocks().iter().any(is_coarse)
            || elsewhere.is_some_and(|blocks| blocks.iter().any(is_coarse))
    }

    /// See [`Queryable::version`]: what changed here, and which blocks there are elsewhere. It is not
    /// the same in another process.
    ///
    /// [`Queryable::version`]: narthex_storage::Queryable::version
    pub(crate) fn version_of(&self, range: TimeRange) -> Option<u64> {
        let here = self.catalog.changes.version(range);
        let Some(remote) = self.remote.get() else {
            return Some(here);
        };
        let elsewhere = remote.blocks()?;
        let mut hasher = DefaultHasher::new();
        here.hash(&mut hasher);
        for block in elsewhere.iter().filter(|block| is_touched(block, range)) {
            block.meta().ulid.hash(&mut hasher);
        }
        Some(hasher.finish())
    }

    /// The blocks that may answer for a range, oldest first; of the same samples those here.
    pub(crate) fn blocks_in(&self, range: TimeRange) -> Result<Vec<Arc<Block>>, StorageError> {
        // What lies here is looked at first: a block goes from here only when it is elsewhere, so
        // that it is seen in one of the two.
        let here = self.catalog.blocks();
        let touched = |block: &&Arc<Block>| is_touched(block, range);
        let mut blocks: Vec<Arc<Block>> = here.iter().filter(touched).cloned().collect();
        let Some(remote) = self.remote.get() else {
            return Ok(blocks);
        };
        let Some(elsewhere) = remote.blocks() else {
            let oldest = here.iter().map(|block| block.meta().min_time_ms);
            let oldest_ms = oldest.chain(self.head.min_time()).min();
            return match oldest_ms.is_some_and(|oldest_ms| oldest_ms <= range.start_ms) {
                true => Ok(blocks),
                false => Err(StorageError::Read {
                    context: "the blocks in the bucket are not known yet".to_owned(),
                    source: "the query reaches further back than what lies here".into(),
                }),
            };
        };
        let elsewhere: Vec<&Arc<Block>> = elsewhere.iter().filter(touched).collect();
        if elsewhere.is_empty() {
            return Ok(blocks);
        }
        // Windows do not stand in place of samples, nor samples in place of windows.
        let sources = here.iter().flat_map(|block| sources_of(block));
        let sources: HashSet<(i64, &str)> = sources.collect();
        let is_here = |block: &&Arc<Block>| {
            sources_of(block).all(|own| sources.contains(&own)) && is_covered(block, &here)
        };
        blocks.extend(elsewhere.into_iter().filter(|b| !is_here(b)).cloned());
        blocks.sort_by(|a, b| order(a).cmp(&order(b)));
        Ok(blocks)
    }
}

/// Whether blocks that are made of the same lie here for all time that a block has samples of. Those
/// that were taken over from one block of another store share what they are made of, and each has
/// a part of its time.
fn is_covered(block: &Block, here: &[Arc<Block>]) -> bool {
    let meta = block.meta();
    let is_kin = |own: &&BlockMeta| {
        let mut sources = own.sources().iter();
        own.resolution_ms == meta.resolution_ms
            && own.range.start_ms < meta.range.end_ms
            && meta.range.start_ms < own.range.end_ms
            && sources.any(|source| meta.sources().contains(source))
    };
    let kin = here.iter().map(|own| own.meta()).filter(is_kin);
    let kin: Vec<TimeBounds> = kin.map(|own| own.range).collect();
    meta.slices_ms.iter().all(|slice_ms| {
        let start_ms = meta.range.start_ms.max(*slice_ms);
        let end_ms = slice_ms.saturating_add(meta.slice_ms);
        let end_ms = meta.range.end_ms.min(end_ms);
        let mut kin = kin.iter();
        kin.any(|range| range.start_ms < end_ms && start_ms < range.end_ms)
    })
}

/// What the samples of a block are made of, and their resolution.
fn sources_of(block: &Block) -> impl Iterator<Item = (i64, &str)> {
    let meta = block.meta();
    let sources = meta.sources().iter();
    sources.map(|source| (meta.resolution_ms, source.as_str()))
}
