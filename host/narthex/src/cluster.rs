//! The flags of a cluster of Alertmanagers, by Alertmanager's names.
//!
//! It is not: the cluster. The crate of this name has that.

mod tls;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use narthex_cluster::{ClusterOptions, GossipOptions, PeerTls};
use narthex_model::{Clock, PromDuration};

use self::tls::ClusterTls;

/// Where a cluster listens when a peer is named and no address is (Alertmanager's default).
const LISTEN_ADDRESS: &str = "0.0.0.0:9094";

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterFlags {
    /// Listen address for the cluster, UDP and TCP. Without this flag and --cluster.peer there is no
    /// cluster; with a peer the default is 0.0.0.0:9094. Set to empty string to disable HA mode.
    #[arg(
        id = "cluster_listen_address",
        long = "cluster.listen-address",
        value_name = "ADDRESS"
    )]
    listen_address: Option<String>,

    /// Explicit address to advertise in cluster.
    #[arg(
        id = "cluster_advertise_address",
        long = "cluster.advertise-address",
        value_name = "ADDRESS",
        default_value = ""
    )]
    advertise_address: String,

    /// Initial peers (may be repeated), host:port; names are resolved again and again.
    #[arg(id = "cluster_peers", long = "cluster.peer", value_name = "ADDRESS")]
    peers: Vec<String>,

    /// Path to a config yaml file that can enable mutual TLS within the gossip protocol. All that
    /// peers say goes over TCP then.
    #[arg(
        id = "cluster_tls_config",
        long = "cluster.tls-config",
        value_name = "FILE"
    )]
    tls_config: Option<PathBuf>,

    /// Time to wait between peers to send notifications.
    #[arg(long = "cluster.peer-timeout", default_value = "15s")]
    peer_timeout: PromDuration,

    /// Interval between sending gossip messages. By lowering this value (more frequent) gossip
    /// messages are propagated across the cluster more quickly at the expense of increased
    /// bandwidth.
    #[arg(long = "cluster.gossip-interval", default_value = "200ms")]
    gossip_interval: PromDuration,

    /// Interval for gossip state syncs. Setting this interval lower (more frequent) will increase
    /// convergence speeds across larger clusters at the expense of increased bandwidth usage.
    #[arg(long = "cluster.pushpull-interval", default_value = "1m")]
    pushpull_interval: PromDuration,

    /// Timeout for establishing a stream connection with a remote node for a full state sync, and
    /// for stream read and write operations.
    #[arg(long = "cluster.tcp-timeout", default_value = "10s")]
    tcp_timeout: PromDuration,

    /// Timeout to wait for an ack from a probed node before assuming it is unhealthy. This should be
    /// set to 99-percentile of RTT (round-trip time) on your network.
    #[arg(long = "cluster.probe-timeout", default_value = "500ms")]
    probe_timeout: PromDuration,

    /// Interval between random node probes. Setting this lower (more frequent) will cause the
    /// cluster to detect failed nodes more quickly at the expense of increased bandwidth usage.
    #[arg(long = "cluster.probe-interval", default_value = "1s")]
    probe_interval: PromDuration,

    /// Maximum time to wait for cluster connections to settle before evaluating notifications.
    #[arg(long = "cluster.settle-timeout", default_value = "1m")]
    settle_timeout: PromDuration,

    /// Interval between attempting to reconnect to lost peers.
    #[arg(long = "cluster.reconnect-interval", default_value = "10s")]
    reconnect_interval: PromDuration,

    /// Length of time to attempt to reconnect to a lost peer.
    #[arg(long = "cluster.reconnect-timeout", default_value = "6h")]
    reconnect_timeout: PromDuration,

    /// The cluster label is an optional string to include on each packet and stream. It uniquely
    /// identifies the cluster and prevents cross-communication issues when sending gossip messages.
    #[arg(
        id = "cluster_label",
        long = "cluster.label",
        value_name = "LABEL",
        default_value = ""
    )]
    label: String,

    /// Allow the advertised address to be a public one where it is found and not given.
    #[arg(long = "cluster.allow-insecure-public-advertise-address-discovery")]
    allow_public_advertise_address: bool,
}

impl ClusterFlags {
    /// The cluster that the flags ask for, where they do.
    ///
    /// # Errors
    /// The file of its certificates cannot be used.
    pub(crate) fn options(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Option<ClusterOptions>> {
        let listen_address = match &self.listen_address {
            Some(address) if address.is_empty() => return Ok(None),
            Some(address) => address.clone(),
            // A port is not opened by surprise: most servers are alone.
            None if self.peers.is_empty() => return Ok(None),
            None => LISTEN_ADDRESS.to_owned(),
        };
        let tls = match &self.tls_config {
            // As in Alertmanager, an empty one asks for nothing.
            Some(file) if !file.as_os_str().is_empty() => {
                Some(Arc::new(ClusterTls::load(file)?) as Arc<dyn PeerTls>)
            }
            _ => None,
        };
        let advertise_address = &self.advertise_address;
        Ok(Some(ClusterOptions {
            clock,
            listen_address,
            tls,
            advertise_address: (!advertise_address.is_empty()).then(|| advertise_address.clone()),
            may_advertise_public: self.allow_public_advertise_address,
            peers: self.peers.clone(),
            peer_timeout: self.peer_timeout.as_std(),
            gossip: GossipOptions {
                label: self.label.clone(),
                gossip_interval: self.gossip_interval.as_std(),
                probe_interval: self.probe_interval.as_std(),
                probe_timeout: self.probe_timeout.as_std(),
                reconnect_timeout: self.reconnect_timeout.as_std(),
            },
            pushpull_interval: self.pushpull_interval.as_std(),
            settle_timeout: self.settle_timeout.as_std(),
            tcp_timeout: self.tcp_timeout.as_std(),
            reconnect_interval: self.reconnect_interval.as_std(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use narthex_model::SystemClock;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: ClusterFlags,
    }

    fn options(flags: &[&str]) -> Option<ClusterOptions> {
        let line = std::iter::once("narthex").chain(flags.iter().copied());
        let flags = Line::parse_from(line).flags;
        flags.options(Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn there_is_a_cluster_where_a_flag_asks_for_one() {
        for (flags, listens) in [
            (&[][..], None),
            (&["--cluster.label=blue"], None),
            (&["--cluster.peer=a:9094"], Some(LISTEN_ADDRESS)),
            (&["--cluster.listen-address=:1"], Some(":1")),
            (&["--cluster.listen-address=", "--cluster.peer=a:1"], None),
        ] {
            let listen_address = options(flags).map(|options| options.listen_address);
            assert_eq!(listen_address.as_deref(), listens, "{flags:?}");
        }
    }

    #[test]
    fn defaults_are_alertmanagers() {
        let flags = ["--cluster.peer=a:1", "--cluster.peer=b:2"];
        let options = options(&flags).unwrap();
        options.check().unwrap();
        assert_eq!(options.peers, ["a:1", "b:2"]);
        assert_eq!(options.advertise_address, None);
        assert!(options.tls.is_none());
        let seconds = Duration::from_secs;
        assert_eq!(options.peer_timeout, seconds(15));
        assert_eq!(options.gossip.gossip_interval, Duration::from_millis(200));
        assert_eq!(options.gossip.probe_timeout, Duration::from_millis(500));
        assert_eq!(options.gossip.probe_interval, seconds(1));
        assert_eq!(options.gossip.reconnect_timeout, seconds(6 * 3600));
        assert_eq!(options.pushpull_interval, seconds(60));
        assert_eq!(options.settle_timeout, seconds(60));
        assert_eq!(options.tcp_timeout, seconds(10));
        assert_eq!(options.reconnect_interval, seconds(10));
    }
}
