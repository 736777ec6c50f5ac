//! The writer's side of the head: which series a sample belongs to, whether it is taken, and
//! what the log has to say about it.

mod kinds;
mod turn;

use std::borrow::Borrow;
use std::collections::HashMap;

use narthex_model::{AppendReport, Labels, Rejection, Sample, SeriesRef, WriteBatch, sample};
use narthex_storage::TimeRange;

use crate::appender::kinds::{LastHistograms, PlannedKinds};
use crate::appender::turn::Turn;
use crate::late::{Held, LateMark};
use crate::log::frame::FrameType;
use crate::log::record::{self, Row};
use crate::log::writer::{Log, LogPosition};
use crate::paged::Paged;
use crate::slot_table::SlotTable;

/// What the writer remembers of the series in a slot. An empty label set marks a free slot.
#[derive(Debug)]
struct Slot {
    labels: Labels,
    /// Grows each time the slot gets another series, so that a reference is never used twice.
    generation: u32,
    cursor: Cursor,
}

/// The newest sample of a series, and where the log knows it.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    timestamp_ms: i64,
    bits: u64,
    /// The last segment that declares the series; `u32::MAX` for none.
    segment: u32,
    /// Its number there.
    id: u32,
    has_sample: bool,
    /// Whether the next difference in the segment is to `bits`, and not to 0.
    is_chained: bool,
    /// Whether the sample is a staleness marker.
    is_stale: bool,
}

impl Cursor {
    const NEW: Self = Self {
        timestamp_ms: i64::MIN,
        bits: 0,
        segment: u32::MAX,
        id: 0,
        has_sample: false,
        is_chained: false,
        is_stale: false,
    };
}

/// A sample that will be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) slot: u32,
    pub(crate) timestamp_ms: i64,
    pub(crate) bits: u64,
    /// Whether the series has a newer one.
    pub(crate) is_late: bool,
    /// What the slot's cursor was, for taking it back.
    before: Cursor,
}

/// What becomes of a sample that the log brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restored {
    /// It belongs to memory, to a series that may be new there.
    Kept { slot: u32, is_new: bool },
    /// It is older than the head's bound.
    TooOld,
    /// It is not newer than what its series has.
    OutOfOrder,
}

/// The writer's state. One batch at a time is planned here, logged, and then applied to memory.
#[derive(Debug)]
pub(crate) struct Appender {
    slots: Paged<Slot>,
    by_labels: SlotTable,
    free: Vec<u32>,
    /// How many cursors are at a staleness marker.
    stale: u64,
    pub(crate) bound_ms: i64,
    /// The newest record when the bound was last moved: what came later may be late.
    bound_seq: u64,
    /// How much older than the newest sample of all a late one may be; 0 takes none.
    pub(crate) window_ms: i64,
    /// The newest sample of all.
    newest_ms: i64,
    pub(crate) log: Log,
    pub(crate) closed: bool,
    /// The segment that `next_id` counts in.
    segment: u32,
    next_id: u32,
    histograms: LastHistograms,
    pub(crate) plan: Plan,
}

/// What a batch will do. Its buffers are kept from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) accepted: Vec<Accepted>,
    /// Slots of series that do not exist in memory yet.
    pub(crate) created: Vec<u32>,
    /// Slots whose labels are the batch's now, and no copy of them any more.
    pub(crate) adopted: Vec<u32>,
    declared: Vec<u32>,
    rows: Vec<Row>,
    /// Rows of samples that came out of order. Their differences are to 0.
    late_rows: Vec<Row>,
    /// What the late samples of the batch are, by slot and time.
    late: HashMap<(u32, i64), Held>,
    pub(crate) kinds: PlannedKinds,
    payload: Vec<u8>,
}

impl Plan {
    /// Whether nothing follows from it.
    pub(crate) fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.kinds.record().exemplars.is_empty()
    }
}

impl Appender {
    pub(crate) fn new(bound_ms: i64, log: Log) -> Self {
        Self {
            slots: Paged::default(),
            by_labels: SlotTable::default(),
            free: Vec::new(),
            stale: 0,
            bound_ms,
            bound_seq: 0,
            window_ms: 0,
            newest_ms: i64::MIN,
            log,
            closed: false,
            segment: u32::MAX,
            next_id: 0,
            histograms: LastHistograms::default(),
            plan: Plan::default(),
        }
    }

    /// Series that have a slot.
    pub(crate) fn series(&self) -> usize {
        self.by_labels.len()
    }

    pub(crate) fn labels(&self, slot: u32) -> &Labels {
        &self.slots[slot as usize].labels
    }

    /// How many slots there are, free ones included.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// The time of the newest sample of the series in a slot, where that is a staleness marker.
    pub(crate) fn stale_since(&self, slot: usize) -> Option<i64> {
        let cursor = &self.slots.get(slot)?.cursor;
        cursor.is_stale.then_some(cursor.timestamp_ms)
    }

    /// In how many slots the newest sample of the series is a staleness marker.
    pub(crate) fn stale_count(&self) -> u64 {
        self.stale
    }

    /// Says whether the newest sample of a slot is a staleness marker.
    fn set_stale(&mut self, slot: u32, is_stale: bool) {
        let cursor = &mut self.slots[slot as usize].cursor;
        match (cursor.is_stale, is_stale) {
            (false, true) => self.stale += 1,
            (true, false) => self.stale -= 1,
            _ => {}
        }
        cursor.is_stale = is_stale;
    }

    /// The newest sample of all; the beginning of all time where there was none.
    pub(crate) fn newest_of_all(&self) -> i64 {
        self.newest_ms
    }

    /// How much older a time is than the newest sample of all.
    pub(crate) fn behind_ms(&self, timestamp_ms: i64) -> i64 {
        self.newest_ms.saturating_sub(timestamp_ms)
    }

    /// Takes nothing older from now on, but what may be late; a bound that lies back changes
    /// nothing.
    pub(crate) fn raise_bound(&mut self, bound_ms: i64) {
        if bound_ms >= self.bound_ms {
            self.bound_ms = bound_ms;
            self.bound_seq = self.log.last_seq();
        }
    }

    /// Which late samples a cut up to a time, which is no later than the bound, has all of.
    pub(crate) fn late_mark(&self, before_ms: i64) -> LateMark {
        LateMark {
            seq: self.bound_seq,
            before_ms: before_ms.min(self.bound_ms),
        }
    }

    /// Goes on behind a replay.
    pub(crate) fn go_on(&mut self, position: LogPosition) {
        self.log.go_on(position);
        self.bound_seq = self.log.last_seq();
    }

    /// Decides over each sample, and writes down in `self.plan` what follows. Cursors move as if
    /// the plan was carried out; [`Self::take_back`] undoes that. `held` says what memory has of a
    /// slot at a time.
    pub(crate) fn plan(
        &mut self,
        batch: &WriteBatch,
        segment: u32,
        held: impl Fn(u32, i64) -> Option<Held>,
    ) -> AppendReport {
        let late_from_ms = match self.window_ms {
            0 => i64::MAX,
            window_ms => self.newest_ms.saturating_sub(window_ms),
        };
        self.clear_plan(segment);
        let mut report = AppendReport {
            series: Vec::with_capacity(batch.samples.len()),
            ..AppendReport::default()
        };
        let mut starts = batch.starts.samples.as_slice();
        for (index, sample) in batch.samples.iter().enumerate() {
            let rows = self.plan.rows.len();
            let planned = self.plan_sample(sample, late_from_ms, &held);
            if !starts.is_empty() {
                let is_new = self.plan.rows.len() > rows;
                self.plan_start(index, is_new, &mut starts);
            }
            match planned {
                Ok(series) => report.series.push(series),
                Err((series, rejection)) => {
                    report.series.push(series);
                    report.rejected.push((index, rejection));
                }
            }
        }
        self.plan_histograms(batch, late_from_ms, &held, &mut report);
        report.created = self.plan.created.len() as u64;
        report
    }

    fn clear_plan(&mut self, segment: u32) {
        self.plan.accepted.clear();
        self.plan.created.clear();
        self.plan.adopted.clear();
        self.plan.declared.clear();
        self.plan.rows.clear();
        self.plan.late_rows.clear();
        self.plan.late.clear();
        self.plan.kinds.clear();
        if self.segment != segment {
            self.segment = segment;
            self.next_id = 0;
        }
    }

    fn plan_sample(
        &mut self,
        sample: &Sample,
        late_from_ms: i64,
        held: impl Fn(u32, i64) -> Option<Held>,
    ) -> Result<SeriesRef, (SeriesRef, Rejection)> {
        let known = self.find(sample.series, &sample.labels);
        let series = known.map_or(SeriesRef::UNKNOWN, |slot| self.reference(slot));
        if known.is_none() && sample.labels.metric_name().is_empty() {
            return Err((series, Rejection::InvalidLabels));
        }
        let bits = sample::stored_bits(sample.value);
        let turn = self.turn(known, sample.timestamp_ms, late_from_ms);
        let turn = turn.map_err(|rejection| (series, rejection))?;
        let same = match (turn, known) {
            (Turn::Again, Some(slot)) => Some(self.slots[slot as usize].cursor.bits == bits),
            (Turn::Late, Some(slot)) => {
                let earlier = self.earlier(slot, sample.timestamp_ms, held);
                earlier.map(|earlier| earlier.bits == bits)
            }
            _ => None,
        };
        match same {
            Some(true) => return Ok(series),
            Some(false) => return Err((series, Rejection::DuplicateTimestamp)),
            None => {}
        }
        let slot = self.slot_for(known, sample.series, &sample.labels);
        let is_late = turn == Turn::Late;
        self.accept(slot, sample.timestamp_ms, bits, is_late);
        if is_late {
            let at = (slot, sample.timestamp_ms);
            self.plan.late.insert(at, Held::number(bits));
        }
        Ok(self.reference(slot))
    }

    /// The slot of a series that gets a sample.
    fn slot_for(&mut self, known: Option<u32>, series: SeriesRef, labels: &Labels) -> u32 {
        match known {
            Some(slot) => {
                self.adopt(slot, series, labels);
                slot
            }
            None => self.create(labels),
        }
    }

    fn accept(&mut self, slot: u32, timestamp_ms: i64, bits: u64, is_late: bool) {
        let cursor = &mut self.slots[slot as usize].cursor;
        let before = *cursor;
        if cursor.segment != self.segment {
            cursor.segment = self.segment;
            cursor.id = self.next_id;
            cursor.is_chained = false;
            self.next_id += 1;
            self.plan.declared.push(slot);
        }
        self.plan.accepted.push(Accepted {
            slot,
            timestamp_ms,
            bits,
            is_late,
            before,
        });
        if is_late {
            self.plan.late_rows.push(Row {
                id: cursor.id,
                timestamp_ms,
                difference: bits,
            });
            return;
        }
        let previous_bits = if cursor.is_chained { cursor.bits } else { 0 };
        self.plan.rows.push(Row {
            id: cursor.id,
            timestamp_ms,
            difference: bits ^ previous_bits,
        });
        cursor.timestamp_ms = timestamp_ms;
        cursor.bits = bits;
        cursor.has_sample = true;
        cursor.is_chained = true;
        let is_stale = bits == sample::STALE_NAN_BITS;
        if cursor.is_stale != is_stale {
            self.set_stale(slot, is_stale);
        }
    }

    /// Writes the plan to the log. Where that fails, the plan must be taken back.
    pub(crate) fn write_plan(&mut self) -> std::io::Result<()> {
        let plan = &mut self.plan;
        let late = plan.late_rows.len();
        plan.kinds.end_rows(plan.rows.len());
        plan.rows.append(&mut plan.late_rows);
        let times = plan.rows.iter().map(|row| row.timestamp_ms);
        let span = times.fold(
            TimeRange {
                start_ms: i64::MAX,
                end_ms: i64::MIN,
            },
            |span, timestamp_ms| TimeRange {
                start_ms: span.start_ms.min(timestamp_ms),
                end_ms: span.end_ms.max(timestamp_ms),
            },
        );
        let slots = &self.slots;
        let declared = plan
            .declared
            .iter()
            .map(|slot| &slots[*slot as usize].labels);
        plan.payload.clear();
        let kind = match late {
            0 => FrameType::Batch,
            _ => FrameType::LateBatch,
        };
        record::encode_late_count(late, &mut plan.payload);
        record::encode(declared, &plan.rows, plan.kinds.record(), &mut plan.payload);
        self.log.append(kind, &plan.payload, span)?;
        let in_order = plan.accepted.iter().filter(|accepted| !accepted.is_late);
        let newest_ms = in_order.map(|accepted| accepted.timestamp_ms).max();
        self.newest_ms = self.newest_ms.max(newest_ms.unwrap_or(i64::MIN));
        Ok(())
    }

    /// Leaves no trace of the plan.
    pub(crate) fn take_back(&mut self) {
        self.take_back_histograms();
        while let Some(accepted) = self.plan.accepted.pop() {
            self.set_stale(accepted.slot, accepted.before.is_stale);
            self.slots[accepted.slot as usize].cursor = accepted.before;
        }
        while let Some(slot) = self.plan.created.pop() {
            self.release(slot);
        }
        self.next_id -= u32::try_from(self.plan.declared.len()).unwrap_or(self.next_id);
    }

    /// Takes a sample that the log brings back. `slot` is found once for many samples of one
    /// series.
    pub(crate) fn restore(
        &mut self,
        slot: &mut Option<u32>,
        labels: &Labels,
        timestamp_ms: i64,
        bits: u64,
    ) -> Restored {
        if timestamp_ms < self.bound_ms {
            return Restored::TooOld;
        }
        let known = slot.or_else(|| self.find_labels(labels));
        let found = known.unwrap_or_else(|| self.insert(labels));
        *slot = Some(found);
        let cursor = &mut self.slots[found as usize].cursor;
        if cursor.has_sample && timestamp_ms <= cursor.timestamp_ms {
            return Restored::OutOfOrder;
        }
        cursor.timestamp_ms = timestamp_ms;
        cursor.bits = bits;
        cursor.has_sample = true;
        let is_stale = bits == sample::STALE_NAN_BITS;
        if cursor.is_stale != is_stale {
            self.set_stale(found, is_stale);
        }
        self.newest_ms = self.newest_ms.max(timestamp_ms);
        Restored::Kept {
            slot: found,
            is_new: known.is_none(),
        }
    }

    /// Says what the newest sample in order is of a series that a snapshot brings back, behind its
    /// histograms.
    pub(crate) fn restore_newest(&mut self, slot: u32, (timestamp_ms, bits): (i64, u64)) {
        let cursor = &mut self.slots[slot as usize].cursor;
        cursor.timestamp_ms = timestamp_ms;
        cursor.bits = bits;
        cursor.has_sample = true;
        if !sample::is_histogram(f64::from_bits(bits)) {
            self.set_stale(slot, bits == sample::STALE_NAN_BITS);
        }
        self.newest_ms = self.newest_ms.max(timestamp_ms);
    }

    /// The slot of a series that there is, and the labels that it has there.
    pub(crate) fn known(&self, labels: &Labels) -> Option<(u32, Labels)> {
        let slot = self.find_labels(labels)?;
        Some((slot, self.labels(slot).clone()))
    }

    /// The slot of a series that the log brings back, and whether it is new.
    pub(crate) fn restore_series(&mut self, labels: &Labels) -> (u32, bool) {
        match self.find_labels(labels) {
            Some(slot) => (slot, false),
            None => (self.insert(labels), true),
        }
    }

    /// The slot of a series: by reference where that still says the same labels, else by labels.
    fn find(&self, hint: SeriesRef, labels: &Labels) -> Option<u32> {
        let hinted = u32::try_from(hint.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        match self.slots.get(hinted as usize) {
            Some(slot) if hint == self.reference(hinted) && is_same(&slot.labels, labels) => {
                Some(hinted)
            }
            _ => self.find_labels(labels),
        }
    }

    fn find_labels(&self, labels: &Labels) -> Option<u32> {
        let is_it = |slot: u32| is_same(&self.slots[slot as usize].labels, labels);
        self.by_labels.find(labels.stable_hash(), is_it)
    }

    /// Takes the batch's labels instead of a copy, where who writes remembers the series. After a
    /// replay all series have copies, and those who scrape keep theirs as long as the series lives.
    fn adopt(&mut self, slot: u32, series: SeriesRef, labels: &Labels) {
        let is_known = series == self.reference(slot);
        let held = &mut self.slots[slot as usize].labels;
        if is_known && !is_one(held, labels) {
            *held = labels.clone();
            self.plan.adopted.push(slot);
        }
    }

    /// Generation and slot in one number. Generations start at 1, so it is never "unknown".
    pub(crate) fn reference(&self, slot: u32) -> SeriesRef {
        let generation = self.slots[slot as usize].generation;
        SeriesRef(u64::from(generation) << 32 | u64::from(slot))
    }

    fn create(&mut self, labels: &Labels) -> u32 {
        let slot = self.insert(labels);
        self.plan.created.push(slot);
        slot
    }

    /// Gives a series a slot. There is one: [`crate::SERIES_MAX`] is checked before a batch.
    fn insert(&mut self, labels: &Labels) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                labels: Labels::empty(),
                generation: 1,
                cursor: Cursor::NEW,
            });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.slots[slot as usize].labels = labels.clone();
        self.by_labels.insert(labels.stable_hash(), slot);
        slot
    }

    /// Frees a slot. A slot that has used up its generations is not used again.
    pub(crate) fn release(&mut self, slot: u32) {
        self.set_stale(slot, false);
        let held = &mut self.slots[slot as usize];
        let labels = std::mem::take(&mut held.labels);
        held.cursor = Cursor::NEW;
        self.histograms.forget(slot);
        self.by_labels.remove(labels.stable_hash(), slot);
        if let Some(generation) = held.generation.checked_add(1) {
            held.generation = generation;
            self.free.push(slot);
        }
    }

    /// Gives memory back after many series went.
    pub(crate) fn shrink(&mut self) {
        self.by_labels.shrink();
    }
}

/// Whether two label sets are the same text in the same place.
fn is_one(a: &Labels, b: &Labels) -> bool {
    let (a, b): (&str, &str) = (a.borrow(), b.borrow());
    std::ptr::eq(a, b)
}

/// Whether two label sets are the same. Mostly they are one, and need not be read.
fn is_same(a: &Labels, b: &Labels) -> bool {
    is_one(a, b) || a == b
}
