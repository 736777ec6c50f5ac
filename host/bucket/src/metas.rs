//! What the blocks of the bucket hold, kept on the local disk: it is read from the bucket once,
//! and is known after a restart before the bucket has answered. A disk that is full keeps no block
//! from being known: what has no copy is read again after the next start.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use narthex_block::{BlockMeta, Ulid};

use crate::BucketError;

/// A file that says that the folder has all that the bucket had at some time.
const COMPLETE: &str = "complete";

/// Copies of `meta.json`, each named by its block.
#[derive(Debug)]
pub(crate) struct Metas {
    folder: PathBuf,
    /// Blocks of which no copy could be written.
    lacking: Mutex<BTreeSet<Ulid>>,
}

impl Metas {
    pub(crate) fn open(folder: &Path) -> Result<Self, BucketError> {
        fs::create_dir_all(folder).map_err(BucketError::io("create", folder))?;
        Ok(Self {
            folder: folder.to_owned(),
            lacking: Mutex::default(),
        })
    }

    fn lacking(&self) -> MutexGuard<'_, BTreeSet<Ulid>> {
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, block: Ulid) -> PathBuf {
        self.folder.join(format!("{block}.json"))
    }

    /// The copy of a block's; a damaged one is as good as none, since it has a checksum.
    pub(crate) fn get(&self, block: Ulid) -> Option<BlockMeta> {
        let text = fs::read(self.path(block)).ok()?;
        BlockMeta::parse(&text, &block.to_string()).ok()
    }

    /// The same, if it has so many bytes: the bucket's may be another one since.
    pub(crate) fn get_of_size(&self, block: Ulid, bytes: u64) -> Option<BlockMeta> {
        let text = fs::read(self.path(block)).ok()?;
        let is_same = text.len() as u64 == bytes;
        let meta = is_same.then(|| BlockMeta::parse(&text, &block.to_string()));
        meta?.ok()
    }

    /// Keeps a copy, if there is room for it.
    pub(crate) fn keep(&self, block: Ulid, text: &[u8]) {
        let path = self.path(block);
        let written = fs::write(&path, text);
        let mut lacking = self.lacking();
        let Err(error) = written else {
            lacking.remove(&block);
            return;
        };
        // A part of one is good for nothing, and the others are no longer all. What cannot be removed
        // has no checksum.
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(self.folder.join(COMPLETE));
        if lacking.is_empty() {
            let path = path.display();
            tracing::warn!(%path, %error, "what a block of the bucket holds cannot be kept on the disk");
        }
        lacking.insert(block);
    }

    /// Removes the copy of a block's: the block is about to go.
    pub(crate) fn forget(&self, block: Ulid) -> Result<(), BucketError> {
        let path = self.path(block);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(BucketError::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// All copies, if they were complete once and all are sound.
    pub(crate) fn all(&self) -> Option<Vec<BlockMeta>> {
        if !self.folder.join(COMPLETE).exists() {
            return None;
        }
        let entries = fs::read_dir(&self.folder).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let blocks = names.filter_map(|name| Ulid::from_string(name.strip_suffix(".json")?).ok());
        blocks.map(|block| self.get(block)).collect()
    }

    /// Says that the copies of exactly these blocks are all there are.
    pub(crate) fn complete(&self, is_there: impl Fn(Ulid) -> bool) -> Result<(), BucketError> {
        let failed = || BucketError::io("read", &self.folder);
        for entry in fs::read_dir(&self.folder).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let name = path.file_stem().and_then(|name| name.to_str());
            let block = name.and_then(|name| Ulid::from_string(name).ok());
            if let Some(block) = block.filter(|block| !is_there(*block)) {
                self.forget(block)?;
            }
        }
        let path = self.folder.join(COMPLETE);
        let mut lacking = self.lacking();
        lacking.retain(|block| is_there(*block));
        let is_said = match lacking.is_empty() {
            true => fs::write(&path, ""),
            false => fs::remove_file(&path),
        };
        match is_said {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let path = path.display();
                tracing::warn!(%path, %error, "the copies of what blocks hold do not count");
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_count_only_where_each_block_has_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let metas = Metas::open(folder.path()).unwrap();
        metas.complete(|_| true).unwrap();
        assert!(metas.all().is_some_and(|all| all.is_empty()));
        let block = Ulid::from_parts(1, 2);
        // Nothing can be written there, as on a disk that is full.
        let path = folder.path().join(format!("{block}.json"));
        fs::create_dir(&path).unwrap();
        metas.keep(block, b"{}");
        metas.complete(|_| true).unwrap();
        assert!(metas.all().is_none());
        fs::remove_dir(&path).unwrap();
        metas.complete(|_| false).unwrap();
        assert!(metas.all().is_some());
    }
}
