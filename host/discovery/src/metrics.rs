//! What service discovery says of itself, under Prometheus' names.

use std::sync::atomic::AtomicU64;

use narthex_model::{Clock, SystemClock};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConfigLabels {
    name: String,
    config: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabel {
    name: String,
}

/// The metrics of the service discovery of one part of the server.
#[derive(Debug, Clone)]
pub struct SdMetrics {
    name: String,
    targets: Family<ConfigLabels, Gauge>,
    families: Families,
    received: Counter,
    updates: Counter,
    failed: Gauge,
    last_update: Seconds,
}

/// Seconds since the Unix epoch.
type Seconds = Gauge<f64, AtomicU64>;

/// Those that all parts of the server share.
#[derive(Debug, Clone, Default)]
struct Families {
    received: Family<NameLabel, Counter>,
    updates: Family<NameLabel, Counter>,
    failed: Family<NameLabel, Gauge>,
    last_update: Family<NameLabel, Seconds>,
}

impl SdMetrics {
    /// Registers them. `name` says who discovers: `scrape`.
    pub fn register(name: &str, registry: &mut Registry) -> Self {
        let metrics = Self::new(name, Family::default(), Families::default());
        let registry = registry.sub_registry_with_prefix("prometheus_sd");
        registry.register(
            "discovered_targets",
            "Current number of discovered targets",
            metrics.targets.clone(),
        );
        registry.register(
            "received_updates",
            "Total number of update events received from the SD providers",
            metrics.families.received.clone(),
        );
        registry.register(
            "updates",
            "Total number of update events sent to the SD consumers",
            metrics.families.updates.clone(),
        );
        registry.register(
            "failed_configs",
            "Current number of service discovery configurations that failed to load",
            metrics.families.failed.clone(),
        );
        registry.register(
            "last_update_timestamp_seconds",
            "Timestamp of the last update sent to the SD consumers",
            metrics.families.last_update.clone(),
        );
        metrics
    }

    /// Those of another part of the server, shown with these: `notify`.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self::new(name, self.targets.clone(), self.families.clone())
    }

    fn new(name: &str, targets: Family<ConfigLabels, Gauge>, families: Families) -> Self {
        let label = NameLabel {
            name: name.to_owned(),
        };
        let received = Counter::clone(&families.received.get_or_create(&label));
        let updates = Counter::clone(&families.updates.get_or_create(&label));
        let failed = Gauge::clone(&families.failed.get_or_create(&label));
        let last_update = Seconds::clone(&families.last_update.get_or_create(&label));
        Self {
            name: name.to_owned(),
            targets,
            families,
            received,
            updates,
            failed,
            last_update,
        }
    }

    /// A config has so many targets before relabelling, those that it lists among them.
    pub fn set_targets(&self, config: &str, targets: usize) {
        let gauge = self.targets.get_or_create_owned(&self.labels(config));
        gauge.set(i64::try_from(targets).unwrap_or(i64::MAX));
    }

    /// A config is gone.
    pub fn forget(&self, config: &str) {
        self.targets.remove(&self.labels(config));
    }

    /// What was found was taken over by those who asked for it.
    pub fn count_update(&self) {
        self.updates.inc();
        self.last_update.set(SystemClock.now_ms() as f64 / 1000.0);
    }

    /// So many entries of the config that was read last have no discoverer.
    pub fn set_failed(&self, entries: usize) {
        self.failed.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    pub(crate) fn count_received(&self) {
        self.received.inc();
    }

    fn labels(&self, config: &str) -> ConfigLabels {
        ConfigLabels {
            name: self.name.clone(),
            config: config.to_owned(),
        }
    }
}
