//! What is asked of Consul, under Prometheus' names.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::refreshes::seconds;

/// What stands in the paths of the queries that Prometheus times, and what it calls them. That for
/// a service goes to `health`, and is the catalog's in Prometheus as well.
const CALLS: [(&str, Call); 2] = [
    (
        "/v1/catalog/services",
        [("endpoint", "catalog"), ("call", "services")],
    ),
    (
        "/v1/health/service/",
        [("endpoint", "catalog"), ("call", "service")],
    ),
];

type Call = [(&'static str, &'static str); 2];

/// The metrics of all `consul_sd_configs`.
#[derive(Debug, Clone)]
pub struct ConsulMetrics {
    failures: Counter,
    duration: Family<Call, Histogram, fn() -> Histogram>,
}

impl ConsulMetrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            failures: Counter::default(),
            duration: Family::new_with_constructor(seconds),
        };
        // There before the first query, as in Prometheus.
        for (_, labels) in CALLS {
            drop(metrics.duration.get_or_create(&labels));
        }
        metrics
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "prometheus_sd_consul_rpc_failures",
            "The number of Consul RPC call failures.",
            self.failures.clone(),
        );
        registry.register(
            "prometheus_sd_consul_rpc_duration_seconds",
            "The duration of a Consul RPC call in seconds.",
            self.duration.clone(),
        );
    }

    /// A query was answered, or was not. How long it took has the time that Consul waited.
    pub fn observe(&self, url: &str, duration: Duration, is_failure: bool) {
        let path = url.split('?').next().unwrap_or_default();
        if let Some((_, labels)) = CALLS.iter().find(|(part, _)| path.contains(part)) {
            let timed = self.duration.get_or_create(labels);
            timed.observe(duration.as_secs_f64());
        }
        if is_failure {
            self.failures.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn queries_are_told_apart_by_their_paths() {
        let metrics = ConsulMetrics::new();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let second = Duration::from_secs(1);
        for (path, is_failure) in [
            ("/consul/v1/catalog/services?stale=", false),
            ("/v1/health/service/a%20b?x=/v1/catalog/services", true),
            ("/v1/health/service/c", false),
            ("/v1/agent/self", true),
        ] {
            let url = format!("http://localhost:8500{path}");
            metrics.observe(&url, second, is_failure);
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "prometheus_sd_consul_rpc_failures_total 2",
            "prometheus_sd_consul_rpc_duration_seconds_count{endpoint=\"catalog\",call=\"services\"} 1",
            "prometheus_sd_consul_rpc_duration_seconds_count{endpoint=\"catalog\",call=\"service\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
