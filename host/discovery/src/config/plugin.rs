//! `plugin_sd_configs`: any plugin that finds targets, by its name.

use narthex_model::{PluginSettings, PromDuration};
use serde::{Deserialize, Serialize};

use super::REFRESH_INTERVAL_DEFAULT;

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
    pub(super) fn faults(&self) -> Vec<String> {
        let is_empty = self.plugin.is_empty();
        let text = "plugin is empty in an entry of plugin_sd_configs";
        Vec::from_iter(is_empty.then(|| text.to_owned()))
    }
}
