//! How much is kept of what targets say of their metrics, job by job: counted when somebody asks.

use std::fmt;
use std::sync::{Arc, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Pools;
use crate::metrics::JobLabel;

/// Counts it of the pools that there are.
pub(super) struct MetadataEntries(pub(super) Arc<Pools>);

impl fmt::Debug for MetadataEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataEntries").finish_non_exhaustive()
    }
}

impl Collector for MetadataEntries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let entries = Family::<JobLabel, Gauge>::default();
        let pools = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for (job, pool) in &*pools {
            let count = i64::try_from(pool.metadata_entries()).unwrap_or(i64::MAX);
            entries.get_or_create_owned(&JobLabel::new(job)).set(count);
        }
        drop(pools);
        let metric = encoder.encode_descriptor(
            "prometheus_target_metadata_cache_entries",
            "Total number of metric metadata entries in the cache",
            None,
            entries.metric_type(),
        )?;
        entries.encode(metric)
    }
}
