//! What scraping says of itself, under Prometheus' names.
//!
//! Prometheus has two of them as summaries, which the metrics library here cannot express: they
//! are histograms, so that their `_count` and `_sum` are the same and their quantiles are not.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct JobLabel {
    pub(crate) scrape_job: String,
}

impl JobLabel {
    pub(crate) fn new(job: &str) -> Self {
        Self {
            scrape_job: job.to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct IntervalLabel {
    pub(crate) interval: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) interval_length: Histograms<IntervalLabel>,
    pub(crate) sync_length: Histograms<JobLabel>,
    pub(crate) syncs: Family<JobLabel, Counter>,
    pub(crate) syncs_failed: Family<JobLabel, Counter>,
    pub(crate) pools: Counter,
    pub(crate) pools_failed: Counter,
    pub(crate) pool_reloads: Counter,
    pub(crate) pool_reloads_failed: Counter,
    pub(crate) pool_targets: Family<JobLabel, Gauge>,
    pub(crate) pool_target_limit: Family<JobLabel, Gauge>,
    pub(crate) exceeded_target_limit: Counter,
    pub(crate) exceeded_label_limits: Counter,
    pub(crate) exceeded_body_size_limit: Counter,
    pub(crate) exceeded_sample_limit: Counter,
    pub(crate) exceeded_job_sample_limit: Counter,
    pub(crate) exceeded_bucket_limit: Counter,
    pub(crate) duplicate_timestamp: Counter,
    pub(crate) out_of_order: Counter,
    pub(crate) out_of_bounds: Counter,
    pub(crate) exemplar_out_of_order: Counter,
    pub(crate) cache_flush_forced: Counter,
}

/// From 1 ms to 9 minutes.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 3.0, 13))
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            interval_length: Family::new_with_constructor(seconds),
            sync_length: Family::new_with_constructor(seconds),
            syncs: Family::default(),
            syncs_failed: Family::default(),
            pools: Counter::default(),
            pools_failed: Counter::default(),
            pool_reloads: Counter::default(),
            pool_reloads_failed: Counter::default(),
            pool_targets: Family::default(),
            pool_target_limit: Family::default(),
            exceeded_target_limit: Counter::default(),
            exceeded_label_limits: Counter::default(),
            exceeded_body_size_limit: Counter::default(),
            exceeded_sample_limit: Counter::default(),
            exceeded_job_sample_limit: Counter::default(),
            exceeded_bucket_limit: Counter::default(),
            duplicate_timestamp: Counter::default(),
            out_of_order: Counter::default(),
            exemplar_out_of_order: Counter::default(),
            out_of_bounds: Counter::default(),
            cache_flush_forced: Counter::default(),
        };
        metrics.register(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("prometheus_target");
        registry.register(
            "interval_length_seconds",
            "Actual intervals between scrapes",
            self.interval_length.clone(),
        );
        registry.register(
            "sync_length_seconds",
            "Actual interval to sync the scrape pool",
            self.sync_length.clone(),
        );
        registry.register(
            "scrape_pool_sync",
            "Total number of syncs that were executed on a scrape pool",
            self.syncs.clone(),
        );
        registry.register(
            "sync_failed",
            "Total number of target sync failures",
            self.syncs_failed.clone(),
        );
        registry.register(
            "scrape_pool_targets",
            "Current number of targets in this scrape pool",
            self.pool_targets.clone(),
        );
        registry.register(
            "scrape_pool_target_limit",
            "Maximum number of targets allowed in this scrape pool",
            self.pool_target_limit.clone(),
        );
        for (name, help, counter) in [
            (
                "scrape_pools",
                "Total number of scrape pool creation attempts",
                &self.pools,
            ),
            (
                "scrape_pools_failed",
                "Total number of scrape pool creations that failed",
                &self.pools_failed,
            ),
            (
                "scrape_pool_reloads",
                "Total number of scrape pool reloads",
                &self.pool_reloads,
            ),
            (
                "scrape_pool_reloads_failed",
                "Total number of failed scrape pool reloads",
                &self.pool_reloads_failed,
            ),
            (
                "scrape_pool_exceeded_target_limit",
                "Total number of times scrape pools hit the target limit, during sync or config \
                 reload",
                &self.exceeded_target_limit,
            ),
            (
                "scrape_pool_exceeded_label_limits",
                "Total number of times scrape pools hit the label limits, during sync or config \
                 reload",
                &self.exceeded_label_limits,
            ),
            (
                "scrapes_exceeded_body_size_limit",
                "Total number of scrapes that hit the body size limit",
                &self.exceeded_body_size_limit,
            ),
            (
                "scrapes_exceeded_sample_limit",
                "Total number of scrapes that hit the sample limit and were rejected",
                &self.exceeded_sample_limit,
            ),
            (
                "scrapes_exceeded_job_sample_limit",
                "Total number of scrapes that hit the sample limit of their job and were rejected",
                &self.exceeded_job_sample_limit,
            ),
            (
                "scrapes_exceeded_native_histogram_bucket_limit",
                "Total number of scrapes that hit the native histogram bucket limit and were \
                 rejected",
                &self.exceeded_bucket_limit,
            ),
            (
                "scrapes_sample_duplicate_timestamp",
                "Total number of samples rejected due to duplicate timestamps but different values",
                &self.duplicate_timestamp,
            ),
            (
                "scrapes_sample_out_of_order",
                "Total number of samples rejected due to not being out of the expected order",
                &self.out_of_order,
            ),
            (
                "scrapes_sample_out_of_bounds",
                "Total number of samples rejected due to timestamp falling outside of the time \
                 bounds",
                &self.out_of_bounds,
            ),
            (
                "scrapes_exemplar_out_of_order",
                "Total number of exemplar rejected due to not being out of the expected order",
                &self.exemplar_out_of_order,
            ),
            (
                "scrapes_cache_flush_forced",
                "How many times a scrape cache was flushed due to getting big while scrapes are \
                 failing",
                &self.cache_flush_forced,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    /// Forgets the series of a job that is gone.
    pub(crate) fn forget(&self, job: &str) {
        let label = JobLabel::new(job);
        self.sync_length.remove(&label);
        self.syncs.remove(&label);
        self.syncs_failed.remove(&label);
        self.pool_targets.remove(&label);
        self.pool_target_limit.remove(&label);
    }
}
