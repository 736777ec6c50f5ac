//! What is due in a bucket, from nothing but what its blocks say of themselves.
//!
//! Blocks of one group become longer ones at Thanos' levels: 2 h, 8 h, 2 d, 14 d. Those that
//! overlap come first. Then, from the shortest level on, those that lie within one multiple of a
//! level, as soon as they fill it or a newer block lies behind it; the newest block of a group is
//! left alone. Blocks that are long enough, or will never be longer, are then made coarser, once
//! each of their sources is in no coarser block that answers for their time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use narthex_block::{PARENTS_MAX, TimeBounds, Ulid};

use super::group::{FIVE_MINUTES_MS, Group, RAW_MS};
use super::view::{Seen, View};

/// An hour.
const HOUR_MS: i64 = 3_600_000;

/// The lengths that blocks become, as in Thanos.
pub(crate) const LEVELS_MS: [i64; 4] = [2 * HOUR_MS, 8 * HOUR_MS, 48 * HOUR_MS, 14 * 24 * HOUR_MS];

/// Raw blocks of this length are made into windows of five minutes, as in Thanos.
pub(crate) const RAW_LENGTH_MS: i64 = 40 * HOUR_MS;

/// Blocks of windows of five minutes of this length are made into windows of an hour, as in Thanos.
pub(crate) const FIVE_MINUTES_LENGTH_MS: i64 = 10 * 24 * HOUR_MS;

/// A short block is waited for until so long after the end of the time in which the others lie that
/// it may become one with.
pub(crate) const GROWTH_MS: i64 = 48 * HOUR_MS;

/// What decides what is due.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Blocks whose name was given later are left alone: an upload beside them may be under way.
    pub(crate) settled_ms: i64,
    /// Blocks that need not settle: those that this worker made.
    pub(crate) own: BTreeSet<Ulid>,
    /// Whether coarser blocks are made.
    pub(crate) downsamples: bool,
    /// Blocks that were tried in this pass, and will do no better.
    pub(crate) skipped: BTreeSet<Ulid>,
}

/// Something to do for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// Make one block of several.
    Compact {
        /// Of these, the first one of which counts where several have a sample.
        parents: Vec<Ulid>,
        is_vertical: bool,
    },
    /// Make a block of windows.
    Downsample {
        /// Of this one.
        source: Ulid,
        resolution_ms: i64,
        /// Coarser blocks whose samples are all of the same source, and that the new one stands
        /// in place of.
        instead_of: Vec<Ulid>,
    },
    /// Leave a block alone for good.
    SetAside {
        block: Ulid,
        /// Whether only nothing coarser is to be made of it.
        is_only_fine: bool,
        details: String,
    },
}

/// Blocks that are to become one, by their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) places: Range<usize>,
    pub(crate) is_vertical: bool,
}

/// What to do next for a group.
pub(crate) fn next(view: &View, group: &Group, rules: &Rules) -> Option<Work> {
    let groups = view.groups();
    let blocks = groups.get(group)?;
    compact_next(blocks, group, rules).or_else(|| downsample_next(&groups, group, rules))
}

fn compact_next(blocks: &[&Seen], group: &Group, rules: &Rules) -> Option<Work> {
    let usable: Vec<&Seen> = usable(blocks, rules);
    let spans: Vec<TimeBounds> = usable.iter().map(|seen| seen.meta.range).collect();
    let due = compaction(&spans)?;
    let parents = usable.get(due.places.clone())?;
    if due.is_vertical && group.resolution_ms != RAW_MS {
        // Windows of other samples of the same time are no samples that one could choose from.
        let newest = parents.iter().max_by_key(|seen| seen.block)?;
        return Some(Work::SetAside {
            block: newest.block,
            is_only_fine: false,
            details: "it has windows of a time of which another block has some".to_owned(),
        });
    }
    Some(Work::Compact {
        parents: parents.iter().map(|seen| seen.block).collect(),
        is_vertical: due.is_vertical,
    })
}

/// The blocks that may be worked on.
fn usable<'a>(blocks: &[&'a Seen], rules: &Rules) -> Vec<&'a Seen> {
    let is_usable = |seen: &&&Seen| {
        let named_ms = i64::try_from(seen.block.timestamp_ms()).unwrap_or(i64::MAX);
        let is_settled = named_ms <= rules.settled_ms || rules.own.contains(&seen.block);
        let is_left = seen.is_aside() || rules.skipped.contains(&seen.block);
        seen.mark.is_none() && is_settled && !is_left
    };
    blocks.iter().filter(is_usable).copied().collect()
}

/// The blocks to compact next; they come oldest first.
pub(crate) fn compaction(spans: &[TimeBounds]) -> Option<Due> {
    let chains = overlapping(spans);
    if let Some(chain) = chains.first() {
        let end = chain.end.min(chain.start + PARENTS_MAX);
        return Some(Due {
            places: chain.start..end,
            is_vertical: true,
        });
    }
    let older = spans.get(..spans.len().checked_sub(1)?)?;
    let newest_ms = older.last()?.start_ms;
    let longer = LEVELS_MS.iter().skip(1);
    let mut parts = longer.flat_map(|level_ms| {
        let parts = within(older, *level_ms).into_iter();
        parts.map(|part| (*level_ms, part))
    });
    let is_due = |(level_ms, part): &(i64, Range<usize>)| {
        let (Some(first), Some(last)) = (older.get(part.start), older.get(part.end - 1)) else {
            return false;
        };
        let is_full = last.end_ms.saturating_sub(first.start_ms) == *level_ms;
        part.len() > 1 && (is_full || last.end_ms <= newest_ms)
    };
    let (_, part) = parts.find(is_due)?;
    let end = part.end.min(part.start + PARENTS_MAX);
    Some(Due {
        places: part.start..end,
        is_vertical: false,
    })
}

/// Each sequence of blocks of which every one begins before those before it have ended.
fn overlapping(spans: &[TimeBounds]) -> Vec<Range<usize>> {
    let mut chains = Vec::new();
    let mut start = 0;
    let mut end_ms = i64::MIN;
    for (place, span) in spans.iter().enumerate() {
        if span.start_ms >= end_ms {
            chains.push(start..place);
            start = place;
        }
        end_ms = end_ms.max(span.end_ms);
    }
    chains.push(start..spans.len());
    chains.retain(|chain| chain.len() > 1);
    chains
}

/// The blocks that lie within one multiple of a length, together. Those that lie across the
/// border of two are in none.
fn within(spans: &[TimeBounds], length_ms: i64) -> Vec<Range<usize>> {
    let mut parts: Vec<(i64, Range<usize>)> = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        let number = span.start_ms.div_euclid(length_ms);
        let end_ms = number.saturating_add(1).saturating_mul(length_ms);
        if span.end_ms > end_ms {
            continue;
        }
        match parts.last_mut() {
            Some((same, part)) if *same == number && part.end == place => part.end += 1,
            _ => parts.push((number, place..place + 1)),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

fn downsample_next(
    groups: &BTreeMap<Group, Vec<&Seen>>,
    group: &Group,
    rules: &Rules,
) -> Option<Work> {
    let due = downsamplings(groups, group, rules);
    due.into_iter().next()
}

/// All that is to be made coarser of a group, oldest first.
pub(crate) fn downsamplings(
    groups: &BTreeMap<Group, Vec<&Seen>>,
    group: &Group,
    rules: &Rules,
) -> Vec<Work> {
    let (Some(blocks), Some(coarser)) = (groups.get(group), group.coarser()) else {
        return Vec::new();
    };
    if !rules.downsamples {
        return Vec::new();
    }
    let there = groups.get(&coarser).map(Vec::as_slice).unwrap_or_default();
    let usable = usable(blocks, rules).into_iter();
    let due = usable.filter(|seen| !seen.stays_fine() && waits_for_coarser(seen, there));
    due.map(|seen| downsampling(seen, there, coarser.resolution_ms))
        .collect()
}

/// Whether a block is long enough to be made coarser, or will never be longer, and has not been.
pub(crate) fn waits_for_coarser(seen: &Seen, coarser: &[&Seen]) -> bool {
    let long_ms = match seen.meta.resolution_ms {
        RAW_MS => RAW_LENGTH_MS,
        FIVE_MINUTES_MS => FIVE_MINUTES_LENGTH_MS,
        _ => return false,
    };
    let range = seen.meta.range;
    let is_long = range.end_ms.saturating_sub(range.start_ms) >= long_ms;
    // What lies across a border of the highest level is part of no longer block.
    let is_grown = number(range.start_ms) != number(range.end_ms.saturating_sub(1));
    (is_long || is_grown) && !is_covered(seen, coarser)
}

/// In which multiple of the highest level a time lies.
fn number(time_ms: i64) -> i64 {
    time_ms.div_euclid(LEVELS_MS[3])
}

/// Whether a block has not been made coarser and is too short for it, but may become part of one
/// that is not: the time of that one is not over, or has not been for long.
pub(crate) fn may_grow(seen: &Seen, coarser: &[&Seen], now_ms: i64) -> bool {
    let level_ms = match seen.meta.resolution_ms {
        RAW_MS => LEVELS_MS[2],
        FIVE_MINUTES_MS => LEVELS_MS[3],
        _ => return false,
    };
    let number = seen.meta.range.start_ms.div_euclid(level_ms);
    let border_ms = number.saturating_add(1).saturating_mul(level_ms);
    now_ms < border_ms.saturating_add(GROWTH_MS) && !is_covered(seen, coarser)
}

/// The blocks of a group that become part of longer ones if nothing fails, and those that let them.
pub(crate) fn growing(blocks: &[&Seen], rules: &Rules) -> BTreeSet<Ulid> {
    let usable = usable(blocks, rules);
    let mut spans: Vec<TimeBounds> = usable.iter().map(|seen| seen.meta.range).collect();
    let mut places: Vec<Option<Ulid>> = usable.iter().map(|seen| Some(seen.block)).collect();
    let mut growing = BTreeSet::new();
    while let Some(due) = compaction(&spans) {
        let whole = hull(&spans[due.places.clone()]);
        spans.splice(due.places.clone(), [whole]);
        // What is made of blocks has no name yet.
        growing.extend(places.splice(due.places, [None]).flatten());
    }
    if !growing.is_empty() {
        // Without the newest ones the others would be the newest, and would be left alone.
        growing.extend(usable.iter().map(|seen| seen.block));
    }
    growing
}

/// Whether coarser blocks answer for every time at which a block has samples, and have all its
/// sources. The sources alone do not tell: blocks that were taken over from another store share
/// them.
pub(crate) fn is_covered(seen: &Seen, coarser: &[&Seen]) -> bool {
    let (meta, range) = (&seen.meta, seen.meta.range);
    let mut slices = meta.slices_ms.iter().map(|start_ms| TimeBounds {
        start_ms: (*start_ms).max(range.start_ms),
        end_ms: start_ms.saturating_add(meta.slice_ms).min(range.end_ms),
    });
    let holds = |slice: TimeBounds| {
        let its = coarser.iter().map(|other| other.meta.range);
        its.into_iter()
            .any(|its| its.start_ms <= slice.start_ms && slice.end_ms <= its.end_ms)
    };
    let overlapping = coarser
        .iter()
        .filter(|other| overlap(other.meta.range, range));
    let sources = overlapping.flat_map(|other| other.meta.sources());
    let sources: BTreeSet<&String> = sources.collect();
    let mut own = meta.sources().iter();
    slices.all(holds) && own.all(|source| sources.contains(source))
}

fn overlap(one: TimeBounds, other: TimeBounds) -> bool {
    one.start_ms < other.end_ms && other.start_ms < one.end_ms
}

fn downsampling(seen: &Seen, coarser: &[&Seen], resolution_ms: i64) -> Work {
    let range = seen.meta.range;
    let own: BTreeSet<&String> = seen.meta.sources().iter().collect();
    let mut instead_of = Vec::new();
    for other in coarser {
        let its = other.meta.range;
        if !overlap(its, range) {
            continue;
        }
        let is_within = its.start_ms >= range.start_ms && its.end_ms <= range.end_ms;
        let mut sources = other.meta.sources().iter();
        if !is_within || !sources.all(|source| own.contains(source)) {
            return Work::SetAside {
                block: seen.block,
                is_only_fine: true,
                details: format!(
                    "block {} has windows of a part of its samples, and reaches beyond it",
                    other.block
                ),
            };
        }
        instead_of.push(other.block);
    }
    Work::Downsample {
        source: seen.block,
        resolution_ms,
        instead_of,
    }
}

/// How much is due in a group if nothing fails: compactions, the blocks that they take, and blocks
/// that are to be made coarser.
pub(crate) fn todo(
    groups: &BTreeMap<Group, Vec<&Seen>>,
    group: &Group,
    rules: &Rules,
) -> (usize, usize, usize) {
    let blocks = groups.get(group).map(Vec::as_slice).unwrap_or_default();
    let usable = usable(blocks, rules);
    let mut spans: Vec<TimeBounds> = usable.iter().map(|seen| seen.meta.range).collect();
    let (mut compactions, mut taken) = (0, 0);
    while let Some(due) = compaction(&spans) {
        let parents = &spans[due.places.clone()];
        let whole = hull(parents);
        compactions += 1;
        taken += parents.len();
        spans.splice(due.places, [whole]);
    }
    (
        compactions,
        taken,
        downsamplings(groups, group, rules).len(),
    )
}

/// From the first to the last millisecond of several spans.
fn hull(spans: &[TimeBounds]) -> TimeBounds {
    let starts = spans.iter().map(|span| span.start_ms);
    let ends = spans.iter().map(|span| span.end_ms);
    TimeBounds {
        start_ms: starts.min().unwrap_or_default(),
        end_ms: ends.max().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
