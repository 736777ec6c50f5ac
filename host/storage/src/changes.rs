//! When which samples of a store changed last, so that who keeps answers can tell whether one of
//! before still holds.
//!
//! It is not: what changed. It says less than it could where much changed, never more: a range that
//! was left alone may count as changed, one that changed never as left alone.

use std::collections::{BTreeMap, BTreeSet};
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
        let (first, last) = slots(range);
        if last - first < SLOTS_A_CHANGE_MAX {
            self.note_slots(first..=last);
            return;
        }
        let mut held = self.held();
        held.last += 1;
        let number = held.last;
        held.add_range(range, number);
    }

    fn note_slots(&self, slots: impl IntoIterator<Item = i64>) {
        let mut held = self.held();
        held.last += 1;
        let number = held.last;
        for slot in slots {
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
        let times = numbers.chain(histograms);
        let mut range = TimeRange {
            start_ms: i64::MAX,
            end_ms: i64::MIN,
        };
        for timestamp_ms in times.clone() {
            range.start_ms = range.start_ms.min(timestamp_ms);
            range.end_ms = range.end_ms.max(timestamp_ms);
        }
        let (first, last) = slots(range);
        if last - first < SLOTS_A_CHANGE_MAX {
            self.note(range);
            return;
        }
        // A target that tells an old time in every scrape says nothing of all the time since.
        let touched: BTreeSet<i64> = times.map(slot).collect();
        match i64::try_from(touched.len()) {
            Ok(count) if count <= SLOTS_A_CHANGE_MAX => self.note_slots(touched),
            _ => self.note(range),
        }
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
    (slot(range.start_ms), slot(range.end_ms))
}

fn slot(timestamp_ms: i64) -> i64 {
    timestamp_ms.div_euclid(SLOT_MS)
}

#[cfg(test)]
mod tests {
    use narthex_model::{Labels, Sample, SeriesRef};

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
    fn an_old_time_in_each_scrape_does_not_change_all_the_time_since() {
        let changes = Changes::default();
        let week = 7 * 24 * 12 * SLOT_MS;
        let batch = |times: &[i64]| {
            let sample = |timestamp_ms: &i64| Sample {
                series: SeriesRef::UNKNOWN,
                labels: Labels::from_pairs([("__name__", "x")]),
                timestamp_ms: *timestamp_ms,
                value: 1.0,
            };
            WriteBatch::from(times.iter().map(sample).collect::<Vec<_>>())
        };
        let old = range(0, SLOT_MS - 1);
        let between = range(SLOT_MS, week - 1);
        for _ in 0..3 {
            let before = changes.version(old);
            changes.note_batch(&batch(&[week, 7, week + 1]));
            assert_eq!(changes.version(between), 0);
            assert!(changes.version(old) > before);
            assert_eq!(changes.version(range(week, week)), changes.version(old));
        }
        // What was held back for a week and comes at once.
        let all: Vec<i64> = (0..7 * 24).map(|hour| hour * 12 * SLOT_MS).collect();
        changes.note_batch(&batch(&all));
        assert!(changes.version(between) > 0);
        let before = changes.version(TimeRange::ALL);
        changes.note_batch(&WriteBatch::default());
        assert_eq!(changes.version(TimeRange::ALL), before);
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
