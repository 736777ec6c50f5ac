//! What goes from the bucket: first a mark, then a delay in which readers finish, then the files,
//! `meta.json` first. What is left of uploads and deletions that did not come to their end goes as
//! [`crate::leftovers`] says.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use narthex_block::{BlockMeta, META_FILE, Ulid};
use narthex_model::PromDuration;

use crate::compactor::{GROWTH_MS, LEVELS_MS, NO_COMPACT_FILE, NO_DOWNSAMPLE_FILE, RAW_LENGTH_MS};
use crate::folder::{Folder, file_of, path_of};
use crate::inventory::{Entry, Inventory};
use crate::kin::has_windows;
use crate::metrics::Metrics;
use crate::{BucketError, MARK_FILE, Mark, Reason, leftovers};

/// What decides what goes, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) now_ms: i64,
    /// Zero keeps blocks for ever.
    pub(crate) retention: PromDuration,
    pub(crate) delete_delay: PromDuration,
}

impl Rules {
    /// Whether all of what ends at a time is beyond the retention.
    pub(crate) fn is_old(&self, end_ms: i64) -> bool {
        let kept_ms = self.retention.as_millis_i64();
        kept_ms > 0 && end_ms <= self.now_ms.saturating_sub(kept_ms)
    }

    pub(crate) fn is_due(&self, since_ms: i64) -> bool {
        since_ms.saturating_add(self.delete_delay.as_millis_i64()) <= self.now_ms
    }
}

/// Marks and removes what is due.
pub(crate) async fn clean(
    inventory: &Inventory,
    folders: &BTreeMap<Ulid, Folder>,
    local: &BTreeSet<Ulid>,
    rules: Rules,
    metrics: &Metrics,
) -> Result<(), BucketError> {
    let entries = inventory.entries().await;
    let (due, held) = to_mark(&entries, folders, rules);
    let before = metrics.held.set(i64::try_from(held).unwrap_or(i64::MAX));
    if held > 0 && before == 0 {
        // Where the compactor is gone, they would stay for ever.
        tracing::warn!(
            blocks = held,
            "blocks beyond the retention stay in the bucket until a compactor has made windows of them"
        );
    }
    for (block, reason) in due {
        let mark = Mark::new(block, reason, rules.now_ms);
        let text = serde_json::to_vec(&mark).unwrap_or_default();
        let path = path_of(block).join(MARK_FILE);
        inventory.access.put(&path, text.into()).await?;
        inventory.mark(block, mark).await;
        metrics.marked.inc();
        tracing::info!(%block, ?reason, "block in the bucket is marked for deletion");
    }
    let replaced = replaced(&entries);
    for (block, entry) in &entries {
        let Some(mark) = entry.mark.as_ref() else {
            continue;
        };
        // Whoever stands in its place must still be there.
        let is_held = mark.reason == Reason::Replaced && !replaced.contains(&block.to_string());
        if is_held || !rules.is_due(mark.deletion_time.saturating_mul(1_000)) {
            continue;
        }
        let files = files_of(entry, folders.get(block));
        inventory.forget(*block).await?;
        delete(inventory, *block, &files).await?;
        metrics.deleted.inc();
        tracing::info!(%block, "block is deleted from the bucket");
    }
    for (block, folder) in folders {
        if entries.contains_key(block) || local.contains(block) {
            continue;
        }
        // A block that cannot be opened is missed only where no other has its samples.
        let is_replaced = folder.has_meta() && replaced.contains(&block.to_string());
        let is_removed = match is_replaced && rules.is_due(folder.newest_ms) {
            true => {
                let files = folder.files.keys().map(String::as_str).collect();
                delete(inventory, *block, &files).await?;
                true
            }
            false => leftovers::remove(&inventory.access, *block, folder, rules).await?,
        };
        if is_removed {
            metrics.orphans.inc();
            tracing::info!(%block, "leftover of a block is deleted from the bucket");
        }
    }
    Ok(())
}

/// The files of a block: those that it should have, and those that were seen.
fn files_of<'a>(entry: &'a Entry, folder: Option<&'a Folder>) -> BTreeSet<&'a str> {
    let files = entry.block.meta().files.keys();
    let listed = folder.into_iter().flat_map(|folder| folder.files.keys());
    files.chain(listed).map(String::as_str).collect()
}

/// The names of all blocks in whose place another one stands.
fn replaced(entries: &BTreeMap<Ulid, Entry>) -> HashSet<String> {
    let whole = entries.values().filter(|entry| entry.is_whole);
    let names = whole.flat_map(|entry| entry.block.meta().replaced());
    names.map(str::to_owned).collect()
}

/// The blocks that are to get a mark, and how many are too old and get none yet. How long those of a
/// resolution are kept is for who makes them to say.
fn to_mark(
    entries: &BTreeMap<Ulid, Entry>,
    folders: &BTreeMap<Ulid, Folder>,
    rules: Rules,
) -> (Vec<(Ulid, Reason)>, usize) {
    let replaced = replaced(entries);
    let windows = entries.values().filter(|entry| entry.is_whole);
    let windows = windows.map(|entry| entry.block.meta());
    let windows: Vec<&BlockMeta> = windows.filter(|meta| !meta.is_raw()).collect();
    let mut found = Vec::new();
    let mut held = 0;
    for (block, entry) in entries.iter().filter(|(_, entry)| entry.mark.is_none()) {
        let meta = entry.block.meta();
        if replaced.contains(&meta.ulid) {
            found.push((*block, Reason::Replaced));
        } else if meta.is_raw() && rules.is_old(meta.range.end_ms) {
            let is_aside = folders.get(block).is_some_and(is_aside);
            match entry.is_whole && !is_aside && waits(meta, &windows, rules.now_ms) {
                true => held += 1,
                false => found.push((*block, Reason::Retention)),
            }
        }
    }
    (found, held)
}

/// Whether a compactor makes no windows of a block.
fn is_aside(folder: &Folder) -> bool {
    let marks = [NO_COMPACT_FILE, NO_DOWNSAMPLE_FILE];
    marks.iter().any(|mark| folder.files.contains_key(*mark))
}

/// Whether windows of a raw block are still to be made. Where there are windows of others of the same
/// labels, a compactor makes them, of what is long enough for it or becomes that. Other labels may be
/// those of servers whose blocks it leaves alone.
fn waits(block: &BlockMeta, windows: &[&BlockMeta], now_ms: i64) -> bool {
    let is_made = windows.iter().any(|other| other.labels == block.labels);
    if !is_made || has_windows(block, windows) {
        return false;
    }
    let range = block.range;
    let [.., long_ms, longest_ms] = LEVELS_MS;
    // What lies across a border of the highest level is part of no longer block.
    let last_ms = range.end_ms.saturating_sub(1);
    let is_grown = range.start_ms.div_euclid(longest_ms) != last_ms.div_euclid(longest_ms);
    let is_long = range.end_ms.saturating_sub(range.start_ms) >= RAW_LENGTH_MS;
    let border_ms = range.start_ms.div_euclid(long_ms).saturating_add(1);
    let border_ms = border_ms.saturating_mul(long_ms);
    is_long || is_grown || now_ms < border_ms.saturating_add(GROWTH_MS)
}

/// Removes a folder: what makes it a block first, and last the mark, so that what is left after a
/// crash in between is known for what it is.
async fn delete(
    inventory: &Inventory,
    block: Ulid,
    files: &BTreeSet<&str>,
) -> Result<(), BucketError> {
    let access = &inventory.access;
    access.delete(&file_of(block, META_FILE)).await?;
    let between = files
        .iter()
        .filter(|file| ![META_FILE, MARK_FILE].contains(file));
    for file in between {
        access.delete(&file_of(block, file)).await?;
    }
    access.delete(&file_of(block, MARK_FILE)).await
}
