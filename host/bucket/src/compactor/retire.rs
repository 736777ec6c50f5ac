//! What goes from a bucket: blocks in whose place another one stands, those that are too old for
//! their resolution, and leftovers. First a mark, then a delay in which readers finish, then the
//! files, `meta.json` first.
//!
//! None of it needs a lease: each step follows from what is in the bucket and from the time, and
//! two workers who do the same do it once.

use std::collections::{BTreeMap, BTreeSet};

use narthex_block::{META_FILE, Ulid};
use narthex_model::PromDuration;

use super::group::{FIVE_MINUTES_MS, Group, HOUR_MS, RAW_MS};
use super::plan::{is_covered, may_grow, waits_for_coarser};
use super::view::{Seen, View};
use crate::{MARK_FILE, Reason};

/// What decides what goes, and when.
#[derive(Debug, Clone)]
pub(crate) struct Retirement {
    pub(crate) now_ms: i64,
    /// How long raw blocks, those of five minutes and those of an hour stay; zero is for ever.
    pub(crate) retention: [PromDuration; 3],
    pub(crate) delete_delay: PromDuration,
    /// Whether blocks wait until coarser ones are made of them.
    pub(crate) downsamples: bool,
    /// The blocks that become part of longer ones if nothing fails.
    pub(crate) growing: BTreeSet<Ulid>,
}

impl Retirement {
    fn is_old(&self, seen: &Seen) -> bool {
        let [raw, five_minutes, hour] = self.retention;
        let kept = match seen.meta.resolution_ms {
            RAW_MS => raw,
            FIVE_MINUTES_MS => five_minutes,
            HOUR_MS => hour,
            _ => return false,
        };
        let kept_ms = kept.as_millis_i64();
        kept_ms > 0 && seen.meta.range.end_ms <= self.now_ms.saturating_sub(kept_ms)
    }

    fn is_due(&self, since_ms: i64) -> bool {
        since_ms.saturating_add(self.delete_delay.as_millis_i64()) <= self.now_ms
    }

    /// The blocks that are to get a mark. What is to be made coarser waits for it.
    pub(crate) fn to_mark(&self, view: &View) -> Vec<(Ulid, Reason)> {
        let groups = view.groups();
        let mut found = Vec::new();
        for seen in view.blocks.values().filter(|seen| seen.mark.is_none()) {
            if view.replaced.contains(&seen.meta.ulid) {
                found.push((seen.block, Reason::Replaced));
            } else if self.is_old(seen) && !self.waits(seen, &groups) {
                found.push((seen.block, Reason::Retention));
            }
        }
        found
    }

    /// Whether a block that is too old has not been made coarser, and will be: itself, or as a part
    /// of a longer one.
    fn waits(&self, seen: &Seen, groups: &BTreeMap<Group, Vec<&Seen>>) -> bool {
        let is_left = !seen.is_whole || seen.is_aside() || seen.stays_fine();
        let Some(coarser) = Group::of(&seen.meta).coarser() else {
            return false;
        };
        let there = groups.get(&coarser).map(Vec::as_slice).unwrap_or_default();
        let grows = || {
            may_grow(seen, there, self.now_ms)
                || (self.growing.contains(&seen.block) && !is_covered(seen, there))
        };
        self.downsamples && !is_left && (waits_for_coarser(seen, there) || grows())
    }

    /// The blocks that have been marked for long enough. Whoever stands in the place of one must
    /// still be there, unless it is too old itself: then that one may have gone first.
    pub(crate) fn to_delete(&self, view: &View) -> Vec<Ulid> {
        let is_over = |seen: &&Seen| {
            let Some(mark) = &seen.mark else { return false };
            let is_held = mark.reason == Reason::Replaced
                && !view.replaced.contains(&seen.meta.ulid)
                && !self.is_old(seen);
            !is_held && self.is_due(mark.deletion_time.saturating_mul(1_000))
        };
        let over = view.blocks.values().filter(is_over);
        over.map(|seen| seen.block).collect()
    }

    /// Folders without `meta.json` that will not become blocks any more: what an upload or a
    /// deletion left that did not come to its end.
    pub(crate) fn partial(&self, view: &View) -> Vec<Ulid> {
        let folders = view.partial.iter();
        let over =
            folders.filter(|(_, folder)| folder.has_mark() || folder.is_left_over(self.now_ms));
        over.map(|(block, _)| *block).collect()
    }

    /// Closed names that nobody can come back to.
    pub(crate) fn fenced(&self, view: &View) -> Vec<Ulid> {
        let folders = view.fenced.iter();
        let over = folders.filter(|(_, folder)| folder.is_left_over(self.now_ms));
        over.map(|(block, _)| *block).collect()
    }
}

/// The order in which the files of a block go: what makes it a block first, and last the mark, so
/// that what is left after a crash in between is known for what it is.
pub(crate) fn deletion_order<'a>(files: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let between = files.map(String::as_str);
    let between = between.filter(|file| ![META_FILE, MARK_FILE].contains(file));
    let mut order = vec![META_FILE];
    order.extend(between);
    order.push(MARK_FILE);
    order
}
