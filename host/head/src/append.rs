//! The path of a batch: bounds, plan, log, memory, report.

use narthex_model::sample::HISTOGRAM_BITS;
use narthex_model::{AppendReport, Labels, WriteBatch};
use narthex_storage::{AppendError, Appendable};

use crate::head::Head;
use crate::late::Held;
use crate::log::kinds::{START_BYTES_MAX, histogram_bytes_max};
use crate::log::record::{LABELS_OVERHEAD_BYTES_MAX, ROW_BYTES_MAX};
use crate::options::{BATCH_BYTES_MAX, LABELS_BYTES_MAX, SERIES_MAX};

impl Appendable for Head {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let mut appender = self.appender();
        if appender.closed {
            return Err(AppendError::Closed);
        }
        check_bounds(batch, appender.series())?;
        let segment = appender.log.segment().map_err(AppendError::Log)?;
        let mut report = appender.plan(batch, segment, |slot, at| self.memory().at(slot, at));
        self.tell_late(&appender, batch, &report);
        appender.plan_exemplars(batch, &mut report, &self.exemplars_mut());
        if appender.plan.is_empty() {
            return Ok(report);
        }
        if let Err(error) = appender.write_plan() {
            appender.take_back();
            return Err(AppendError::Log(error));
        }
        let (seq, mut late) = (appender.log.last_seq(), 0_u64);
        let mut memory = self.memory_mut();
        memory.start_batch();
        for &slot in &appender.plan.created {
            memory.create(slot, appender.labels(slot));
        }
        for &slot in &appender.plan.adopted {
            memory.adopt(slot, appender.labels(slot));
        }
        for sample in &appender.plan.accepted {
            let (slot, at, bits) = (sample.slot, sample.timestamp_ms, sample.bits);
            late += u64::from(sample.is_late);
            match sample.is_late {
                false => memory.push(slot, at, bits),
                true if bits == HISTOGRAM_BITS => {}
                true => memory.push_late(slot, at, Held::number(bits), seq),
            }
        }
        appender.plan.kinds.apply(&mut memory, seq);
        let exemplars = &mut self.exemplars_mut();
        appender.plan.kinds.apply_exemplars(exemplars, &mut report);
        self.count_late(late);
        Ok(report)
    }
}

/// Refuses what might not fit, before anything is changed.
fn check_bounds(batch: &WriteBatch, series: usize) -> Result<(), AppendError> {
    let starts = batch.starts.samples.len() + batch.starts.histograms.len();
    let mut bytes = starts * START_BYTES_MAX;
    let mut add = |labels: &Labels, more_bytes: usize| {
        let labels_bytes = labels.encoded_len();
        if labels_bytes > LABELS_BYTES_MAX {
            return Err(AppendError::TooLarge(format!(
                "a label set takes {labels_bytes} bytes; at most {LABELS_BYTES_MAX} are taken"
            )));
        }
        bytes += labels_bytes + LABELS_OVERHEAD_BYTES_MAX + ROW_BYTES_MAX + more_bytes;
        Ok(())
    };
    for sample in &batch.samples {
        add(&sample.labels, 0)?;
    }
    for sample in &batch.exemplars {
        let exemplar_bytes = sample.exemplar.labels.encoded_len();
        add(&sample.series, LABELS_OVERHEAD_BYTES_MAX + exemplar_bytes)?;
    }
    for sample in &batch.histograms {
        add(&sample.labels, histogram_bytes_max(&sample.histogram))?;
    }
    if bytes > BATCH_BYTES_MAX {
        return Err(AppendError::TooLarge(format!(
            "the batch takes {bytes} bytes; at most {BATCH_BYTES_MAX} are taken"
        )));
    }
    if series + batch.samples.len() + batch.histograms.len() > SERIES_MAX {
        return Err(AppendError::TooLarge(format!(
            "the head has {series} series and takes at most {SERIES_MAX}"
        )));
    }
    Ok(())
}
