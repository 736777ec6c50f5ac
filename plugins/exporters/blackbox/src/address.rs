//! The address that is probed: looked up, or the one that a connection has led to.

use std::net::IpAddr;
use std::time::Duration;

use narthex_sdk::{Batch, Error, clock, names};

use crate::config::Protocol;
use crate::failure::Failure;

/// Which version of IP is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preference {
    pub(crate) protocol: Protocol,
    /// Whether the other version will do.
    pub(crate) fallback: bool,
}

impl Preference {
    fn is_met(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self.protocol == Protocol::Ip4)
    }
}

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Address {
    lookup: Duration,
    ip: Option<IpAddr>,
}

impl Address {
    /// Looks a host up and says how long it took. The first address found for a probe is the one
    /// that is reported.
    pub(crate) fn find(&mut self, host: &str, preference: Preference) -> Result<Duration, Failure> {
        let start = clock::monotonic();
        let found = match host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => names::resolve(host),
        };
        let taken = clock::monotonic().saturating_sub(start);
        let is_first = self.ip.is_none();
        if is_first {
            self.lookup = taken;
        }
        let found = found?;
        let wanted = found.iter().find(|address| preference.is_met(**address));
        let fallback = found.first().filter(|_| preference.fallback);
        let Some(chosen) = wanted.or(fallback) else {
            let text = format!("{host} has no address of {:?}", preference.protocol);
            return Err(Failure::Check(text));
        };
        if is_first {
            self.ip = Some(*chosen);
        }
        Ok(taken)
    }

    /// Takes over the address that was connected to.
    pub(crate) fn connected(&mut self, peer: &str, preference: Preference) -> Result<(), Failure> {
        let address: IpAddr = peer
            .parse()
            .map_err(|_| Error::Internal(format!("{peer:?} is no address")))?;
        self.ip = Some(address);
        match preference.fallback || preference.is_met(address) {
            true => Ok(()),
            false => {
                let wanted = preference.protocol;
                let text = format!("the connection leads to {address}, not to one of {wanted:?}");
                Err(Failure::Check(text))
            }
        }
    }

    /// Writes what every probe has.
    pub(crate) fn write(&self, batch: &mut Batch) {
        let version = match self.ip {
            Some(IpAddr::V4(_)) => 4.0,
            Some(IpAddr::V6(_)) => 6.0,
            None => 0.0,
        };
        for (name, help, value) in [
            (
                "probe_dns_lookup_time_seconds",
                "How long it took to look the host up.",
                self.lookup.as_secs_f64(),
            ),
            ("probe_ip_protocol", "The version of IP: 4 or 6.", version),
            (
                "probe_ip_addr_hash",
                "A hash of the address: it changes when the address does.",
                self.ip.map_or(0.0, |address| f64::from(hash(address))),
            ),
        ] {
            batch.gauge(name, help).sample(&[], value);
        }
    }
}

/// FNV-1a of the address' bytes, as blackbox_exporter has it.
fn hash(address: IpAddr) -> u32 {
    let of = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        })
    };
    match address {
        IpAddr::V4(address) => of(&address.octets()),
        IpAddr::V6(address) => of(&address.octets()),
    }
}

/// The host and the port of a target: no port is 0, as the manifest sets it.
pub(crate) fn split(target: &str) -> Result<(&str, u16), Error> {
    match narthex_sdk::host_and_port(target) {
        Ok(split) => Ok(split),
        Err(error) if target.contains(['/', ']']) || target.is_empty() => Err(error),
        Err(error) => match target.contains(':') && target.parse::<IpAddr>().is_err() {
            true => Err(error),
            false => Ok((target, 0)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_blackbox_exporters() {
        // As its release 0.23 reports it.
        assert_eq!(hash("127.0.0.1".parse().unwrap()), 3_668_918_509);
    }

    #[test]
    fn targets_with_and_without_ports() {
        for (target, expected) in [
            ("a:1", Some(("a", 1))),
            ("a", Some(("a", 0))),
            ("::1", Some(("::1", 0))),
            ("[::1]:7", Some(("::1", 7))),
            ("a:b", None),
            ("http://a/b", None),
            ("", None),
        ] {
            assert_eq!(split(target).ok(), expected, "{target}");
        }
    }
}
