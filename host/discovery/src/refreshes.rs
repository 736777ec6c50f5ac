//! How often is looked for targets and what came of it, under Prometheus' names.
//!
//! Prometheus has the duration as a summary, which the metrics library here cannot express: it is
//! a histogram, so that its `_count` and `_sum` are the same and its quantiles are not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::consul_metrics::ConsulMetrics;
use crate::dns_metrics::DnsMetrics;
use crate::file_metrics::{EntryMetrics, FileMetrics};

/// The mechanism whose failures have a metric of their own beside the common one.
const HTTP: &str = "http";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    mechanism: String,
    config: String,
}

/// The metrics of all who look for targets at an interval.
#[derive(Debug, Clone)]
pub struct RefreshMetrics {
    duration: Family<Labels, Histogram, fn() -> Histogram>,
    failures: Family<Labels, Counter>,
    http_failures: Counter,
    users: Users,
    files: FileMetrics,
    consul: ConsulMetrics,
    dns: DnsMetrics,
}

/// How many have series of these labels.
type Users = Arc<Mutex<HashMap<Labels, usize>>>;

/// The metrics of one of them. With the last one of a job its series go.
#[derive(Debug)]
pub struct Refreshes {
    duration: Histogram,
    failures: Counter,
    http_failures: Option<Counter>,
    labels: Labels,
    all: RefreshMetrics,
}

impl Default for RefreshMetrics {
    fn default() -> Self {
        Self {
            duration: Family::new_with_constructor(seconds),
            failures: Family::default(),
            http_failures: Counter::default(),
            users: Users::default(),
            files: FileMetrics::new(),
            consul: ConsulMetrics::new(),
            dns: DnsMetrics::default(),
        }
    }
}

/// From 1 ms to 9 minutes.
pub(crate) fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 3.0, 13))
}

impl RefreshMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.files.register(registry);
        metrics.consul.register(registry);
        metrics.dns.register(registry);
        let registry = registry.sub_registry_with_prefix("prometheus_sd");
        registry.register(
            "refresh_duration_seconds",
            "The duration of a refresh in seconds for the given SD mechanism",
            metrics.duration.clone(),
        );
        registry.register(
            "refresh_failures",
            "Number of refresh failures for the given SD mechanism",
            metrics.failures.clone(),
        );
        registry.register(
            "http_failures",
            "Number of HTTP service discovery refresh failures",
            metrics.http_failures.clone(),
        );
        metrics
    }

    /// Those of one who looks. `name` is the discoverer's, `JOB/MECHANISM/0`.
    pub fn of(&self, mechanism: &str, name: &str) -> Refreshes {
        let job = name.rsplitn(3, '/').nth(2).unwrap_or(name);
        let labels = Labels {
            mechanism: mechanism.to_owned(),
            config: job.to_owned(),
        };
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        *users.entry(labels.clone()).or_default() += 1;
        Refreshes {
            duration: self.duration.get_or_create_owned(&labels),
            failures: self.failures.get_or_create_owned(&labels),
            http_failures: (mechanism == HTTP).then(|| self.http_failures.clone()),
            labels,
            all: self.clone(),
        }
    }

    /// One of those with these labels is gone.
    fn leave(&self, labels: &Labels) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let left = users.get(labels).map_or(0, |count| count.saturating_sub(1));
        if left > 0 {
            users.insert(labels.clone(), left);
            return;
        }
        users.remove(labels);
        self.duration.remove(labels);
        self.failures.remove(labels);
    }

    /// Those of what is asked of Consul.
    pub fn consul(&self) -> ConsulMetrics {
        self.consul.clone()
    }

    /// Those of names that are looked up.
    pub fn dns(&self) -> DnsMetrics {
        self.dns.clone()
    }

    pub(crate) fn files(&self) -> EntryMetrics {
        self.files.of_entry()
    }
}

impl Refreshes {
    /// A look for targets is over.
    pub fn observe(&self, duration: Duration, is_failure: bool) {
        self.duration.observe(duration.as_secs_f64());
        if is_failure {
            self.failures.inc();
            if let Some(failures) = &self.http_failures {
                failures.inc();
            }
        }
    }
}

impl Drop for Refreshes {
    fn drop(&mut self) {
        self.all.leave(&self.labels);
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn with_the_last_of_a_job_its_series_go() {
        let mut registry = Registry::default();
        let metrics = RefreshMetrics::register(&mut registry);
        let count = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            let name = "prometheus_sd_refresh_failures_total{mechanism=\"dns\"";
            text.lines().filter(|line| line.starts_with(name)).count()
        };
        let first = metrics.of("dns", "a/dns/0");
        let second = metrics.of("dns", "a/dns/1");
        let other = metrics.of("dns", "b/dns/0");
        first.observe(Duration::from_secs(1), true);
        assert_eq!(count(), 2);
        drop(first);
        assert_eq!(count(), 2);
        // A reload makes the new one before the old one is gone.
        let third = metrics.of("dns", "a/dns/0");
        drop(second);
        assert_eq!(count(), 2);
        drop(third);
        assert_eq!(count(), 1);
        drop(other);
        assert_eq!(count(), 0);
    }
}
