//! Which blocks answer for which time, where some hold raw samples and others windows of them.
//!
//! For each stretch of time the coarsest resolution that is allowed answers, a finer one where
//! that one does not cover it, and a coarser one where nothing else is left. Blocks that have no
//! source in common are chosen from apart: one host's windows say nothing of another host's
//! samples.
//!
//! Windows are left-open, blocks are right-open: a sample at the very end of a downsampled block is
//! in the next one. So the last window of a block is a millisecond short of its end, and blocks
//! that follow each other, of whatever resolution, have every sample once.
//!
//! It is not: reading. That is [`crate::block_set`]'s.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use narthex_block::Block;
use narthex_storage::{Place, Series, TimeRange, Wanted};

#[cfg(test)]
mod tests;

/// What is read of one block.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// The block.
    pub(crate) block: Arc<Block>,
    /// The times of the samples that it gives.
    pub(crate) range: TimeRange,
}

/// Which parts of blocks answer.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The parts, in the order of the blocks.
    pub(crate) parts: Vec<Part>,
    /// The times whose samples are in windows that are read: what is not in a block does not count
    /// there once more.
    windows: Vec<TimeRange>,
}

/// The time for which one block was chosen, the end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    block: usize,
    start_ms: i64,
    end_ms: i64,
}

/// What is looked at of a block to choose.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    block: usize,
    resolution_ms: i64,
    start_ms: i64,
    end_ms: i64,
}

impl Choice {
    /// Chooses from all blocks that may have something in the range; they are sorted by time.
    pub(crate) fn new(blocks: &[Arc<Block>], range: TimeRange, wanted: Wanted) -> Self {
        if blocks.iter().all(|block| block.meta().is_raw()) {
            let whole = |block: &Arc<Block>| Part {
                block: Arc::clone(block),
                range,
            };
            return Self {
                parts: blocks.iter().map(whole).collect(),
                windows: Vec::new(),
            };
        }
        let is_at_window_end = wanted.aggregate().is_at_window_end();
        let mut choice = Self::default();
        let mut parts: Vec<(usize, Part)> = Vec::new();
        for group in related(blocks) {
            let candidates: Vec<Candidate> = group
                .into_iter()
                .map(|block| Candidate {
                    block,
                    resolution_ms: blocks[block].meta().resolution_ms,
                    start_ms: blocks[block].meta().range.start_ms,
                    end_ms: blocks[block].meta().range.end_ms,
                })
                .collect();
            let chosen = stretches(&candidates, wanted.max_resolution_ms());
            let edges = Edges::of(blocks, &chosen);
            for stretch in chosen {
                let block = &blocks[stretch.block];
                let times = match is_at_window_end {
                    true => edges.times(block, stretch),
                    false => own_times(stretch),
                };
                if is_at_window_end && !block.meta().is_raw() {
                    choice.windows.push(own_times(stretch));
                }
                let times = TimeRange {
                    start_ms: times.start_ms.max(range.start_ms),
                    end_ms: times.end_ms.min(range.end_ms),
                };
                if times.start_ms <= times.end_ms {
                    let part = Part {
                        block: Arc::clone(block),
                        range: times,
                    };
                    parts.push((stretch.block, part));
                }
            }
        }
        parts.sort_by_key(|(block, part)| (*block, part.range.start_ms));
        choice.parts = parts.into_iter().map(|(_, part)| part).collect();
        choice
    }

    /// The longest windows that are read, in milliseconds; 0 where there are none.
    pub(crate) fn resolution_ms(&self) -> i64 {
        let all = self
            .parts
            .iter()
            .map(|part| part.block.meta().resolution_ms);
        all.max().unwrap_or_default()
    }

    /// Samples that are in no block, without those at times that windows answer for.
    pub(crate) fn beside_windows(&self, mut newest: Vec<Series>) -> Vec<Series> {
        let Some(end_ms) = self.windows.iter().map(|window| window.end_ms).max() else {
            return newest;
        };
        let is_answered = |time_ms: i64| {
            let mut windows = self.windows.iter();
            windows.any(|window| window.contains(time_ms))
        };
        newest.retain_mut(|series| {
            // Mostly all that is new is after all windows.
            if series
                .timestamps
                .first()
                .is_none_or(|first| *first > end_ms)
            {
                return true;
            }
            let times = series.timestamps.iter().copied().enumerate();
            let kept = times.filter(|(_, time_ms)| !is_answered(*time_ms));
            let kept: Vec<Place> = kept.map(|(at, _)| (0, at)).collect();
            if kept.is_empty() {
                return false;
            }
            if kept.len() < series.timestamps.len()
                && let Some(rest) = Series::gather(std::slice::from_ref(series), &kept)
            {
                *series = rest;
            }
            true
        });
        newest
    }
}

/// The blocks by which of them have a source in common, directly or by others.
fn related(blocks: &[Arc<Block>]) -> Vec<Vec<usize>> {
    let mut leaders: Vec<usize> = (0..blocks.len()).collect();
    let mut of_source: HashMap<&str, usize> = HashMap::new();
    for (index, block) in blocks.iter().enumerate() {
        for source in block.meta().sources() {
            match of_source.entry(source.as_str()) {
                Entry::Vacant(place) => {
                    place.insert(index);
                }
                Entry::Occupied(place) => {
                    let (a, b) = (
                        leader(&mut leaders, *place.get()),
                        leader(&mut leaders, index),
                    );
                    leaders[a.max(b)] = a.min(b);
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..blocks.len() {
        let first = leader(&mut leaders, index);
        groups.entry(first).or_default().push(index);
    }
    groups.into_values().collect()
}

/// Who leads the group; the way there is made shorter.
fn leader(leaders: &mut [usize], mut index: usize) -> usize {
    while leaders[index] != index {
        leaders[index] = leaders[leaders[index]];
        index = leaders[index];
    }
    index
}

/// For which time each of the blocks is to answer: stretches as long as may be, by block.
fn stretches(candidates: &[Candidate], max_resolution_ms: i64) -> Vec<Stretch> {
    let borders = candidates.iter().flat_map(|c| [c.start_ms, c.end_ms]);
    let borders: Vec<i64> = borders.collect::<BTreeSet<i64>>().into_iter().collect();
    let mut waiting = candidates.to_vec();
    waiting.sort_by_key(|c| c.start_ms);
    let mut waiting = waiting.into_iter().peekable();
    let mut covering: Vec<Candidate> = Vec::new();
    let mut found: Vec<Stretch> = Vec::new();
    for pair in borders.windows(2) {
        let (start_ms, end_ms) = (pair[0], pair[1]);
        // Few blocks lie over each other, however many there are.
        while let Some(next) = waiting.next_if(|c| c.start_ms <= start_ms) {
            covering.push(next);
        }
        covering.retain(|c| c.end_ms > start_ms);
        covering.sort_by_key(|c| c.block);
        let resolutions = || covering.iter().map(|c| c.resolution_ms);
        let allowed = resolutions().filter(|r| *r <= max_resolution_ms).max();
        let Some(resolution_ms) = allowed.or_else(|| resolutions().min()) else {
            continue;
        };
        for chosen in covering.iter().filter(|c| c.resolution_ms == resolution_ms) {
            let is_before = |s: &&mut Stretch| s.block == chosen.block && s.end_ms == start_ms;
            match found.iter_mut().rev().find(is_before) {
                Some(before) => before.end_ms = end_ms,
                None => found.push(Stretch {
                    block: chosen.block,
                    start_ms,
                    end_ms,
                }),
            }
        }
    }
    found
}

/// The times of samples that lie in a stretch.
fn own_times(stretch: Stretch) -> TimeRange {
    TimeRange {
        start_ms: stretch.start_ms,
        end_ms: stretch.end_ms.saturating_sub(1),
    }
}

/// Where stretches meet within a downsampled block.
#[derive(Debug, Default)]
struct Edges {
    /// Where a window ends that is read of the stretch before, and that has the sample at that very
    /// time.
    whole_before: BTreeSet<i64>,
    /// Where a window ends that is not read, though the block of the stretch behind it has it.
    cut_before: BTreeSet<i64>,
}

impl Edges {
    fn of(blocks: &[Arc<Block>], stretches: &[Stretch]) -> Self {
        let mut edges = Self::default();
        for stretch in stretches {
            let meta = blocks[stretch.block].meta();
            if meta.is_raw() {
                continue;
            }
            if stretch.end_ms < meta.range.end_ms {
                edges.whole_before.insert(stretch.end_ms);
            }
            if stretch.start_ms > meta.range.start_ms {
                edges.cut_before.insert(stretch.start_ms);
            }
        }
        edges
    }

    /// The times of the samples that are read for a stretch, where those of windows are at the
    /// windows' ends.
    ///
    /// Where one downsampled block ends within another, a sample at that very time is in the other
    /// one's window and cannot be told from those before it: it is not counted.
    fn times(&self, block: &Block, stretch: Stretch) -> TimeRange {
        let Stretch {
            start_ms, end_ms, ..
        } = stretch;
        let meta = block.meta();
        let is_taken = self.whole_before.contains(&start_ms);
        let (is_left_out, is_needed) = match meta.is_raw() {
            true => (is_taken, self.cut_before.contains(&end_ms)),
            false => (
                is_taken || start_ms > meta.range.start_ms,
                end_ms < meta.range.end_ms,
            ),
        };
        TimeRange {
            start_ms: start_ms.saturating_add(i64::from(is_left_out)),
            end_ms: end_ms.saturating_sub(i64::from(!is_needed)),
        }
    }
}
