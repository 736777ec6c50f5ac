//! The blocks that readers see, and their folders on the local disk.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use narthex_block::{Block, BlockError, DiskStore, Fault, META_FILE, PageCache, Ulid};
use narthex_disk::{Disk, DiskExt};
use narthex_promblock::PromBlock;
use narthex_storage::{Changes, TimeRange};
use object_store::path::Path as ObjectPath;

use crate::TsdbError;
use crate::retired::{DELETION_SUFFIX, Retired, delete, sync};

/// What a folder is called until its block is complete.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// All published blocks. Readers take the whole list at once and keep it as long as they read.
#[derive(Debug)]
pub(crate) struct Catalog {
    store: DiskStore,
    cache: Arc<PageCache>,
    blocks: ArcSwap<Vec<Arc<Block>>>,
    /// What changed for readers, in memory and in blocks.
    pub(crate) changes: Changes,
    /// Blocks that were there and could not be opened.
    damaged: usize,
    /// How often the list changed, and how many blocks could not be opened for that.
    reloads: [AtomicU64; 2],
    /// Blocks that readers no longer get.
    retired: Retired,
    /// Names of blocks that could not be compacted. They are left alone until the next start.
    failed: Mutex<BTreeSet<String>>,
    /// Names of blocks of which nothing is left and that stay for other reasons.
    emptied: Mutex<BTreeSet<String>>,
}

impl Catalog {
    /// Opens the blocks of a disk, and removes what a crash left: unfinished blocks, those that
    /// were being removed, and those in whose place another one stands.
    pub(crate) async fn open(
        disk: &Arc<dyn Disk>,
        page_cache_bytes: u64,
    ) -> Result<Self, TsdbError> {
        let store = DiskStore::new(Arc::clone(disk));
        let mut catalog = Self {
            store,
            cache: Arc::new(PageCache::new(page_cache_bytes)),
            blocks: ArcSwap::default(),
            changes: Changes::default(),
            damaged: 0,
            reloads: Default::default(),
            retired: Retired::default(),
            failed: Mutex::default(),
            emptied: Mutex::default(),
        };
        let folders = folders(disk.as_ref())?;
        let mut blocks = Vec::new();
        let mut damaged = Vec::new();
        for ulid in &folders.blocks {
            if !disk.exists(&format!("{ulid}/{META_FILE}")) {
                tracing::warn!(block = %ulid, "folder is no block: it has no meta.json");
                continue;
            }
            // It is no damaged block of ours, and where another block has its samples it is still
            // not ours to remove.
            if PromBlock::is_one(&disk.show(&ulid.to_string())) {
                tracing::warn!(block = %ulid, "folder is a block of Prometheus: tsdb import takes it over");
                continue;
            }
            let folder = ulid.to_string();
            let removed = catalog.store.remove_unfinished(&folder);
            removed.map_err(TsdbError::io("clean up", disk.show(&folder)))?;
            match catalog.open_block(*ulid).await {
                Ok(block) => blocks.push(Arc::new(block)),
                // A later version is not damage. Going on without the block would fill its time
                // from an older log, so nothing is touched.
                Err(error) if matches!(error.fault, Fault::Version { .. }) => {
                    return Err(error.into());
                }
                Err(error) => {
                    let cause = &error.fault;
                    tracing::error!(%error, %cause, "block is damaged and left out");
                    damaged.push(ulid.to_string());
                }
            }
        }
        for leftover in folders.temporary {
            let folder = disk.show(&leftover);
            tracing::info!(folder = %folder.display(), "removing an unfinished block");
            let removed = disk.remove_folder(&leftover);
            removed.map_err(TsdbError::io("remove", folder))?;
        }
        // The samples of these are in another block that is there.
        let replaced: HashSet<String> = blocks
            .iter()
            .flat_map(|block: &Arc<Block>| block.meta().replaced().map(str::to_owned))
            .collect();
        let names = blocks.iter().map(|block| &block.meta().ulid);
        for name in names
            .chain(&damaged)
            .filter(|name| replaced.contains(*name))
        {
            tracing::info!(block = %name, "removing a block that was compacted into another");
            delete(&catalog.store, name)?;
        }
        blocks.retain(|block| !replaced.contains(&block.meta().ulid));
        damaged.retain(|name| !replaced.contains(name));
        catalog.damaged = damaged.len();
        catalog.reloads = [1, damaged.len() as u64].map(AtomicU64::new);
        sort(&mut blocks);
        catalog.blocks = ArcSwap::from_pointee(blocks);
        Ok(catalog)
    }

    async fn open_block(&self, ulid: Ulid) -> Result<Block, BlockError> {
        let folder = ObjectPath::from(ulid.to_string());
        let store = Arc::new(self.store.clone());
        Block::open(store, &folder, &self.cache).await
    }

    /// What was read of the blocks.
    pub(crate) fn cache(&self) -> &Arc<PageCache> {
        &self.cache
    }

    /// Where blocks are written.
    pub(crate) fn store(&self) -> &DiskStore {
        &self.store
    }

    /// The folder in which a block is written.
    pub(crate) fn temporary(ulid: Ulid) -> ObjectPath {
        ObjectPath::from(format!("{ulid}{TEMPORARY_SUFFIX}"))
    }

    /// Gives a complete block its name. After this it survives the process and the machine.
    pub(crate) fn commit(&self, ulid: Ulid) -> Result<(), TsdbError> {
        let (from, disk) = (Self::temporary(ulid), self.store.disk());
        self.store.forget(from.as_ref());
        let renamed = disk.rename(from.as_ref(), &ulid.to_string());
        renamed.map_err(TsdbError::io("rename", disk.show(from.as_ref())))?;
        sync(disk.as_ref())
    }

    /// Removes what was written of a block that failed; what cannot be removed goes at the next
    /// start.
    pub(crate) fn discard(&self, ulid: Ulid) {
        let (folder, disk) = (Self::temporary(ulid), self.store.disk());
        self.store.forget(folder.as_ref());
        if let Err(error) = disk.remove_folder(folder.as_ref())
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let folder = disk.show(folder.as_ref());
            tracing::warn!(folder = %folder.display(), %error, "cannot remove an unfinished block");
        }
    }

    /// Gives a complete block its name and shows it to readers. Where that fails no reader gets
    /// it, and it is removed as far as that can be done.
    pub(crate) async fn show(&self, ulid: Ulid) -> Result<(), TsdbError> {
        self.show_instead(&[], ulid).await
    }

    /// Opens a block that has its name and shows it to readers.
    pub(crate) async fn publish(&self, ulid: Ulid) -> Result<(), TsdbError> {
        self.replace(&[], ulid).await
    }

    /// Opens a block that has its name and shows it to readers in place of its parents, all at
    /// once. The parents' folders stay until they are swept.
    pub(crate) async fn replace(
        &self,
        parents: &[Arc<Block>],
        ulid: Ulid,
    ) -> Result<(), TsdbError> {
        let opened = self.open_block(ulid).await.inspect_err(|_| {
            let [_, failures] = &self.reloads;
            failures.fetch_add(1, Ordering::Relaxed);
        });
        let block = Arc::new(opened?);
        self.swap(parents, Some(&block));
        Ok(())
    }

    /// Takes blocks from readers. Their folders stay until they are swept.
    pub(crate) fn remove(&self, gone: &[Arc<Block>]) {
        self.swap(gone, None);
    }

    fn swap(&self, gone: &[Arc<Block>], new: Option<&Arc<Block>>) {
        let is_gone = |block: &Arc<Block>| gone.iter().any(|gone| Arc::ptr_eq(gone, block));
        self.blocks.rcu(|blocks| {
            let kept = blocks.iter().filter(|block| !is_gone(block));
            let mut blocks: Vec<Arc<Block>> = kept.chain(new).cloned().collect();
            sort(&mut blocks);
            blocks
        });
        // Nearly always the samples are the same ones as before, as after a compaction; that is not
        // looked at.
        for block in gone.iter().chain(new) {
            let (span, answers_for) = (block.span(), block.meta().range);
            self.changes.note(TimeRange {
                start_ms: span.start_ms.min(answers_for.start_ms),
                end_ms: span.end_ms.max(answers_for.end_ms),
            });
        }
        for block in gone {
            self.retired.add(Arc::clone(block));
        }
        let [reloads, _] = &self.reloads;
        reloads.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes the folders of blocks that were taken from readers, as far as nobody reads them.
    pub(crate) fn sweep(&self) {
        self.retired.sweep(&self.store);
    }

    /// Removes a block that has its name and that readers never got.
    pub(crate) fn withdraw(&self, ulid: Ulid) {
        if let Err(error) = delete(&self.store, &ulid.to_string()) {
            tracing::warn!(block = %ulid, %error, "cannot remove a block that cannot be opened");
        }
    }

    /// The blocks now, oldest first.
    pub(crate) fn blocks(&self) -> Arc<Vec<Arc<Block>>> {
        self.blocks.load_full()
    }

    /// What the store lies on.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        self.store.disk()
    }

    /// The folder of all blocks, as an operator knows it.
    pub(crate) fn path(&self) -> PathBuf {
        self.disk().show("")
    }

    /// How many blocks wait for their readers to finish before they are removed.
    pub(crate) fn retired(&self) -> usize {
        self.retired.len()
    }

    /// Notes that a block cannot be compacted; whether that is news.
    pub(crate) fn mark_failed(&self, ulid: &str) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(ulid.to_owned())
    }

    /// Whether compacting a block has failed since the start.
    pub(crate) fn has_failed(&self, block: &Block) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.contains(&block.meta().ulid)
    }

    /// Notes that nothing is left of a block, which stays all the same.
    pub(crate) fn leave_alone(&self, block: &Block) {
        let mut emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
        emptied.insert(block.meta().ulid.clone());
    }

    /// Whether there is no use in writing a block anew, alone or with others.
    pub(crate) fn is_left_alone(&self, block: &Block) -> bool {
        let emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
        emptied.contains(&block.meta().ulid) || self.has_failed(block)
    }

    /// Gives a complete block its name and shows it to readers in place of its parents, all at
    /// once. Where that fails the parents go on answering, and the new block is removed as far as
    /// that can be done.
    pub(crate) async fn show_instead(
        &self,
        parents: &[Arc<Block>],
        ulid: Ulid,
    ) -> Result<(), TsdbError> {
        let shown = match self.commit(ulid) {
            Ok(()) => self.replace(parents, ulid).await,
            Err(error) => Err(error),
        };
        shown.inspect_err(|_| {
            self.discard(ulid);
            self.withdraw(ulid);
        })
    }

    /// How many blocks could not be opened.
    pub(crate) fn damaged(&self) -> usize {
        self.damaged
    }

    /// How often readers got another list of blocks, the first one included, and how many blocks
    /// could not be opened.
    pub(crate) fn reloads(&self) -> [u64; 2] {
        self.reloads
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed))
    }

    /// The time before which blocks have all samples that there are, so that the log need not be
    /// asked for them; `None` where no block says so.
    pub(crate) fn end_ms(&self) -> Option<i64> {
        let blocks = self.blocks();
        // What is downsampled stands for no sample.
        let raw = blocks.iter().filter(|block| block.meta().is_raw());
        let ends = raw.map(|block| block.meta().complete_to_ms());
        ends.max().filter(|end_ms| *end_ms > i64::MIN)
    }
}

/// Oldest first; of equal starts the block that was made first.
fn sort(blocks: &mut [Arc<Block>]) {
    blocks.sort_by_key(|block| (block.meta().range.start_ms, block.meta().ulid.clone()));
}

/// The folders of a store.
pub(crate) struct Folders {
    /// Those that have the name of a block.
    pub(crate) blocks: Vec<Ulid>,
    temporary: Vec<String>,
}

/// The folders of blocks. Only names that we give are looked at.
pub(crate) fn folders(disk: &dyn Disk) -> Result<Folders, TsdbError> {
    let mut folders = Folders {
        blocks: Vec::new(),
        temporary: Vec::new(),
    };
    let entries = disk.list("");
    let entries = entries.map_err(TsdbError::io("read", disk.show("")))?;
    for entry in entries.into_iter().filter(|entry| entry.is_folder) {
        let name = entry.name;
        let unfinished = name.strip_suffix(TEMPORARY_SUFFIX);
        let temporary = unfinished.or_else(|| name.strip_suffix(DELETION_SUFFIX));
        let stem = temporary.unwrap_or(&name);
        let Some(ulid) = Ulid::from_string(stem)
            .ok()
            .filter(|u| u.to_string() == stem)
        else {
            continue;
        };
        match temporary {
            Some(_) => folders.temporary.push(name),
            None => folders.blocks.push(ulid),
        }
    }
    Ok(folders)
}
