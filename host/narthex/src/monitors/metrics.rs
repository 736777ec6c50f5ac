//! What is shown of the objects that are followed.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

use narthex_operator::{Fault, Kind};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// The metrics.
#[derive(Debug, Clone, Default)]
pub(super) struct MonitorMetrics {
    objects: Family<KindLabel, Gauge>,
    rejected: Family<KindLabel, Gauge>,
    syncs: Counter,
    sync_seconds: Gauge<f64, AtomicU64>,
    secret_failures: Counter,
}

impl MonitorMetrics {
    /// Registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let own = registry.sub_registry_with_prefix("narthex_kubernetes_monitors");
        own.register(
            "objects",
            "Objects of the Prometheus Operator's kinds that are read",
            metrics.objects.clone(),
        );
        own.register(
            "rejected_objects",
            "Those that are left out, because something is wrong with them",
            metrics.rejected.clone(),
        );
        own.register(
            "syncs",
            "How often what was read of them was applied",
            metrics.syncs.clone(),
        );
        own.register(
            "last_sync_timestamp_seconds",
            "When that was last",
            metrics.sync_seconds.clone(),
        );
        own.register(
            "secret_failures",
            "Secrets and config maps that the cluster did not hand out when it was asked",
            metrics.secret_failures.clone(),
        );
        metrics
    }

    /// So many objects of a kind are there.
    pub(super) fn set_objects(&self, kind: Kind, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.objects.get_or_create(&label(kind)).set(count);
    }

    /// What was read was applied, but for objects with these faults.
    pub(super) fn applied(&self, faults: &[Fault], now_ms: i64) {
        for kind in Kind::ALL {
            let objects = faults.iter().map(|fault| &fault.object);
            let rejected: BTreeSet<_> = objects.filter(|object| object.kind == kind).collect();
            let count = i64::try_from(rejected.len()).unwrap_or(i64::MAX);
            self.rejected.get_or_create(&label(kind)).set(count);
        }
        self.syncs.inc();
        self.sync_seconds.set(now_ms as f64 / 1000.0);
    }

    pub(super) fn count_secret_failure(&self) {
        self.secret_failures.inc();
    }
}

fn label(kind: Kind) -> KindLabel {
    KindLabel {
        kind: kind.as_str(),
    }
}
