//! What of the samples in memory is deleted.
//!
//! Samples in order stay where they are, and readers do not get them; late ones go at once.

use std::collections::HashMap;

use narthex_model::Matcher;
use narthex_storage::{Intervals, TimeRange};
use roaring::RoaringBitmap;

use crate::memory::Memory;

/// The spans of time in which samples in order are deleted, by slot. Most series have none.
#[derive(Debug, Default)]
pub(crate) struct Deleted(HashMap<u32, Intervals>);

impl Deleted {
    /// What is deleted of the series in a slot.
    pub(crate) fn of(&self, slot: u32) -> Option<&Intervals> {
        match self.0.is_empty() {
            true => None,
            false => self.0.get(&slot),
        }
    }

    /// The series of a slot lets go of what is before a time.
    pub(crate) fn truncate(&mut self, slot: u32, before_ms: i64) {
        if let Some(deleted) = self.0.get_mut(&slot) {
            deleted.let_go_before(before_ms);
            if deleted.is_empty() {
                self.0.remove(&slot);
            }
        }
    }

    /// What a snapshot says is deleted of the series in a slot.
    pub(crate) fn restore(&mut self, slot: u32, deleted: Intervals) {
        if !deleted.is_empty() {
            self.0.insert(slot, deleted);
        }
    }

    /// The series of a slot is gone.
    pub(crate) fn forget(&mut self, slot: u32) {
        if !self.0.is_empty() {
            self.0.remove(&slot);
        }
    }
}

impl Memory {
    /// The slots that one of the selectors takes and that may have a sample in the range.
    pub(crate) fn selected(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> RoaringBitmap {
        let mut slots = RoaringBitmap::new();
        for matchers in selectors {
            slots |= self.index.select(matchers);
        }
        self.overlapping_slots(&slots, range)
    }

    /// Deletes the samples in the range of all series that one of the selectors takes, as far as
    /// they are there: what comes in order later is newer than the newest, and stays.
    pub(crate) fn delete(&mut self, selectors: &[Vec<Matcher>], range: TimeRange) {
        for slot in self.selected(selectors, range) {
            let (late, span) = self.series_mut(slot, |series, lines| {
                (series.remove_late(range), series.span(lines))
            });
            self.let_go_of_late(late);
            if let Some(span) = span {
                self.deleted.0.entry(slot).or_default().add(TimeRange {
                    start_ms: range.start_ms.max(span.start_ms),
                    end_ms: range.end_ms.min(span.end_ms),
                });
                // Nothing of it may have been in the range.
                self.deleted.truncate(slot, i64::MIN);
            }
        }
    }

    /// Whether all samples of the series in a slot that lie in the range are deleted.
    pub(crate) fn hides(&self, slot: u32, range: TimeRange) -> bool {
        let Some(deleted) = self.deleted.of(slot) else {
            return false;
        };
        let span = self.span_of(slot, range);
        span.is_some_and(|span| deleted.covers(span))
    }
}
