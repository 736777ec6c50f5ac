//! `narthex:plugin/icmp`: echo requests, over the datagram sockets that Linux has for everybody
//! whose group is in `net.ipv4.ping_group_range`, else over a raw one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, Protocol, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use wasmtime::Result;

use crate::bindings::plugin::icmp;
use crate::bindings::plugin::types::Error;
use crate::budget::{Interface, Spend};
use crate::capability::Network;
use crate::host::Host;
use crate::imports::reach::unavailable;
use crate::limits::PING_PAYLOAD_BYTES_MAX;

/// The types of messages, by protocol: a request and its reply.
const ECHO_V4: (u8, u8) = (8, 0);
const ECHO_V6: (u8, u8) = (128, 129);

/// The longest header of an IPv4 packet, which raw sockets put before the message.
const IPV4_HEADER_BYTES_MAX: usize = 60;

/// Tells the requests of this process apart.
static NUMBER: AtomicU16 = AtomicU16::new(1);

/// A socket for echo requests.
struct Echo {
    socket: UdpSocket,
    /// Others' replies arrive too, and IPv4 packets whole.
    is_raw: bool,
    address: IpAddr,
}

impl Echo {
    fn open(address: IpAddr) -> io::Result<Self> {
        let (domain, protocol) = match address {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let datagram = socket2::Socket::new(domain, Type::DGRAM, Some(protocol));
        let (socket, is_raw) = match datagram {
            Ok(socket) => (socket, false),
            Err(_) => (
                socket2::Socket::new(domain, Type::RAW, Some(protocol))?,
                true,
            ),
        };
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            is_raw,
            address,
        })
    }

    async fn ping(&self, payload: usize) -> io::Result<()> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let request = self.request(number, payload);
        self.socket
            .connect(SocketAddr::new(self.address, 0))
            .await?;
        self.socket.send(&request).await?;
        let mut buffer = vec![0; IPV4_HEADER_BYTES_MAX + request.len()];
        loop {
            let count = self.socket.recv(&mut buffer).await?;
            let message = self.message(&buffer[..count]);
            if message.is_some_and(|message| self.is_reply(message, &request)) {
                return Ok(());
            }
        }
    }

    fn request(&self, number: u16, payload: usize) -> Vec<u8> {
        let (request, _) = self.types();
        let [high, low] = number.to_be_bytes();
        // Datagram sockets overwrite the identifier with their own.
        let [id_high, id_low] = std::process::id().to_be_bytes()[2..4] else {
            return Vec::new();
        };
        let mut bytes = vec![request, 0, 0, 0, id_high, id_low, high, low];
        bytes.extend((0..payload).map(|at| u8::try_from(at % 256).unwrap_or(0)));
        if self.address.is_ipv4() {
            // For IPv6 the system does it: its checksum covers the addresses.
            let sum = checksum(&bytes).to_be_bytes();
            bytes[2..4].copy_from_slice(&sum);
        }
        bytes
    }

    fn types(&self) -> (u8, u8) {
        match self.address {
            IpAddr::V4(_) => ECHO_V4,
            IpAddr::V6(_) => ECHO_V6,
        }
    }

    /// The message in what was received.
    fn message<'a>(&self, packet: &'a [u8]) -> Option<&'a [u8]> {
        match self.is_raw && self.address.is_ipv4() {
            true => packet.get(usize::from(packet.first()? & 0xf) * 4..),
            false => Some(packet),
        }
    }

    fn is_reply(&self, message: &[u8], request: &[u8]) -> bool {
        let (_, reply) = self.types();
        let has_id = !self.is_raw || message.get(4..6) == request.get(4..6);
        message.first() == Some(&reply) && has_id && message.get(6..8) == request.get(6..8)
    }
}

/// The ones' complement of the ones' complement sum of all 16-bit words.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

impl Host {
    async fn echo(&mut self, host: &str, payload: u16) -> Result<icmp::Reply, Error> {
        let what = format!("ping {host}");
        let addresses = self.reach_host(Network::Icmp, host, &what).await?;
        if payload > PING_PAYLOAD_BYTES_MAX {
            let text = format!("{what}: {payload} bytes; at most {PING_PAYLOAD_BYTES_MAX}");
            return Err(Error::Internal(text));
        }
        self.spend(Spend::Ping)?;
        let Some(address) = addresses.first().copied() else {
            return Err(Error::Unavailable(format!(
                "{what}: the name has no address"
            )));
        };
        let echo = Echo::open(address).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Error::Unavailable(format!(
                "{what}: this system lets the host send no echo requests: put its group into \
                 the sysctl net.ipv4.ping_group_range, or give it the capability CAP_NET_RAW"
            )),
            _ => unavailable(&what, &error),
        })?;
        let start = Instant::now();
        let pinged = timeout_at(self.patience(), echo.ping(payload.into())).await;
        match pinged {
            Ok(Ok(())) => Ok(icmp::Reply {
                address: address.to_string(),
                nanoseconds: u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX),
            }),
            Ok(Err(error)) => Err(unavailable(&what, &error)),
            Err(_) => Err(Error::Timeout),
        }
    }
}

impl icmp::Host for Host {
    async fn ping(
        &mut self,
        host: String,
        payload_bytes: u16,
    ) -> Result<Result<icmp::Reply, Error>> {
        self.enter(Interface::Icmp)?;
        Ok(self.echo(&host, payload_bytes).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_a_message_with_its_checksum_is_zero() {
        for mut message in [
            vec![8, 0, 0, 0, 1, 2, 3, 4],
            vec![8, 0, 0, 0, 0xff, 0xff, 9],
        ] {
            let sum = checksum(&message).to_be_bytes();
            message[2..4].copy_from_slice(&sum);
            assert_eq!(checksum(&message), 0, "{message:?}");
        }
    }

    #[tokio::test]
    async fn the_machine_answers_itself_where_the_system_allows_it() {
        for address in ["127.0.0.1", "::1"] {
            // Some systems have no IPv6, some allow no echo requests: that is an error of its own.
            let Ok(echo) = Echo::open(address.parse().unwrap()) else {
                continue;
            };
            for payload in [0, 56, usize::from(PING_PAYLOAD_BYTES_MAX)] {
                if let Err(error) = echo.ping(payload).await {
                    let unreachable = [
                        io::ErrorKind::AddrNotAvailable,
                        io::ErrorKind::NetworkUnreachable,
                    ];
                    assert!(unreachable.contains(&error.kind()), "{address}: {error}");
                }
            }
        }
    }
}
