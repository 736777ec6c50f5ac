//! Patterns of hosts, and of hosts with ports: what a grant says.

use std::net::IpAddr;

use super::{Endpoint, is_host, parse_ip};

/// What a grant says about a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(Host);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Any,
    Target,
    /// With its leading dot.
    Below(String),
    Exactly(String),
}

/// What a grant says about where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPattern {
    host: HostPattern,
    port: PortPattern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortPattern {
    Any,
    Target,
    Exactly(u16),
}

impl HostPattern {
    /// Reads a name, an address, `*`, `*.name` or `${target.host}`.
    ///
    /// # Errors
    /// It is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern = Self::read(text, true);
        pattern.ok_or_else(|| {
            format!("{text:?} is not a name, an address, `*`, `*.name` or ${{target.host}}")
        })
    }

    /// `is_bare`: an IPv6 address may stand without brackets.
    fn read(text: &str, is_bare: bool) -> Option<Self> {
        if is_bare && let Some(address) = parse_ip(text) {
            return Some(Self(Host::Exactly(address.to_string())));
        }
        let host = match text {
            "${target.host}" => Host::Target,
            "*" => Host::Any,
            "" => return None,
            _ if text.contains(['$', '/']) || !is_host(text) => return None,
            _ => match text.strip_prefix('*') {
                Some(below) if below.starts_with('.') => Host::Below(below.to_ascii_lowercase()),
                Some(_) => return None,
                None => {
                    let bare = text.trim_start_matches('[').trim_end_matches(']');
                    Host::Exactly(bare.to_owned())
                }
            },
        };
        Some(Self(host))
    }

    /// Whether it is the target's own host.
    pub fn names_target(&self) -> bool {
        self.0 == Host::Target
    }

    /// The address that is written out in it.
    pub fn literal_address(&self) -> Option<IpAddr> {
        match &self.0 {
            Host::Exactly(host) => parse_ip(host),
            _ => None,
        }
    }

    /// Whether it covers a host, while `target` is being read.
    pub fn covers(&self, host: &str, target: Option<&Endpoint>) -> bool {
        match &self.0 {
            Host::Any => true,
            Host::Target => target.is_some_and(|t| is_same_host(&t.host, host)),
            Host::Below(suffix) => {
                let host = host.to_ascii_lowercase();
                host.len() > suffix.len() && host.ends_with(suffix)
            }
            Host::Exactly(own) => is_same_host(own, host),
        }
    }

    /// Whether all that the other covers is covered by this one too.
    pub fn includes(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Host::Any, _) => true,
            (_, Host::Exactly(host)) => self.covers(host, None),
            (Host::Below(own), Host::Below(other)) => other.ends_with(own.as_str()),
            (own, other) => own == other,
        }
    }
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
        let host = HostPattern::read(host, false).ok_or_else(fault)?;
        let port = match port {
            "${target.port}" => PortPattern::Target,
            "*" => PortPattern::Any,
            _ => PortPattern::Exactly(port.parse().map_err(|_| fault())?),
        };
        Ok(Self { host, port })
    }

    /// Whether it is the target's own host that the pattern names.
    pub fn names_target(&self) -> bool {
        self.host.names_target()
    }

    /// The address that is written out in it.
    pub fn literal_address(&self) -> Option<IpAddr> {
        self.host.literal_address()
    }

    /// Whether the pattern covers an endpoint, while `target` is being read.
    pub fn covers(&self, endpoint: &Endpoint, target: Option<&Endpoint>) -> bool {
        let port = match self.port {
            PortPattern::Any => true,
            PortPattern::Target => target.is_some_and(|target| target.port == endpoint.port),
            PortPattern::Exactly(port) => port == endpoint.port,
        };
        port && self.host.covers(&endpoint.host, target)
    }

    /// Whether all that the other covers is covered by this one too.
    pub fn includes(&self, other: &Self) -> bool {
        let port = self.port == PortPattern::Any || self.port == other.port;
        port && self.host.includes(&other.host)
    }
}

impl From<&Endpoint> for EndpointPattern {
    /// The pattern of this endpoint alone.
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            host: HostPattern(Host::Exactly(endpoint.host.clone())),
            port: PortPattern::Exactly(endpoint.port),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text, None).unwrap()
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
            ("127.0.0.1:80", "2130706433:80", true),
            ("127.0.0.1:80", "0177.1:80", true),
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
    fn one_pattern_includes_another() {
        for (wide, narrow, expected) in [
            ("*:*", "a:1", true),
            ("*:*", "${target.host}:${target.port}", true),
            ("*:443", "*.example:443", true),
            ("*.example:*", "*.a.example:1", true),
            ("*.a.example:1", "*.example:1", false),
            ("a:1", "a:1", true),
            ("a:1", "A:1", true),
            ("a:1", "a:*", false),
            ("a:1", "*:1", false),
            ("${target.host}:*", "${target.host}:1", true),
            ("a:1", "${target.host}:1", false),
        ] {
            let [wide_pattern, narrow_pattern] =
                [wide, narrow].map(|text| EndpointPattern::parse(text).unwrap());
            let answer = wide_pattern.includes(&narrow_pattern);
            assert_eq!(answer, expected, "{wide} {narrow}");
        }
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
            "/run/x:1",
        ] {
            assert!(EndpointPattern::parse(text).is_err(), "{text}");
        }
        for text in ["", "*a", "${config.x}", "a:80", "/run/x"] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
        let literal = HostPattern::parse("::1").unwrap();
        assert!(literal.covers("::1", None));
        assert_eq!(literal.literal_address(), parse_ip("::1"));
        let mapped = EndpointPattern::parse("[::ffff:127.0.0.1]:1").unwrap();
        assert_eq!(mapped.literal_address(), parse_ip("127.0.0.1"));
    }
}
