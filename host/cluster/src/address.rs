//! Where peers are, and where this one says that it is.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{UdpSocket, lookup_host};

use crate::gossip::PEERS_MAX;

/// An address of a network that is for documents only (RFC 5737). The machine's own address on the
/// way there is that of its default route; nothing is sent.
const ELSEWHERE: &str = "192.0.2.1:9";

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is not of the form host:port.
    #[error("{0:?} is not of the form host:port")]
    Form(String),
    /// Its name leads nowhere.
    #[error("{name:?} cannot be resolved")]
    Unknown {
        /// The name.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// Others cannot reach it.
    #[error("{0} cannot be advertised: others must be able to reach it")]
    Unreachable(SocketAddr),
    /// The machine has none that is certainly meant.
    #[error(
        "no private address was found; set --cluster.advertise-address, or allow a public one with \
         --cluster.allow-insecure-public-advertise-address-discovery"
    )]
    NoPrivate,
}

/// Checks the form of an address; a host may be missing only where `may_lack_host`.
pub(crate) fn check(address: &str, may_lack_host: bool) -> Result<(), AddressError> {
    let form = || AddressError::Form(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(form)?;
    let is_bare_v6 = host.contains(':') && !host.starts_with('[');
    let is_sound =
        port.parse::<u16>().is_ok() && !is_bare_v6 && (may_lack_host || !host.is_empty());
    if is_sound { Ok(()) } else { Err(form()) }
}

/// All addresses of peers, by the names that they have now. Names that lead nowhere come back with
/// why not.
pub(crate) async fn resolve(peers: &[String]) -> (BTreeSet<SocketAddr>, Vec<AddressError>) {
    let (mut addresses, mut faults) = (BTreeSet::new(), Vec::new());
    for name in peers {
        match lookup_host(name).await {
            Ok(found) => {
                let room = PEERS_MAX - addresses.len().min(PEERS_MAX);
                addresses.extend(found.take(room));
            }
            Err(source) => faults.push(AddressError::Unknown {
                name: name.clone(),
                source,
            }),
        }
    }
    (addresses, faults)
}

/// Where others reach this peer: where it was told to say so, else where it listens, and where that
/// is everywhere, the address that it has on the way to its first peer.
pub(crate) async fn advertised(
    told: Option<&str>,
    bound: SocketAddr,
    peers: &[String],
    may_be_public: bool,
) -> Result<SocketAddr, AddressError> {
    if let Some(name) = told {
        check(name, false)?;
        let found = lookup_host(name).await.and_then(|mut found| {
            let missing = || io::Error::from(io::ErrorKind::NotFound);
            found.next().ok_or_else(missing)
        });
        let address = found.map_err(|source| AddressError::Unknown {
            name: name.to_owned(),
            source,
        })?;
        let is_reachable = !address.ip().is_unspecified() && address.port() != 0;
        return match is_reachable {
            true => Ok(address),
            false => Err(AddressError::Unreachable(address)),
        };
    }
    if !bound.ip().is_unspecified() {
        return Ok(bound);
    }
    let (peers, _) = resolve(peers).await;
    let elsewhere = ELSEWHERE.parse().ok();
    for target in peers.into_iter().chain(elsewhere) {
        if let Ok(ip) = own_address(target).await
            && (may_be_public || is_private(ip))
        {
            return Ok(SocketAddr::new(ip, bound.port()));
        }
    }
    Err(AddressError::NoPrivate)
}

/// The machine's own address on the way to another. A UDP socket that is connected sends nothing.
async fn own_address(target: SocketAddr) -> io::Result<IpAddr> {
    let from = match target {
        SocketAddr::V4(_) => "0.0.0.0:0",
        SocketAddr::V6(_) => "[::]:0",
    };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(target).await?;
    Ok(socket.local_addr()?.ip())
}

/// Whether an address is of a network of one's own (RFC 1918, 4193, 6598) or of this machine.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            ip.is_private() || ip.is_loopback() || is_shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["a:1", "10.0.0.1:9094", "[::1]:9094", "peer.svc.:65535"] {
            check(good, false).unwrap();
        }
        for bad in ["", "a", ":9094", "a:b", "a:65536", "::1", "fe80::1:9094"] {
            assert!(check(bad, false).is_err(), "{bad}");
        }
        check(":9094", true).unwrap();
    }

    #[test]
    fn networks_of_ones_own_are_told_from_public_ones() {
        for ip in [
            "10.1.2.3",
            "192.168.0.1",
            "172.31.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "fd00::1",
        ] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1"] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn what_is_advertised_can_be_reached() {
        let everywhere: SocketAddr = "0.0.0.0:9094".parse().unwrap();
        let bound: SocketAddr = "127.0.0.1:9094".parse().unwrap();
        let peer = ["127.0.0.1:1".to_owned()];
        let found = advertised(None, everywhere, &peer, false).await.unwrap();
        assert_eq!(found, bound);
        assert_eq!(advertised(None, bound, &[], false).await.unwrap(), bound);
        let told = advertised(Some("10.0.0.9:1"), everywhere, &[], false).await;
        assert_eq!(told.unwrap().to_string(), "10.0.0.9:1");
        for told in ["0.0.0.0:1", "10.0.0.9:0", "10.0.0.9"] {
            let refused = advertised(Some(told), everywhere, &[], false).await;
            assert!(refused.is_err(), "{told}");
        }
    }

    #[tokio::test]
    async fn names_that_lead_nowhere_are_told() {
        let peers = ["127.0.0.1:1", "nobody.invalid:1", "127.0.0.1:1"].map(str::to_owned);
        let (found, faults) = resolve(&peers).await;
        assert_eq!(found.len(), 1);
        assert!(faults[0].to_string().contains("nobody.invalid"));
    }
}
