//! All series and their label index: what readers see.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Labels};
use narthex_storage::TimeRange;
use roaring::RoaringBitmap;

use crate::chunk::Scratch;
use crate::chunk_snapshot::StoredSeries;
use crate::deleted::Deleted;
use crate::index::LabelIndex;
use crate::late::{Held, LateMark};
use crate::paged::Paged;
use crate::series::MemorySeries;
use crate::snapshot::{Layouts, Snapshot};
use crate::timelines::{Company, Timelines};

/// The series by slot. A slot is free again once its series is gone.
#[derive(Debug)]
pub(crate) struct Memory {
    series: Paged<Option<MemorySeries>>,
    pub(crate) index: LabelIndex,
    pub(crate) lines: Timelines,
    /// What the samples of the batch that is being applied share.
    company: Company,
    scratch: Scratch,
    pub(crate) deleted: Deleted,
    /// How many samples there are that came out of order.
    late: usize,
    /// Samples before it are not shown any more, though a chunk may still hold some.
    bound_ms: i64,
    /// Oldest and newest sample shown; an empty span where there is none.
    span: TimeRange,
    /// The oldest sample added since the last [`Self::start_truncate`].
    fresh_min_ms: i64,
}

const NOTHING: TimeRange = TimeRange {
    start_ms: i64::MAX,
    end_ms: i64::MIN,
};

impl Memory {
    pub(crate) fn new(bound_ms: i64) -> Self {
        Self {
            series: Paged::default(),
            index: LabelIndex::default(),
            lines: Timelines::default(),
            company: Company::default(),
            scratch: Scratch::default(),
            deleted: Deleted::default(),
            late: 0,
            bound_ms,
            span: NOTHING,
            fresh_min_ms: i64::MAX,
        }
    }

    /// Puts a new series into a free slot.
    pub(crate) fn create(&mut self, slot: u32, labels: &Labels) {
        let at = slot as usize;
        while at >= self.series.len() {
            self.series.push(None);
        }
        self.series[at] = Some(MemorySeries::new(labels.clone()));
        self.index.insert(slot, labels);
    }

    /// Puts a series of a snapshot into a free slot, without its late samples.
    pub(crate) fn restore(&mut self, slot: u32, mut stored: StoredSeries) {
        let at = slot as usize;
        while at >= self.series.len() {
            self.series.push(None);
        }
        self.index.insert(slot, &stored.labels);
        if let Some(deleted) = stored.deleted.take() {
            self.deleted.restore(slot, deleted);
        }
        let series = MemorySeries::restored(stored, slot, &mut self.lines);
        let first_ms = series.first_from(&self.lines, self.bound_ms);
        if let (Some(first_ms), Some(span)) = (first_ms, series.span(&self.lines)) {
            self.span.start_ms = self.span.start_ms.min(first_ms);
            self.span.end_ms = self.span.end_ms.max(span.end_ms);
            self.fresh_min_ms = self.fresh_min_ms.min(first_ms);
        }
        self.series[at] = Some(series);
    }

    /// Takes another copy of a series' labels instead of its own.
    pub(crate) fn adopt(&mut self, slot: u32, labels: &Labels) {
        if let Some(Some(series)) = self.series.get_mut(slot as usize) {
            series.labels = labels.clone();
        }
    }

    /// The samples that follow are those of one batch.
    pub(crate) fn start_batch(&mut self) {
        self.company = Company::default();
    }

    /// Adds a sample to a series; the caller keeps the times ascending.
    pub(crate) fn push(&mut self, slot: u32, timestamp_ms: i64, bits: u64) {
        if let Some(Some(series)) = self.series.get_mut(slot as usize) {
            let (lines, company) = (&mut self.lines, &mut self.company);
            series.push(lines, company, &mut self.scratch, timestamp_ms, bits);
            self.span.start_ms = self.span.start_ms.min(timestamp_ms);
            self.span.end_ms = self.span.end_ms.max(timestamp_ms);
            self.fresh_min_ms = self.fresh_min_ms.min(timestamp_ms);
        }
    }

    /// Adds a sample that came out of order; where there is one at its time, that stays.
    pub(crate) fn push_late(&mut self, slot: u32, timestamp_ms: i64, held: Held, seq: u64) {
        let Some(Some(series)) = self.series.get_mut(slot as usize) else {
            return;
        };
        if !series.push_late(&self.lines, timestamp_ms, held, seq) {
            return;
        }
        self.late += 1;
        // What is older belongs to blocks that are there already, not to the next one.
        if timestamp_ms >= self.bound_ms {
            self.span.start_ms = self.span.start_ms.min(timestamp_ms);
            self.span.end_ms = self.span.end_ms.max(timestamp_ms);
            self.fresh_min_ms = self.fresh_min_ms.min(timestamp_ms);
        }
    }

    /// A series' sample at a time.
    pub(crate) fn at(&self, slot: u32, timestamp_ms: i64) -> Option<Held> {
        let series = self.series.get(slot as usize)?.as_ref()?;
        series.at(&self.lines, timestamp_ms)
    }

    /// How many samples there are that came out of order.
    pub(crate) fn late(&self) -> usize {
        self.late
    }

    /// Keeps the native histogram of a sample that was just pushed.
    pub(crate) fn push_histogram(
        &mut self,
        slot: u32,
        timestamp_ms: i64,
        histogram: Arc<FloatHistogram>,
    ) {
        if let Some(Some(series)) = self.series.get_mut(slot as usize) {
            let kinds = series.kinds_mut();
            kinds.push_histogram(slot, timestamp_ms, histogram);
        }
    }

    /// Keeps the start timestamp of a sample that was just pushed, and behind which other one it
    /// came.
    pub(crate) fn push_start(
        &mut self,
        slot: u32,
        (previous_ms, timestamp_ms): (i64, i64),
        start_ms: i64,
    ) {
        if let Some(Some(series)) = self.series.get_mut(slot as usize) {
            let kinds = series.kinds_mut();
            kinds.push_start((previous_ms, timestamp_ms), start_ms);
        }
    }

    /// The slots for which all matchers hold and that may have a sample in the range.
    pub(crate) fn overlapping(
        &self,
        slots: &RoaringBitmap,
        range: TimeRange,
    ) -> impl Iterator<Item = (u32, &MemorySeries)> {
        slots
            .iter()
            .filter_map(|slot| Some((slot, self.series.get(slot as usize)?.as_ref()?)))
            .filter(move |(_, series)| self.overlaps(series, range))
    }

    /// What is in a slot, which has a series.
    pub(crate) fn series_mut<T: Default>(
        &mut self,
        slot: u32,
        change: impl FnOnce(&mut MemorySeries, &Timelines) -> T,
    ) -> T {
        let series = self.series.get_mut(slot as usize);
        let series = series.and_then(Option::as_mut);
        series.map_or_else(T::default, |series| change(series, &self.lines))
    }

    /// The oldest sample that came out of order.
    pub(crate) fn oldest_late(&self) -> Option<i64> {
        self.late_times().min()
    }

    /// The newest sample that came out of order.
    pub(crate) fn newest_late(&self) -> Option<i64> {
        self.late_times().max()
    }

    fn late_times(&self) -> impl Iterator<Item = i64> {
        let series = (self.late > 0).then(|| self.iter());
        let series = series.into_iter().flatten();
        series.flat_map(|series| series.late_times(TimeRange::ALL))
    }

    /// So many late samples went.
    pub(crate) fn let_go_of_late(&mut self, count: usize) {
        self.late -= count;
    }

    /// From the first to the last sample of the series in a slot, as far as they lie in a range;
    /// `None` where some of them came late.
    pub(crate) fn span_of(&self, slot: u32, range: TimeRange) -> Option<TimeRange> {
        let series = self.series.get(slot as usize)?.as_ref()?;
        let span = series.span(&self.lines)?;
        let shown = self.shown(range);
        (!series.has_late(range)).then(|| TimeRange {
            start_ms: span.start_ms.max(shown.start_ms),
            end_ms: span.end_ms.min(shown.end_ms),
        })
    }

    /// Whether the series in a slot has samples that came out of order.
    pub(crate) fn has_late_at(&self, slot: u32) -> bool {
        let series = self.series.get(slot as usize).and_then(Option::as_ref);
        series.is_some_and(|series| series.has_late(TimeRange::ALL))
    }

    /// The series in a slot as it is now, without what is deleted.
    pub(crate) fn snapshot(&self, slot: u32, layouts: &mut Layouts<'_>) -> Option<Snapshot> {
        let series = self.series.get(slot as usize)?.as_ref()?;
        let mut snapshot = series.snapshot(layouts)?;
        snapshot.deleted = self.deleted.of(slot).cloned();
        Some(snapshot)
    }

    /// Takes out the series in a slot.
    pub(crate) fn remove(&mut self, slot: u32) {
        let series = self.series.get_mut(slot as usize).and_then(Option::take);
        if let Some(series) = series {
            self.index.remove(slot, &series.labels);
            self.deleted.forget(slot);
            series.release(&mut self.lines);
        }
    }

    /// Gives memory back where no series is left.
    pub(crate) fn shrink_if_empty(&mut self) {
        if self.index.series() == 0 {
            self.end_truncate(i64::MAX);
        }
    }

    /// Those of the slots that may have a sample in the range.
    pub(crate) fn overlapping_slots(
        &self,
        slots: &RoaringBitmap,
        range: TimeRange,
    ) -> RoaringBitmap {
        let overlaps = |slot: &u32| {
            let series = self.series.get(*slot as usize).and_then(Option::as_ref);
            series.is_some_and(|series| self.overlaps(series, range))
        };
        slots.iter().filter(overlaps).collect()
    }

    fn overlaps(&self, series: &MemorySeries, range: TimeRange) -> bool {
        series.overlaps(&self.lines, self.shown(range)) || series.has_late(range)
    }

    /// Makes the layouts of snapshots.
    pub(crate) fn layouts(&self, range: TimeRange) -> Layouts<'_> {
        Layouts::new(&self.lines, self.shown(range), range)
    }

    /// The part of a range that readers may see.
    pub(crate) fn shown(&self, range: TimeRange) -> TimeRange {
        TimeRange {
            start_ms: range.start_ms.max(self.bound_ms),
            end_ms: range.end_ms,
        }
    }

    /// Where the samples that are shown start.
    pub(crate) fn bound_ms(&self) -> i64 {
        self.bound_ms
    }

    /// Oldest and newest sample, where there is one.
    pub(crate) fn span(&self) -> Option<TimeRange> {
        (self.span.start_ms <= self.span.end_ms).then_some(self.span)
    }

    /// Hides everything before the bound. Memory is freed slot by slot after that.
    pub(crate) fn start_truncate(&mut self, before_ms: i64) {
        self.bound_ms = before_ms;
        self.fresh_min_ms = i64::MAX;
        if self.span().is_some() {
            self.span.start_ms = self.span.start_ms.max(before_ms);
        }
    }

    /// Frees what a slot holds before the bound, and the series where that was all.
    pub(crate) fn truncate_slot(&mut self, slot: u32, mark: LateMark) -> Truncated {
        let Some(held) = self.series.get_mut(slot as usize) else {
            return Truncated::Nothing;
        };
        let Some(series) = held else {
            return Truncated::Nothing;
        };
        let left = series.truncate(&mut self.lines, self.bound_ms, mark);
        self.late -= left.late_gone;
        self.deleted.truncate(slot, self.bound_ms);
        if !left.is_gone {
            return Truncated::Kept {
                first_ms: left.first_ms.unwrap_or(i64::MAX),
            };
        }
        self.remove(slot);
        Truncated::Gone
    }

    /// Sets the oldest sample to what the slots told.
    pub(crate) fn end_truncate(&mut self, oldest_kept_ms: i64) {
        if self.index.series() == 0 {
            self.span = NOTHING;
            self.series = Paged::default();
            self.lines.shrink();
        } else {
            self.span.start_ms = oldest_kept_ms.min(self.fresh_min_ms);
        }
    }

    pub(crate) fn slots(&self) -> usize {
        self.series.len()
    }

    /// The series that there are, with their slots.
    pub(crate) fn by_slot(&self) -> impl Iterator<Item = (u32, &MemorySeries)> {
        let series = (0..).zip(self.series.iter());
        series.filter_map(|(slot, series)| Some((slot, series.as_ref()?)))
    }

    /// The series that there are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &MemorySeries> {
        self.series.iter().flatten()
    }
}

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truncated {
    Nothing,
    /// Its first sample at or after the bound; `i64::MAX` where only late ones are left.
    Kept {
        first_ms: i64,
    },
    Gone,
}
