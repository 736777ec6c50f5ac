//! URLs of `http` and `https`, as far as a prober needs them.

use crate::address::split;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) is_secure: bool,
    /// An IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// With the query.
    pub(crate) path: String,
}

impl Url {
    /// The URL of a target: one itself, or a host, with or without a port, and the job's scheme
    /// and path.
    pub(crate) fn of_target(target: &str, is_secure: bool, path: &str) -> Option<Self> {
        match target.contains("://") {
            true => Self::parse(target),
            false => Self::build(target, is_secure, path),
        }
    }

    /// Reads an absolute URL. None: it is none of `http` or `https`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let rest = rest.split('#').next()?;
        let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let address = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
        Self::build(address, is_secure, path)
    }

    fn build(address: &str, is_secure: bool, path: &str) -> Option<Self> {
        let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
        let (host, port) = match bare {
            Some(host) => (host, 0),
            None => split(address).ok()?,
        };
        let is_plain = |c: char| c.is_ascii_graphic();
        if host.is_empty() || !path.chars().chain(host.chars()).all(is_plain) {
            return None;
        }
        let port = match (port, is_secure) {
            (0, false) => 80,
            (0, true) => 443,
            (port, _) => port,
        };
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(Self {
            is_secure,
            host: host.to_owned(),
            port,
            path: format!("{slash}{path}"),
        })
    }

    /// Where a reference leads from here.
    pub(crate) fn join(&self, reference: &str) -> Option<Self> {
        let reference = reference.split('#').next()?;
        if reference.contains("://") {
            return Self::parse(reference);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            let scheme = if self.is_secure { "https" } else { "http" };
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let own = self.path.split('?').next()?;
        let path = match reference.chars().next() {
            None => self.path.clone(),
            Some('/') => reference.to_owned(),
            Some('?') => format!("{own}{reference}"),
            Some(_) => {
                let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{reference}")
            }
        };
        let is_plain = path.chars().all(|c| c.is_ascii_graphic());
        is_plain.then(|| Self {
            path,
            ..self.clone()
        })
    }

    /// What the header `Host` says.
    pub(crate) fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.is_secure, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_become_urls() {
        for (target, expected) in [
            ("web", Some("https://web/up")),
            ("web:0", Some("https://web/up")),
            ("web:8443", Some("https://web:8443/up")),
            ("[::1]:80", Some("https://[::1]:80/up")),
            ("http://web", Some("http://web/")),
            ("http://[::1]/", Some("http://[::1]/")),
            ("HTTP://u:p@web:81/a?b=c#d", Some("http://web:81/a?b=c")),
            ("http://web?q", Some("http://web/?q")),
            ("ftp://web", None),
            ("http://", None),
            ("http://web/a b", None),
            ("http://web/a\r\nX: y", None),
        ] {
            let url = Url::of_target(target, true, "/up").map(|url| url.to_string());
            assert_eq!(url.as_deref(), expected, "{target}");
        }
    }

    #[test]
    fn redirects_lead_on_from_where_they_stand() {
        let url = Url::parse("https://web:8443/a/b?c").unwrap();
        for (reference, expected) in [
            ("http://other/x", "http://other/x"),
            ("//other/x", "https://other/x"),
            ("/x?y#z", "https://web:8443/x?y"),
            ("x", "https://web:8443/a/x"),
            ("?d", "https://web:8443/a/b?d"),
            ("", "https://web:8443/a/b?c"),
        ] {
            let joined = url.join(reference).map(|url| url.to_string());
            assert_eq!(joined.as_deref(), Some(expected), "{reference}");
        }
        assert_eq!(url.join("gopher://x"), None);
    }
}
