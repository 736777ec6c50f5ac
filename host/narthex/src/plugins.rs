//! Ties the plugins to those who use them: to jobs, to the config's check
//! and to the API.
//!
//! It is not: what runs plugins, nor the command `narthex plugin`.

mod install_metrics;
mod installer;

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use narthex_api::{PluginAdmin, PluginAdminError, PluginInstall, PluginLogs};
use narthex_model::PluginSettings;
use narthex_plugin::{
    Artifact, LogLine, PluginError, PluginRuntime, PluginState, PluginStatus, Source,
};
use narthex_registry::PluginDirectory;
use narthex_scrape::config::ScrapeConfig;
use narthex_scrape::{BuildCollector, Collector, CollectorError, HttpCollector};
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::config::{PluginFault, PluginPlace};
use crate::kubernetes::Clusters;
use install_metrics::InstallMetrics;
use installer::Installer;

/// The plugins that the binary carries.
pub(crate) fn embedded() -> Vec<Artifact> {
    let embedded = narthex_plugins::embedded().iter();
    embedded
        .map(|plugin| Artifact::embedded(plugin.name, plugin.component, plugin.manifest))
        .collect()
}

/// A job is read by the plugin that it names, or over HTTP.
pub(crate) fn build_collector(
    plugins: Arc<PluginRuntime>,
    clusters: Arc<Clusters>,
) -> Box<BuildCollector> {
    Box::new(move |config: &ScrapeConfig| {
        let Some(plugin) = &config.plugin else {
            return Ok(Arc::new(HttpCollector::new(config)?) as Arc<dyn Collector>);
        };
        let settings = exposed(config.plugin_config.as_ref());
        let fault = |message: String| CollectorError {
            job: config.job_name.clone(),
            message,
        };
        let lent = clusters.lent_to_job(settings).map_err(fault)?;
        let collector = plugins.collector_with(plugin, &config.job_name, settings, lent);
        collector.map_err(|error| fault(error.to_string()))
    })
}

fn exposed(settings: Option<&PluginSettings>) -> &Value {
    settings.map_or(&Value::Null, PluginSettings::expose)
}

/// What is wrong with a use of a plugin, by what the runtime knows of it.
pub(crate) fn faults(
    plugins: &PluginRuntime,
    place: PluginPlace,
    plugin: &str,
    settings: &Value,
) -> Vec<PluginFault> {
    let known = plugins.list();
    let Some(status) = known.iter().find(|status| status.name == plugin) else {
        let names: Vec<&str> = known.iter().map(|status| status.name.as_str()).collect();
        return vec![about_plugin(PluginError::Unknown {
            name: plugin.to_owned(),
            known: names.join(", "),
        })];
    };
    if status.state == PluginState::Failed {
        return vec![about_plugin(PluginError::Unusable {
            name: plugin.to_owned(),
            reason: status.last_error.clone().unwrap_or_default(),
        })];
    }
    if status.world != place.world() {
        return vec![about_plugin(PluginError::OtherWorld {
            name: plugin.to_owned(),
            found: status.world.clone(),
            needed: place.world().to_owned(),
        })];
    }
    let faults = plugins.check_config(plugin, settings).err();
    let faults = faults.into_iter().flatten();
    faults
        .map(|fault| PluginFault::Setting(fault.pointer, fault.message))
        .collect()
}

fn about_plugin(error: PluginError) -> PluginFault {
    PluginFault::Plugin(error.to_string())
}

/// The runtime as the API shows it.
pub(crate) struct Admin {
    runtime: Arc<PluginRuntime>,
    installer: Installer,
}

impl Admin {
    /// That of a runtime.
    pub(crate) fn new(runtime: Arc<PluginRuntime>, registry: &mut Registry) -> Self {
        let metrics = InstallMetrics::register(registry);
        Self {
            installer: Installer::new(Arc::clone(&runtime), metrics),
            runtime,
        }
    }
}

fn in_list(status: &PluginStatus) -> Value {
    json!({
        "name": status.name,
        "description": status.description,
        "world": status.world,
        "state": status.state,
        "version": status.version,
        "digest": status.digest,
        "source": status.source.map(|source| source.as_str()).unwrap_or_default(),
        "jobs": status.jobs,
        "lastError": status.last_error,
    })
}

/// A value of ours as JSON; null where it cannot be, which none of them is.
fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// The next line; what a reader that is too slow has missed is counted in one of its own.
async fn next_line(mut lines: Receiver<LogLine>) -> Option<(Value, Receiver<LogLine>)> {
    match lines.recv().await {
        Ok(line) => Some((value(&line), lines)),
        Err(RecvError::Lagged(count)) => Some((json!({"dropped": count}), lines)),
        Err(RecvError::Closed) => None,
    }
}

fn refused(error: PluginError) -> PluginAdminError {
    match error {
        PluginError::Unknown { name, .. } => PluginAdminError::Unknown(name),
        error => PluginAdminError::Refused(error.to_string()),
    }
}

#[async_trait]
impl PluginAdmin for Admin {
    fn list(&self) -> Vec<Value> {
        self.runtime.list().iter().map(in_list).collect()
    }

    fn detail(&self, name: &str) -> Option<Value> {
        self.runtime.detail(name).map(|detail| value(&detail))
    }

    fn logs(&self, name: &str) -> Option<PluginLogs> {
        let (lines, following) = self.runtime.logs(name)?;
        Some(PluginLogs {
            lines: lines.iter().map(value).collect(),
            following: futures::stream::unfold(following, next_line).boxed(),
        })
    }

    fn packages(&self) -> Vec<(String, String)> {
        let Some(directory) = self.runtime.directory().map(PluginDirectory::new) else {
            return Vec::new();
        };
        // What was refused, as nobody trusts its signature, is not at work and shows nothing.
        let at_work = self.runtime.list().into_iter();
        let at_work = at_work.filter(|status| status.source == Some(Source::Directory));
        at_work
            .filter_map(|status| {
                let digest = directory.current_digest(&status.name)?;
                Some((status.name, digest.to_string()))
            })
            .collect()
    }

    fn dashboards(&self, name: &str) -> Vec<(String, String)> {
        let directory = self.runtime.directory().map(PluginDirectory::new);
        let layout = directory.and_then(|directory| directory.open(name).ok());
        let Some(installed) = layout.and_then(|layout| layout.current().ok()) else {
            return Vec::new();
        };
        let files = installed.package.dashboards.into_iter();
        files.map(|file| (file.title, file.text)).collect()
    }

    async fn reload(&self, name: &str) -> Result<(), PluginAdminError> {
        self.runtime.reload_plugin(name).await.map_err(refused)
    }

    async fn roll_back(&self, name: &str) -> Result<(), PluginAdminError> {
        self.runtime.roll_back(name).await.map_err(refused)
    }

    async fn available(&self) -> Result<Vec<Value>, PluginAdminError> {
        self.installer.available().await
    }

    async fn install(&self, asked: &PluginInstall) -> Result<Value, PluginAdminError> {
        let mut shown = self.installer.install(asked).await?;
        if asked.approve.is_some() {
            let name = shown["name"].as_str().unwrap_or_default();
            let detail = self.detail(name).unwrap_or_default();
            shown["plugin"] = detail;
        }
        Ok(shown)
    }

    async fn remove(&self, name: &str) -> Result<(), PluginAdminError> {
        self.installer.remove(name).await
    }
}
