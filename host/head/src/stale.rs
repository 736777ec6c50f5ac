//! Series that have ended: how many there are, and how they leave memory before their time.
//!
//! Who owns the blocks takes the samples of the stale series ([`Head::stale_cut`]), writes them
//! somewhere durable, and tells the head to drop those that got no sample since
//! ([`Head::drop_stale`]). The log has a record of each of the two steps, so that a replay drops
//! the same series; where it cannot, it brings back samples that blocks have as well.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use narthex_model::{Labels, SeriesRef};
use narthex_storage::{Intervals, Series, TimeRange};

use crate::appender::Appender;
use crate::error::HeadError;
use crate::head::Head;
use crate::log::frame::FrameType;
use crate::memory::Memory;
use crate::read::read_or_tell;
use crate::snapshot::Snapshot;

/// How many series are dropped before readers are let through.
const SLOTS_AT_ONCE: usize = 4096;

/// Neither record keeps a segment alive.
const NOWHEN: TimeRange = TimeRange {
    start_ms: i64::MAX,
    end_ms: i64::MIN,
};

/// The series that were stale at one moment of the log.
#[derive(Debug, Default)]
pub(crate) struct StaleSet {
    /// The number of the record of that moment.
    pub(crate) seq: u64,
    /// The slots, and the time of the newest sample of each.
    pub(crate) slots: Vec<(u32, i64)>,
}

/// The stale series of a head with all their samples.
#[derive(Debug)]
pub struct StaleCut {
    set: StaleSet,
    /// The generation of each slot of the set.
    references: Vec<SeriesRef>,
    snapshots: Vec<Snapshot>,
}

impl StaleCut {
    /// How many series there are.
    pub fn len(&self) -> usize {
        self.snapshots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.snapshots.is_empty()
    }

    /// The spans between two multiples of a length of time that have samples: where each begins,
    /// and its last sample.
    pub fn spans(&self, length_ms: i64) -> BTreeMap<i64, i64> {
        let mut spans = BTreeMap::new();
        for snapshot in &self.snapshots {
            let times = snapshot.layout.times();
            let mut from = 0;
            while let Some(at) = times.get(from) {
                let start_ms = at.div_euclid(length_ms).saturating_mul(length_ms);
                let end_ms = start_ms.saturating_add(length_ms);
                let count = times[from..].partition_point(|at| *at < end_ms);
                from += count.max(1);
                let last_ms = times.get(from - 1).copied().unwrap_or(*at);
                let known = spans.entry(start_ms).or_insert(last_ms);
                *known = last_ms.max(*known);
            }
        }
        spans
    }

    /// The series that have samples in a range, with those samples, in the order in which they
    /// were asked for.
    pub fn series(&self, range: TimeRange) -> impl Iterator<Item = Series> {
        let mut outside = Intervals::default();
        if let Some(end_ms) = range.start_ms.checked_sub(1) {
            let start_ms = i64::MIN;
            outside.add(TimeRange { start_ms, end_ms });
        }
        if let Some(start_ms) = range.end_ms.checked_add(1) {
            let end_ms = i64::MAX;
            outside.add(TimeRange { start_ms, end_ms });
        }
        let series = self.snapshots.iter().cloned().filter_map(read_or_tell);
        series.filter_map(move |series| series.without(&outside))
    }
}

impl Head {
    /// How many series have ended: their newest sample is a staleness marker.
    pub fn stale_series_count(&self) -> u64 {
        self.appender().stale_count()
    }

    /// The series that are stale now, sorted by `order`, but for those with samples that came out
    /// of order: these stay until they are cut as others are.
    ///
    /// # Errors
    /// The log cannot be written, or the head is closed.
    pub fn stale_cut(
        &self,
        order: impl Fn(&Labels, &Labels) -> Ordering,
    ) -> Result<StaleCut, HeadError> {
        let mut appender = self.appender();
        if appender.closed {
            return Err(HeadError::Closed);
        }
        appender.log.segment().map_err(HeadError::Log)?;
        let marked = appender.log.append(FrameType::StaleMark, &[], NOWHEN);
        marked.map_err(HeadError::Log)?;
        let memory = self.memory();
        let set = appender.stale_set(|slot| memory.has_late_at(slot));
        let references = set.slots.iter().map(|(slot, _)| appender.reference(*slot));
        let references = references.collect();
        drop(appender);
        let mut layouts = memory.layouts(TimeRange::ALL);
        let slots = set.slots.iter();
        let snapshots = slots.filter_map(|(slot, _)| memory.snapshot(*slot, &mut layouts));
        let mut snapshots: Vec<Snapshot> = snapshots.collect();
        snapshots.sort_unstable_by(|a, b| order(&a.labels, &b.labels));
        Ok(StaleCut {
            set,
            references,
            snapshots,
        })
    }

    /// Drops the series of a cut that are still as they were then. Call it once blocks hold their
    /// samples for good, and readers get those. Writers wait until it is done, a microsecond or so
    /// for each series; readers do not.
    ///
    /// # Errors
    /// The log cannot be written; nothing is dropped. Or the head is closed.
    pub fn drop_stale(&self, cut: &StaleCut) -> Result<(), HeadError> {
        let mut appender = self.appender();
        if appender.closed {
            return Err(HeadError::Closed);
        }
        appender.log.segment().map_err(HeadError::Log)?;
        let payload = cut.set.seq.to_le_bytes();
        let written = appender.log.append(FrameType::StaleDrop, &payload, NOWHEN);
        written.map_err(HeadError::Log)?;
        let slots: Vec<(&(u32, i64), _)> = cut.set.slots.iter().zip(&cut.references).collect();
        for part in slots.chunks(SLOTS_AT_ONCE) {
            let mut memory = self.memory_mut();
            for ((slot, newest_ms), reference) in part {
                if appender.reference(*slot) == **reference {
                    drop_one(&mut appender, &mut memory, *slot, *newest_ms);
                }
            }
        }
        self.memory_mut().shrink_if_empty();
        appender.shrink();
        Ok(())
    }
}

/// Drops a series whose newest sample is still the one at a time, and that got none late.
fn drop_one(appender: &mut Appender, memory: &mut Memory, slot: u32, newest_ms: i64) {
    let is_same = appender.stale_since(slot as usize) == Some(newest_ms);
    if is_same && !memory.has_late_at(slot) {
        memory.remove(slot);
        appender.release(slot);
    }
}

impl Appender {
    /// The stale series at this moment of the log, whose last record says so, but for those of
    /// which `has_late` says that they have late samples.
    pub(crate) fn stale_set(&self, has_late: impl Fn(u32) -> bool) -> StaleSet {
        let slots = (0..self.slot_count()).filter_map(|slot| {
            let newest_ms = self.stale_since(slot)?;
            let slot = u32::try_from(slot).ok()?;
            (!has_late(slot)).then_some((slot, newest_ms))
        });
        StaleSet {
            seq: self.log.last_seq(),
            slots: slots.collect(),
        }
    }

    /// As [`Self::stale_set`], while the log is replayed up to a record: late samples are not in
    /// memory yet then.
    pub(crate) fn stale_set_at(&self, seq: u64, late: &HashSet<&Labels>) -> StaleSet {
        StaleSet {
            seq,
            ..self.stale_set(|slot| late.contains(self.labels(slot)))
        }
    }
}

/// Drops in a replay what was dropped at this moment of the log, and says which slots memory has to
/// let go of: it has no late samples then.
pub(crate) fn drop_again(
    appender: &mut Appender,
    set: StaleSet,
    late: &HashSet<&Labels>,
) -> Vec<u32> {
    let mut gone = Vec::new();
    for (slot, newest_ms) in set.slots {
        let is_same = appender.stale_since(slot as usize) == Some(newest_ms);
        if is_same && !late.contains(appender.labels(slot)) {
            appender.release(slot);
            gone.push(slot);
        }
    }
    gone
}
