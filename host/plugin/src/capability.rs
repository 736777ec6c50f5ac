//! What one plugin may reach: its manifest's request, the operator's grant, and the rule that
//! what the operator wrote as a target or into `plugin_config` needs no grant.

mod patterns;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use narthex_registry::{Endpoint, GrantList, is_link_local, parse_ip};
use serde_json::Value;

use crate::config::Grant;
use patterns::Patterns;

/// A refusal: which capability, and what to write where it is not meant to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) capability: &'static str,
    pub(crate) message: String,
}

/// A way to other machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Tcp,
    Http,
    Udp,
    Icmp,
    Names,
}

impl Network {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Names => "names",
        }
    }
}

/// The capabilities of one version of a plugin under one configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capabilities {
    plugin: String,
    request: GrantList,
    requested: Patterns,
    allowed: Patterns,
    /// What is lent to the job; it is among what is allowed.
    lent: Patterns,
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
            Some(Grant::Exactly(list)) => {
                list.check(false).map_err(fault)?;
                Patterns::parse(list).map_err(fault)?
            }
            None if is_own => requested.clone(),
            None => Patterns::default(),
        };
        allowed.extend(requested.of_target());
        Ok(Self {
            plugin: plugin.to_owned(),
            request: request.clone(),
            requested,
            allowed,
            lent: Patterns::default(),
        })
    }

    /// The same with what a job's `plugin_config` names, as far as the manifest asks for it.
    pub(crate) fn for_job(self: &Arc<Self>, config: &Value) -> Arc<Self> {
        let named = Patterns::of_config(&self.request, config);
        if named.is_empty() {
            return self.clone();
        }
        let mut all = Self::clone(self);
        all.requested.extend(named.clone());
        all.allowed.extend(named);
        Arc::new(all)
    }

    /// The same with what is lent to a job.
    ///
    /// # Errors
    /// What is lent is none of what can be granted.
    pub(crate) fn lending(self: &Arc<Self>, lent: &GrantList) -> Result<Arc<Self>, String> {
        let lent = Patterns::parse(lent)?;
        if lent.is_empty() {
            return Ok(self.clone());
        }
        let mut all = Self::clone(self);
        all.requested.extend(lent.clone());
        all.allowed.extend(lent.clone());
        all.lent = lent;
        Ok(Arc::new(all))
    }

    /// Whether requests to there are the lent client's.
    pub(crate) fn is_lent(&self, endpoint: &Endpoint) -> bool {
        let patterns = self.lent.endpoints(Network::Http);
        patterns
            .iter()
            .any(|pattern| pattern.covers(endpoint, None))
    }

    /// Whether the plugin may connect there while `target` is being read.
    pub(crate) fn endpoint(
        &self,
        network: Network,
        endpoint: &Endpoint,
        target: Option<&Endpoint>,
    ) -> Result<(), Denied> {
        let covers = |patterns: &Patterns| {
            let patterns = patterns.endpoints(network);
            patterns.iter().any(|p| p.covers(endpoint, target))
        };
        if !covers(&self.allowed) {
            let is_requested = covers(&self.requested);
            return Err(self.denied(network.name(), &endpoint.to_string(), is_requested));
        }
        match parse_ip(&endpoint.host) {
            Some(address) => self.address(network, address),
            None => Ok(()),
        }
    }

    /// Whether the plugin may turn to a host, where there are no ports.
    pub(crate) fn host(
        &self,
        network: Network,
        host: &str,
        target: Option<&Endpoint>,
    ) -> Result<(), Denied> {
        let covers = |patterns: &Patterns| {
            let patterns = patterns.hosts(network);
            patterns.iter().any(|p| p.covers(host, target))
        };
        match covers(&self.allowed) {
            true => Ok(()),
            false => Err(self.denied(network.name(), host, covers(&self.requested))),
        }
    }

    /// Whether the plugin may connect to an address that a granted name led to, or that was
    /// granted itself.
    pub(crate) fn address(&self, network: Network, address: IpAddr) -> Result<(), Denied> {
        let literals = self.literals(network);
        if !is_link_local(address) || literals.contains(&address.to_canonical()) {
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

    /// The link-local addresses that are granted by themselves.
    pub(crate) fn literals(&self, network: Network) -> Vec<IpAddr> {
        let endpoints = self.allowed.endpoints(network).iter();
        let hosts = self.allowed.hosts(network).iter();
        let addresses = endpoints
            .filter_map(|pattern| pattern.literal_address())
            .chain(hosts.filter_map(|pattern| pattern.literal_address()));
        addresses.filter(|a| is_link_local(*a)).collect()
    }

    /// Whether the plugin may use a secret.
    pub(crate) fn secret(&self, name: &str) -> Result<(), Denied> {
        self.word("secrets", name, |patterns| &patterns.secrets)
    }

    /// Whether the plugin may speak TLS by a profile. The one without a name is everybody's.
    pub(crate) fn tls(&self, name: &str) -> Result<(), Denied> {
        match name {
            "" => Ok(()),
            _ => self.word("tls", name, |patterns| &patterns.tls),
        }
    }

    /// Whether the plugin may watch a kind, such as `apps/v1/Deployment`.
    pub(crate) fn kubernetes(&self, kind: &str) -> Result<(), Denied> {
        self.word("kubernetes", kind, |patterns| &patterns.kubernetes)
    }

    fn word(
        &self,
        capability: &'static str,
        word: &str,
        list: impl Fn(&Patterns) -> &[String],
    ) -> Result<(), Denied> {
        let has = |patterns: &Patterns| list(patterns).iter().any(|own| own == word);
        match has(&self.allowed) {
            true => Ok(()),
            false => Err(self.denied(capability, word, has(&self.requested))),
        }
    }

    /// Whether the plugin may keep blobs.
    pub(crate) fn state(&self) -> Result<(), Denied> {
        if self.allowed.state {
            return Ok(());
        }
        let mut denied = self.denied("state", "", self.requested.state);
        denied.message = denied.message.replace("state  is", "state is");
        denied.message = denied.message.replace("add \"\" to", "write true at");
        Err(denied)
    }

    /// Whether a path, as it is written, lies below one that is granted.
    pub(crate) fn lexical_file(&self, path: &Path) -> Result<(), Denied> {
        self.below("files", path, |patterns| vec![&patterns.files])
    }

    /// Whether the plugin may know how much room there is where a path lies.
    pub(crate) fn file_system(&self, path: &Path) -> Result<(), Denied> {
        self.below("file_systems", path, |patterns| {
            vec![&patterns.files, &patterns.file_systems]
        })
    }

    fn below(
        &self,
        capability: &'static str,
        path: &Path,
        roots: impl Fn(&Patterns) -> Vec<&Vec<PathBuf>>,
    ) -> Result<(), Denied> {
        let is_plain = !path.components().any(|part| part == Component::ParentDir);
        let is_below = |patterns: &Patterns| {
            let mut roots = roots(patterns).into_iter().flatten();
            is_plain && roots.any(|root| path.starts_with(root))
        };
        if path.is_absolute() && is_below(&self.allowed) {
            return Ok(());
        }
        let is_requested = is_below(&self.requested);
        Err(self.denied(capability, &path.display().to_string(), is_requested))
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
