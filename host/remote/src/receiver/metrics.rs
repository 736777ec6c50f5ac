//! What the receiver says of itself, under Prometheus' names.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, Default)]
pub(super) struct Metrics {
    pub(super) invalid_labels: Counter,
    pub(super) without_metadata: Counter,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "prometheus_api_remote_write_invalid_labels_samples",
            "The total number of received remote write samples and histogram samples which were rejected due to invalid labels.",
            metrics.invalid_labels.clone(),
        );
        registry.register(
            "prometheus_api_remote_write_without_metadata_appended_samples",
            "The total number of received remote write samples (and histogram samples) which were ingested without corresponding metadata.",
            metrics.without_metadata.clone(),
        );
        metrics
    }
}
