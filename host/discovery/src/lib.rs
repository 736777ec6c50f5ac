//! Where targets come from: groups of addresses with labels.
//!
//! It is not: the place where a group becomes targets of a job; relabelling and limits are
//! `scrape`'s. Static groups need no task and no channel: [`static_groups`] is a function from
//! configuration to groups. Whoever finds groups while the server runs is a [`Discoverer`];
//! [`Providers`] runs those of a job and holds what they have found.

mod config;
mod consul_metrics;
mod discoverer;
mod dns_metrics;
mod file;
mod file_metrics;
mod group;
mod known;
mod metrics;
mod providers;
mod refreshes;

pub use config::{
    ABSENT_MECHANISMS, ConsulSdConfig, DnsSdConfig, DockerFilter, DockerSdConfig, FileSdConfig,
    HttpSdConfig, KubernetesAttachMetadata, KubernetesNamespaces, KubernetesRole,
    KubernetesSdConfig, KubernetesSelector, Origin, PluginSdConfig, REFRESH_INTERVAL_DEFAULT,
    SdConfig,
};
pub use consul_metrics::ConsulMetrics;
pub use discoverer::{BuildDiscoverer, Discoverer, DiscovererError, UPDATES_MAX};
pub use dns_metrics::DnsMetrics;
pub use file::{FILE_BYTES_MAX, FileDiscoverer, FileGroup, ReadYaml};
pub use group::{ADDRESS_LABEL, StaticConfig, TargetGroup, static_groups};
pub use known::KnownGroups;
pub use metrics::SdMetrics;
pub use providers::{GROUPS_MAX, Plan, Providers};
pub use refreshes::{RefreshMetrics, Refreshes};
