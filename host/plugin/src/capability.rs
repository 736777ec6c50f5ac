//! What one plugin may reach: its manifest's request, the operator's grant, and the rule that a
//! target's own host needs no grant.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use crate::config::Grant;
use narthex_registry::GrantList;
use narthex_registry::{Endpoint, EndpointPattern, is_link_local, parse_ip};

/// A refusal: which capability, and what to write where it is not meant to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) capability: &'static str,
    pub(crate) message: String,
}

/// A kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Tcp,
    Http,
}

impl Network {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }
}

/// The capabilities of one version of a plugin under one configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capabilities {
    plugin: String,
    requested: Patterns,
    allowed: Patterns,
}

#[derive(Debug, Clone, Default)]
struct Patterns {
    files: Vec<PathBuf>,
    tcp: Vec<EndpointPattern>,
    http: Vec<EndpointPattern>,
}

impl Patterns {
    fn parse(list: &GrantList) -> Result<Self, String> {
        let endpoints = |texts: &[String]| {
            let patterns = texts.iter().map(|text| EndpointPattern::parse(text));
            patterns.collect::<Result<Vec<_>, _>>()
        };
        for path in &list.files {
            if !path.starts_with('/') {
                return Err(format!("file {path:?} is not an absolute path"));
            }
        }
        Ok(Self {
            files: list.files.iter().map(PathBuf::from).collect(),
            tcp: endpoints(&list.tcp)?,
            http: endpoints(&list.http)?,
        })
    }

    fn network(&self, network: Network) -> &[EndpointPattern] {
        match network {
            Network::Tcp => &self.tcp,
            Network::Http => &self.http,
        }
    }
}

impl Capabilities {
    /// Puts request and grant together. `is_own` is a plugin that the binary carries: without a
    /// grant it has what it asks for.
    pub(crate) fn new(
        plugin: &str,
        request: &GrantList,
        grant: Option<&Grant>,
        is_own: bool,
    ) -> Result<Self, String> {
        let fault = |text| format!("plugins.grants.{plugin}: {text}");
        let requested = Patterns::parse(request)?;
        let mut allowed = match grant {
            Some(Grant::AsRequested) => requested.clone(),
            Some(Grant::Exactly(list)) => Patterns::parse(list).map_err(fault)?,
            None if is_own => requested.clone(),
            None => Patterns::default(),
        };
        for (all, asked) in [
            (&mut allowed.tcp, &requested.tcp),
            (&mut allowed.http, &requested.http),
        ] {
            all.extend(asked.iter().filter(|p| p.names_target()).cloned());
        }
        Ok(Self {
            plugin: plugin.to_owned(),
            requested,
            allowed,
        })
    }

    /// Whether the plugin may connect there while `target` is being read.
    pub(crate) fn endpoint(
        &self,
        network: Network,
        endpoint: &Endpoint,
        target: Option<&Endpoint>,
    ) -> Result<(), Denied> {
        let name = network.name();
        let patterns = self.allowed.network(network);
        if !patterns.iter().any(|p| p.covers(endpoint, target)) {
            let requested = self.requested.network(network);
            let is_requested = requested.iter().any(|p| p.covers(endpoint, target));
            return Err(self.denied(name, &endpoint.to_string(), is_requested));
        }
        match parse_ip(&endpoint.host) {
            Some(address) => self.address(network, address),
            None => Ok(()),
        }
    }

    /// Whether the plugin may connect to an address that a granted name led to, or that was
    /// granted itself.
    pub(crate) fn address(&self, network: Network, address: IpAddr) -> Result<(), Denied> {
        let patterns = self.allowed.network(network);
        if !is_link_local(address) || patterns.iter().any(|p| p.names_literally(address)) {
            return Ok(());
        }
        let (name, plugin) = (network.name(), &self.plugin);
        Err(Denied {
            capability: name,
            message: format!(
                "{address} is link-local, where machines keep their metadata: plugin {plugin} \
                 may go there only with that very address in plugins.grants.{plugin}.{name}"
            ),
        })
    }

    /// Whether a path, as it is written, lies below one that is granted.
    pub(crate) fn lexical_file(&self, path: &Path) -> Result<(), Denied> {
        let is_plain = !path.components().any(|part| part == Component::ParentDir);
        let below = |roots: &[PathBuf]| is_plain && roots.iter().any(|r| path.starts_with(r));
        if path.is_absolute() && below(&self.allowed.files) {
            return Ok(());
        }
        Err(self.denied(
            "files",
            &path.display().to_string(),
            below(&self.requested.files),
        ))
    }

    /// The granted paths, for a comparison without symbolic links.
    pub(crate) fn file_roots(&self) -> &[PathBuf] {
        &self.allowed.files
    }

    /// The refusal of one thing.
    pub(crate) fn denied(
        &self,
        capability: &'static str,
        what: &str,
        is_requested: bool,
    ) -> Denied {
        let plugin = &self.plugin;
        let advice = match is_requested {
            true => format!(
                "its manifest asks for it; to grant that, write \
                 `plugins: {{grants: {{{plugin}: as-requested}}}}`"
            ),
            false => format!(
                "its manifest does not ask for it; to grant it, add {what:?} to \
                 plugins.grants.{plugin}.{capability}"
            ),
        };
        Denied {
            capability,
            message: format!("{capability} {what} is not granted to plugin {plugin}: {advice}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> GrantList {
        GrantList {
            files: vec!["/proc/net".to_owned()],
            tcp: vec![
                "${target.host}:${target.port}".to_owned(),
                "db:1".to_owned(),
            ],
            http: vec!["169.254.169.254:80".to_owned()],
        }
    }

    fn capabilities(grant: Option<Grant>, is_own: bool) -> Capabilities {
        Capabilities::new("x", &request(), grant.as_ref(), is_own).unwrap()
    }

    fn tcp(capabilities: &Capabilities, address: &str) -> Result<(), String> {
        let target = Endpoint::parse("redis:6379", None);
        let endpoint = Endpoint::parse(address, None).unwrap();
        capabilities
            .endpoint(Network::Tcp, &endpoint, target.as_ref())
            .map_err(|denied| denied.message)
    }

    #[test]
    fn without_a_grant_only_the_target_is_reached() {
        let folder = capabilities(None, false);
        assert_eq!(tcp(&folder, "redis:6379"), Ok(()));
        let message = tcp(&folder, "db:1").unwrap_err();
        assert!(message.contains("{grants: {x: as-requested}}"), "{message}");
        let message = tcp(&folder, "other:1").unwrap_err();
        assert!(
            message.contains("add \"other:1\" to plugins.grants.x.tcp"),
            "{message}"
        );
        assert!(folder.lexical_file(Path::new("/proc/net/dev")).is_err());
    }

    #[test]
    fn own_plugins_and_granted_ones_have_what_they_ask_for() {
        for all in [
            capabilities(None, true),
            capabilities(Some(Grant::AsRequested), false),
        ] {
            assert_eq!(tcp(&all, "redis:6379"), Ok(()));
            assert_eq!(tcp(&all, "db:1"), Ok(()));
            assert!(tcp(&all, "db:2").is_err());
            assert!(all.lexical_file(Path::new("/proc/net/dev")).is_ok());
            for other in [
                "/proc/network",
                "/proc",
                "proc/net/dev",
                "/proc/net/../1/environ",
            ] {
                assert!(all.lexical_file(Path::new(other)).is_err(), "{other}");
            }
        }
    }

    #[test]
    fn an_exact_grant_is_exact() {
        let grant = Grant::Exactly(GrantList {
            tcp: vec!["cache:7".to_owned()],
            ..GrantList::default()
        });
        let exact = capabilities(Some(grant), true);
        assert_eq!(tcp(&exact, "redis:6379"), Ok(()));
        assert_eq!(tcp(&exact, "cache:7"), Ok(()));
        assert!(tcp(&exact, "db:1").is_err());
        assert!(exact.lexical_file(Path::new("/proc/net/dev")).is_err());
    }

    #[test]
    fn link_local_addresses_are_granted_literally_or_not_at_all() {
        let own = capabilities(None, true);
        let metadata: IpAddr = "169.254.169.254".parse().unwrap();
        assert!(own.address(Network::Http, metadata).is_ok());
        let message = own.address(Network::Tcp, metadata).unwrap_err().message;
        assert!(message.contains("plugins.grants.x.tcp"), "{message}");
        let target = Endpoint::parse("[::ffff:169.254.169.254]:80", None);
        let denied = own.endpoint(Network::Tcp, target.as_ref().unwrap(), target.as_ref());
        assert!(denied.is_err());
    }

    #[test]
    fn a_grant_that_is_none_says_where_it_stands() {
        let grant = Grant::Exactly(GrantList {
            tcp: vec!["nonsense".to_owned()],
            ..GrantList::default()
        });
        let error = Capabilities::new("x", &request(), Some(&grant), false).unwrap_err();
        assert!(
            error.starts_with("plugins.grants.x: \"nonsense\""),
            "{error}"
        );
    }
}
