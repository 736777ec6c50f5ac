//! What a fleet says of itself, under Thanos' names where it has them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What members there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct KindLabels {
    pub(crate) external_labels: String,
    pub(crate) store_type: String,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct MemberLabels {
    pub(crate) endpoint: String,
}

/// What became of an aggregation that a member was asked to evaluate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) received: Counter,
    evaluations: Family<ResultLabels, Counter>,
    pub(crate) members: Family<KindLabels, Gauge>,
    pub(crate) failures: Family<MemberLabels, Counter>,
    pub(crate) lookups: Counter,
    pub(crate) lookup_failures: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "thanos_store_nodes_grpc_connections",
            "Endpoints that answer, by their external labels and what they are",
            metrics.members.clone(),
        );
        registry.register(
            "narthex_fleet_endpoint_failures",
            "Answers to queries of which a part is missing, by endpoint",
            metrics.failures.clone(),
        );
        registry.register(
            "narthex_fleet_dns_lookups",
            "Names of endpoints that were looked up",
            metrics.lookups.clone(),
        );
        registry.register(
            "narthex_fleet_dns_failures",
            "Names of endpoints that could not be looked up; those found before stay",
            metrics.lookup_failures.clone(),
        );
        registry.register(
            "narthex_fleet_received_bytes",
            "Bytes of the messages that endpoints sent",
            metrics.received.clone(),
        );
        registry.register(
            "narthex_fleet_evaluations",
            "Members that were asked to evaluate aggregations: whose results were taken, who refused or \
             took too long so that series were read, and who failed",
            metrics.evaluations.clone(),
        );
        metrics
    }

    /// `taken`, `refused`, `late` or `failed`
    pub(crate) fn evaluated(&self, result: &'static str) {
        let labels = ResultLabels { result };
        self.evaluations.get_or_create(&labels).inc();
    }

    pub(crate) fn failed(&self, endpoint: &str) {
        let labels = MemberLabels {
            endpoint: endpoint.to_owned(),
        };
        self.failures.get_or_create(&labels).inc();
    }
}
