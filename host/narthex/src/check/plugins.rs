//! What the plugins of a config say to it: their manifests know which settings there are. None is
//! run for that, nor compiled.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use narthex_plugin::{CompilerProgram, PluginOptions, PluginRuntime};
use prometheus_client::registry::Registry;
use tokio::runtime::Runtime;

use crate::config::{Checks, Config, ConfigError};
use crate::plugins;

/// The plugins that a config has: those of the binary, and those of its folder.
///
/// # Errors
/// The folder cannot be read, or a grant does not hold.
pub(super) async fn load(config: &Config) -> anyhow::Result<Arc<PluginRuntime>> {
    let options = PluginOptions {
        config: config.plugins.clone(),
        embedded: plugins::embedded(),
        compiler: Some(CompilerProgram::running()),
        ..PluginOptions::default()
    };
    let runtime = PluginRuntime::start(options, &mut Registry::default()).await;
    runtime.context("plugins cannot be started")
}

/// Does something with the plugins of the server that a config is for.
///
/// # Errors
/// The config is none, or its plugins cannot be read.
pub(super) fn with<T>(server: &Path, work: impl FnOnce(&PluginRuntime) -> T) -> anyhow::Result<T> {
    let config = Config::check(server, Checks::default())?;
    let tokio = executor()?;
    let done = tokio.block_on(async {
        let runtime = load(&config).await?;
        anyhow::Ok(work(&runtime))
    });
    tokio.shutdown_background();
    done
}

fn executor() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// Whether every plugin is there that the config names, and takes what is said to it.
///
/// # Errors
/// All faults, each with its place.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    if config.plugin_uses.is_empty() {
        return Ok(());
    }
    let tokio = executor()?;
    let checked = tokio.block_on(async {
        let runtime = load(config).await?;
        let checked = config
            .plugin_uses
            .check(|place, plugin, settings| plugins::faults(&runtime, place, plugin, settings));
        anyhow::Ok(checked.map_err(ConfigError::Parse)?)
    });
    tokio.shutdown_background();
    checked
}
