//! Which blocks become one, from nothing but the spans of time that they answer for.
//!
//! The rules are those of Prometheus' leveled compaction. Blocks that overlap come first. Then,
//! from the shortest level on, those that lie within one multiple of the level, as soon as they
//! fill it or a newer block lies behind it; the newest block of all is left alone, so that what
//! was just cut can be copied away. It differs in two things: overlapping blocks are left alone
//! where one of them cannot be compacted (Prometheus tries them again and again), because
//! compacting the others would change which of several samples of one time counts; and no more
//! than [`PARENTS_MAX`] blocks are taken at once, the rest being planned again after.

use std::ops::Range;

use narthex_block::{PARENTS_MAX, TimeBounds};

/// How many levels there are at most.
const LEVELS_MAX: usize = 10;

/// How many blocks of one level make one of the next.
const LEVEL_FACTOR: i64 = 3;

/// A block, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The span of time that it answers for.
    pub(crate) range: TimeBounds,
    /// Whether compacting it has failed since the start.
    pub(crate) has_failed: bool,
}

/// Blocks that are to become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Their places in the list.
    pub(crate) blocks: Range<usize>,
    /// Whether they overlap.
    pub(crate) is_vertical: bool,
}

/// The lengths of blocks, from the one that is cut to the longest that is not above `max_ms`.
pub(crate) fn levels(min_ms: i64, max_ms: i64) -> Vec<i64> {
    let length = std::iter::successors(Some(min_ms), |ms| ms.checked_mul(LEVEL_FACTOR));
    let allowed = length.take_while(|ms| *ms == min_ms || *ms <= max_ms);
    allowed.take(LEVELS_MAX).collect()
}

/// The blocks to compact next; they come oldest first.
pub(crate) fn plan(blocks: &[Candidate], levels: &[i64]) -> Option<Plan> {
    let usable = |range: &Range<usize>| blocks[range.clone()].iter().all(|b| !b.has_failed);
    let chains = overlapping(blocks);
    let vertical = chains.iter().find(|chain| usable(chain)).cloned();
    let is_vertical = vertical.is_some();
    let is_apart = |part: &Range<usize>| {
        let apart = |chain: &Range<usize>| chain.end <= part.start || part.end <= chain.start;
        chains.iter().all(apart)
    };
    let found = vertical.or_else(|| {
        let older = &blocks[..blocks.len().checked_sub(1)?];
        let newest_ms = older.last()?.range.start_ms;
        let longer = levels.iter().skip(1);
        let mut parts = longer.flat_map(|level_ms| {
            let parts = within(older, *level_ms).into_iter();
            parts.map(|part| (*level_ms, part))
        });
        let is_due = |(level_ms, part): &(i64, Range<usize>)| {
            let (Some(first), Some(last)) = (older.get(part.start), older.get(part.end - 1)) else {
                return false;
            };
            let (start_ms, end_ms) = (first.range.start_ms, last.range.end_ms);
            let is_full = end_ms.saturating_sub(start_ms) == *level_ms;
            let is_ripe = is_full || end_ms <= newest_ms;
            part.len() > 1 && is_ripe && usable(part) && is_apart(part)
        };
        parts.find(is_due).map(|(_, part)| part)
    })?;
    let end = found.end.min(found.start + PARENTS_MAX);
    Some(Plan {
        blocks: found.start..end,
        is_vertical,
    })
}

/// Each sequence of blocks of which every one begins before those before it have ended.
fn overlapping(blocks: &[Candidate]) -> Vec<Range<usize>> {
    let mut chains = Vec::new();
    let mut start = 0;
    let mut end_ms = i64::MIN;
    for (place, block) in blocks.iter().enumerate() {
        if block.range.start_ms >= end_ms {
            chains.push(start..place);
            start = place;
        }
        end_ms = end_ms.max(block.range.end_ms);
    }
    chains.push(start..blocks.len());
    chains.retain(|chain| chain.len() > 1);
    chains
}

/// The blocks that lie within one multiple of a length, together. Those that lie across the
/// border of two are in none.
fn within(blocks: &[Candidate], length_ms: i64) -> Vec<Range<usize>> {
    let multiple = |block: &Candidate| {
        let number = block.range.start_ms.div_euclid(length_ms);
        let end_ms = number.saturating_add(1).saturating_mul(length_ms);
        (block.range.end_ms <= end_ms).then_some(number)
    };
    let mut parts: Vec<(i64, Range<usize>)> = Vec::new();
    for (place, block) in blocks.iter().enumerate() {
        let Some(number) = multiple(block) else {
            continue;
        };
        match parts.last_mut() {
            Some((same, part)) if *same == number && part.end == place => part.end += 1,
            _ => parts.push((number, place..place + 1)),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(spans: &str) -> Vec<Candidate> {
        let parse = |word: &str| {
            let has_failed = word.ends_with('!');
            let (start, end) = word.trim_end_matches('!').split_once("..").unwrap();
            Candidate {
                range: TimeBounds {
                    start_ms: start.parse().unwrap(),
                    end_ms: end.parse().unwrap(),
                },
                has_failed,
            }
        };
        spans.split_whitespace().map(parse).collect()
    }

    /// Plans with levels of 20, 60 and 180, and prints what becomes one. A `!` marks a block
    /// whose compaction has failed.
    fn check(blocks: &str, expected: &str) {
        let all = candidates(blocks);
        let words: Vec<&str> = blocks.split_whitespace().collect();
        let found = plan(&all, &levels(20, 180)).map_or(String::new(), |plan| {
            let mark = if plan.is_vertical { "overlap: " } else { "" };
            format!("{mark}{}", words[plan.blocks].join(" "))
        });
        assert_eq!(found, expected, "{blocks}");
    }

    #[test]
    fn levels_grow_by_three_up_to_the_longest_block() {
        assert_eq!(levels(20, 180), [20, 60, 180]);
        assert_eq!(levels(20, 179), [20, 60]);
        assert_eq!(levels(20, 5), [20]);
        assert_eq!(levels(2, i64::MAX).len(), LEVELS_MAX);
        assert_eq!(levels(i64::MAX / 4, i64::MAX).len(), 2);
    }

    #[test]
    fn a_level_is_filled_before_its_blocks_become_one() {
        check("", "");
        check("0..20", "");
        check("0..20 20..40 40..60", "");
        check("0..20 20..40 40..60 60..80", "0..20 20..40 40..60");
        check("-60..-40 -40..-20 -20..0 0..20", "-60..-40 -40..-20 -20..0");
        check("20..40 40..60 60..80", "");
        check("0..20 20..40 40..60 60..80 80..100", "0..20 20..40 40..60");
    }

    #[test]
    fn what_a_newer_block_lies_behind_is_not_waited_for() {
        check("20..40 40..60 60..80 80..100", "20..40 40..60");
        check("0..20 40..60 60..80", "0..20 40..60");
        check("0..20 40..60 80..100 100..120", "0..20 40..60");
        check(
            "0..20 60..80 120..140 180..200 200..220",
            "0..20 60..80 120..140",
        );
    }

    #[test]
    fn short_levels_come_first_and_long_ones_follow() {
        check("0..60 60..120 120..180 180..200", "0..60 60..120 120..180");
        check(
            "0..60 60..80 80..100 100..120 120..140",
            "60..80 80..100 100..120",
        );
        check("0..180 180..360 360..380 380..400", "");
        check("0..60 60..120 120..140 140..160", "");
    }

    #[test]
    fn a_block_across_a_border_stays_as_it_is() {
        check(
            "10..70 80..90 90..100 100..120 120..140 140..160",
            "80..90 90..100 100..120",
        );
        check("0..20 20..40 50..70 70..90 130..150", "0..20 20..40");
    }

    #[test]
    fn overlapping_blocks_come_first_and_the_newest_is_not_spared() {
        check("0..20 10..30", "overlap: 0..20 10..30");
        check("0..20 20..40 40..60 50..70", "overlap: 40..60 50..70");
        check(
            "0..100 10..20 30..40 100..120",
            "overlap: 0..100 10..20 30..40",
        );
        check("0..20 0..20 20..40", "overlap: 0..20 0..20");
    }

    #[test]
    fn what_has_failed_is_left_alone_and_the_others_go_on() {
        check("0..20! 20..40 40..60 60..80 80..100", "");
        check(
            "0..20! 20..40 40..60 60..80 80..100 100..120 120..140",
            "60..80 80..100 100..120",
        );
        check(
            "0..20! 10..30 20..40 60..80 70..90",
            "overlap: 60..80 70..90",
        );
        check("0..20! 10..30 30..40", "");
        check("50..70! 60..80 80..100 120..140 140..160", "");
    }

    #[test]
    fn no_more_blocks_than_one_compaction_takes_are_planned() {
        let many: Vec<String> = (0..40).map(|i| format!("{i}..41")).collect();
        let plan = plan(&candidates(&many.join(" ")), &levels(20, 180)).unwrap();
        assert_eq!(plan.blocks, 0..PARENTS_MAX);
    }
}
