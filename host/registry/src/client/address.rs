//! Where the repositories of a registry are.

use oci_client::Reference;

use super::error::RegistryError;
use crate::digest::Digest;

/// A registry's host and port, and the path that repositories lie under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// As it is written.
    pub(super) host: String,
    path: String,
}

impl Address {
    /// Reads what a configuration has: `registry.example:5000/narthex`, without a scheme.
    pub(super) fn parse(url: &str) -> Result<Self, RegistryError> {
        let fault = || {
            RegistryError::Config(format!(
                "{url:?} is not a registry such as registry.example/narthex (without https://)"
            ))
        };
        let (host, path) = url.split_once('/').unwrap_or((url, ""));
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let is_part = |part: &str| {
            part.bytes().all(is_inner) && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        let is_right = !host.is_empty()
            && !host.ends_with(':')
            && host.bytes().all(is_host)
            && (path.is_empty() || path.split('/').all(is_part));
        if !is_right {
            return Err(fault());
        }
        Ok(Self {
            host: host.to_owned(),
            path: path.to_owned(),
        })
    }

    /// The path of a repository.
    fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        }
    }

    /// Host and path of a repository.
    pub(super) fn repository(&self, name: &str) -> String {
        format!("{}/{}", self.host, self.path_of(name))
    }

    /// A tag or digest of a repository.
    pub(super) fn reference(&self, name: &str, tag: &str) -> Reference {
        let (host, path) = (self.host.clone(), self.path_of(name));
        match tag.parse::<Digest>() {
            Ok(digest) => Reference::with_digest(host, path, digest.to_string()),
            Err(_) => Reference::with_tag(host, path, tag.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_lie_below_the_url() {
        for (url, expected) in [
            ("registry.example/narthex", "registry.example/narthex/redis"),
            ("localhost:5000", "localhost:5000/redis"),
            ("localhost:5000/a/b/", "localhost:5000/a/b/redis"),
        ] {
            assert_eq!(Address::parse(url).unwrap().repository("redis"), expected);
        }
        for url in [
            "",
            "/",
            "https://registry.example",
            "a b",
            "a/../b",
            "a//b",
            "a/B",
            "a?x",
            "u@h",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
