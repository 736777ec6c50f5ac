//! What goes over TLS, under the names of Alertmanager's transport.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    connection_type: &'static str,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionKind {
    /// Datagrams.
    Packet,
    /// One exchange.
    Stream,
}

impl ConnectionKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Stream => "stream",
        }
    }
}

/// They are counted without TLS as well, and not shown then.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsMetrics {
    packet_bytes_sent: Counter,
    packet_bytes_received: Counter,
    streams_sent: Counter,
    streams_received: Counter,
    read_errors: Counter,
    write_errors: Family<ConnectionLabels, Counter>,
}

impl TlsMetrics {
    pub(super) fn show(&self, registry: &mut Registry) {
        for kind in [ConnectionKind::Packet, ConnectionKind::Stream] {
            self.write_errors_of(kind).inc_by(0);
        }
        let registry = registry.sub_registry_with_prefix("tls_transport");
        for (name, help, counter) in [
            (
                "packet_bytes_sent",
                "The number of packet bytes sent to outgoing connections (excluding internal metadata)",
                &self.packet_bytes_sent,
            ),
            (
                "packet_bytes_received",
                "The number of packet bytes received from incoming connections (excluding internal metadata)",
                &self.packet_bytes_received,
            ),
            (
                "stream_connections_sent",
                "The number of stream connections sent",
                &self.streams_sent,
            ),
            (
                "stream_connections_received",
                "The number of stream connections received",
                &self.streams_received,
            ),
            (
                "read_errors",
                "The number of errors encountered while reading from incoming connections",
                &self.read_errors,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "write_errors",
            "The number of errors encountered while writing to outgoing connections",
            self.write_errors.clone(),
        );
    }

    fn write_errors_of(&self, kind: ConnectionKind) -> Counter {
        let connection_type = kind.as_str();
        self.write_errors
            .get_or_create_owned(&ConnectionLabels { connection_type })
    }

    pub(crate) fn packet_sent(&self, bytes: usize) {
        self.packet_bytes_sent.inc_by(bytes as u64);
    }

    pub(crate) fn packet_received(&self, bytes: usize) {
        self.packet_bytes_received.inc_by(bytes as u64);
    }

    pub(crate) fn stream_sent(&self) {
        self.streams_sent.inc();
    }

    pub(crate) fn stream_received(&self) {
        self.streams_received.inc();
    }

    pub(crate) fn read_failed(&self) {
        self.read_errors.inc();
    }

    pub(crate) fn write_failed(&self, kind: ConnectionKind) {
        self.write_errors_of(kind).inc();
    }
}
