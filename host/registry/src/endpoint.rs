//! Hosts and ports: where a target is, and patterns of where a plugin may connect.

use std::net::{IpAddr, Ipv6Addr};

/// A host (an IPv6 address without brackets) and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name or address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// Reads a target's address, with a port for one that has none.
    /// None: it is not an address.
    pub fn parse(address: &str, default_port: Option<u16>) -> Option<Self> {
        let (host, port) = match address.rsplit_once(':') {
            // An IPv6 address without port has colons, and so has one in brackets.
            Some((host, port)) if !port.ends_with(']') && is_host(host) => {
                (host, port.parse().ok()?)
            }
            _ => (address, default_port?),
        };
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bare.unwrap_or(host).to_owned();
        (!host.is_empty()).then_some(Self { host, port })
    }
}

/// Whether it is the part before a port: a name, an IPv4 address, or brackets.
fn is_host(text: &str) -> bool {
    text.starts_with('[') || !text.contains(':')
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// What a grant says about where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPattern {
    host: HostPattern,
    port: PortPattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    Target,
    /// With its leading dot.
    Below(String),
    Exactly(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PortPattern {
    Any,
    Target,
    Exactly(u16),
}

impl EndpointPattern {
    /// Reads `host:port`.
    ///
    /// # Errors
    /// It is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "{text:?} is not host:port (a name, an address, `*`, `*.name` or \
                 ${{target.host}}; a number, `*` or ${{target.port}})"
            )
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
        let host = match host {
            "${target.host}" => HostPattern::Target,
            "*" => HostPattern::Any,
            _ if host.contains('$') || !is_host(host) || host.is_empty() => return Err(fault()),
            _ => match host.strip_prefix('*') {
                Some(below) if below.starts_with('.') => {
                    HostPattern::Below(below.to_ascii_lowercase())
                }
                Some(_) => return Err(fault()),
                None => {
                    let bare = host.trim_start_matches('[').trim_end_matches(']');
                    HostPattern::Exactly(bare.to_owned())
                }
            },
        };
        let port = match port {
            "${target.port}" => PortPattern::Target,
            "*" => PortPattern::Any,
            _ => PortPattern::Exactly(port.parse().map_err(|_| fault())?),
        };
        Ok(Self { host, port })
    }

    /// Whether it is the target's own host that the pattern names.
    pub fn names_target(&self) -> bool {
        self.host == HostPattern::Target
    }

    /// Whether the pattern has this very address written out.
    pub fn names_literally(&self, address: IpAddr) -> bool {
        match &self.host {
            HostPattern::Exactly(host) => parse_ip(host) == Some(address.to_canonical()),
            _ => false,
        }
    }

    /// Whether the pattern covers an endpoint, while `target` is being read.
    pub fn covers(&self, endpoint: &Endpoint, target: Option<&Endpoint>) -> bool {
        let host = match &self.host {
            HostPattern::Any => true,
            HostPattern::Target => target.is_some_and(|t| is_same_host(&t.host, &endpoint.host)),
            HostPattern::Below(suffix) => {
                let host = endpoint.host.to_ascii_lowercase();
                host.len() > suffix.len() && host.ends_with(suffix)
            }
            HostPattern::Exactly(host) => is_same_host(host, &endpoint.host),
        };
        let port = match self.port {
            PortPattern::Any => true,
            PortPattern::Target => target.is_some_and(|target| target.port == endpoint.port),
            PortPattern::Exactly(port) => port == endpoint.port,
        };
        host && port
    }
}

/// Names are the same whatever their case, addresses whatever their spelling.
fn is_same_host(one: &str, other: &str) -> bool {
    match (parse_ip(one), parse_ip(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

/// An address; an IPv4 one in an IPv6 coat is the IPv4 one.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Amazon's metadata service by IPv6; everyone else's is link-local.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether a machine's metadata service, or anything else that only this machine's link reaches,
/// can be at this address: such an address has to be granted literally.
pub fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6 == METADATA_V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text, None).unwrap()
    }

    #[test]
    fn target_addresses() {
        for (address, host, port) in [
            ("localhost:6380", "localhost", 6380),
            ("localhost", "localhost", 6379),
            ("10.0.0.1", "10.0.0.1", 6379),
            ("[::1]:7", "::1", 7),
            ("[::1]", "::1", 6379),
            ("::1", "::1", 6379),
        ] {
            let read = Endpoint::parse(address, Some(6379)).unwrap();
            assert_eq!((read.host.as_str(), read.port), (host, port), "{address}");
        }
        for address in ["", ":80", "a:b", "a:99999"] {
            assert_eq!(Endpoint::parse(address, Some(1)), None, "{address}");
        }
        assert_eq!(Endpoint::parse("localhost", None), None);
    }

    #[test]
    fn patterns_cover_what_they_say() {
        let target = endpoint("db.example:5432");
        for (pattern, address, covered) in [
            ("${target.host}:${target.port}", "db.example:5432", true),
            ("${target.host}:${target.port}", "DB.example:5432", true),
            ("${target.host}:${target.port}", "db.example:5433", false),
            ("${target.host}:${target.port}", "other:5432", false),
            ("${target.host}:9000", "db.example:9000", true),
            ("api.example:443", "api.example:443", true),
            ("api.example:443", "xapi.example:443", false),
            ("*.example:*", "a.b.example:1", true),
            ("*.example:*", ".example:1", false),
            ("*.example:*", "example:1", false),
            ("*.example:*", "badexample:1", false),
            ("*:80", "anything:80", true),
            ("*:80", "anything:81", false),
            ("127.0.0.1:80", "[::ffff:127.0.0.1]:80", true),
            ("[::1]:80", "[0:0:0:0:0:0:0:1]:80", true),
            ("127.0.0.1:80", "localhost:80", false),
        ] {
            let read = EndpointPattern::parse(pattern).unwrap();
            let answer = read.covers(&endpoint(address), Some(&target));
            assert_eq!(answer, covered, "{pattern} {address}");
        }
        let read = EndpointPattern::parse("${target.host}:1").unwrap();
        assert!(!read.covers(&endpoint("db.example:1"), None));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "a",
            ":80",
            "*a:80",
            "a:b",
            "${config.x}:80",
            "::1:80",
            "a:${port}",
        ] {
            assert!(EndpointPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn metadata_services_are_link_local() {
        for (address, expected) in [
            ("169.254.169.254", true),
            ("::ffff:169.254.169.254", true),
            ("fe80::1", true),
            ("fd00:ec2::254", true),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(
                is_link_local(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
        let literal = EndpointPattern::parse("169.254.169.254:80").unwrap();
        assert!(literal.names_literally("::ffff:169.254.169.254".parse().unwrap()));
    }
}
