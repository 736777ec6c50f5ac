//! `kubernetes_sd_configs`: objects of a Kubernetes cluster.
//!
//! It is not: a connection to one.

use narthex_http::{HttpConfig, http_section};
use serde::{Deserialize, Serialize};

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KubernetesRole {
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

/// Which namespaces are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesNamespaces {
    /// The one that this server runs in.
    pub own_namespace: bool,
    /// By name; all where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// Which objects of a kind are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSelector {
    /// The kind.
    pub role: KubernetesRole,
    /// Over their labels.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Over their fields.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// What of other objects is attached to targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesAttachMetadata {
    /// Labels and annotations of their node.
    pub node: bool,
    /// Labels and annotations of their namespace.
    pub namespace: bool,
    /// The name of the deployment that a pod belongs to.
    #[serde(skip_serializing_if = "is_default")]
    pub deployment: bool,
    /// The name of the job that a pod belongs to.
    #[serde(skip_serializing_if = "is_default")]
    pub job: bool,
    /// The name of the cron job that a pod's job belongs to.
    #[serde(skip_serializing_if = "is_default")]
    pub cronjob: bool,
}

http_section! {
    /// One entry of `kubernetes_sd_configs`.
    pub struct KubernetesSdConfig {
        /// The URL of the API; empty is the cluster that this server runs in.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub api_server: String = String::new(),
        /// What is found; it has to be there.
        pub role: Option<KubernetesRole> = None,
        /// A file that says where the API is and who asks.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub kubeconfig_file: String = String::new(),
        /// Which namespaces are looked at.
        #[serde(skip_serializing_if = "is_default")]
        pub namespaces: KubernetesNamespaces = KubernetesNamespaces::default(),
        /// Which objects are looked at.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub selectors: Vec<KubernetesSelector> = Vec::new(),
        /// What of other objects is attached.
        #[serde(skip_serializing_if = "is_default")]
        pub attach_metadata: KubernetesAttachMetadata = KubernetesAttachMetadata::default(),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl KubernetesRole {
    /// The name, as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Ingress => "ingress",
        }
    }

    /// The kinds whose objects an entry of this role may select.
    fn selectable(self, attach: KubernetesAttachMetadata) -> Vec<Self> {
        match self {
            Self::Endpoints | Self::EndpointSlice => vec![Self::Pod, Self::Service, self],
            Self::Pod if attach.node => vec![self, Self::Node],
            _ => vec![self],
        }
    }
}

impl KubernetesSdConfig {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let has_client = self.http_config() != HttpConfig::default();
        let (has_server, has_file) = (
            !self.api_server.is_empty(),
            !self.kubeconfig_file.is_empty(),
        );
        let own = self.namespaces.own_namespace;
        for (wrong, text) in [
            (
                self.role.is_none(),
                "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)",
            ),
            (
                has_server && has_file,
                "cannot use 'kubeconfig_file' and 'api_server' simultaneously",
            ),
            (
                has_file && has_client,
                "cannot use a custom HTTP client configuration together with 'kubeconfig_file'",
            ),
            (
                !has_server && !has_file && has_client,
                "to use custom HTTP client configuration please provide the 'api_server' URL \
                 explicitly",
            ),
            (
                has_server && own,
                "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously",
            ),
            (
                has_file && own,
                "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously",
            ),
        ] {
            if wrong {
                faults.push(text.to_owned());
            }
        }
        faults.extend(self.http_faults());
        faults.extend(
            self.role
                .into_iter()
                .flat_map(|role| self.selector_faults(role)),
        );
        faults
    }

    fn selector_faults(&self, role: KubernetesRole) -> Vec<String> {
        let allowed = role.selectable(self.attach_metadata);
        let names: Vec<&str> = allowed.iter().map(|role| role.as_str()).collect();
        let (mut seen, mut faults) = (Vec::new(), Vec::new());
        for selector in &self.selectors {
            let name = selector.role.as_str();
            if seen.contains(&name) {
                faults.push(format!("duplicated selector role: {name}"));
            }
            seen.push(name);
            if !allowed.contains(&selector.role) {
                let names = names.join(", ");
                faults.push(format!(
                    "{} role supports only {names} selectors",
                    role.as_str()
                ));
            }
        }
        faults
    }
}
