//! The entries of service discoveries in `prometheus.yml`.
//!
//! They are not: a reader of YAML, nor the ones who find. An entry is a value; what it finds is
//! told by the [`Discoverer`](crate::Discoverer) that is made of it.

mod consul;
mod dns;
mod docker;
mod file;
mod http;
mod kubernetes;
mod plugin;

use std::path::PathBuf;

use narthex_http::{HTTP_FIELDS, HttpConfig};
use narthex_model::PromDuration;
use serde::Serialize;
use serde_json::Value;

pub use consul::ConsulSdConfig;
pub use dns::DnsSdConfig;
pub use docker::{DockerFilter, DockerSdConfig};
pub use file::FileSdConfig;
pub use http::HttpSdConfig;
pub use kubernetes::{
    KubernetesAttachMetadata, KubernetesNamespaces, KubernetesRole, KubernetesSdConfig,
    KubernetesSelector,
};
pub use plugin::PluginSdConfig;

/// How often a plugin is asked where the config does not say.
pub const REFRESH_INTERVAL_DEFAULT: PromDuration = PromDuration::from_secs(30);

/// What Prometheus finds targets with, and no plugin of ours does: `X` of `X_sd_configs`.
pub const ABSENT_MECHANISMS: [&str; 25] = [
    "aws",
    "azure",
    "digitalocean",
    "dockerswarm",
    "ec2",
    "ecs",
    "elasticache",
    "eureka",
    "gce",
    "hetzner",
    "ionos",
    "kuma",
    "lightsail",
    "linode",
    "marathon",
    "msk",
    "nerve",
    "nomad",
    "openstack",
    "ovhcloud",
    "puppetdb",
    "scaleway",
    "serverset",
    "stackit",
    "uyuni",
];

/// Fields of entries that are secrets, or say who asks; the client of the entry knows them.
const CREDENTIAL_FIELDS: [&str; 3] = ["token", "username", "password"];

/// One entry of any service discovery but the static one, which finds nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum SdConfig {
    /// Of `plugin_sd_configs`.
    Plugin(PluginSdConfig),
    /// Of `file_sd_configs`.
    File(FileSdConfig),
    /// Of `consul_sd_configs`.
    Consul(Box<ConsulSdConfig>),
    /// Of `dns_sd_configs`.
    Dns(DnsSdConfig),
    /// Of `http_sd_configs`.
    Http(Box<HttpSdConfig>),
    /// Of `docker_sd_configs`.
    Docker(Box<DockerSdConfig>),
    /// Of `kubernetes_sd_configs`.
    Kubernetes(Box<KubernetesSdConfig>),
}

/// Where the requests of an entry go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// To the host of this URL.
    Url(String),
    /// To a Unix socket, whatever host their URLs name.
    Socket(PathBuf),
}

impl SdConfig {
    /// The name of the kind, as it stands in the sources of groups.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Plugin(_) => "plugin_sd",
            Self::File(_) => "file",
            Self::Consul(_) => "consul",
            Self::Dns(_) => "dns",
            Self::Http(_) => "http",
            Self::Docker(_) => "docker",
            Self::Kubernetes(_) => "kubernetes",
        }
    }

    /// The field of a job that the entry stands in.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Plugin(_) => "plugin_sd_configs",
            Self::File(_) => "file_sd_configs",
            Self::Consul(_) => "consul_sd_configs",
            Self::Dns(_) => "dns_sd_configs",
            Self::Http(_) => "http_sd_configs",
            Self::Docker(_) => "docker_sd_configs",
            Self::Kubernetes(_) => "kubernetes_sd_configs",
        }
    }

    /// The plugin that finds what the entry means; none where the host does by itself.
    pub fn plugin(&self) -> Option<&str> {
        match self {
            Self::Plugin(entry) => Some(&entry.plugin),
            Self::File(_) => None,
            _ => Some(self.mechanism()),
        }
    }

    /// What the plugin is told. Of an entry that has a kind of its own it is the entry with its
    /// defaults, less what the client of the entry does with it: a plugin sees no credentials. The
    /// interval stands there in seconds.
    pub fn settings(&self) -> Value {
        let written = match self {
            Self::Plugin(entry) => {
                let settings = entry.config.as_ref();
                return settings.map_or(Value::Null, |held| held.expose().clone());
            }
            Self::File(entry) => value(entry),
            Self::Consul(entry) => value(entry),
            Self::Dns(entry) => value(entry),
            Self::Http(entry) => value(entry),
            Self::Docker(entry) => value(entry),
            Self::Kubernetes(entry) => value(entry),
        };
        let Value::Object(mut fields) = written else {
            return Value::Null;
        };
        for name in HTTP_FIELDS.iter().chain(&CREDENTIAL_FIELDS) {
            fields.remove(*name);
        }
        if fields.remove("refresh_interval").is_some() {
            let seconds = self.refresh_interval().as_std().as_secs_f64();
            fields.insert("refresh_interval_seconds".to_owned(), seconds.into());
        }
        if let Self::Docker(entry) = self
            && entry.tls_config.is_some()
        {
            fields.insert("tls".to_owned(), true.into());
        }
        Value::Object(fields)
    }

    /// How often is looked for targets at least.
    pub fn refresh_interval(&self) -> PromDuration {
        match self {
            Self::Plugin(entry) => entry.refresh_interval,
            Self::File(entry) => entry.refresh_interval,
            Self::Consul(entry) => entry.refresh_interval,
            Self::Dns(entry) => entry.refresh_interval,
            Self::Http(entry) => entry.refresh_interval,
            Self::Docker(entry) => entry.refresh_interval,
            Self::Kubernetes(_) => REFRESH_INTERVAL_DEFAULT,
        }
    }

    /// The client that sends the entry's requests, and where they may go. A cluster is spoken to
    /// by the host alone, and is not among them.
    pub fn client(&self) -> Option<(HttpConfig, Origin)> {
        match self {
            Self::Consul(entry) => Some((entry.client(), entry.origin())),
            Self::Http(entry) => Some((entry.http_config(), entry.origin())),
            Self::Docker(entry) => Some((entry.http_config(), entry.origin())),
            Self::Plugin(_) | Self::File(_) | Self::Dns(_) | Self::Kubernetes(_) => None,
        }
    }

    /// What is wrong with the entry, in Prometheus' words; empty where nothing is.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = match self {
            Self::Plugin(entry) => entry.faults(),
            Self::File(entry) => entry.faults(),
            Self::Consul(entry) => entry.faults(),
            Self::Dns(entry) => entry.faults(),
            Self::Http(entry) => entry.faults(),
            Self::Docker(entry) => entry.faults(),
            Self::Kubernetes(entry) => entry.faults(),
        };
        if self.refresh_interval().is_zero() {
            let field = self.field();
            faults.push(format!("refresh_interval is 0 in an entry of {field}"));
        }
        faults
    }
}

/// A value of ours as JSON; null where it cannot be, which none of them is.
fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

#[cfg(test)]
mod tests;
