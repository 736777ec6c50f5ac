//! What a plugin asks for, and what an operator grants: the same lists.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::endpoint::{EndpointPattern, HostPattern};
use crate::template;

/// What can be asked for and granted. In a manifest, entries of the network, of `secrets` and of
/// `tls` may have `${config.NAME}` in them, which stands for what the job's `plugin_config` has
/// there; what the operator wrote there, or as the target, is granted without a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantList {
    /// Files, and folders with everything below, by absolute path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Folders on whose file systems, and on those below, it may ask for the room, but not for
    /// what they hold. Granted `files` are among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_systems: Vec<String>,
    /// `host:port` to connect to. Either part may be `*`, the host may begin with `*.`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<String>,
    /// `host:port` for HTTP requests, in the same form; in the configuration also URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// `host:port` for datagrams, in the same form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub udp: Vec<String>,
    /// Hosts for echo requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub icmp: Vec<String>,
    /// Hosts whose addresses may be asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Names in the operator's `plugins.secrets`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Names in the operator's `plugins.tls`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<String>,
    /// Kinds of Kubernetes objects: `v1/Pod`, `apps/v1/Deployment`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kubernetes: Vec<String>,
    /// Blobs that outlive the instance.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub state: bool,
}

impl GrantList {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether each entry is what it should be. `is_request`: templates of the configuration are
    /// allowed.
    ///
    /// # Errors
    /// Which entry is not.
    pub fn check(&self, is_request: bool) -> Result<(), String> {
        let templates = [&self.tcp, &self.http, &self.udp, &self.icmp, &self.names];
        let names = [&self.secrets, &self.tls];
        for text in templates.into_iter().chain(names).flatten() {
            if template::names_config(text) {
                if !is_request {
                    return Err(format!(
                        "{text:?}: only a manifest has templates of the config"
                    ));
                }
                template::check(text)?;
            }
        }
        let is_literal = |text: &&String| !template::names_config(text);
        let endpoints = self.tcp.iter().chain(&self.http).chain(&self.udp);
        for pattern in endpoints.filter(is_literal) {
            EndpointPattern::parse(pattern)?;
        }
        for pattern in self.icmp.iter().chain(&self.names).filter(is_literal) {
            HostPattern::parse(pattern)?;
        }
        for path in self.files.iter().chain(&self.file_systems) {
            if !path.starts_with('/') {
                return Err(format!("file {path:?} is not an absolute path"));
            }
        }
        for kind in &self.kubernetes {
            if !is_kind(kind) {
                return Err(format!(
                    "kubernetes {kind:?} is not a version and a kind such as v1/Pod or \
                     apps/v1/Deployment"
                ));
            }
        }
        Ok(())
    }

    /// What of this list the other one does not have: what a new version asks for beyond an old.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let endpoints = |own: &[String], others: &[String]| {
            missing(own, others, |a, b| {
                let [a, b] = [a, b].map(EndpointPattern::parse);
                matches!((a, b), (Ok(a), Ok(b)) if a.includes(&b))
            })
        };
        let hosts = |own: &[String], others: &[String]| {
            missing(own, others, |a, b| {
                let [a, b] = [a, b].map(HostPattern::parse);
                matches!((a, b), (Ok(a), Ok(b)) if a.includes(&b))
            })
        };
        let paths = |own: &[String], others: &[String]| {
            missing(own, others, |a, b| {
                Path::new(b).starts_with(a) && !b.contains("..")
            })
        };
        let words = |own: &[String], others: &[String]| missing(own, others, |_, _| false);
        let mut rooms = other.file_systems.clone();
        rooms.extend_from_slice(&other.files);
        Self {
            files: paths(&self.files, &other.files),
            file_systems: paths(&self.file_systems, &rooms),
            tcp: endpoints(&self.tcp, &other.tcp),
            http: endpoints(&self.http, &other.http),
            udp: endpoints(&self.udp, &other.udp),
            icmp: hosts(&self.icmp, &other.icmp),
            names: hosts(&self.names, &other.names),
            secrets: words(&self.secrets, &other.secrets),
            tls: words(&self.tls, &other.tls),
            kubernetes: words(&self.kubernetes, &other.kubernetes),
            state: self.state && !other.state,
        }
    }
}

impl std::fmt::Display for GrantList {
    /// One line: `tcp a:1, b:2; state`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lists = [
            ("tcp", &self.tcp),
            ("http", &self.http),
            ("udp", &self.udp),
            ("icmp", &self.icmp),
            ("names", &self.names),
            ("files", &self.files),
            ("file_systems", &self.file_systems),
            ("secrets", &self.secrets),
            ("tls", &self.tls),
            ("kubernetes", &self.kubernetes),
        ];
        let lists = lists.iter().filter(|(_, list)| !list.is_empty());
        let mut parts: Vec<String> = lists
            .map(|(name, list)| format!("{name} {}", list.join(", ")))
            .collect();
        if self.state {
            parts.push("state".to_owned());
        }
        match parts.is_empty() {
            true => f.write_str("nothing"),
            false => f.write_str(&parts.join("; ")),
        }
    }
}

/// What of the own entries none of the others is, or includes.
fn missing(
    own: &[String],
    others: &[String],
    includes: impl Fn(&str, &str) -> bool,
) -> Vec<String> {
    let is_new = |entry: &&String| {
        !others
            .iter()
            .any(|other| other == *entry || includes(other, entry))
    };
    own.iter().filter(is_new).cloned().collect()
}

/// `v1/Pod` or `apps/v1/Deployment`.
fn is_kind(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let is_word = |part: &&str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    };
    matches!(parts.len(), 2 | 3) && parts.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> GrantList {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_a_new_version_asks_for_beyond_the_old() {
        let old = list(
            r#"tcp = ["${target.host}:*", "db:1"]
            http = ["*.example:443"]
            files = ["/proc"]
            names = ["*"]
            kubernetes = ["v1/Pod"]"#,
        );
        let new = list(
            r#"tcp = ["${target.host}:${target.port}", "db:1", "db:2"]
            http = ["a.example:443", "a.example:80"]
            files = ["/proc/net", "/process", "/proc/../etc"]
            names = ["a"]
            icmp = ["${config.host}"]
            kubernetes = ["v1/Pod", "v1/Secret"]
            state = true"#,
        );
        let beyond = new.beyond(&old);
        assert_eq!(
            beyond.to_string(),
            "tcp db:2; http a.example:80; icmp ${config.host}; files /process, /proc/../etc; \
             kubernetes v1/Secret; state"
        );
        assert!(new.beyond(&new).is_empty());
        assert_eq!(GrantList::default().to_string(), "nothing");
    }

    #[test]
    fn entries_that_are_none_are_named() {
        for (text, part) in [
            (r#"tcp = ["a"]"#, "\"a\" is not host:port"),
            (r#"udp = ["${config.a"]"#, "has no `}`"),
            (r#"icmp = ["a:1"]"#, "\"a:1\" is not a name"),
            (
                r#"files = ["proc"]"#,
                "file \"proc\" is not an absolute path",
            ),
            (r#"kubernetes = ["Pod"]"#, "kubernetes \"Pod\""),
            (r#"kubernetes = ["v1/"]"#, "kubernetes \"v1/\""),
        ] {
            let error = list(text).check(true).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let templates = list(r#"http = ["${config.url}"]"#);
        templates.check(true).unwrap();
        assert!(
            templates
                .check(false)
                .unwrap_err()
                .contains("only a manifest")
        );
    }
}
