//! What lies in the folder of a block that is none and will be none: of an upload or of a deletion
//! that did not come to its end.
//!
//! First the name is closed (see [`crate::fence`]), so that whoever still brings the block cannot
//! make one of files that are just going. Then the files go, and after two days what closes the
//! name. A store that overwrites what is there lets nobody close a name for sure: there the files
//! stay until it was seen to be closed for those two days.

use narthex_block::{META_FILE, Ulid};

use crate::BucketError;
use crate::access::Access;
use crate::cleaning::Rules;
use crate::fence::{FENCE_BYTES_MAX, fence, is_begun, is_fence};
use crate::folder::{Folder, file_of, folders, path_of};

/// Who closes a name, as the text of the fence says it.
const OWNER: &str = "server";

/// What is put where a fence is, to see whether the store keeps that one.
const ANOTHER: &str = "server, once more";

/// What is next to be done with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Its name is closed.
    Close,
    /// What closes it goes.
    Open,
}

impl Step {
    /// What is next, if the folder is a leftover.
    fn of(folder: &Folder, rules: Rules) -> Option<Self> {
        // A compactor may be at it, however short the delay of this server is.
        let is_old = folder.is_left_over(rules.now_ms);
        match folder.files.get(META_FILE) {
            // A mark without a block is a deletion that did not come to its end.
            None if folder.has_mark() => Some(Self::Close),
            None => (is_old && rules.is_due(folder.newest_ms)).then_some(Self::Close),
            Some(bytes) => (is_old && *bytes <= FENCE_BYTES_MAX).then_some(Self::Open),
        }
    }
}

/// Does what is next with a folder that no block is known of; whether files of it are gone.
///
/// # Errors
/// The store failed. The next call goes on with the rest.
pub(crate) async fn remove(
    access: &Access,
    block: Ulid,
    folder: &Folder,
    rules: Rules,
) -> Result<bool, BucketError> {
    let Some(step) = Step::of(folder, rules) else {
        return Ok(false);
    };
    // Since the bucket was listed, hours may have gone by in which blocks were brought there, by
    // others as well.
    let listed = folders(access.list_in(&path_of(block)).await?);
    let same = |folder: &&Folder| Step::of(folder, rules) == Some(step);
    let Some(folder) = listed.get(&block).filter(same) else {
        return Ok(false);
    };
    match step {
        Step::Close => {
            let is_closed = close(access, block).await?;
            if is_closed {
                delete_files(access, block, folder).await?;
            }
            Ok(is_closed)
        }
        Step::Open => open(access, block, folder, rules).await,
    }
}

/// Closes a name; whether it is closed for sure. It is not where the block has come meanwhile, and
/// where the store overwrites what is there.
async fn close(access: &Access, block: Ulid) -> Result<bool, BucketError> {
    let meta = file_of(block, META_FILE);
    if access.size(&meta).await?.is_none() {
        let text = fence(block, OWNER);
        match access.put_new(&meta, text.clone()).await {
            Err(error) if error.is_unsupported() => access.put(&meta, text).await?,
            put => {
                put?;
            }
        }
    }
    let is_closed = match access.get(&meta, FENCE_BYTES_MAX).await {
        Ok(text) => is_fence(&text),
        Err(BucketError::TooLarge { .. }) => false,
        Err(error) if error.is_absent() => false,
        Err(error) => return Err(error),
    };
    if !is_closed {
        return Ok(false);
    }
    match access.put_new(&meta, fence(block, ANOTHER)).await {
        Ok(is_overwritten) => Ok(!is_overwritten),
        Err(error) if error.is_unsupported() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what closes a name; whether files went with it. From a day later on the server that has
/// the block may take the name back at any moment: then no file goes, and what is left is one day
/// found as a leftover again.
async fn open(
    access: &Access,
    block: Ulid,
    folder: &Folder,
    rules: Rules,
) -> Result<bool, BucketError> {
    let meta = file_of(block, META_FILE);
    let text = match access.get(&meta, FENCE_BYTES_MAX).await {
        Err(BucketError::TooLarge { .. }) => return Ok(false),
        Err(error) if error.is_absent() => return Ok(false),
        text => text?,
    };
    if !is_begun(&text) {
        return Ok(false);
    }
    let is_closed = is_fence(&text) && !folder.is_abandoned(rules.now_ms);
    if is_closed {
        delete_files(access, block, folder).await?;
    }
    access.delete(&meta).await?;
    Ok(is_closed && folder.files.len() > 1)
}

/// Removes all files of a folder but for what closes its name.
async fn delete_files(access: &Access, block: Ulid, folder: &Folder) -> Result<(), BucketError> {
    for file in folder.files.keys().filter(|file| *file != META_FILE) {
        access.delete(&file_of(block, file)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MARK_FILE;
    use narthex_model::PromDuration;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_folder_is_a_leftover_by_its_age_or_its_mark_and_by_what_lies_where_meta_json_would() {
        let rules = Rules {
            now_ms: 1_000 * HOUR_MS,
            retention: PromDuration::default(),
            delete_delay: PromDuration::from_secs(60 * 3_600),
        };
        let fence_bytes = fence(Ulid::from_parts(1, 2), OWNER).len() as u64;
        for (files, hours, expected) in [
            (vec![("a", 1)], 59, None),
            (vec![("a", 1)], 60, Some(Step::Close)),
            (vec![("a", 1), (MARK_FILE, 1)], 0, Some(Step::Close)),
            (vec![("a", 1), (META_FILE, fence_bytes)], 47, None),
            (
                vec![("a", 1), (META_FILE, fence_bytes)],
                48,
                Some(Step::Open),
            ),
            (vec![("a", 1), (META_FILE, 50_000)], 900, None),
        ] {
            let named = files
                .iter()
                .map(|(name, bytes)| ((*name).to_owned(), *bytes));
            let folder = Folder {
                files: named.collect(),
                newest_ms: (1_000 - hours) * HOUR_MS,
            };
            assert_eq!(Step::of(&folder, rules), expected, "{files:?} {hours}");
        }
    }
}
