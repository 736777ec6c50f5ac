//! A cluster of peers that keep the same states.
//!
//! Peers find each other and notice who is gone by SWIM, over UDP (crate foca). A change of a state
//! travels with that gossip; what is too large for a datagram, and whole states, go over TCP: when a
//! peer joins, when a part of the cluster is back, and once in an interval. So do pings that are not
//! answered in time. A state is bytes here: who owns it says what it is and how two of it become one
//! ([`Replicated`]).
//!
//! The middle, [`Gossip`], is a value without sockets and clocks, so that a test runs a cluster with
//! a seed. Around it is [`Cluster`], which has both.
//!
//! It is not: a consensus. States must be such that the order of merges makes no difference. Nor is
//! it a wall: whoever reaches the port and knows the label is a peer.

mod address;
mod cluster;
mod frame;
mod gossip;
mod heard;
mod metrics;
mod peer;
mod transport;

pub use address::AddressError;
pub use cluster::{Cluster, ClusterError, ClusterOptions, ClusterStatus, Replicated};
pub use frame::FRAME_BYTES_MAX;
pub use gossip::{Event, Gossip, GossipOptions, Hello, PEERS_MAX, Sent, UPDATE_BYTES_MAX};
pub use peer::{Peer, PeerId};
pub use transport::PeerTls;

/// A part of a state, or all of it, as its owner writes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Update {
    /// The name of the state: `silences`.
    pub state: String,
    /// What its owner can merge.
    pub data: Vec<u8>,
}

/// Why something that came from the network was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not what peers send each other.
    #[error("it is malformed")]
    Malformed,
    /// It has another version of the format than [`VERSION`].
    #[error("it has another version of the format")]
    Version,
    /// It does not prove by TLS that it is a peer.
    #[error("it does not prove by TLS that it is a peer")]
    Tls,
    /// It belongs to another cluster.
    #[error("it has another --cluster.label")]
    Label,
    /// It is larger than it may be.
    #[error("it is too large")]
    TooLarge,
    /// It has the address of this peer.
    #[error("it says that it is this peer")]
    Ourselves,
    /// There are as many peers as there may be.
    #[error("there are too many peers")]
    TooManyPeers,
}

impl Refusal {
    /// All of them, for metrics.
    pub(crate) const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Version,
        Self::Tls,
        Self::Label,
        Self::TooLarge,
        Self::Ourselves,
        Self::TooManyPeers,
    ];

    /// Its name as a label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::Tls => "tls",
            Self::Label => "label",
            Self::TooLarge => "too_large",
            Self::Ourselves => "ourselves",
            Self::TooManyPeers => "too_many_peers",
        }
    }
}

/// With it each datagram and each frame begins.
pub(crate) const MAGIC: [u8; 4] = *b"NXCL";

/// The version of the format of datagrams and frames; peers of another one are refused.
pub const VERSION: u8 = 1;
