//! `load`: series into the script's store.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::{
    FloatHistogram, HistogramSample, Labels, Matcher, Sample, SeriesRef, WriteBatch,
};
use narthex_storage::{Appendable, MemoryStore};

use super::command::{Cursor, duration_ms};
use super::histograms::{Collated, Sequence};
use crate::series_description::{SequenceValue, parse_series_description};

/// The command: series and the interval of their samples.
pub(super) struct Load {
    interval_ms: i64,
    /// `load_with_nhcb`: classic histograms are loaded as native ones, too.
    with_native: bool,
    series: BTreeMap<Labels, Vec<SequenceValue>>,
    /// Series with start timestamps.
    started: Vec<Labels>,
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
            started: Vec::new(),
        };
        while let Some(line) = cursor.in_block() {
            load.line(line)?;
        }
        Ok(load)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let head = line.split([' ', '\t']).next().unwrap_or(line);
        let started = head.strip_suffix("@st");
        let series = parse_series_description(started.unwrap_or(line));
        let series = series.map_err(|error| error.to_string())?;
        if started.is_some() {
            self.started.push(series.labels);
        } else {
            self.series.insert(series.labels, series.values);
        }
        Ok(())
    }
}

/// What a script has loaded so far.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) store: Arc<MemoryStore>,
    /// Series that have native histograms.
    histograms: Vec<Labels>,
    /// Series that have start timestamps, which the store has not.
    started: Vec<Labels>,
}

impl Loaded {
    pub(super) fn load(&mut self, load: &Load) -> Result<(), String> {
        let time_ms = |index: i64| load.interval_ms.saturating_mul(index);
        let mut collated = Collated::default();
        for (labels, values) in &load.series {
            let mut sequence = Sequence::default();
            for (value, index) in values.iter().zip(0..) {
                match value {
                    SequenceValue::Omitted => {}
                    SequenceValue::Histogram(histogram) => {
                        let histogram = sequence.next(histogram)?;
                        self.append_histogram(labels, time_ms(index), histogram)?;
                    }
                    SequenceValue::Float(value) => {
                        self.append_number(labels, time_ms(index), *value)?;
                    }
                }
            }
            if load.with_native {
                collated.add(labels, values, time_ms);
            }
        }
        for (labels, time_ms, histogram) in collated.histograms() {
            self.append_histogram(&labels, time_ms, histogram)?;
        }
        self.started.extend_from_slice(&load.started);
        Ok(())
    }

    fn append_number(&self, labels: &Labels, timestamp_ms: i64, value: f64) -> Result<(), String> {
        self.append(&WriteBatch::from(vec![Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms,
            value,
        }]))
    }

    fn append_histogram(
        &mut self,
        labels: &Labels,
        timestamp_ms: i64,
        histogram: FloatHistogram,
    ) -> Result<(), String> {
        if self.histograms.last() != Some(labels) {
            self.histograms.push(labels.clone());
        }
        self.append(&WriteBatch {
            histograms: vec![HistogramSample {
                series: SeriesRef::UNKNOWN,
                labels: labels.clone(),
                timestamp_ms,
                histogram: Arc::new(histogram),
            }],
            ..WriteBatch::default()
        })
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

    pub(super) fn selects_histogram(&self, matchers: &[Matcher]) -> bool {
        any_matches(&self.histograms, matchers)
    }

    pub(super) fn selects_started(&self, matchers: &[Matcher]) -> bool {
        any_matches(&self.started, matchers)
    }
}

fn any_matches(series: &[Labels], matchers: &[Matcher]) -> bool {
    series.iter().any(|labels| {
        matchers
            .iter()
            .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
    })
}
