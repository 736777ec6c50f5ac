//! The blocks that readers see, and their folders on the local disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use narthex_block::{Block, BlockError, Fault, META_FILE, PageCache, Ulid};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;

use crate::TsdbError;

/// What a folder is called until its block is complete.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// All published blocks. Readers take the whole list at once and keep it as long as they read.
#[derive(Debug)]
pub(crate) struct Catalog {
    path: PathBuf,
    store: Arc<LocalFileSystem>,
    cache: Arc<PageCache>,
    blocks: ArcSwap<Vec<Arc<Block>>>,
    /// Blocks that were there and could not be opened.
    damaged: usize,
}

impl Catalog {
    /// Opens the blocks of a folder, and removes what a crash left of unfinished ones.
    pub(crate) async fn open(path: &Path, page_cache_bytes: u64) -> Result<Self, TsdbError> {
        let store = LocalFileSystem::new_with_prefix(path).map_err(|source| TsdbError::Store {
            path: path.to_owned(),
            source,
        })?;
        let mut catalog = Self {
            path: path.to_owned(),
            store: Arc::new(store.with_fsync(true)),
            cache: Arc::new(PageCache::new(page_cache_bytes)),
            blocks: ArcSwap::default(),
            damaged: 0,
        };
        let folders = folders(path)?;
        let mut blocks = Vec::new();
        for ulid in &folders.blocks {
            let folder = path.join(ulid.to_string());
            if !folder.join(META_FILE).exists() {
                tracing::warn!(block = %ulid, "folder is no block: it has no meta.json");
                continue;
            }
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
                    catalog.damaged += 1;
                }
            }
        }
        for leftover in folders.temporary {
            tracing::info!(folder = %leftover.display(), "removing an unfinished block");
            fs::remove_dir_all(&leftover).map_err(TsdbError::io("remove", &leftover))?;
        }
        blocks.sort_by_key(|block| (block.meta().range.start_ms, block.meta().ulid.clone()));
        catalog.blocks = ArcSwap::from_pointee(blocks);
        Ok(catalog)
    }

    async fn open_block(&self, ulid: Ulid) -> Result<Block, BlockError> {
        let folder = ObjectPath::from(ulid.to_string());
        Block::open(Arc::clone(&self.store) as _, &folder, &self.cache).await
    }

    /// What was read of the blocks.
    pub(crate) fn cache(&self) -> &PageCache {
        &self.cache
    }

    /// Where blocks are written.
    pub(crate) fn store(&self) -> &LocalFileSystem {
        &self.store
    }

    /// The folder in which a block is written.
    pub(crate) fn temporary(ulid: Ulid) -> ObjectPath {
        ObjectPath::from(format!("{ulid}{TEMPORARY_SUFFIX}"))
    }

    /// Gives a complete block its name. After this it survives the process and the machine.
    pub(crate) fn commit(&self, ulid: Ulid) -> Result<(), TsdbError> {
        let from = self.path.join(Self::temporary(ulid).as_ref());
        let to = self.path.join(ulid.to_string());
        fs::rename(&from, &to).map_err(TsdbError::io("rename", &from))?;
        let folder = File::open(&self.path).and_then(|folder| folder.sync_all());
        folder.map_err(TsdbError::io("sync", &self.path))
    }

    /// Removes what was written of a block that failed; what cannot be removed goes at the next
    /// start.
    pub(crate) fn discard(&self, ulid: Ulid) {
        let folder = self.path.join(Self::temporary(ulid).as_ref());
        if let Err(error) = fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %folder.display(), %error, "cannot remove an unfinished block");
        }
    }

    /// Opens a block that has its name and shows it to readers.
    pub(crate) async fn publish(&self, ulid: Ulid) -> Result<(), TsdbError> {
        let block = Arc::new(self.open_block(ulid).await?);
        self.blocks.rcu(|blocks| {
            let mut blocks = Vec::clone(blocks);
            blocks.push(Arc::clone(&block));
            blocks.sort_by_key(|block| (block.meta().range.start_ms, block.meta().ulid.clone()));
            blocks
        });
        Ok(())
    }

    /// The blocks now, oldest first.
    pub(crate) fn blocks(&self) -> Arc<Vec<Arc<Block>>> {
        self.blocks.load_full()
    }

    /// How many blocks could not be opened.
    pub(crate) fn damaged(&self) -> usize {
        self.damaged
    }

    /// The millisecond from which on no block answers.
    pub(crate) fn end_ms(&self) -> Option<i64> {
        let blocks = self.blocks();
        blocks.iter().map(|block| block.meta().range.end_ms).max()
    }
}

struct Folders {
    blocks: Vec<Ulid>,
    temporary: Vec<PathBuf>,
}

/// The folders of blocks. Only names that we give are looked at.
fn folders(path: &Path) -> Result<Folders, TsdbError> {
    let mut folders = Folders {
        blocks: Vec::new(),
        temporary: Vec::new(),
    };
    let entries = fs::read_dir(path).map_err(TsdbError::io("read", path))?;
    for entry in entries {
        let entry = entry.map_err(TsdbError::io("read", path))?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|_| entry.path().is_dir()) else {
            continue;
        };
        let temporary = name.strip_suffix(TEMPORARY_SUFFIX);
        let stem = temporary.unwrap_or(name);
        let Some(ulid) = Ulid::from_string(stem)
            .ok()
            .filter(|u| u.to_string() == stem)
        else {
            continue;
        };
        match temporary {
            Some(_) => folders.temporary.push(entry.path()),
            None => folders.blocks.push(ulid),
        }
    }
    Ok(folders)
}
