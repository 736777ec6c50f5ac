//! What the blocks of the bucket hold, kept on the local disk: it is read from the bucket once,
//! and is known after a restart before the bucket has answered.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use narthex_block::{BlockMeta, Ulid};

use crate::BucketError;

/// A file that says that the folder has all that the bucket had at some time.
const COMPLETE: &str = "complete";

/// Copies of `meta.json`, each named by its block.
#[derive(Debug)]
pub(crate) struct Metas {
    folder: PathBuf,
}

impl Metas {
    pub(crate) fn open(folder: &Path) -> Result<Self, BucketError> {
        fs::create_dir_all(folder).map_err(BucketError::io("create", folder))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
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

    pub(crate) fn keep(&self, block: Ulid, text: &[u8]) -> Result<(), BucketError> {
        let path = self.path(block);
        fs::write(&path, text).map_err(BucketError::io("write", path))
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
        fs::write(&path, "").map_err(BucketError::io("write", path))
    }
}
