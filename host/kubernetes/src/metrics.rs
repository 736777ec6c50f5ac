//! What the watches say of themselves, under Prometheus' names where it has them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::store::Change;

/// The roles of Prometheus' discovery, whose series are there from the beginning.
const ROLES: [&str; 6] = [
    "endpointslice",
    "endpoints",
    "node",
    "pod",
    "service",
    "ingress",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    role: String,
    event: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status_code: String,
}

/// The metrics of all clusters.
#[derive(Debug, Clone, Default)]
pub struct KubernetesMetrics {
    events: Family<EventLabels, Counter>,
    failures: Counter,
    requests: Family<StatusLabel, Counter>,
    watches: Gauge,
    listeners: Gauge,
    objects: Gauge,
}

impl KubernetesMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for role in ROLES {
            for change in [Change::Added, Change::Deleted, Change::Modified] {
                // Looked at once, it is there.
                let _ = metrics.events.get_or_create(&labels(role, change));
            }
        }
        let prometheus = registry.sub_registry_with_prefix("prometheus_sd_kubernetes");
        prometheus.register(
            "events",
            "The number of Kubernetes events handled",
            metrics.events.clone(),
        );
        prometheus.register(
            "failures",
            "The number of failed WATCH/LIST requests",
            metrics.failures.clone(),
        );
        prometheus.register(
            "http_request",
            "Total number of HTTP requests to the Kubernetes API by status code",
            metrics.requests.clone(),
        );
        let own = registry.sub_registry_with_prefix("narthex_kubernetes");
        own.register(
            "watches",
            "Watches that are open, each shared by all that listen to it",
            metrics.watches.clone(),
        );
        own.register(
            "listeners",
            "Those that listen to watches",
            metrics.listeners.clone(),
        );
        own.register(
            "objects",
            "Objects that are kept for them",
            metrics.objects.clone(),
        );
        metrics
    }

    /// The cluster told a change of an object of that kind.
    pub(crate) fn count_event(&self, kind: &str, change: Change) {
        let labels = labels(&kind.to_ascii_lowercase(), change);
        self.events.get_or_create(&labels).inc();
    }

    pub(crate) fn count_failure(&self) {
        self.failures.inc();
    }

    /// An answer of that status; none is a request without one, `<error>` as in Prometheus.
    pub(crate) fn count_request(&self, status: Option<u16>) {
        let status_code = status.map_or_else(|| "<error>".to_owned(), |status| status.to_string());
        self.requests
            .get_or_create(&StatusLabel { status_code })
            .inc();
    }

    pub(crate) fn watches(&self) -> &Gauge {
        &self.watches
    }

    pub(crate) fn listeners(&self) -> &Gauge {
        &self.listeners
    }

    pub(crate) fn objects(&self) -> &Gauge {
        &self.objects
    }
}

fn labels(role: &str, change: Change) -> EventLabels {
    let event = match change {
        Change::Added => "add",
        Change::Modified => "update",
        Change::Deleted => "delete",
    };
    EventLabels {
        role: role.to_owned(),
        event: event.to_owned(),
    }
}
