//! What evaluations write: the results of a rule, and markers where its series end.
//!
//! It is not: how a result is found.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use narthex_model::{
    FloatHistogram, HistogramSample, Labels, Rejection, Sample, SeriesRef, WriteBatch, sample,
    with_sources,
};

use super::Group;
use crate::manager::environment::Environment;
use crate::rule::{Rule, RuleState};

/// What a rule gives.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) samples: Vec<(Labels, f64)>,
    pub(super) histograms: Vec<(Labels, Arc<FloatHistogram>)>,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.samples.len() + self.histograms.len()
    }
}

impl Group {
    /// Writes what a rule gives and ends the series that it gave before and not now. Says why the
    /// store left samples out.
    pub(super) fn write(
        &self,
        rule: &Rule,
        environment: &Environment,
        output: Output,
        timestamp_ms: i64,
    ) -> Result<Option<String>, String> {
        let mut state = rule.state();
        if output.len() == 0 && state.series.is_empty() {
            return Ok(None);
        }
        let known = |state: &RuleState, labels: &Labels| {
            let series = state.series.get(labels).copied();
            series.unwrap_or(SeriesRef::UNKNOWN)
        };
        let mut batch = WriteBatch::default();
        for (labels, value) in output.samples {
            batch.samples.push(Sample {
                series: known(&state, &labels),
                labels,
                timestamp_ms,
                value,
            });
        }
        for (labels, histogram) in output.histograms {
            batch.histograms.push(HistogramSample {
                series: known(&state, &labels),
                labels,
                timestamp_ms,
                histogram,
            });
        }
        let given = batch.samples.len();
        let now: HashSet<&Labels> = {
            let samples = batch.samples.iter().map(|sample| &sample.labels);
            samples
                .chain(batch.histograms.iter().map(|sample| &sample.labels))
                .collect()
        };
        let ended = state
            .series
            .iter()
            .filter(|(labels, _)| !now.contains(labels));
        let ended = ended.map(|(labels, series)| Sample {
            series: *series,
            labels: labels.clone(),
            timestamp_ms,
            value: sample::STALE_NAN,
        });
        let ended: Vec<Sample> = ended.collect();
        drop(now);
        batch.samples.extend(ended);
        let report = environment.options().appendable.append(&batch);
        let report = report.map_err(|error| with_sources(&error))?;
        let of_numbers = report.rejected.iter().filter(|(at, _)| *at < given);
        let mut rejected = of_numbers.chain(&report.rejected_histograms);
        let why = rejected.next_back().map(|(_, why)| rejection_text(*why));
        let is_taken = |rejected: &[(usize, Rejection)], at: usize| {
            rejected.binary_search_by_key(&at, |(at, _)| *at).is_err()
        };
        let mut series = BTreeMap::new();
        for (at, (sample, number)) in batch.samples.into_iter().zip(report.series).enumerate() {
            if at < given && is_taken(&report.rejected, at) {
                series.insert(sample.labels, number);
            }
        }
        let histograms = batch.histograms.into_iter().zip(report.histogram_series);
        for (at, (sample, number)) in histograms.enumerate() {
            if is_taken(&report.rejected_histograms, at) {
                series.insert(sample.labels, number);
            }
        }
        state.series = series;
        Ok(why.map(str::to_owned))
    }

    /// Ends series that nobody writes any more.
    pub(crate) fn end_series(&self, environment: &Environment, series: Vec<Labels>, now_ms: i64) {
        if series.is_empty() {
            return;
        }
        let timestamp_ms = now_ms.saturating_sub(self.query_offset_ms(environment));
        let samples = series.into_iter().map(|labels| Sample {
            series: SeriesRef::UNKNOWN,
            labels,
            timestamp_ms,
            value: sample::STALE_NAN,
        });
        let samples: Vec<Sample> = samples.collect();
        // A series that another rule writes by now has a sample already, which stays.
        if let Err(error) = environment.options().appendable.append(&samples.into()) {
            let error = with_sources(&error);
            tracing::warn!(
                group = self.key().label(),
                error,
                "series of rules were not ended"
            );
        }
    }
}

/// What the API says of a sample that the store left out, in Prometheus' words.
fn rejection_text(why: Rejection) -> &'static str {
    match why {
        Rejection::OutOfOrder => "out of order sample",
        Rejection::DuplicateTimestamp => "duplicate sample for timestamp",
        Rejection::OutOfBounds => "out of bounds",
        Rejection::InvalidLabels => "invalid labels",
        Rejection::InvalidHistogram => "invalid histogram",
    }
}
