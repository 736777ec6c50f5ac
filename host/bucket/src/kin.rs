//! Blocks of the same samples that were made apart: a server compacts on its disk what a compactor
//! compacts in the bucket.
//!
//! Neither of the two stands in place of the other one. Brought to the bucket as well, the
//! server's would only have to become one with the compactor's, and would tie those together that
//! it overlaps. And what a compactor has removed because it was too old, while the windows that
//! were made of it stay, is not wanted back.

use std::collections::HashSet;
use std::sync::Arc;

use narthex_block::{Block, BlockMeta};

/// Whether `others`, the blocks of a bucket that answer, have what a raw block has that is not one
/// of them: its samples in blocks that it does not stand in place of, or windows of them.
///
/// The sources alone do not tell, since blocks that were taken over from another store share them:
/// such a block is never held by others, and each slice has to be there, too.
pub(crate) fn is_held_by(block: &BlockMeta, others: &[Arc<Block>]) -> bool {
    let made = block.compaction.as_ref();
    let is_taken_over = made.is_some_and(|made| made.parents.is_empty());
    if is_taken_over || !block.is_raw() {
        return false;
    }
    let own: HashSet<&str> = block.sources().iter().map(String::as_str).collect();
    let range = block.range;
    let metas = others.iter().map(|other| other.meta());
    let near = metas
        .filter(|other| other.range.start_ms < range.end_ms && range.start_ms < other.range.end_ms);
    let is_kin =
        |other: &&BlockMeta| (other.sources().iter()).any(|source| own.contains(source.as_str()));
    let kin: Vec<&BlockMeta> = near.filter(is_kin).collect();
    // Where all of them are those that it was made of, it goes in their place. Windows stand beside
    // samples: where only they are left, the samples were removed.
    let replaced: HashSet<&str> = block.replaced().collect();
    let mut raw = kin.iter().filter(|other| other.is_raw()).peekable();
    let is_apart = raw.peek().is_none() || raw.any(|other| !replaced.contains(other.ulid.as_str()));
    if kin.is_empty() || !is_apart {
        return false;
    }
    let theirs: HashSet<&str> = kin
        .iter()
        .flat_map(|other| other.sources())
        .map(String::as_str)
        .collect();
    own.is_subset(&theirs) && block.slices_ms.iter().all(|slice| has_slice(&kin, *slice))
}

/// Whether windows were made of all samples of a raw block.
pub(crate) fn has_windows(block: &BlockMeta, windows: &[&BlockMeta]) -> bool {
    let range = block.range;
    let near = windows.iter().copied();
    let near = near
        .filter(|other| other.range.start_ms < range.end_ms && range.start_ms < other.range.end_ms);
    let near: Vec<&BlockMeta> = near.collect();
    let sources = near.iter().flat_map(|other| other.sources());
    let sources: HashSet<&str> = sources.map(String::as_str).collect();
    // Of samples without a number, as marks of an end are, there are no windows and never will be:
    // it does where the time of windows goes over the slice.
    let reaches = |slice_ms: i64| {
        let start_ms = slice_ms.max(range.start_ms);
        let end_ms = slice_ms.saturating_add(block.slice_ms).min(range.end_ms);
        let mut ranges = near.iter().map(|other| other.range);
        ranges.any(|its| its.start_ms <= start_ms && end_ms <= its.end_ms)
    };
    let mut slices = block.slices_ms.iter();
    let mut own = block.sources().iter();
    own.all(|source| sources.contains(source.as_str()))
        && slices.all(|slice| has_slice(&near, *slice) || reaches(*slice))
}

/// Whether one of the blocks has samples of a slice; those of windows may be longer.
fn has_slice(blocks: &[&BlockMeta], slice_ms: i64) -> bool {
    blocks.iter().any(|block| {
        let mut slices = block.slices_ms.iter();
        slices.any(|start_ms| {
            (*start_ms..start_ms.saturating_add(block.slice_ms)).contains(&slice_ms)
        })
    })
}
