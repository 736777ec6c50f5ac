//! What the server shows of the ConfigMap that has its config.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What became of a version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Applied,
    /// The config before it goes on.
    Refused,
    /// It is gone; its config goes on.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    result: &'static str,
}

impl Outcome {
    fn label(self) -> OutcomeLabel {
        OutcomeLabel {
            result: match self {
                Self::Applied => "applied",
                Self::Refused => "refused",
                Self::Missing => "missing",
            },
        }
    }
}

/// The metrics.
#[derive(Debug, Clone, Default)]
pub(super) struct ConfigMapMetrics {
    is_synced: Gauge,
    changes: Family<OutcomeLabel, Counter>,
}

impl ConfigMapMetrics {
    /// Registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let own = registry.sub_registry_with_prefix("narthex_config_map");
        own.register(
            "synced",
            "Whether the configuration in force is that of the ConfigMap in the cluster",
            metrics.is_synced.clone(),
        );
        own.register(
            "changes",
            "Versions of the ConfigMap with the configuration, by what became of them",
            metrics.changes.clone(),
        );
        for outcome in [Outcome::Applied, Outcome::Refused, Outcome::Missing] {
            // So that each is there before it counts.
            drop(metrics.changes.get_or_create(&outcome.label()));
        }
        metrics
    }

    /// Counts a version.
    pub(super) fn taken(&self, outcome: Outcome, is_synced: bool) {
        self.changes.get_or_create(&outcome.label()).inc();
        self.set_synced(is_synced);
    }

    /// Says whether the cluster has what is in force.
    pub(super) fn set_synced(&self, is_synced: bool) {
        self.is_synced.set(is_synced.into());
    }
}
