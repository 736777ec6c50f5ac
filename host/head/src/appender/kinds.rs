//! What a batch has beside numbers, on its way to the log and to memory: native histograms and
//! start timestamps.
//!
//! A histogram goes the way of a number whose bits are the mark for histograms; what it consists
//! of goes along beside it.

use std::collections::HashMap;
use std::sync::Arc;

use narthex_model::{
    AppendReport, ExemplarRejection, FloatHistogram, HistogramSample, Labels, Rejection, SeriesRef,
    WriteBatch, sample,
};

use super::Appender;
use super::turn::Turn;
use crate::exemplars::Exemplars;
use crate::late::{self, Held};
use crate::log::kinds::RecordKinds;
use crate::memory::Memory;

/// The last histogram of each slot that had one. It is the newest sample of its series only
/// where the cursor has the mark.
#[derive(Debug, Default)]
pub(super) struct LastHistograms(HashMap<u32, Arc<FloatHistogram>>);

impl LastHistograms {
    pub(super) fn forget(&mut self, slot: u32) {
        if !self.0.is_empty() {
            self.0.remove(&slot);
        }
    }
}

/// What a plan has beside numbers. Its buffers are kept from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct PlannedKinds {
    record: RecordKinds,
    /// Late histograms: the row among the late ones, the slot, the time and what it is.
    late: Vec<(u32, u32, i64, Arc<FloatHistogram>)>,
    /// Of each histogram of the record that is not late the slot, the time, and the slot's last one before.
    histograms: Vec<(u32, i64, Option<Arc<FloatHistogram>>)>,
    /// Which exemplars of the batch those of the record are.
    exemplars: Vec<usize>,
    /// Of each start of the record the slot, and the times of the sample before and of its own.
    starts: Vec<(u32, (i64, i64))>,
}

impl PlannedKinds {
    pub(super) fn clear(&mut self) {
        self.record.clear();
        self.late.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.starts.clear();
    }

    /// Writes down the late histograms, whose rows come behind all that are not late.
    pub(super) fn end_rows(&mut self, in_order: usize) {
        let in_order = u32::try_from(in_order).unwrap_or(u32::MAX);
        let rows = self.late.iter();
        let rows = rows.map(|(row, _, _, histogram)| (in_order + row, Arc::clone(histogram)));
        self.record.histograms.extend(rows);
    }

    /// What the log is told.
    pub(super) fn record(&self) -> &RecordKinds {
        &self.record
    }

    /// Puts it into memory, behind the samples themselves; late histograms as those of a record.
    pub(crate) fn apply(&self, memory: &mut Memory, seq: u64) {
        for (_, slot, timestamp_ms, histogram) in &self.late {
            memory.push_late(*slot, *timestamp_ms, histogram_held(histogram), seq);
        }
        let histograms = self.histograms.iter().zip(&self.record.histograms);
        for ((slot, timestamp_ms, _), (_, histogram)) in histograms {
            memory.push_histogram(*slot, *timestamp_ms, Arc::clone(histogram));
        }
        for ((slot, times), (_, start_ms)) in self.starts.iter().zip(&self.record.starts) {
            memory.push_start(*slot, *times, *start_ms);
        }
    }
}

impl PlannedKinds {
    /// Keeps the exemplars that are in the log now. Of several of one series some may turn out
    /// not to be in order.
    pub(crate) fn apply_exemplars(&self, exemplars: &mut Exemplars, report: &mut AppendReport) {
        for (index, sample) in self.exemplars.iter().zip(&self.record.exemplars) {
            if let Err(why) = exemplars.add(&sample.series, sample.exemplar.clone()) {
                report.rejected_exemplars.push((*index, why));
            }
        }
        report
            .rejected_exemplars
            .sort_unstable_by_key(|(index, _)| *index);
    }
}

impl Appender {
    /// Decides over each exemplar, after the samples of the batch.
    pub(crate) fn plan_exemplars(
        &mut self,
        batch: &WriteBatch,
        report: &mut AppendReport,
        exemplars: &Exemplars,
    ) {
        if !exemplars.is_on() {
            return;
        }
        for (index, sample) in batch.exemplars.iter().enumerate() {
            let checked = match self.find_labels(&sample.series) {
                None => Err(ExemplarRejection::UnknownSeries),
                Some(_) => exemplars.check(&sample.series, &sample.exemplar),
            };
            match checked {
                Ok(()) => {
                    self.plan.kinds.exemplars.push(index);
                    self.plan.kinds.record.exemplars.push(sample.clone());
                }
                Err(why) => report.rejected_exemplars.push((index, why)),
            }
        }
    }

    /// Writes down when the counting of a sample began that was just planned, and has a row if it
    /// is a new one. `starts` are those that are left of the batch, by index.
    pub(super) fn plan_start(&mut self, index: usize, is_new: bool, starts: &mut &[(usize, i64)]) {
        while let [(of, start_ms), rest @ ..] = *starts {
            if *of > index {
                return;
            }
            *starts = rest;
            let Some(accepted) = self.plan.accepted.last() else {
                continue;
            };
            if *of == index && is_new && *start_ms != 0 {
                let row = u32::try_from(self.plan.rows.len() - 1).unwrap_or(u32::MAX);
                let before = &accepted.before;
                let previous_ms = match before.has_sample {
                    true => before.timestamp_ms,
                    false => i64::MIN,
                };
                let times = (previous_ms, accepted.timestamp_ms);
                self.plan.kinds.record.starts.push((row, *start_ms));
                self.plan.kinds.starts.push((accepted.slot, times));
            }
        }
    }

    /// Decides over each native histogram, after the numbers.
    pub(super) fn plan_histograms(
        &mut self,
        batch: &WriteBatch,
        late_from_ms: i64,
        held: impl Fn(u32, i64) -> Option<Held>,
        report: &mut AppendReport,
    ) {
        let mut starts = batch.starts.histograms.as_slice();
        for (index, sample) in batch.histograms.iter().enumerate() {
            let rows = self.plan.rows.len();
            let planned = self.plan_histogram(sample, late_from_ms, &held);
            let is_new = self.plan.rows.len() > rows;
            self.plan_start(index, is_new, &mut starts);
            let series = match planned {
                Ok(series) => series,
                Err((series, rejection)) => {
                    report.rejected_histograms.push((index, rejection));
                    series
                }
            };
            report.histogram_series.push(series);
        }
    }

    fn plan_histogram(
        &mut self,
        sample: &HistogramSample,
        late_from_ms: i64,
        held: impl Fn(u32, i64) -> Option<Held>,
    ) -> Result<SeriesRef, (SeriesRef, Rejection)> {
        let known = self.find(sample.series, &sample.labels);
        let series = known.map_or(SeriesRef::UNKNOWN, |slot| self.reference(slot));
        let rejection = if known.is_none() && sample.labels.metric_name().is_empty() {
            Some(Rejection::InvalidLabels)
        } else if !sample.histogram.can_be_stored() {
            Some(Rejection::InvalidHistogram)
        } else {
            None
        };
        if let Some(rejection) = rejection {
            return Err((series, rejection));
        }
        let turn = self.turn(known, sample.timestamp_ms, late_from_ms);
        let turn = turn.map_err(|rejection| (series, rejection))?;
        let same = match (turn, known) {
            (Turn::Again, Some(slot)) => {
                Some(self.newest_histogram(slot) == Some(&sample.histogram))
            }
            (Turn::Late, Some(slot)) => {
                let earlier = self.earlier(slot, sample.timestamp_ms, held);
                earlier.map(|earlier| earlier.histogram.as_ref() == Some(&sample.histogram))
            }
            _ => None,
        };
        match same {
            Some(true) => return Ok(series),
            Some(false) => return Err((series, Rejection::DuplicateTimestamp)),
            None => {}
        }
        let slot = self.slot_for(known, sample.series, &sample.labels);
        match turn {
            Turn::Late => self.accept_late_histogram(slot, sample),
            _ => self.accept_histogram(slot, sample),
        }
        Ok(self.reference(slot))
    }

    fn accept_late_histogram(&mut self, slot: u32, sample: &HistogramSample) {
        let timestamp_ms = sample.timestamp_ms;
        let row = u32::try_from(self.plan.late_rows.len()).unwrap_or(u32::MAX);
        self.accept(slot, timestamp_ms, sample::HISTOGRAM_BITS, true);
        let histogram = late::of_late(Arc::clone(&sample.histogram));
        let held = histogram_held(&histogram);
        self.plan.late.insert((slot, timestamp_ms), held);
        let planned = (row, slot, timestamp_ms, histogram);
        self.plan.kinds.late.push(planned);
    }

    fn accept_histogram(&mut self, slot: u32, sample: &HistogramSample) {
        let mut histogram = Arc::clone(&sample.histogram);
        let previous = self.newest_histogram(slot).cloned();
        let hint = histogram.hint_in_store(previous.as_deref());
        let is_alone = |previous: &Arc<FloatHistogram>| !has_layout_of(&histogram, previous);
        if histogram.counter_reset_hint != hint || previous.as_ref().is_some_and(is_alone) {
            let own = Arc::make_mut(&mut histogram);
            own.counter_reset_hint = hint;
            if let Some(previous) = &previous {
                share_layout(own, previous);
            }
        }
        let row = u32::try_from(self.plan.rows.len()).unwrap_or(u32::MAX);
        self.accept(slot, sample.timestamp_ms, sample::HISTOGRAM_BITS, false);
        self.set_stale(slot, sample::is_stale_nan(histogram.sum));
        let before = self.histograms.0.insert(slot, Arc::clone(&histogram));
        let kinds = &mut self.plan.kinds;
        kinds.record.histograms.push((row, histogram));
        kinds.histograms.push((slot, sample.timestamp_ms, before));
    }

    /// The newest sample of a slot, where that is a histogram.
    pub(super) fn newest_histogram(&self, slot: u32) -> Option<&Arc<FloatHistogram>> {
        let cursor = &self.slots[slot as usize].cursor;
        let is_histogram = cursor.has_sample && cursor.bits == sample::HISTOGRAM_BITS;
        self.histograms.0.get(&slot).filter(|_| is_histogram)
    }

    /// Leaves no trace of the plan's histograms.
    pub(super) fn take_back_histograms(&mut self) {
        while let Some((slot, _, before)) = self.plan.kinds.histograms.pop() {
            match before {
                Some(before) => self.histograms.0.insert(slot, before),
                None => self.histograms.0.remove(&slot),
            };
        }
    }

    /// Takes a histogram that the log brings back, whose sample was just restored.
    pub(crate) fn restore_histogram(&mut self, slot: u32, histogram: &mut Arc<FloatHistogram>) {
        if let Some(previous) = self.histograms.0.get(&slot) {
            share_layout(Arc::make_mut(histogram), previous);
        }
        self.histograms.0.insert(slot, Arc::clone(histogram));
        self.set_stale(slot, sample::is_stale_nan(histogram.sum));
    }

    /// The time of a series' newest sample; the beginning of all time where it has none.
    pub(crate) fn newest(&self, slot: Option<u32>, labels: &Labels) -> i64 {
        let slot = slot.or_else(|| self.find_labels(labels));
        let cursor = slot.map(|slot| &self.slots[slot as usize].cursor);
        let cursor = cursor.filter(|cursor| cursor.has_sample);
        cursor.map_or(i64::MIN, |cursor| cursor.timestamp_ms)
    }
}

fn histogram_held(histogram: &Arc<FloatHistogram>) -> Held {
    Held {
        bits: sample::HISTOGRAM_BITS,
        histogram: Some(Arc::clone(histogram)),
    }
}

/// Whether what two say of buckets and bounds lies in one place in memory.
fn has_layout_of(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    Arc::ptr_eq(&a.custom_bounds, &b.custom_bounds)
        && std::ptr::eq(a.positive.indexes(), b.positive.indexes())
        && std::ptr::eq(a.negative.indexes(), b.negative.indexes())
}

/// Uses what `previous` says of buckets and bounds where it is the same, so that it is in memory
/// once for all histograms of a series.
fn share_layout(histogram: &mut FloatHistogram, previous: &FloatHistogram) {
    histogram.positive.share_layout(&previous.positive);
    histogram.negative.share_layout(&previous.negative);
    let bits = |bounds: &[f64]| {
        bounds
            .iter()
            .map(|bound| bound.to_bits())
            .collect::<Vec<_>>()
    };
    if bits(&histogram.custom_bounds) == bits(&previous.custom_bounds) {
        histogram.custom_bounds = Arc::clone(&previous.custom_bounds);
    }
}
