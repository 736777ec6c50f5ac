//! `load`: series into the script's store.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, Matcher, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, MemoryStore};

use super::command::{Cursor, duration_ms};
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
    /// Series that have native histograms, which the store has not.
    histograms: Vec<Labels>,
    /// Series that have start timestamps, which the store has not.
    started: Vec<Labels>,
}

impl Loaded {
    pub(super) fn load(&mut self, load: &Load) -> Result<(), String> {
        let mut batch = WriteBatch::default();
        for (labels, values) in &load.series {
            let mut has_histogram = false;
            for (value, index) in values.iter().zip(0..) {
                match value {
                    SequenceValue::Omitted => {}
                    SequenceValue::Histogram(_) => has_histogram = true,
                    SequenceValue::Float(value) => batch.samples.push(Sample {
                        series: SeriesRef::UNKNOWN,
                        labels: labels.clone(),
                        timestamp_ms: load.interval_ms.saturating_mul(index),
                        value: *value,
                    }),
                }
            }
            if has_histogram {
                self.histograms.push(labels.clone());
            }
            if load.with_native {
                self.histograms.extend(native_of_classic(labels));
            }
        }
        self.started.extend_from_slice(&load.started);
        let report = self
            .store
            .append(&batch)
            .map_err(|error| error.to_string())?;
        match report.rejected.first() {
            None => Ok(()),
            Some((index, why)) => Err(format!(
                "sample of {} rejected: {why:?}",
                batch.samples[*index].labels
            )),
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

/// The native histogram that a series of a classic one is part of.
fn native_of_classic(labels: &Labels) -> Option<Labels> {
    let name = labels.metric_name();
    let base = ["_bucket", "_count", "_sum"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))?;
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set(METRIC_NAME, base).remove("le");
    Some(builder.build())
}
