//! What a bucket that is a folder of a file system has of objects that are not finished. The store
//! shows it to nobody, so that after a crash it would stay for ever, and each crash leaves more.
//!
//! It is not: what is left of blocks, which [`crate::leftovers`] removes.

use std::fs::{self, Metadata};
use std::io;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use narthex_block::Ulid;

use crate::folder::PARTIAL_UPLOAD_MS;
use crate::{BucketConfig, Provider};

/// The folders of the blocks of a bucket that is one itself.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    folder: PathBuf,
}

impl Staged {
    /// `None` where the bucket is no folder.
    pub(crate) fn of(config: &BucketConfig) -> Option<Self> {
        let folder = &config.config.directory;
        let is_folder = config.provider == Provider::FileSystem && !folder.as_os_str().is_empty();
        is_folder.then(|| Self {
            folder: folder.join(config.prefix.trim_matches('/')),
        })
    }

    /// Removes what is there of a block that nobody but this process brings, which is not at it.
    pub(crate) fn remove_of(&self, block: Ulid) {
        self.remove(block, |_| true);
    }

    /// Removes what nobody has written to for as long as leftovers of uploads stay. It looks into
    /// each folder of a block, and blocks the thread as long.
    pub(crate) fn remove_old(&self, now_ms: i64) {
        // Where there is no folder, there is no block.
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let blocks = names.filter_map(|name| {
            let block = Ulid::from_string(&name).ok()?;
            (block.to_string() == name).then_some(block)
        });
        for block in blocks {
            self.remove(block, |metadata| {
                let written_ms = modified_ms(metadata);
                written_ms.is_some_and(|at_ms| at_ms.saturating_add(PARTIAL_UPLOAD_MS) <= now_ms)
            });
        }
    }

    fn remove(&self, block: Ulid, is_due: impl Fn(&Metadata) -> bool) {
        if let Err(error) = self.try_remove(block, is_due)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%block, %error, "what an upload did not finish stays in the bucket");
        }
    }

    fn try_remove(&self, block: Ulid, is_due: impl Fn(&Metadata) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(self.folder.join(block.to_string()))? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(is_staged) {
                continue;
            }
            let metadata = entry.metadata()?;
            if metadata.is_file() && is_due(&metadata) {
                fs::remove_file(entry.path())?;
                let file = entry.path();
                tracing::info!(file = %file.display(), "what an upload did not finish is removed");
            }
        }
        Ok(())
    }
}

/// Whether a file is no object yet: `LocalFileSystem` of `object_store` puts a number behind the name
/// until it is.
fn is_staged(name: &str) -> bool {
    let number = name.split_once('#').map(|(_, number)| number);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

fn modified_ms(metadata: &Metadata) -> Option<i64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_uploads_into_a_folder_did_not_finish_goes_when_it_is_old_or_ones_own() {
        let bucket = tempfile::TempDir::new().unwrap();
        let config = serde_json::json!({
            "type": "FILESYSTEM",
            "config": {"directory": bucket.path()},
            "prefix": "/prod/",
        });
        let config: BucketConfig = serde_json::from_value(config).unwrap();
        let staged = Staged::of(&config).unwrap();
        let folder = bucket.path().join("prod");
        // No bucket yet.
        staged.remove_old(i64::MAX);
        let blocks = [Ulid::from_parts(1, 1), Ulid::from_parts(1, 2)];
        let [own, other] = blocks.map(|block| folder.join(block.to_string()));
        let notes = folder.join("notes");
        for folder in [&own, &other, &notes] {
            fs::create_dir_all(folder).unwrap();
            for name in ["a.parquet", "a.parquet#1", "b#2c", "#"] {
                fs::write(folder.join(name), "x").unwrap();
            }
        }
        let count = |folder: &PathBuf| fs::read_dir(folder).unwrap().count();
        staged.remove_of(blocks[0]);
        assert_eq!([&own, &other, &notes].map(count), [3, 4, 4]);
        let written_ms = modified_ms(&fs::metadata(other.join("a.parquet#1")).unwrap()).unwrap();
        for (after_ms, left) in [(PARTIAL_UPLOAD_MS - 1, 4), (PARTIAL_UPLOAD_MS, 3)] {
            staged.remove_old(written_ms + after_ms);
            assert_eq!([&own, &other, &notes].map(count), [3, left, 4]);
        }
        assert!(other.join("b#2c").exists() && other.join("a.parquet").exists());
    }
}
