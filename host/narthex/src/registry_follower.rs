//! Follows the tags of the config's plugin registry, and lets go of them when the config does.
//!
//! It is not: the following itself, which is `narthex-registry`'s. What it installs lies in the
//! plugin folder, where the runtime finds it.

use narthex_plugin::PluginsConfig;
use narthex_registry::{Follower, FollowerMetrics};
use prometheus_client::registry::Registry;
use tokio::task::AbortHandle;

/// The task that follows, where there is anything to follow.
pub(crate) struct RegistryFollower {
    metrics: FollowerMetrics,
    task: Option<AbortHandle>,
}

/// A follower that is ready to run.
pub(crate) struct Ready(Option<Follower>);

impl RegistryFollower {
    /// One that follows nothing yet.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        Self {
            metrics: FollowerMetrics::register(registry),
            task: None,
        }
    }

    /// Makes what a config asks for; nothing is changed by it.
    ///
    /// # Errors
    /// A key or the credentials cannot be read.
    pub(crate) fn prepare(&self, config: &PluginsConfig) -> Result<Ready, String> {
        let (Some(registry), Some(directory)) = (&config.registry, &config.directory) else {
            return Ok(Ready(None));
        };
        let follower = Follower::new(registry, directory, &self.metrics);
        let follower = follower.map_err(|error| format!("plugins.registry: {error}"))?;
        Ok(Ready(follower))
    }

    /// Follows what was prepared, in place of what was followed before: keys and passwords may
    /// have changed where the config has not.
    pub(crate) fn follow(&mut self, ready: Ready) {
        self.stop();
        self.task = ready
            .0
            .map(|follower| tokio::spawn(follower.run()).abort_handle());
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for RegistryFollower {
    fn drop(&mut self) {
        self.stop();
    }
}
