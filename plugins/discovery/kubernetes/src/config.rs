//! What a job can set: the fields of `kubernetes_sd_configs`, less those that say how the cluster
//! is reached.

use narthex_sdk::Error;
use serde::Deserialize;

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nodes.
    Node,
    /// Pods, a target for each port of each container.
    Pod,
    /// Services, a target for each port.
    Service,
    /// Endpoints, a target for each address and port.
    Endpoints,
    /// The same of endpoint slices.
    EndpointSlice,
    /// Ingresses, a target for each path.
    Ingress,
}

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is found.
    pub role: Role,
    /// Which namespaces are looked at.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Which objects are looked at.
    #[serde(default)]
    pub selectors: Vec<Selector>,
    /// What of other objects is attached.
    #[serde(default)]
    pub attach_metadata: AttachMetadata,
    /// The host's to know.
    #[serde(default, rename = "api_server")]
    _api_server: String,
    /// The host's to know.
    #[serde(default, rename = "kubeconfig_file")]
    _kubeconfig_file: String,
}

/// Which namespaces are looked at; all, where none is named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Namespaces {
    /// The host's to know: it puts the name among the others.
    pub own_namespace: bool,
    /// By name.
    pub names: Vec<String>,
}

/// Which objects of a kind are looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// The kind.
    pub role: Role,
    /// Over their labels.
    #[serde(default)]
    pub label: String,
    /// Over their fields.
    #[serde(default)]
    pub field: String,
}

/// What of other objects is attached.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttachMetadata {
    /// Labels and annotations of their node.
    pub node: bool,
    /// Labels and annotations of their namespace.
    pub namespace: bool,
    /// The name of the deployment that a pod belongs to.
    pub deployment: bool,
    /// The name of the job that a pod belongs to.
    pub job: bool,
    /// The name of the cron job that a pod's job belongs to.
    pub cronjob: bool,
}

impl Config {
    /// Refuses what only the host could do.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.namespaces.own_namespace {
            true => Err(Error::Config(
                "own_namespace is known in kubernetes_sd_configs only; name the namespace"
                    .to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// The selector of a kind; empty texts where there is none.
    pub(crate) fn selector(&self, role: Role) -> (&str, &str) {
        let selector = self.selectors.iter().find(|one| one.role == role);
        selector.map_or(("", ""), |one| (&one.label, &one.field))
    }
}
