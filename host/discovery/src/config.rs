//! The entries of service discoveries in `prometheus.yml`.
//!
//! They are not: a reader of YAML, nor the ones who find. An entry is a value; what it finds is
//! told by the [`Discoverer`](crate::Discoverer) that is made of it.

use narthex_model::{PluginSettings, PromDuration};
use serde::{Deserialize, Serialize};

/// How often a plugin is asked where the config does not say.
pub const REFRESH_INTERVAL_DEFAULT: PromDuration = PromDuration::from_secs(30);

/// One entry of any service discovery but the static one, which finds nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum SdConfig {
    /// Of `plugin_sd_configs`.
    Plugin(PluginSdConfig),
}

impl SdConfig {
    /// The name of the kind, as it stands in the sources of groups.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Plugin(_) => "plugin_sd",
        }
    }
}

/// One entry of `plugin_sd_configs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginSdConfig {
    /// The plugin, one of the world `discovery`.
    pub plugin: String,
    /// What it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PluginSettings>,
    /// How often it is asked at least; a plugin that watches something is also asked when that
    /// changes.
    pub refresh_interval: PromDuration,
}

impl Default for PluginSdConfig {
    fn default() -> Self {
        Self {
            plugin: String::new(),
            config: None,
            refresh_interval: REFRESH_INTERVAL_DEFAULT,
        }
    }
}

impl PluginSdConfig {
    /// What is wrong with the entry; empty where nothing is.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.plugin.is_empty() {
            faults.push("plugin is empty in an entry of plugin_sd_configs".to_owned());
        }
        if self.refresh_interval.is_zero() {
            faults.push("refresh_interval is 0 in an entry of plugin_sd_configs".to_owned());
        }
        faults
    }
}
