//! `load`: series into the script's store.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::{FloatHistogram, HistogramSample, Labels, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, MemoryStore};

use super::command::{Cursor, duration_ms};
use super::histograms::{Collated, HistogramSequence};
use crate::series_description::{
    SequenceValue, StartsDescription, parse_series_description, parse_starts_description,
};

/// The command: series and the interval of their samples.
pub(super) struct Load {
    interval_ms: i64,
    /// `load_with_nhcb`: classic histograms are loaded as native ones, too.
    with_native: bool,
    series: BTreeMap<Labels, Vec<SequenceValue>>,
    /// When the counting of the series' samples began, where lines say so.
    starts: BTreeMap<Labels, Vec<Option<i64>>>,
}

impl Load {
    pub(super) fn read(line: &str, cursor: &mut Cursor<'_>) -> Result<Self, String> {
        let invalid =
            || "invalid load command, must be load[_with_nhcb] <step:duration>".to_owned();
        let (command, step) = line.split_once([' ', '\t']).ok_or_else(invalid)?;
        let with_native = match command {
            "load" => false,
            "load_with_nhcb" => true,
            _ => return Err(invalid()),
        };
        let mut load = Self {
            interval_ms: duration_ms(step.trim(), "step")?,
            with_native,
            series: BTreeMap::new(),
            starts: BTreeMap::new(),
        };
        let mut starts = None;
        while let Some(line) = cursor.in_block() {
            load.line(line, &mut starts)?;
        }
        match starts {
            None => Ok(load),
            Some(StartsDescription { labels, .. }) => Err(without_samples(&labels)),
        }
    }

    /// A line of samples, or one that says when the counting of those in the next line began.
    fn line(&mut self, line: &str, starts: &mut Option<StartsDescription>) -> Result<(), String> {
        let described = parse_starts_description(line).map_err(|error| error.to_string())?;
        if let Some(described) = described {
            return match starts.replace(described) {
                None => Ok(()),
                Some(StartsDescription { labels, .. }) => Err(without_samples(&labels)),
            };
        }
        let series = parse_series_description(line).map_err(|error| error.to_string())?;
        if let Some(StartsDescription { labels, offsets_ms }) = starts.take() {
            if labels != series.labels {
                return Err(without_samples(&labels));
            }
            if offsets_ms.len() != series.values.len() {
                return Err(format!(
                    "{labels} has {} start timestamps and {} samples",
                    offsets_ms.len(),
                    series.values.len()
                ));
            }
            self.starts.insert(labels, offsets_ms);
        }
        self.series.insert(series.labels, series.values);
        Ok(())
    }
}

fn without_samples(labels: &Labels) -> String {
    format!("the start timestamps of {labels} are not followed by its samples")
}

/// What a script has loaded so far.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) store: Arc<MemoryStore>,
}

/// A sample's time, and when its counting began.
#[derive(Clone, Copy)]
struct Times {
    timestamp_ms: i64,
    start_ms: Option<i64>,
}

impl Times {
    /// As a batch of one sample has it.
    fn start(self) -> Vec<(usize, i64)> {
        self.start_ms
            .map(|start_ms| (0, start_ms))
            .into_iter()
            .collect()
    }
}

impl Loaded {
    pub(super) fn load(&self, load: &Load) -> Result<(), String> {
        let time_ms = |index: i64| load.interval_ms.saturating_mul(index);
        let mut collated = Collated::default();
        for (labels, values) in &load.series {
            let mut sequence = HistogramSequence::default();
            let starts = load.starts.get(labels).map_or(&[][..], Vec::as_slice);
            let mut starts = starts.iter();
            for (value, index) in values.iter().zip(0..) {
                let timestamp_ms = time_ms(index);
                let offset_ms = starts.next().copied().flatten();
                let times = Times {
                    timestamp_ms,
                    start_ms: offset_ms.map(|ms| timestamp_ms.saturating_add(ms)),
                };
                match value {
                    SequenceValue::Omitted => {}
                    SequenceValue::Histogram(histogram) => {
                        let histogram = sequence.next(histogram)?;
                        self.append_histogram(labels, times, histogram)?;
                    }
                    SequenceValue::Float(value) => {
                        self.append_number(labels, times, *value)?;
                    }
                }
            }
            if load.with_native {
                collated.add(labels, values, time_ms);
            }
        }
        for (labels, timestamp_ms, histogram) in collated.histograms() {
            let times = Times {
                timestamp_ms,
                start_ms: None,
            };
            self.append_histogram(&labels, times, histogram)?;
        }
        Ok(())
    }

    fn append_number(&self, labels: &Labels, times: Times, value: f64) -> Result<(), String> {
        let mut batch = WriteBatch::from(vec![Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms: times.timestamp_ms,
            value,
        }]);
        batch.starts.samples = times.start();
        self.append(&batch)
    }

    fn append_histogram(
        &self,
        labels: &Labels,
        times: Times,
        histogram: FloatHistogram,
    ) -> Result<(), String> {
        let mut batch = WriteBatch {
            histograms: vec![HistogramSample {
                series: SeriesRef::UNKNOWN,
                labels: labels.clone(),
                timestamp_ms: times.timestamp_ms,
                histogram: Arc::new(histogram),
            }],
            ..WriteBatch::default()
        };
        batch.starts.histograms = times.start();
        self.append(&batch)
    }

    /// Appends a batch of one sample. Samples come one by one: a series may have numbers and
    /// histograms in turn.
    fn append(&self, batch: &WriteBatch) -> Result<(), String> {
        let report = self.store.append(batch);
        let report = report.map_err(|error| error.to_string())?;
        let rejected = report.rejected.iter().chain(&report.rejected_histograms);
        let samples = batch.samples.iter().map(|sample| &sample.labels);
        let histograms = batch.histograms.iter().map(|sample| &sample.labels);
        let mut labels = samples.chain(histograms);
        match (rejected.map(|(_, why)| why).next(), labels.next()) {
            (Some(why), Some(labels)) => Err(format!("sample of {labels} rejected: {why:?}")),
            _ => Ok(()),
        }
    }
}
