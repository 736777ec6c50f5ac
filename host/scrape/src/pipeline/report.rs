//! The series that a scrape writes about itself.

use std::time::Duration;

use narthex_model::{AppendReport, Labels, METRIC_NAME, Sample, SeriesRef};

use super::cache::Stale;
use super::{Outcome, Rules};
use crate::ScrapeError;

/// What every scrape reports.
const NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// What `extra_scrape_metrics` adds.
const EXTRA_NAMES: [&str; 3] = [
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];

/// The report series of one target, and their references.
#[derive(Debug, Default)]
pub(super) struct ReportSeries {
    series: Vec<Stale>,
}

impl ReportSeries {
    /// The series, with the target's labels.
    pub(super) fn series(&mut self, rules: Rules<'_>) -> &[Stale] {
        let by_default = rules.options.extra_scrape_metrics;
        let is_extra = rules.config.extra_scrape_metrics.unwrap_or(by_default);
        let extra = EXTRA_NAMES.iter().filter(|_| is_extra);
        let names: Vec<&str> = NAMES.iter().chain(extra).copied().collect();
        if self.series.len() != names.len() {
            let series = |name: &&str| {
                let own = std::iter::once((METRIC_NAME, *name));
                (
                    SeriesRef::UNKNOWN,
                    Labels::from_pairs(rules.target.iter().chain(own)),
                )
            };
            self.series = names.iter().map(series).collect();
        }
        &self.series
    }

    pub(super) fn samples(
        &mut self,
        outcome: &Outcome,
        rules: Rules<'_>,
        now_ms: i64,
        duration: Duration,
    ) -> Vec<Sample> {
        let count = |number: u64| number as f64;
        let size = match outcome.error {
            Some(ScrapeError::BodySizeLimit) => -1.0,
            _ => outcome.bytes as f64,
        };
        let values = [
            f64::from(u8::from(outcome.error.is_none())),
            duration.as_secs_f64(),
            count(outcome.total),
            count(outcome.added),
            count(outcome.series_added),
            rules.timeout.as_std().as_secs_f64(),
            count(rules.config.sample_limit),
            size,
        ];
        let series = self.series(rules).iter().zip(values);
        series
            .map(|((series, labels), value)| Sample {
                series: *series,
                labels: labels.clone(),
                timestamp_ms: now_ms,
                value,
            })
            .collect()
    }

    /// Takes over the references: the report series are the last of their batch.
    pub(super) fn learn(&mut self, report: &AppendReport) {
        let newest = report.series.iter().rev();
        for ((held, _), series) in self.series.iter_mut().rev().zip(newest) {
            *held = *series;
        }
    }
}
