//! The blocks of a store, read without opening the store: a server may run on it.
//!
//! It is not: a look at the newest samples, which are in the log until a block is cut.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_block::{Block, BlockError, DiskStore, META_FILE, PageCache};
use narthex_disk::{Disk, SystemDisk};
use narthex_promblock::PromBlock;
use narthex_storage::{SelectRequest, SeriesStream, StorageError, Wanted};
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;

use crate::TsdbError;
use crate::block_set::BlockSet;
use crate::catalog::folders;
use crate::options::PAGE_CACHE_BYTES;

/// The blocks that a store had when they were looked for.
#[derive(Debug)]
pub struct StoredBlocks {
    store: DiskStore,
    /// The names of their folders, oldest first.
    names: Vec<String>,
    cache: Arc<PageCache>,
}

impl StoredBlocks {
    /// Looks for blocks in the folder of a store. None of them is read yet.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn find(path: &Path) -> Result<Self, TsdbError> {
        let disk: Arc<dyn Disk> = Arc::new(SystemDisk::new(path));
        let is_ours = |name: &String| {
            let folder = path.join(name);
            folder.join(META_FILE).exists() && !PromBlock::is_one(&folder)
        };
        let blocks = folders(disk.as_ref())?.blocks.into_iter();
        let mut names: Vec<String> = blocks
            .map(|ulid| ulid.to_string())
            .filter(is_ours)
            .collect();
        names.sort_unstable();
        Ok(Self {
            store: DiskStore::new(disk),
            names,
            cache: Arc::new(PageCache::new(PAGE_CACHE_BYTES)),
        })
    }

    /// The names of the blocks, in the order in which they were made.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the folders of the blocks are.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.store.clone())
    }

    /// Opens one block.
    ///
    /// # Errors
    /// It is not there or is damaged.
    #[boxed]
    pub async fn open(&self, name: &str) -> Result<Block, BlockError> {
        Block::open(self.store(), &ObjectPath::from(name), &self.cache).await
    }

    /// Checks all of one block, and says all that is wrong with it.
    #[boxed]
    pub async fn verify(&self, name: &str) -> Vec<BlockError> {
        narthex_block::verify(self.store(), &ObjectPath::from(name)).await
    }

    /// Opens all blocks that can be opened; they come by time. Those in whose place another one
    /// stands are left out.
    #[boxed]
    pub async fn open_all(&self) -> OpenedBlocks {
        let mut blocks = Vec::with_capacity(self.names.len());
        let mut damaged = Vec::new();
        for name in &self.names {
            match self.open(name).await {
                Ok(block) => blocks.push(Arc::new(block)),
                Err(error) => damaged.push(error),
            }
        }
        let replaced = blocks.iter().flat_map(|block| block.meta().replaced());
        let replaced: HashSet<String> = replaced.map(str::to_owned).collect();
        blocks.retain(|block| !replaced.contains(&block.meta().ulid));
        damaged.retain(|error| !replaced.contains(&error.block));
        blocks.sort_by_key(|block| (block.meta().range.start_ms, block.meta().ulid.clone()));
        OpenedBlocks { blocks, damaged }
    }
}

/// The blocks of a store as far as they can be opened.
#[derive(Debug)]
pub struct OpenedBlocks {
    /// Those that can, by time.
    pub blocks: Vec<Arc<Block>>,
    /// What is wrong with each of the others.
    pub damaged: Vec<BlockError>,
}

/// The samples of all series that match, of several blocks; each label set comes once. Windows of
/// samples are none: those are read by a [`BlockSet`].
///
/// # Errors
/// A block is damaged, here or in the stream.
#[boxed]
pub async fn select_blocks(
    blocks: &[Arc<Block>],
    request: &SelectRequest,
) -> Result<SeriesStream, StorageError> {
    let raw = blocks.iter().filter(|block| block.meta().is_raw());
    let blocks = BlockSet::new(raw.cloned().collect());
    blocks.select(request, Wanted::Samples).await
}
