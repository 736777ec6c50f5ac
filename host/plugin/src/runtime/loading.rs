//! Finds plugins in the folder and loads what is found, beside the work of those that serve.

use std::sync::{Arc, Weak};
use std::time::Duration;

use narthex_model::{Clock, SystemClock};
use narthex_registry::Manifest;
use tokio::sync::OwnedMutexGuard;

use super::PluginRuntime;
use crate::artifact::Artifact;
use crate::error::PluginError;
use crate::folder::{Change, Folder};
use crate::metrics::{InfoLabels, PluginLabel, ReloadLabels};
use crate::plugin::Plugin;
use crate::version::{Source, Version};
use crate::world::{Program, World};

/// What is known of the folder, while nobody else looks at it.
pub(super) type Watched = OwnedMutexGuard<Option<Folder>>;

impl PluginRuntime {
    /// Looks through the folder now, and waits until what is being loaded is; the watch does the
    /// same twice a second, without waiting.
    pub async fn rescan(self: &Arc<Self>) {
        let folder = self.watched().await;
        self.look(folder).await;
        for plugin in self.all() {
            plugin.settled().await;
        }
    }

    /// The turn of one who looks at the folder.
    pub(super) async fn watched(&self) -> Watched {
        Arc::clone(&self.folder).lock_owned().await
    }

    /// Looks through the folder, and gives the turn back. Who waits for that may be given up, as a
    /// request is whose client leaves: the look goes on all the same, for what it has found would
    /// be lost, and nobody would watch the folder any more.
    pub(super) async fn look(self: &Arc<Self>, mut folder: Watched) -> Option<Watched> {
        let this = Arc::clone(self);
        let looking = self.tokio.spawn(async move {
            this.look_through(&mut folder).await;
            folder
        });
        looking.await.ok()
    }

    async fn look_through(self: &Arc<Self>, place: &mut Option<Folder>) {
        let Some(mut folder) = place.take() else {
            return;
        };
        for plugin in self.all() {
            if plugin.take_second_chance() {
                folder.forget(plugin.name());
            }
        }
        // Reading many megabytes takes its time.
        let looked = tokio::task::spawn_blocking(move || {
            // File times are the system's, whatever clock the plugins see.
            let changes = folder.look(SystemClock.now_ms());
            (folder, changes)
        });
        let Ok((folder, changes)) = looked.await else {
            tracing::error!("the plugin folder is no longer watched, until the next reload");
            return;
        };
        *place = Some(folder);
        for change in changes {
            match change {
                Change::Found(artifact) => {
                    let plugin = self.plugin(&artifact.name);
                    plugin.announce(*artifact);
                    self.load_in_background(&plugin);
                }
                Change::Broken(name, error) => {
                    let plugin = self.plugin(&name);
                    plugin.note_broken(error.clone());
                    self.note_reload(&plugin, "", &Err(error));
                }
                Change::Gone(name) => {
                    let plugin = self.plugin(&name);
                    let source = plugin.current().map(|version| version.source);
                    if source == Some(Source::Directory) {
                        plugin.note_orphaned();
                        let text = "the file of a plugin is gone; it runs on until the next reload";
                        tracing::warn!(plugin = name, text);
                    }
                }
            }
        }
    }

    /// Loads what waits, if something does.
    pub(super) fn load_in_background(self: &Arc<Self>, plugin: &Arc<Plugin>) {
        if let Some((artifact, generation)) = plugin.begin_load() {
            self.write_up(plugin);
            let (this, plugin) = (self.clone(), plugin.clone());
            self.tokio.spawn(async move {
                let result = this.load(&plugin, &artifact, generation).await;
                plugin.note_load(generation, &result);
                if !matches!(result, Err(PluginError::Overtaken)) {
                    this.note_reload(&plugin, &artifact.digest, &result);
                }
                // Last: who waits for the end finds all of it noted.
                plugin.end_load();
            });
        }
    }

    async fn load(
        &self,
        plugin: &Plugin,
        artifact: &Artifact,
        generation: u64,
    ) -> Result<(), PluginError> {
        let (program, world, manifest) = self.check(artifact).await?;
        let _swapping = plugin.swapping.lock().await;
        if !plugin.is_newest(generation) {
            return Err(PluginError::Overtaken);
        }
        let config = self.config.load_full();
        let version = Version::new(artifact, program, world, manifest, &config)?;
        plugin.swap(version).await?;
        let now = self.config.load_full();
        if !Arc::ptr_eq(&config, &now) {
            self.reconfigure(plugin, &now);
        }
        Ok(())
    }

    /// Reads the manifest, compiles, and checks imports and exports.
    async fn check(
        &self,
        artifact: &Artifact,
    ) -> Result<(Program, World, Arc<Manifest>), PluginError> {
        let manifest = Manifest::parse(&artifact.manifest).map_err(PluginError::Manifest)?;
        if manifest.name != artifact.name {
            return Err(PluginError::Manifest(format!(
                "it names {:?}, the file {:?}",
                manifest.name, artifact.name
            )));
        }
        let world = World::named(&manifest.world);
        let unknown = || PluginError::Manifest(format!("world {:?}", manifest.world));
        let world = world.ok_or_else(unknown)?;
        let loaded = self.loader.load(artifact, world).await?;
        if let Some(took) = loaded.compiled_in {
            let seconds = took.as_secs_f64();
            let label = PluginLabel {
                plugin: artifact.name.clone(),
            };
            let metrics = &self.outside.metrics;
            metrics.compile_seconds.get_or_create(&label).set(seconds);
            tracing::info!(plugin = artifact.name, seconds, "plugin compiled");
        }
        Ok((loaded.program, world, Arc::new(manifest)))
    }

    fn note_reload(&self, plugin: &Plugin, digest: &str, result: &Result<(), PluginError>) {
        let name = plugin.name();
        let metrics = &self.outside.metrics;
        let labels = ReloadLabels {
            plugin: name.to_owned(),
            result: match result {
                Ok(()) => "ok",
                Err(PluginError::Held { .. }) => "held",
                Err(_) => "failed",
            },
        };
        metrics.reloads.get_or_create(&labels).inc();
        let runs = self.write_up(plugin);
        if let Err(error) = result {
            tracing::warn!(plugin = name, digest, %error, runs, "plugin was not loaded");
        } else if let Some(version) = plugin.current() {
            let (version_text, source) = (&version.manifest.version, version.source.as_str());
            tracing::info!(
                plugin = name,
                version = version_text,
                digest,
                source,
                "plugin loaded"
            );
            self.write_info();
            self.write_limits(plugin);
        }
    }

    /// Writes down whether a version is at work, and says it: one that was is not taken away, so
    /// this changes with loads only.
    fn write_up(&self, plugin: &Plugin) -> bool {
        let label = PluginLabel {
            plugin: plugin.name().to_owned(),
        };
        let runs = plugin.current().is_some();
        let up = &self.outside.metrics.up;
        up.get_or_create(&label).set(runs.into());
        runs
    }

    pub(super) fn write_limits(&self, plugin: &Plugin) {
        if let Some(version) = plugin.current() {
            let label = PluginLabel {
                plugin: plugin.name().to_owned(),
            };
            let limit = i64::try_from(version.bounds.memory.0).unwrap_or(i64::MAX);
            let metrics = &self.outside.metrics;
            metrics.memory_limit.get_or_create(&label).set(limit);
        }
    }

    /// Writes the info series anew, without those of versions that are no longer at work.
    pub(super) fn write_info(&self) {
        let info = &self.outside.metrics.info;
        info.clear();
        for plugin in self.all() {
            if let Some(version) = plugin.current() {
                let labels = InfoLabels {
                    plugin: plugin.name().to_owned(),
                    version: version.manifest.version.clone(),
                    digest: version.digest.clone(),
                    source: version.source.as_str().to_owned(),
                };
                info.get_or_create(&labels).set(1);
            }
        }
    }
}

/// Looks through the folder for ever, or until the runtime is gone.
pub(super) async fn watch(runtime: Weak<PluginRuntime>, poll: Duration) {
    let mut ticks = tokio::time::interval(poll);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(runtime) = runtime.upgrade() else {
            return;
        };
        let folder = runtime.watched().await;
        runtime.look(folder).await;
    }
}
