//! Who a peer is.

use std::net::SocketAddr;

use foca::Identity;
use narthex_model::Clock;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// A name may be this long; that of a peer of ours has 26 bytes.
const NAME_BYTES_MAX: usize = 64;

/// So much newer is a peer that was declared dead and lives on. It is more than the time that passed
/// where a machine's clock was set back a little, so that few renewals are enough.
const RENEWAL_MS: u64 = 60_000;

/// A peer as the protocol knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerId {
    name: String,
    address: SocketAddr,
    /// When it began, in milliseconds since the Unix epoch; of two peers at one address the newer
    /// one is right.
    generation: u64,
}

impl PeerId {
    /// A peer of this name at an address. `generation` grows with each start.
    pub fn new(name: impl Into<String>, address: SocketAddr, generation: u64) -> Self {
        Self {
            name: name.into(),
            address,
            generation,
        }
    }

    /// One that begins now, with a name by chance (a ULID, as in Alertmanager).
    pub(crate) fn begin(address: SocketAddr, clock: &dyn Clock) -> Self {
        let generation = clock.now_ms().unsigned_abs();
        let name = Ulid::from_parts(generation, rand::rng().random());
        Self::new(name.to_string(), address, generation)
    }

    /// Its name; it is the same as long as the process runs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where others reach it, by UDP and by TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether there can be such a peer.
    pub(crate) fn is_sound(&self) -> bool {
        !self.name.is_empty()
            && self.name.len() <= NAME_BYTES_MAX
            && self.address.port() != 0
            && !self.address.ip().is_unspecified()
    }
}

impl Identity for PeerId {
    type Addr = SocketAddr;

    fn renew(&self) -> Option<Self> {
        Some(Self {
            generation: self.generation.saturating_add(RENEWAL_MS),
            ..self.clone()
        })
    }

    fn addr(&self) -> SocketAddr {
        self.address
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        (self.generation, &self.name) > (adversary.generation, &adversary.name)
    }
}

/// A peer as users see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
}

impl From<&PeerId> for Peer {
    fn from(id: &PeerId) -> Self {
        Self {
            name: id.name.clone(),
            address: id.address,
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::SimulatedClock;

    use super::*;

    #[test]
    fn of_two_peers_at_one_address_the_newer_one_is_right() {
        let address: SocketAddr = "10.0.0.1:9094".parse().unwrap();
        let old = PeerId::begin(address, &SimulatedClock::at(1_000));
        let new = PeerId::begin(address, &SimulatedClock::at(2_000));
        assert!(new.win_addr_conflict(&old) && !old.win_addr_conflict(&new));
        // One whose clock was set back is right after a renewal.
        let renewed = old.renew().unwrap();
        assert!(renewed.win_addr_conflict(&new) && renewed.name() == old.name());
        assert_eq!(old.name().len(), 26);
        assert!(old.is_sound());
    }

    #[test]
    fn names_and_addresses_that_cannot_be_are_not_sound() {
        let sound = "10.0.0.1:9094".parse().unwrap();
        for (name, address) in [
            ("", sound),
            (&"n".repeat(NAME_BYTES_MAX + 1), sound),
            ("n", "0.0.0.0:9094".parse().unwrap()),
            ("n", "10.0.0.1:0".parse().unwrap()),
        ] {
            assert!(
                !PeerId::new(name, address, 1).is_sound(),
                "{name} {address}"
            );
        }
    }
}
