//! What an archive tells of itself: Thanos' names, where Thanos' store counts the same.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::shelves::State;
use crate::metrics::Reading;

/// Everything that is counted.
#[derive(Debug, Clone, Default)]
pub(super) struct ArchiveMetrics {
    pub(super) reading: Reading,
    pub(super) syncs: Counter,
    pub(super) sync_failures: Counter,
    pub(super) last_sync: Gauge<f64, AtomicU64>,
    pub(super) loads: Counter,
    pub(super) load_failures: Counter,
    pub(super) drops: Counter,
    pub(super) read_failures: Counter,
    pub(super) loaded: Gauge,
    pub(super) damaged: Gauge,
    states: Family<[(&'static str, &'static str); 1], Gauge>,
}

impl ArchiveMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            reading: Reading::register(registry),
            ..Self::default()
        };
        for state in State::ALL {
            metrics.set_state(state, 0);
        }
        for (name, help, counter) in [
            (
                "thanos_blocks_meta_syncs",
                "Total blocks metadata synchronization attempts.",
                &metrics.syncs,
            ),
            (
                "thanos_blocks_meta_sync_failures",
                "Total blocks metadata synchronization failures.",
                &metrics.sync_failures,
            ),
            (
                "thanos_bucket_store_block_loads",
                "Total number of remote block loading attempts.",
                &metrics.loads,
            ),
            (
                "thanos_bucket_store_block_load_failures",
                "Total number of failed remote block loading attempts.",
                &metrics.load_failures,
            ),
            (
                "thanos_bucket_store_block_drops",
                "Total number of local blocks that were dropped.",
                &metrics.drops,
            ),
            (
                "narthex_bucket_block_read_failures",
                "Blocks that were found to be damaged while they were read.",
                &metrics.read_failures,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "thanos_bucket_store_blocks_loaded",
            "Number of currently loaded blocks.",
            metrics.loaded.clone(),
        );
        registry.register(
            "thanos_blocks_meta_synced",
            "Number of block metadata synced",
            metrics.states.clone(),
        );
        registry.register(
            "narthex_bucket_blocks_damaged",
            "Blocks in the bucket that cannot be opened and are left out of answers.",
            metrics.damaged.clone(),
        );
        registry.register(
            "narthex_bucket_last_successful_sync_timestamp_seconds",
            "When the bucket was last looked at and everything that was due could be done.",
            metrics.last_sync.clone(),
        );
        metrics
    }

    pub(super) fn set_state(&self, state: State, blocks: usize) {
        let blocks = i64::try_from(blocks).unwrap_or(i64::MAX);
        let label = [("state", state.as_str())];
        self.states.get_or_create(&label).set(blocks);
    }
}
