//! The sections of the file.

use narthex_adapter::MetricsApisConfig;
use narthex_plugin::PluginsConfig;
use narthex_remote::{OtlpConfig, RemoteReadConfig, RemoteWriteConfig};
use narthex_scrape::config::{GlobalConfig, ScrapeConfig};
use narthex_tsdb::StorageConfig;
use serde::Deserialize;

use super::alerting::AlertingConfig;
use super::tracing_section::TracingConfig;
use crate::monitors::KubernetesMonitorsConfig;

/// The file as it is read, before anything is filled in. What has a reader of its own, because it
/// is no part of a struct, was taken out before: see [`super::absent`] and [`super::alerting`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sections {
    pub(super) global: GlobalConfig,
    #[serde(rename = "runtime")]
    _runtime: RuntimeConfig,
    pub(super) rule_files: Vec<String>,
    pub(super) scrape_configs: Vec<ScrapeConfig>,
    pub(super) scrape_config_files: Vec<String>,
    pub(super) alerting: AlertingConfig,
    pub(super) plugins: PluginsConfig,
    pub(super) storage: StorageConfig,
    pub(super) remote_write: Vec<RemoteWriteConfig>,
    pub(super) remote_read: Vec<RemoteReadConfig>,
    pub(super) tracing: Option<TracingConfig>,
    pub(super) otlp: OtlpConfig,
    pub(super) kubernetes_monitors: Option<KubernetesMonitorsConfig>,
    pub(super) kubernetes_metrics_apis: Option<MetricsApisConfig>,
}

/// Settings of Go's runtime, which is not in here: they are read, and nobody asks for them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RuntimeConfig {
    #[serde(rename = "gogc")]
    _gogc: i64,
}
