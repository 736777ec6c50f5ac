//! Ties the plugins to those who use them: to jobs, to what finds targets, to the config's check
//! and to the API.
//!
//! It is not: what runs plugins, nor the command `narthex plugin`.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use narthex_api::{PluginAdmin, PluginAdminError, PluginLogs};
use narthex_discovery::{BuildDiscoverer, SdConfig};
use narthex_model::PluginSettings;
use narthex_plugin::{PluginRuntime, PluginState, PluginStatus};
use narthex_scrape::config::ScrapeConfig;
use narthex_scrape::{BuildCollector, Collector, CollectorError, HttpCollector};
use serde_json::{Value, json};

use crate::config::{PluginFault, PluginPlace};

/// A job is read by the plugin that it names, or over HTTP.
pub(crate) fn build_collector(plugins: Arc<PluginRuntime>) -> Box<BuildCollector> {
    Box::new(move |config: &ScrapeConfig| {
        let Some(plugin) = &config.plugin else {
            return Ok(Arc::new(HttpCollector::new(config)?) as Arc<dyn Collector>);
        };
        let settings = config.plugin_config.as_ref().map(PluginSettings::expose);
        let settings = settings.unwrap_or(&Value::Null);
        let collector = plugins.collector(plugin, &config.job_name, settings);
        collector.map_err(|error| CollectorError {
            job: config.job_name.clone(),
            message: error.to_string(),
        })
    })
}

/// What finds the targets of an entry.
pub(crate) fn build_discoverer(plugins: Arc<PluginRuntime>) -> Box<BuildDiscoverer> {
    Box::new(move |_: &str, entry: &SdConfig| {
        let SdConfig::Plugin(entry) = entry;
        let faults = faults(
            &plugins,
            PluginPlace::Discovery,
            &entry.plugin,
            &Value::Null,
        );
        Err(faults.into_iter().map(|fault| fault.to_string()).collect())
    })
}

/// What is wrong with a use of a plugin, by what the runtime knows of it.
pub(crate) fn faults(
    plugins: &PluginRuntime,
    place: PluginPlace,
    plugin: &str,
    _settings: &Value,
) -> Vec<PluginFault> {
    let known = plugins.list();
    let Some(status) = known.iter().find(|status| status.name == plugin) else {
        let names: Vec<&str> = known.iter().map(|status| status.name.as_str()).collect();
        let names = names.join(", ");
        let text = format!("no plugin is named {plugin:?}; there are: {names}");
        return vec![PluginFault::Plugin(text)];
    };
    if status.state == PluginState::Failed {
        let reason = status.last_error.as_deref().unwrap_or("it was not loaded");
        let text = format!("plugin {plugin} cannot be used: {reason}");
        return vec![PluginFault::Plugin(text)];
    }
    if place != PluginPlace::Exporter {
        let needed = place.world();
        let text = format!(
            "plugin {plugin} is of the world exporter; what stands here must be of the world {needed}"
        );
        return vec![PluginFault::Plugin(text)];
    }
    Vec::new()
}

/// The runtime as the API shows it.
pub(crate) struct Admin(pub(crate) Arc<PluginRuntime>);

fn status(status: &PluginStatus) -> Value {
    json!({
        "name": status.name,
        "version": status.version,
        "digest": status.digest,
        "description": status.description,
        "state": status.state.as_str(),
        "lastError": status.last_error,
        "jobs": status.jobs,
    })
}

#[async_trait]
impl PluginAdmin for Admin {
    fn list(&self) -> Vec<Value> {
        self.0.list().iter().map(status).collect()
    }

    fn detail(&self, name: &str) -> Option<Value> {
        let list = self.0.list();
        list.iter().find(|found| found.name == name).map(status)
    }

    fn logs(&self, name: &str) -> Option<PluginLogs> {
        self.detail(name).map(|_| PluginLogs {
            lines: Vec::new(),
            following: futures::stream::pending().boxed(),
        })
    }

    async fn reload(&self, name: &str) -> Result<(), PluginAdminError> {
        if self.detail(name).is_none() {
            return Err(PluginAdminError::Unknown(name.to_owned()));
        }
        self.0.rescan().await;
        Ok(())
    }

    async fn roll_back(&self, name: &str) -> Result<(), PluginAdminError> {
        Err(PluginAdminError::Refused(format!(
            "plugin {name} has no earlier version"
        )))
    }
}
