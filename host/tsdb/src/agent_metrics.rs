//! What an agent tells of its log, under Prometheus' names.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use narthex_head::Head;
use narthex_model::{AppendReport, Rejection, WriteBatch};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Counters by the type of sample.
type ByType = Family<[(&'static str, &'static str); 1], Counter>;

/// What is counted as it happens.
#[derive(Debug)]
pub(crate) struct AgentMetrics {
    samples: ByType,
    exemplars: Counter,
    out_of_order: Counter,
    out_of_bounds: Counter,
    truncations: Histogram,
    pub(crate) corruptions: Counter,
}

impl AgentMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            samples: ByType::default(),
            exemplars: Counter::default(),
            out_of_order: Counter::default(),
            out_of_bounds: Counter::default(),
            // From a millisecond to half a minute.
            truncations: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            corruptions: Counter::default(),
        };
        registry.register(
            "prometheus_agent_samples_appended",
            "Total number of samples appended to the storage",
            metrics.samples.clone(),
        );
        for (name, help, counter) in [
            (
                "prometheus_agent_exemplars_appended",
                "Total number of exemplars appended to the storage",
                &metrics.exemplars,
            ),
            (
                "prometheus_agent_out_of_order_samples",
                "Total number of out of order samples ingestion failed attempts",
                &metrics.out_of_order,
            ),
            (
                "narthex_agent_out_of_bound_samples",
                "Total number of samples that were refused because they are too old",
                &metrics.out_of_bounds,
            ),
            (
                "prometheus_agent_corruptions",
                "Total number of WAL corruptions",
                &metrics.corruptions,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "prometheus_agent_truncate_duration_seconds",
            "Duration of WAL truncation",
            metrics.truncations.clone(),
        );
        metrics
    }

    /// Counts what became of a batch.
    pub(crate) fn count(&self, batch: &WriteBatch, report: &AppendReport) {
        for (kind, count, rejected) in [
            ("float", batch.samples.len(), &report.rejected),
            (
                "histogram",
                batch.histograms.len(),
                &report.rejected_histograms,
            ),
        ] {
            let taken = count - rejected.len();
            if taken > 0 {
                let counter = self.samples.get_or_create(&[("type", kind)]);
                counter.inc_by(taken as u64);
            }
            for (_, reason) in rejected {
                match reason {
                    Rejection::OutOfOrder => self.out_of_order.inc(),
                    Rejection::OutOfBounds => self.out_of_bounds.inc(),
                    _ => 0,
                };
            }
        }
        let taken = batch.exemplars.len() - report.rejected_exemplars.len();
        self.exemplars.inc_by(taken as u64);
    }

    /// A truncation lasts until the drop of what is returned.
    pub(crate) fn truncation(&self) -> Truncation<'_> {
        Truncation {
            seconds: &self.truncations,
            begun: Instant::now(),
        }
    }
}

/// A truncation that is under way.
#[derive(Debug)]
pub(crate) struct Truncation<'a> {
    seconds: &'a Histogram,
    begun: Instant,
}

impl Drop for Truncation<'_> {
    fn drop(&mut self) {
        self.seconds.observe(self.begun.elapsed().as_secs_f64());
    }
}

/// What is looked up when somebody asks.
#[derive(Debug)]
pub(crate) struct AgentState {
    pub(crate) head: Arc<Head>,
    pub(crate) is_clean_start: bool,
}

impl Collector for AgentState {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let segments = i64::try_from(self.head.segment_count()).unwrap_or(i64::MAX);
        for (name, help, value) in [
            (
                "prometheus_agent_active_series",
                "Number of active series being tracked by the WAL storage",
                i64::try_from(self.head.series_count()).unwrap_or(i64::MAX),
            ),
            (
                "prometheus_agent_clean_start",
                "0: the lock file of an earlier process was there, 1: it was not.",
                i64::from(self.is_clean_start),
            ),
            (
                "narthex_tsdb_wal_segments",
                "Segments of the write-ahead log.",
                segments,
            ),
        ] {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
