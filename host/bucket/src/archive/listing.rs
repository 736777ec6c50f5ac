//! What one listing shows of the blocks of a bucket, whatever folder they lie in.

use std::collections::BTreeMap;

use narthex_block::{META_FILE, Ulid};
use object_store::path::Path;

use crate::MARK_FILE;
use crate::access::Listed;

/// A block may lie below so many folders; what lies deeper is not looked at.
const FOLDERS_MAX: usize = 8;

/// The blocks of a listing.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) blocks: BTreeMap<Ulid, Found>,
    /// How many folders have the name of a block that lies in another one, too.
    pub(super) twice: usize,
}

/// What is shown of one block, or of what may become one.
#[derive(Debug)]
pub(super) struct Found {
    /// Where its files lie.
    pub(super) folder: Path,
    /// Sizes by name.
    pub(super) files: BTreeMap<String, u64>,
    /// When its `meta.json` was written, in milliseconds since the epoch; 0 where there is none.
    pub(super) written_ms: i64,
}

impl Found {
    /// The length of its `meta.json`; `None` where there is none.
    pub(super) fn meta_bytes(&self) -> Option<u64> {
        self.files.get(META_FILE).copied()
    }

    pub(super) fn has_mark(&self) -> bool {
        self.files.contains_key(MARK_FILE)
    }
}

impl Listing {
    /// Sorts objects into blocks. Of two folders of one name the first that is a block counts.
    pub(super) fn of(objects: Vec<Listed>) -> Self {
        let mut folders: BTreeMap<String, (Ulid, Found)> = BTreeMap::new();
        for object in objects {
            let Some((folder, file)) = object.path.as_ref().rsplit_once('/') else {
                continue;
            };
            let Some(ulid) = block_of(folder) else {
                continue;
            };
            if !folders.contains_key(folder) {
                let Ok(path) = Path::parse(folder) else {
                    continue;
                };
                let found = Found {
                    folder: path,
                    files: BTreeMap::new(),
                    written_ms: 0,
                };
                folders.insert(folder.to_owned(), (ulid, found));
            }
            if let Some((_, found)) = folders.get_mut(folder) {
                found.files.insert(file.to_owned(), object.size);
                if file == META_FILE {
                    found.written_ms = object.modified_ms;
                }
            }
        }
        let mut listing = Self::default();
        for (ulid, found) in folders.into_values() {
            let known = listing.blocks.get(&ulid);
            let is_twice = known.is_some();
            listing.twice += usize::from(is_twice);
            if known.is_none_or(|known| known.meta_bytes().is_none()) {
                listing.blocks.insert(ulid, found);
            }
        }
        listing
    }
}

/// The block whose folder this is.
fn block_of(folder: &str) -> Option<Ulid> {
    if folder.split('/').count() > FOLDERS_MAX {
        return None;
    }
    let name = folder.rsplit('/').next()?;
    let ulid = Ulid::from_string(name).ok()?;
    (ulid.to_string() == name).then_some(ulid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paths: &[&str]) -> Listing {
        let listed = paths.iter().zip(1_i64..).map(|(path, modified_ms)| Listed {
            path: Path::from(*path),
            size: 3,
            modified_ms,
        });
        Listing::of(listed.collect())
    }

    #[test]
    fn blocks_are_found_in_folders_of_servers() {
        let a = "01JD0000000000000000000000";
        let b = "01JD0000000000000000000001";
        let listing = listing(&[
            &format!("{a}/chunks.parquet"),
            &format!("{a}/meta.json"),
            &format!("eu/replica-a/{b}/meta.json"),
            &format!("eu/replica-a/{b}/deletion-mark.json"),
            &format!("eu/replica-a/{b}/deep/er"),
            &format!("1/2/3/4/5/6/7/8/{b}/meta.json"),
            &format!("{}/meta.json", a.to_lowercase()),
            "debug/meta.json",
            "meta.json",
        ]);
        assert_eq!((listing.blocks.len(), listing.twice), (2, 0));
        let found: Vec<&Found> = listing.blocks.values().collect();
        assert_eq!((found[0].folder.as_ref(), found[0].written_ms), (a, 2));
        assert_eq!(
            (found[0].meta_bytes(), found[0].has_mark()),
            (Some(3), false)
        );
        assert_eq!(found[1].folder.as_ref(), format!("eu/replica-a/{b}"));
        assert!(found[1].has_mark());
        assert_eq!(found[1].files.len(), 2);
    }

    #[test]
    fn a_name_that_is_there_twice_counts_once() {
        let block = "01JD0000000000000000000000";
        let listing = listing(&[
            &format!("a/{block}/chunks.parquet"),
            &format!("b/{block}/meta.json"),
            &format!("c/{block}/meta.json"),
        ]);
        assert_eq!((listing.blocks.len(), listing.twice), (1, 2));
        let found = listing.blocks.values().next().unwrap();
        assert_eq!(found.folder.as_ref(), format!("b/{block}"));
    }
}
