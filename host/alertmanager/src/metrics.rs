//! What the Alertmanager says of itself, under Alertmanager's names.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::notification::FailureReason;
use crate::pipeline::Suppression;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct IntegrationLabels {
    pub(crate) integration: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FailureLabels {
    pub(crate) integration: String,
    pub(crate) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReceivedLabels {
    status: &'static str,
    version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

type Count = Gauge<i64, AtomicI64>;

/// The version of the API, as a label.
const VERSION: &str = "v2";

/// The bounds of Alertmanager's histogram of latencies, in seconds.
const LATENCY_SECONDS: [f64; 6] = [1.0, 5.0, 10.0, 15.0, 20.0, 30.0];

fn latency() -> Histogram {
    Histogram::new(LATENCY_SECONDS)
}

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    received: Family<ReceivedLabels, Counter>,
    invalid: Family<VersionLabels, Counter>,
    alerts: Family<StateLabels, Count>,
    pub(crate) notifications: Family<IntegrationLabels, Counter>,
    pub(crate) failed: Family<FailureLabels, Counter>,
    pub(crate) requests: Family<IntegrationLabels, Counter>,
    pub(crate) requests_failed: Family<IntegrationLabels, Counter>,
    pub(crate) latency: Family<IntegrationLabels, Histogram, fn() -> Histogram>,
    suppressed: Family<ReasonLabels, Counter>,
    pub(crate) groups: Count,
    pub(crate) groups_refused: Counter,
    silences: Family<StateLabels, Count>,
    pub(crate) log_entries: Count,
    pub(crate) deduplicated: Counter,
    pub(crate) silences_propagated: Counter,
    pub(crate) log_propagated: Counter,
    pub(crate) cluster_enabled: Count,
    pub(crate) snapshots_failed: Counter,
    pub(crate) receivers: Count,
    pub(crate) integrations: Count,
    pub(crate) config_successful: Count,
    pub(crate) config_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            received: Family::default(),
            invalid: Family::default(),
            alerts: Family::default(),
            notifications: Family::default(),
            failed: Family::default(),
            requests: Family::default(),
            requests_failed: Family::default(),
            latency: Family::new_with_constructor(latency),
            suppressed: Family::default(),
            groups: Count::default(),
            groups_refused: Counter::default(),
            silences: Family::default(),
            log_entries: Count::default(),
            deduplicated: Counter::default(),
            silences_propagated: Counter::default(),
            log_propagated: Counter::default(),
            cluster_enabled: Count::default(),
            snapshots_failed: Counter::default(),
            receivers: Count::default(),
            integrations: Count::default(),
            config_successful: Count::default(),
            config_seconds: Gauge::default(),
        };
        // What can be known before anything happens is there from the start.
        for status in ["firing", "resolved"] {
            metrics.received(status).inc_by(0);
        }
        metrics.invalid().inc_by(0);
        for why in Suppression::ALL {
            metrics.suppressed(why).inc_by(0);
        }
        metrics.show(registry);
        metrics
    }

    fn show(&self, registry: &mut Registry) {
        registry.register(
            "narthex_alertmanager_snapshots_failed",
            "Number of times that silences or the notification log could not be written to disk",
            self.snapshots_failed.clone(),
        );
        registry.register(
            "narthex_alertmanager_notifications_deduplicated",
            "Number of notifications that were not sent because the notification log, which peers share, says that the same was told",
            self.deduplicated.clone(),
        );
        let registry = registry.sub_registry_with_prefix("alertmanager");
        registry.register(
            "alerts_received",
            "The total number of received alerts",
            self.received.clone(),
        );
        registry.register(
            "alerts_invalid",
            "The total number of received alerts that were invalid",
            self.invalid.clone(),
        );
        registry.register("alerts", "How many alerts by state", self.alerts.clone());
        registry.register(
            "notifications",
            "The total number of attempted notifications",
            self.notifications.clone(),
        );
        registry.register(
            "notifications_failed",
            "The total number of failed notifications",
            self.failed.clone(),
        );
        registry.register(
            "notification_requests",
            "The total number of attempted notification requests",
            self.requests.clone(),
        );
        registry.register(
            "notification_requests_failed",
            "The total number of failed notification requests",
            self.requests_failed.clone(),
        );
        registry.register(
            "notification_latency_seconds",
            "The latency of notifications in seconds",
            self.latency.clone(),
        );
        registry.register(
            "notifications_suppressed",
            "The total number of notifications suppressed for being silenced, inhibited, outside of active time intervals or within muted time intervals",
            self.suppressed.clone(),
        );
        registry.register(
            "dispatcher_aggregation_groups",
            "Number of active aggregation groups",
            self.groups.clone(),
        );
        registry.register(
            "dispatcher_aggregation_group_limit_reached",
            "Number of times when dispatcher failed to create new aggregation group due to limit",
            self.groups_refused.clone(),
        );
        registry.register(
            "silences",
            "How many silences by state",
            self.silences.clone(),
        );
        registry.register(
            "nflog_entries",
            "Number of entries of the notification log",
            self.log_entries.clone(),
        );
        registry.register(
            "silences_gossip_messages_propagated",
            "Number of received gossip messages that have been further gossiped",
            self.silences_propagated.clone(),
        );
        registry.register(
            "nflog_gossip_messages_propagated",
            "Number of received gossip messages that have been further gossiped",
            self.log_propagated.clone(),
        );
        registry.register(
            "cluster_enabled",
            "Indicates whether the clustering is enabled or not",
            self.cluster_enabled.clone(),
        );
        registry.register(
            "receivers",
            "Number of configured receivers",
            self.receivers.clone(),
        );
        registry.register(
            "integrations",
            "Number of configured integrations",
            self.integrations.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the last configuration reload attempt was successful",
            self.config_successful.clone(),
        );
        registry.register(
            "config_last_reload_success_timestamp_seconds",
            "Timestamp of the last successful configuration reload",
            self.config_seconds.clone(),
        );
    }

    /// Lets the counters of an integration begin.
    pub(crate) fn begin(&self, kind: &str) {
        let labels = IntegrationLabels {
            integration: kind.to_owned(),
        };
        for family in [&self.notifications, &self.requests, &self.requests_failed] {
            family.get_or_create(&labels).inc_by(0);
        }
        for reason in FailureReason::ALL {
            self.failed(kind, reason).inc_by(0);
        }
    }

    pub(crate) fn failed(&self, kind: &str, reason: FailureReason) -> Counter {
        let labels = FailureLabels {
            integration: kind.to_owned(),
            reason: reason.as_str(),
        };
        self.failed.get_or_create_owned(&labels)
    }

    pub(crate) fn received(&self, status: &'static str) -> Counter {
        let version = VERSION;
        self.received
            .get_or_create_owned(&ReceivedLabels { status, version })
    }

    pub(crate) fn invalid(&self) -> Counter {
        let version = VERSION;
        self.invalid.get_or_create_owned(&VersionLabels { version })
    }

    pub(crate) fn suppressed(&self, why: Suppression) -> Counter {
        let reason = why.as_str();
        self.suppressed
            .get_or_create_owned(&ReasonLabels { reason })
    }

    pub(crate) fn alerts(&self, state: &'static str) -> Count {
        self.alerts.get_or_create_owned(&StateLabels { state })
    }

    pub(crate) fn silences(&self, state: &'static str) -> Count {
        self.silences.get_or_create_owned(&StateLabels { state })
    }
}
