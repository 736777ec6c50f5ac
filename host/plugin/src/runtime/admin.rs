//! What an operator asks of the plugins while they run.

use std::path::PathBuf;
use std::sync::Arc;

use narthex_registry::Layout;
use tokio::sync::broadcast;

use super::PluginRuntime;
use crate::config::PluginsConfig;
use crate::error::PluginError;
use crate::log_ring::LogLine;
use crate::metrics::{DENIED_CAPABILITIES, DeniedLabels, ReloadLabels};
use crate::status::{PluginDetail, PluginStatus};
use crate::version::Source;

impl PluginRuntime {
    /// All plugins, by name.
    pub fn list(&self) -> Vec<PluginStatus> {
        self.all().iter().map(|plugin| plugin.status()).collect()
    }

    /// All that is known of a plugin; none, where there is no such plugin.
    pub fn detail(&self, name: &str) -> Option<PluginDetail> {
        let mut detail = self.known(name).ok()?.detail();
        for capability in DENIED_CAPABILITIES {
            let labels = DeniedLabels {
                plugin: name.to_owned(),
                capability,
            };
            if let Some(count) = self.outside.metrics.denied.get(&labels) {
                detail.denied.insert(capability.to_owned(), count.get());
            }
        }
        Some(detail)
    }

    /// The folder of installed plugins, where the configuration names one.
    pub fn directory(&self) -> Option<PathBuf> {
        self.config.load().directory.clone()
    }

    /// The configuration that holds now.
    pub fn config(&self) -> Arc<PluginsConfig> {
        self.config.load_full()
    }

    /// The last lines that a plugin logged, and those to come; none, where there is no such
    /// plugin.
    pub fn logs(&self, name: &str) -> Option<(Vec<LogLine>, broadcast::Receiver<LogLine>)> {
        self.known(name).ok().map(|plugin| plugin.log.follow())
    }

    /// Loads a plugin again from where it came from, also a version that was refused before, and
    /// ends its quarantines. A version that is held stays held.
    ///
    /// # Errors
    /// There is no such plugin, or why its newest version is not at work; then the old one is.
    pub async fn reload_plugin(self: &Arc<Self>, name: &str) -> Result<(), PluginError> {
        let plugin = self.known(name)?;
        plugin.forgive();
        let mut folder = self.watched().await;
        let is_embedded = match plugin.current() {
            Some(version) => version.source == Source::Embedded,
            None => true,
        };
        let embedded = self.embedded.iter().find(|artifact| artifact.name == name);
        if let Some(folder) = &mut *folder {
            folder.forget(name);
        }
        let folder = self.look(folder).await;
        if let Some(artifact) = embedded.filter(|_| is_embedded && !plugin.is_loading()) {
            plugin.announce(artifact.clone());
            self.load_in_background(&plugin);
        }
        drop(folder);
        plugin.settled().await;
        plugin.load_error().map_or(Ok(()), Err)
    }

    /// Puts the version before the one at work to work again. A package in the plugin folder is
    /// rolled back there, so that it stays so after a restart; of loose files and of the binary's
    /// own the version from memory goes back to work, until the file changes or the host starts
    /// again.
    ///
    /// # Errors
    /// There is no such plugin, no version to go back to, or why that one does not start; then
    /// nothing has changed.
    pub async fn roll_back(self: &Arc<Self>, name: &str) -> Result<(), PluginError> {
        let plugin = self.known(name)?;
        plugin.settled().await;
        let mut folder = self.watched().await;
        let layout = folder.as_ref().and_then(|folder| folder.layout(name));
        let Some(layout) = layout else {
            drop(folder);
            let _swapping = plugin.swapping.lock().await;
            let result = plugin.swap_back(&self.config.load_full()).await;
            if result.is_ok() {
                self.count_roll_back(name);
                self.write_info();
            }
            return result;
        };
        let rolled = tokio::task::spawn_blocking(move || {
            Layout::open(layout).and_then(|layout| layout.roll_back())
        });
        let failed = |error: String| PluginError::File(error);
        let rolled = rolled.await.map_err(|error| failed(error.to_string()))?;
        rolled.map_err(|error| failed(error.to_string()))?;
        if let Some(folder) = &mut *folder {
            folder.forget(name);
        }
        let folder = self.look(folder).await;
        drop(folder);
        plugin.settled().await;
        let result = plugin.load_error().map_or(Ok(()), Err);
        if result.is_ok() {
            self.count_roll_back(name);
        }
        result
    }

    fn count_roll_back(&self, name: &str) {
        let labels = ReloadLabels {
            plugin: name.to_owned(),
            result: "rolled_back",
        };
        self.outside.metrics.reloads.get_or_create(&labels).inc();
        tracing::info!(plugin = name, "plugin rolled back");
    }
}
