//! The folders of a bucket, from one look at all its objects.

use std::collections::BTreeMap;

use narthex_block::{META_FILE, Ulid};
use object_store::path::Path;

use crate::MARK_FILE;
use crate::access::Listed;

/// Leftovers of uploads go when they are as old as this, as in Thanos, and so do closed names.
pub(crate) const PARTIAL_UPLOAD_MS: i64 = 48 * 3_600_000;

/// Servers take a closed name back only so long after others would have removed what closes it, so
/// that the two are never at it at once, whatever their clocks say.
const CLOSED_MARGIN_MS: i64 = 24 * 3_600_000;

/// What a listing shows of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Sizes by name.
    pub(crate) files: BTreeMap<String, u64>,
    /// When the newest of them was written, in milliseconds since the epoch.
    pub(crate) newest_ms: i64,
}

impl Folder {
    pub(crate) fn has_meta(&self) -> bool {
        self.files.contains_key(META_FILE)
    }

    pub(crate) fn has_mark(&self) -> bool {
        self.files.contains_key(MARK_FILE)
    }

    /// Whether nothing was written for so long that nobody brings the rest any more.
    pub(crate) fn is_left_over(&self, now_ms: i64) -> bool {
        self.newest_ms.saturating_add(PARTIAL_UPLOAD_MS) <= now_ms
    }

    /// Whether nobody is there who would have removed what closes the name.
    pub(crate) fn is_abandoned(&self, now_ms: i64) -> bool {
        self.is_left_over(now_ms.saturating_sub(CLOSED_MARGIN_MS))
    }
}

/// The path of a block.
pub(crate) fn path_of(block: Ulid) -> Path {
    Path::from(block.to_string())
}

/// The path of a file of a block.
pub(crate) fn file_of(block: Ulid, file: &str) -> Path {
    path_of(block).join(file)
}

/// Sorts objects into folders. What does not lie directly in a folder that is named as a block is
/// not ours and is not looked at.
pub(crate) fn folders(objects: Vec<Listed>) -> BTreeMap<Ulid, Folder> {
    let mut folders: BTreeMap<Ulid, Folder> = BTreeMap::new();
    for object in objects {
        let text = object.path.as_ref();
        let Some((name, file)) = text.split_once('/').filter(|(_, file)| !file.contains('/'))
        else {
            continue;
        };
        let ulid = Ulid::from_string(name).ok();
        let Some(ulid) = ulid.filter(|ulid| ulid.to_string() == name) else {
            continue;
        };
        let folder = folders.entry(ulid).or_default();
        folder.files.insert(file.to_owned(), object.size);
        folder.newest_ms = folder.newest_ms.max(object.modified_ms);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_blocks_are_looked_at() {
        let block = "01JD0000000000000000000000";
        let objects = [
            format!("{block}/meta.json"),
            format!("{block}/deletion-mark.json"),
            format!("{block}/deep/er"),
            "debug/metas/x.json".to_owned(),
            "01jd0000000000000000000000/meta.json".to_owned(),
            "meta.json".to_owned(),
        ];
        let objects = objects.into_iter().enumerate().map(|(at, path)| Listed {
            path: Path::from(path),
            size: 3,
            modified_ms: i64::try_from(at).unwrap(),
        });
        let found = folders(objects.collect());
        let (ulid, folder) = found.first_key_value().unwrap();
        assert_eq!((found.len(), ulid.to_string().as_str()), (1, block));
        assert!(folder.has_meta() && folder.has_mark());
        assert_eq!((folder.files.len(), folder.newest_ms), (2, 1));
    }
}
