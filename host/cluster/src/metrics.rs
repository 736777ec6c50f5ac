//! What the cluster says of itself, under Alertmanager's names where it has them.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::Refusal;

mod tls;

pub(crate) use tls::{ConnectionKind, TlsMetrics};

type Count = Gauge<i64, AtomicI64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    msg_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProbeLabels {
    result: &'static str,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// A datagram, or changes over a connection.
    Update,
    /// Whole states.
    FullState,
}

impl MessageKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::FullState => "full_state",
        }
    }
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    sent: Family<MessageLabels, Counter>,
    sent_bytes: Family<MessageLabels, Counter>,
    received: Family<MessageLabels, Counter>,
    received_bytes: Family<MessageLabels, Counter>,
    refused: Family<RefusalLabels, Counter>,
    probes: Family<ProbeLabels, Counter>,
    dropped: Family<StateLabels, Counter>,
    merge_failed: Family<StateLabels, Counter>,
    oversized_sent: Family<StateLabels, Counter>,
    oversized_failed: Family<StateLabels, Counter>,
    /// What is sent and heard over TLS.
    pub(crate) tls: TlsMetrics,
    pub(crate) members: Count,
    pub(crate) position: Count,
    pub(crate) failed: Count,
    pub(crate) joined: Counter,
    pub(crate) left: Counter,
    pub(crate) reconnections: Counter,
    pub(crate) reconnections_failed: Counter,
    pub(crate) refreshes: Counter,
    pub(crate) refreshes_failed: Counter,
}

impl Metrics {
    /// Those of TLS are shown where there is TLS.
    pub(crate) fn register(registry: &mut Registry, is_tls: bool) -> Self {
        let metrics = Self::default();
        for kind in [MessageKind::Update, MessageKind::FullState] {
            let labels = MessageLabels {
                msg_type: kind.as_str(),
            };
            for family in [
                &metrics.sent,
                &metrics.sent_bytes,
                &metrics.received,
                &metrics.received_bytes,
            ] {
                family.get_or_create(&labels).inc_by(0);
            }
        }
        for refusal in Refusal::ALL {
            metrics.refused(refusal).inc_by(0);
        }
        for is_answered in [true, false] {
            metrics.probed(is_answered).inc_by(0);
        }
        metrics.members.set(1);
        metrics.show(registry);
        if is_tls {
            metrics
                .tls
                .show(registry.sub_registry_with_prefix("alertmanager"));
        }
        metrics
    }

    /// Lets the counters of a state begin.
    pub(crate) fn begin(&self, state: &str) {
        for family in [
            &self.dropped,
            &self.merge_failed,
            &self.oversized_sent,
            &self.oversized_failed,
        ] {
            of_state(family, state).inc_by(0);
        }
    }

    fn show(&self, registry: &mut Registry) {
        registry.register(
            "narthex_cluster_refused",
            "Number of messages and connections of other peers that were refused",
            self.refused.clone(),
        );
        registry.register(
            "narthex_cluster_merge_failures",
            "Number of states and updates of other peers that could not be merged",
            self.merge_failed.clone(),
        );
        registry.register(
            "narthex_cluster_updates_dropped",
            "Number of updates that were dropped because too many waited; peers get them with the next whole state",
            self.dropped.clone(),
        );
        registry.register(
            "narthex_cluster_tcp_probes",
            "Number of probes over TCP, each of a peer that did not answer one by UDP in time",
            self.probes.clone(),
        );
        let registry = registry.sub_registry_with_prefix("alertmanager");
        registry.register(
            "oversized_gossip_message_sent",
            "Number of oversized gossip messages sent",
            self.oversized_sent.clone(),
        );
        registry.register(
            "oversized_gossip_message_failure",
            "Number of oversized gossip message sends that failed",
            self.oversized_failed.clone(),
        );
        registry.register(
            "peer_position",
            "Position the Alertmanager instance believes it's in. The position determines a peer's behavior in the cluster",
            self.position.clone(),
        );
        let registry = registry.sub_registry_with_prefix("cluster");
        for (name, help, family) in [
            (
                "messages_sent",
                "Total number of cluster messages sent",
                &self.sent,
            ),
            (
                "messages_sent_size",
                "Total size of cluster messages sent",
                &self.sent_bytes,
            ),
            (
                "messages_received",
                "Total number of cluster messages received",
                &self.received,
            ),
            (
                "messages_received_size",
                "Total size of cluster messages received",
                &self.received_bytes,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        for (name, help, gauge) in [
            (
                "members",
                "Number indicating current number of members in cluster",
                &self.members,
            ),
            (
                "failed_peers",
                "Number indicating the current number of failed peers in the cluster",
                &self.failed,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, counter) in [
            (
                "peers_joined",
                "A counter of the number of peers that have joined",
                &self.joined,
            ),
            (
                "peers_left",
                "A counter of the number of peers that have left",
                &self.left,
            ),
            (
                "reconnections",
                "A counter of the number of cluster peer reconnections",
                &self.reconnections,
            ),
            (
                "reconnections_failed",
                "A counter of the number of failed cluster peer reconnection attempts",
                &self.reconnections_failed,
            ),
            (
                "refresh_join",
                "A counter of the number of cluster peer joined via refresh",
                &self.refreshes,
            ),
            (
                "refresh_join_failed",
                "A counter of the number of failed cluster peer joined attempts via refresh",
                &self.refreshes_failed,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    pub(crate) fn sent(&self, kind: MessageKind, bytes: usize) {
        count(&self.sent, &self.sent_bytes, kind, bytes);
    }

    pub(crate) fn received(&self, kind: MessageKind, bytes: usize) {
        count(&self.received, &self.received_bytes, kind, bytes);
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> Counter {
        let reason = refusal.as_str();
        self.refused.get_or_create_owned(&RefusalLabels { reason })
    }

    /// Probes over TCP: with an answer or without one.
    pub(crate) fn probed(&self, is_answered: bool) -> Counter {
        let result = if is_answered { "answered" } else { "failed" };
        self.probes.get_or_create_owned(&ProbeLabels { result })
    }

    pub(crate) fn dropped(&self, state: &str) -> Counter {
        of_state(&self.dropped, state)
    }

    pub(crate) fn merge_failed(&self, state: &str) -> Counter {
        of_state(&self.merge_failed, state)
    }

    pub(crate) fn oversized_sent(&self, state: &str) -> Counter {
        of_state(&self.oversized_sent, state)
    }

    pub(crate) fn oversized_failed(&self, state: &str) -> Counter {
        of_state(&self.oversized_failed, state)
    }
}

fn of_state(family: &Family<StateLabels, Counter>, state: &str) -> Counter {
    let labels = StateLabels {
        key: state.to_owned(),
    };
    family.get_or_create_owned(&labels)
}

fn count(
    messages: &Family<MessageLabels, Counter>,
    sizes: &Family<MessageLabels, Counter>,
    kind: MessageKind,
    bytes: usize,
) {
    let labels = MessageLabels {
        msg_type: kind.as_str(),
    };
    messages.get_or_create(&labels).inc();
    sizes.get_or_create(&labels).inc_by(bytes as u64);
}
