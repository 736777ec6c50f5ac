//! Hosts and ports: where a target is, and patterns of where a plugin may connect.

mod address;
mod pattern;

pub use address::{is_link_local, parse_ip};
pub use pattern::{EndpointPattern, HostPattern};

/// The longest name of a host, in bytes, as in DNS.
const HOST_BYTES_MAX: usize = 253;

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

    /// Reads a URL of `http` or `https`, or what [`Self::parse`] reads.
    /// None: it is neither.
    pub fn parse_url(text: &str, default_port: Option<u16>) -> Option<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::parse(text, default_port);
        };
        let port = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#', '\\']).next()?;
        let address = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
        Self::parse(address, Some(port))
    }
}

/// Whether it is the part before a port: a name, an IPv4 address, or brackets.
fn is_host(text: &str) -> bool {
    text.starts_with('[') || !text.contains(':')
}

/// Whether a text can be the name of a host or an address at all: what a resolver is asked for.
/// Paths of sockets, URLs and the like are none.
pub fn is_host_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.:%".contains(c);
    !text.is_empty() && text.len() <= HOST_BYTES_MAX && text.chars().all(is_plain)
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn urls_and_addresses() {
        for (text, expected) in [
            ("http://a.example/x?y#z", Some("a.example:80")),
            ("HTTPS://a.example", Some("a.example:443")),
            (
                "https://user:word@a.example:8443/@b",
                Some("a.example:8443"),
            ),
            ("http://a.example@b.example/", Some("b.example:80")),
            ("http://[::1]:9/", Some("[::1]:9")),
            ("http://a.example\\@b.example/", Some("a.example:80")),
            ("a.example:9", Some("a.example:9")),
            ("a.example", Some("a.example:7")),
            ("ftp://a.example", None),
            ("http://", None),
        ] {
            let read = Endpoint::parse_url(text, Some(7)).map(|e| e.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_a_resolver_is_never_asked_for() {
        for (text, expected) in [
            ("a-b.example", true),
            ("_srv.example", true),
            ("fe80::1%eth0", true),
            ("münchen.example", true),
            ("/var/run/docker.sock", false),
            ("unix:/run/x", false),
            ("a b", false),
            ("a\0b", false),
            ("", false),
            (&"a".repeat(254), false),
        ] {
            assert_eq!(is_host_name(text), expected, "{text:?}");
        }
    }
}
