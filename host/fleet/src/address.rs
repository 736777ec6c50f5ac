//! Where members are: an address, or a name that leads to several.

use std::fmt;
use std::str::FromStr;

use hickory_resolver::proto::rr::RData;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use narthex_model::with_sources;
use tokio::net::lookup_host;

/// A name may lead to so many members; what goes beyond is left out.
pub(crate) const RESOLVED_MAX: usize = 1_000;

/// Where members are, as `--endpoint` says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `host:port`: one member.
    Plain(String),
    /// `dns+host:port`: a member at each address that the host has.
    Dns(String),
    /// `dnssrv+_service._tcp.domain`: a member at each host and port of the service.
    Srv(String),
    /// `dnssrvnoa+...`: as above, but hosts are resolved when they are connected to.
    SrvWithoutAddresses(String),
}

/// That is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has no port.
    #[error("{0:?} is no address: it must be host:port")]
    Port(String),
    /// It has a scheme.
    #[error("{0:?} is no address: it must be host:port, without a scheme")]
    Scheme(String),
    /// It begins as a way to look up, which is none.
    #[error("{0:?} is no address: names are looked up by dns+, dnssrv+ or dnssrvnoa+")]
    Lookup(String),
    /// There is no name.
    #[error("{0:?} is no address: it has no name")]
    Name(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.contains("://") {
            return Err(AddressError::Scheme(text.to_owned()));
        }
        let (lookup, name) = text.split_once('+').unwrap_or(("", text));
        if name.is_empty() {
            return Err(AddressError::Name(text.to_owned()));
        }
        let with_port = || match name.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(name.to_owned())
            }
            _ => Err(AddressError::Port(text.to_owned())),
        };
        match lookup {
            "" => Ok(Self::Plain(with_port()?)),
            "dns" => Ok(Self::Dns(with_port()?)),
            "dnssrv" => Ok(Self::Srv(name.to_owned())),
            "dnssrvnoa" => Ok(Self::SrvWithoutAddresses(name.to_owned())),
            _ => Err(AddressError::Lookup(text.to_owned())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(address) => f.write_str(address),
            Self::Dns(name) => write!(f, "dns+{name}"),
            Self::Srv(name) => write!(f, "dnssrv+{name}"),
            Self::SrvWithoutAddresses(name) => write!(f, "dnssrvnoa+{name}"),
        }
    }
}

impl Address {
    /// Whether it leads to the same members for ever.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// The members that it leads to now, sorted.
    ///
    /// # Errors
    /// Why it cannot be looked up.
    pub(crate) async fn resolve(&self) -> Result<Vec<String>, String> {
        let mut found = match self {
            Self::Plain(address) => vec![address.clone()],
            Self::Dns(name) => addresses(name).await?,
            Self::Srv(name) => {
                let mut all = Vec::new();
                for host in services(name).await? {
                    all.extend(addresses(&host).await?);
                }
                all
            }
            Self::SrvWithoutAddresses(name) => services(name).await?,
        };
        found.sort_unstable();
        found.dedup();
        found.truncate(RESOLVED_MAX);
        Ok(found)
    }
}

/// The addresses of `host:port`.
async fn addresses(name: &str) -> Result<Vec<String>, String> {
    let found = lookup_host(name).await;
    let found = found.map_err(|error| format!("{name}: {error}"))?;
    Ok(found.map(|address| address.to_string()).collect())
}

/// Each `host:port` of a service.
async fn services(name: &str) -> Result<Vec<String>, String> {
    let said = |error: &dyn std::error::Error| format!("{name}: {}", with_sources(error));
    let resolver = TokioResolver::builder_tokio().and_then(ResolverBuilder::build);
    let resolver = resolver.map_err(|error| said(&error))?;
    let found = resolver.srv_lookup(name).await;
    let found = found.map_err(|error| said(&error))?;
    let hosts = found
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::SRV(service) => {
                let host = service.target.to_string();
                Some(format!("{}:{}", host.trim_end_matches('.'), service.port))
            }
            // Names that lead to the service are answers as well.
            _ => None,
        });
    Ok(hosts.take(RESOLVED_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_thanos_reads_them() {
        let plain = |text: &str| Address::Plain(text.to_owned());
        let cases = [
            ("10.0.0.1:10901", Ok(plain("10.0.0.1:10901"))),
            ("[::1]:10901", Ok(plain("[::1]:10901"))),
            (
                "dns+hosts:10901",
                Ok(Address::Dns("hosts:10901".to_owned())),
            ),
            (
                "dnssrv+_grpc._tcp.hosts",
                Ok(Address::Srv("_grpc._tcp.hosts".to_owned())),
            ),
            (
                "dnssrvnoa+_grpc._tcp.hosts",
                Ok(Address::SrvWithoutAddresses("_grpc._tcp.hosts".to_owned())),
            ),
            ("hosts", Err(AddressError::Port("hosts".to_owned()))),
            ("dns+hosts", Err(AddressError::Port("dns+hosts".to_owned()))),
            (":1", Err(AddressError::Port(":1".to_owned()))),
            (
                "hosts:70000",
                Err(AddressError::Port("hosts:70000".to_owned())),
            ),
            (
                "http://hosts:1",
                Err(AddressError::Scheme("http://hosts:1".to_owned())),
            ),
            ("dnsx+a:1", Err(AddressError::Lookup("dnsx+a:1".to_owned()))),
            ("dnssrv+", Err(AddressError::Name("dnssrv+".to_owned()))),
            ("", Err(AddressError::Name(String::new()))),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Address>(), expected, "{text}");
            if let Ok(address) = expected {
                assert_eq!(address.to_string(), text);
            }
        }
    }

    #[tokio::test]
    async fn a_name_leads_to_its_addresses() {
        let address = Address::Dns("localhost:10901".to_owned());
        let found = address.resolve().await.unwrap();
        assert!(found.contains(&"127.0.0.1:10901".to_owned()), "{found:?}");
        let address = Address::Dns("no-such-host.invalid:1".to_owned());
        assert!(
            address
                .resolve()
                .await
                .unwrap_err()
                .contains("no-such-host.invalid")
        );
    }
}
