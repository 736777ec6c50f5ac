//! What the notifier says of itself, under Prometheus' names.
//!
//! Prometheus has the latency as a summary, which the metrics library here cannot express: it is a
//! histogram, so that its `_count` and `_sum` are the same.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertmanagerLabel {
    alertmanager: String,
}

type Latencies = Family<AlertmanagerLabel, Histogram, fn() -> Histogram>;

/// The metrics of all Alertmanagers.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    latency: Latencies,
    errors: Family<AlertmanagerLabel, Counter>,
    sent: Family<AlertmanagerLabel, Counter>,
    dropped: Family<AlertmanagerLabel, Counter>,
    queue_length: Family<AlertmanagerLabel, Gauge>,
    pub(crate) queue_capacity: Gauge,
    pub(crate) discovered: Gauge,
}

/// Those of one.
#[derive(Debug, Clone)]
pub(crate) struct TargetMetrics {
    label: AlertmanagerLabel,
    pub(crate) latency: Histogram,
    pub(crate) errors: Counter,
    pub(crate) sent: Counter,
    pub(crate) dropped: Counter,
    pub(crate) queue_length: Gauge,
}

/// From 1 ms to 16 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 8))
}

impl TargetMetrics {
    /// Whose they are.
    pub(crate) fn url(&self) -> &str {
        &self.label.alertmanager
    }
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            latency: Family::new_with_constructor(seconds),
            errors: Family::default(),
            sent: Family::default(),
            dropped: Family::default(),
            queue_length: Family::default(),
            queue_capacity: Gauge::default(),
            discovered: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("prometheus_notifications");
        registry.register(
            "latency_seconds",
            "Latency for sending alert notifications",
            metrics.latency.clone(),
        );
        for (name, help, family) in [
            (
                "errors",
                "Total number of sent alerts affected by errors",
                &metrics.errors,
            ),
            ("sent", "Total number of alerts sent", &metrics.sent),
            (
                "dropped",
                "Total number of alerts dropped due to errors when sending to Alertmanager",
                &metrics.dropped,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "queue_length",
            "The number of alert notifications in the queue",
            metrics.queue_length.clone(),
        );
        registry.register(
            "queue_capacity",
            "The capacity of the alert notifications queue",
            metrics.queue_capacity.clone(),
        );
        registry.register(
            "alertmanagers_discovered",
            "The number of alertmanagers discovered and active",
            metrics.discovered.clone(),
        );
        metrics
    }

    /// Those of one; from here on they are shown.
    pub(crate) fn of(&self, url: &str) -> TargetMetrics {
        let label = AlertmanagerLabel {
            alertmanager: url.to_owned(),
        };
        TargetMetrics {
            latency: Histogram::clone(&self.latency.get_or_create(&label)),
            errors: Counter::clone(&self.errors.get_or_create(&label)),
            sent: Counter::clone(&self.sent.get_or_create(&label)),
            dropped: Counter::clone(&self.dropped.get_or_create(&label)),
            queue_length: Gauge::clone(&self.queue_length.get_or_create(&label)),
            label,
        }
    }

    /// Those of one that is gone are not shown any more.
    pub(crate) fn forget(&self, gone: &TargetMetrics) {
        let label = &gone.label;
        self.latency.remove(label);
        for family in [&self.errors, &self.sent, &self.dropped] {
            family.remove(label);
        }
        self.queue_length.remove(label);
    }
}
