//! When which samples of a store changed last, so that who keeps answers can tell whether one of
//! before still holds.
//!
//! It is not: what changed. It says less than it could where much changed, never more: a range that
//! was left alone may count as changed, one that changed never as left alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use narthex_model::WriteBatch;

use crate::TimeRange;

/// Samples are told apart by the slot of time that they lie in.
const SLOT_MS: i64 = 300_000;

/// So many slots have a number of their own: eight weeks in which something was written. Of more,
/// the oldest become one.
const SLOTS_MAX: usize = 1 << 14;

/// A change of more slots than this is held as a range.
const SLOTS_A_CHANGE_MAX: i64 = 64;

/// So many ranges are held. Of more, the two that changed first become one.
const RANGES_MAX: usize = 64;

/// The changes of a store since it was opened.
#[derive(Debug, Default)]
pub struct Changes(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// The number of the last change; each has the next one.
    last: u64,
    /// The last change of each slot, by the slot's number.
    slots: BTreeMap<i64, u64>,
    /// The last change of wide ranges, in the order of the changes.
    ranges: Vec<(TimeRange, u64)>,
}

impl Changes {
    /// Notes that samples in a range changed. It is called when readers see the change already: who
    /// asked for the version before cannot have kept what was read before.
    pub fn note(&self, range: TimeRange) {
        if range.start_ms > range.end_ms {
            return;
        }
        let mut held = self.held();
        held.last += 1;
        let number = held.last;
        let (first, last) = slots(range);
        if last - first >= SLOTS_A_CHANGE_MAX {
            held.add_range(range, number);
            return;
        }
        for slot in first..=last {
            held.slots.insert(slot, number);
        }
        while held.slots.len() > SLOTS_MAX {
            let Some((slot, number)) = held.slots.pop_first() else {
                break;
            };
            held.forget(slot, number);
        }
    }

    /// Notes what a batch brought, as [`Self::note`] does.
    pub fn note_batch(&self, batch: &WriteBatch) {
        let numbers = batch.samples.iter().map(|sample| sample.timestamp_ms);
        let histograms = batch.histograms.iter().map(|sample| sample.timestamp_ms);
        let mut range = TimeRange {
            start_ms: i64::MAX,
            end_ms: i64::MIN,
        };
        for timestamp_ms in numbers.chain(histograms) {
            range.start_ms = range.start_ms.min(timestamp_ms);
            range.end_ms = range.end_ms.max(timestamp_ms);
        }
        self.note(range);
    }

    /// The number of the last change in a range; 0 where there was none. As long as it stays the
    /// same, so do the samples.
    pub fn version(&self, range: TimeRange) -> u64 {
        if range.start_ms > range.end_ms {
            return 0;
        }
        let held = self.held();
        let (first, last) = slots(range);
        let slots = held.slots.range(first..=last).map(|(_, number)| *number);
        let ranges = held.ranges.iter();
        let ranges = ranges.filter(|(changed, _)| changed.overlaps(range));
        slots
            .chain(ranges.map(|(_, number)| *number))
            .max()
            .unwrap_or(0)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn add_range(&mut self, range: TimeRange, number: u64) {
        self.ranges.push((range, number));
        if self.ranges.len() > RANGES_MAX {
            let (oldest, changed) = self.ranges.remove(0);
            if let Some((next, number)) = self.ranges.first_mut() {
                next.start_ms = next.start_ms.min(oldest.start_ms);
                next.end_ms = next.end_ms.max(oldest.end_ms);
                *number = changed.max(*number);
            }
        }
    }

    /// Puts an old slot to those that became one: the range from the beginning of time on.
    fn forget(&mut self, slot: i64, number: u64) {
        let end_ms = slot.saturating_add(1).saturating_mul(SLOT_MS) - 1;
        let old = TimeRange {
            start_ms: i64::MIN,
            end_ms,
        };
        let is_old = |(range, _): &&mut (TimeRange, u64)| range.start_ms == i64::MIN;
        match self.ranges.iter_mut().find(is_old) {
            Some((range, changed)) => {
                range.end_ms = range.end_ms.max(end_ms);
                *changed = number.max(*changed);
            }
            None => self.add_range(old, number),
        }
    }
}

fn slots(range: TimeRange) -> (i64, i64) {
    let slot = |ms: i64| ms.div_euclid(SLOT_MS);
    (slot(range.start_ms), slot(range.end_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start_ms: i64, end_ms: i64) -> TimeRange {
        TimeRange { start_ms, end_ms }
    }

    #[test]
    fn a_range_has_another_version_after_each_change_in_it_and_no_other() {
        let changes = Changes::default();
        let day = 24 * 12 * SLOT_MS;
        let (first, second) = (range(0, day - 1), range(day, 2 * day - 1));
        assert_eq!(changes.version(TimeRange::ALL), 0);
        changes.note(range(5, 5));
        let before = changes.version(first);
        assert!(before > 0);
        assert_eq!(changes.version(second), 0);
        changes.note(range(day, day + 3 * SLOT_MS));
        assert_eq!(changes.version(first), before);
        let later = changes.version(second);
        assert!(later > before);
        // A wide one, as of a block that goes.
        changes.note(range(day / 2, 3 * day));
        assert!(changes.version(first) > later && changes.version(second) > later);
        assert_eq!(changes.version(range(0, SLOT_MS - 1)), before);
        // All of time, as of a deletion that names none.
        changes.note(TimeRange::ALL);
        assert!(changes.version(range(0, 0)) > later);
        assert_eq!(changes.version(range(1, 0)), 0);
    }

    #[test]
    fn however_many_changes_there_are_none_is_missed_and_few_are_held() {
        let changes = Changes::default();
        let count = i64::try_from(2 * SLOTS_MAX).unwrap();
        for slot in 0..count {
            let at = range(slot * SLOT_MS, slot * SLOT_MS);
            let before = changes.version(at);
            changes.note(at);
            assert!(changes.version(at) > before);
        }
        for number in 0..3 * SLOTS_A_CHANGE_MAX {
            let start_ms = number * SLOT_MS;
            let wide = range(start_ms, start_ms + 2 * SLOTS_A_CHANGE_MAX * SLOT_MS);
            let before = changes.version(wide);
            changes.note(wide);
            assert!(changes.version(wide) > before);
        }
        let held = changes.held();
        assert!(held.slots.len() <= SLOTS_MAX && held.ranges.len() <= RANGES_MAX);
    }
}
