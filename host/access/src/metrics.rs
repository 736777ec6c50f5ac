//! What access says of itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    by: &'static str,
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    kind: &'static str,
    outcome: &'static str,
}

/// The metrics of all that are asked who may ask.
#[derive(Debug, Clone, Default)]
pub struct AccessMetrics {
    requests: Family<RequestLabels, Counter>,
    reviews: Family<ReviewLabels, Counter>,
}

impl AccessMetrics {
    /// Registers them; they may count already.
    pub fn register(&self, registry: &mut Registry) {
        let own = registry.sub_registry_with_prefix("narthex_access");
        own.register(
            "requests",
            "Requests by how who asked was known, and what became of them",
            self.requests.clone(),
        );
        own.register(
            "reviews",
            "Questions about tokens and access that a cluster was asked",
            self.reviews.clone(),
        );
    }

    pub(crate) fn count_request(&self, by: &'static str, verdict: &'static str) {
        let labels = RequestLabels { by, verdict };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn count_review(&self, kind: &'static str, outcome: &'static str) {
        let labels = ReviewLabels { kind, outcome };
        self.reviews.get_or_create(&labels).inc();
    }
}
