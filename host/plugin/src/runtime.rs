//! All plugins of the host: loaded at the start, watched, swapped, handed to jobs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;
use narthex_http::{Lookup, SystemLookup};
use narthex_model::{Clock, SystemClock};
use narthex_scrape::Collector;
use prometheus_client::registry::Registry;
use tokio::task::AbortHandle;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::artifact::Artifact;
use crate::bindings::exporter::ExporterPre;
use crate::cache::Cache;
use crate::config::PluginsConfig;
use crate::engine;
use crate::error::PluginError;
use crate::folder::{Change, Folder};
use crate::host::{Host, Outside};
use crate::job::Job;
use crate::limits::FOLDER_POLL;
use crate::metrics::{InfoLabels, Metrics, PluginLabel, ReloadLabels};
use crate::plugin::{Plugin, PluginStatus};
use crate::state::StateStore;
use crate::vault::Vault;
use crate::version::{Source, Version};
use crate::watches::Watches;
use narthex_registry::Manifest;

/// What the runtime is started with.
#[derive(Debug)]
pub struct PluginOptions {
    /// The configuration's section.
    pub config: PluginsConfig,
    /// The plugins that the binary carries.
    pub embedded: Vec<Artifact>,
    /// Where compiled components are kept; nowhere, if there is no such place.
    pub cache: Option<PathBuf>,
    /// Where plugins' state is kept; without such a place they have none.
    pub state: Option<PathBuf>,
    /// The cluster whose objects plugins watch; without one they cannot.
    pub watches: Option<Arc<dyn Watches>>,
    /// What looks names up.
    pub lookup: Arc<dyn Lookup>,
    /// The time that plugins see.
    pub clock: Arc<dyn Clock>,
}

impl Default for PluginOptions {
    /// Nothing configured, nothing kept, the system's clock and resolver.
    fn default() -> Self {
        Self {
            config: PluginsConfig::default(),
            embedded: Vec::new(),
            cache: None,
            state: None,
            watches: None,
            lookup: Arc::new(SystemLookup),
            clock: Arc::new(SystemClock),
        }
    }
}

/// All plugins of the host.
pub struct PluginRuntime {
    engine: Engine,
    linker: Linker<Host>,
    cache: Cache,
    outside: Outside,
    embedded: Vec<Artifact>,
    plugins: Mutex<BTreeMap<String, Arc<Plugin>>>,
    /// Held while plugins are loaded, so that loads do not overlap.
    loading: tokio::sync::Mutex<Loading>,
    watch: Mutex<Option<AbortHandle>>,
    tokio: tokio::runtime::Handle,
}

struct Loading {
    config: PluginsConfig,
    folder: Option<Folder>,
}

/// A version on its way in.
struct Candidate {
    artifact: Artifact,
    compiled: Result<(ExporterPre<Host>, Manifest), PluginError>,
}

impl PluginRuntime {
    /// Compiles (or takes from the cache) what the binary carries and what lies in the folder,
    /// and begins to watch the folder. A plugin that cannot be loaded is reported, and stops
    /// nothing.
    ///
    /// # Errors
    /// The engine does not start, or a grant in the configuration is none.
    pub async fn start(
        options: PluginOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, PluginError> {
        let engine = engine::start()?;
        let vault = Vault::new(&PluginsConfig::default(), options.lookup.clone());
        let runtime = Arc::new(Self {
            linker: engine::linker(&engine)?,
            engine,
            cache: Cache::open(options.cache),
            outside: Outside {
                clock: options.clock,
                lookup: options.lookup,
                metrics: Metrics::register(registry),
                state: StateStore::new(options.state),
                vault: Arc::new(ArcSwap::new(vault)),
                watches: options.watches,
            },
            embedded: options.embedded,
            plugins: Mutex::default(),
            loading: tokio::sync::Mutex::new(Loading {
                config: PluginsConfig::default(),
                folder: None,
            }),
            watch: Mutex::default(),
            tokio: tokio::runtime::Handle::current(),
        });
        runtime.reload(options.config).await?;
        let watch = tokio::spawn(watch(Arc::downgrade(&runtime)));
        *lock(&runtime.watch) = Some(watch.abort_handle());
        Ok(runtime)
    }

    /// Takes another configuration: grants and limits hold from the next collection on, the
    /// folder is looked through before this returns, and a plugin whose file is gone falls back
    /// to the one that the binary carries.
    ///
    /// # Errors
    /// A grant is none; nothing has changed then.
    pub async fn reload(self: &Arc<Self>, config: PluginsConfig) -> Result<(), PluginError> {
        let mut loading = self.loading.lock().await;
        check_names(&config)?;
        let is_first = loading.folder.is_none() && lock(&self.plugins).is_empty();
        let (secrets, tls) = (&loading.config.secrets, &loading.config.tls);
        if (secrets, tls) != (&config.secrets, &config.tls) {
            let vault = Vault::new(&config, self.outside.lookup.clone());
            self.outside.vault.store(vault);
        }
        if loading.config != config {
            for plugin in self.all() {
                let Some(current) = plugin.current() else {
                    continue;
                };
                let version = current.reconfigured(&config);
                let result = version.map(|version| plugin.reconfigure(version));
                self.note_reload(&plugin, &current.digest, result);
            }
        }
        let same_folder = match (&loading.folder, &config.directory) {
            (Some(folder), Some(path)) => folder.path() == path,
            (None, None) => true,
            _ => false,
        };
        if !same_folder {
            loading.folder = config.directory.clone().map(Folder::new);
        }
        loading.config = config;
        for artifact in &self.embedded {
            let plugin = self.plugin(&artifact.name);
            let status = plugin.status();
            let is_orphaned = status.state == crate::plugin::PluginState::Orphaned;
            let left_folder = !same_folder && status.source == Some(Source::Directory);
            if is_first || is_orphaned || left_folder {
                let candidate = self.compile(artifact.clone()).await;
                self.install(&loading.config, candidate).await;
            }
        }
        self.look(&mut loading).await;
        Ok(())
    }

    /// A job's collector. The plugin has to be loaded; its instances are made when they are
    /// needed. `config` is the job's `plugin_config`, null where there is none.
    ///
    /// # Errors
    /// There is no such plugin, or none of its versions can be used.
    pub fn collector(
        &self,
        plugin: &str,
        job: &str,
        config: &serde_json::Value,
    ) -> Result<Arc<dyn Collector>, PluginError> {
        let plugins = lock(&self.plugins);
        let found = plugins.get(plugin).ok_or_else(|| {
            let known: Vec<&str> = plugins.keys().map(String::as_str).collect();
            PluginError::Unknown {
                name: plugin.to_owned(),
                known: known.join(", "),
            }
        })?;
        if found.current().is_none() {
            return Err(PluginError::Unusable {
                name: plugin.to_owned(),
                reason: found.status().last_error.unwrap_or_default(),
            });
        }
        let config = match config {
            serde_json::Value::Null => "{}".to_owned(),
            config => config.to_string(),
        };
        let outside = self.outside.clone();
        let job = Job::new(found.clone(), job, config, outside, self.tokio.clone());
        let job = Arc::new(job);
        found.add_job(&job);
        Ok(job)
    }

    /// All plugins, by name.
    pub fn list(&self) -> Vec<PluginStatus> {
        self.all().iter().map(|plugin| plugin.status()).collect()
    }

    /// Looks through the folder now; the watch does the same twice a second.
    pub async fn rescan(self: &Arc<Self>) {
        let mut loading = self.loading.lock().await;
        self.look(&mut loading).await;
    }

    async fn look(self: &Arc<Self>, loading: &mut Loading) {
        let Some(mut folder) = loading.folder.take() else {
            return;
        };
        // Reading many megabytes takes its time.
        let looked = tokio::task::spawn_blocking(move || {
            // File times are the system's, whatever clock the plugins see.
            let changes = folder.look(SystemClock.now_ms());
            (folder, changes)
        });
        let Ok((folder, changes)) = looked.await else {
            loading.folder = loading.config.directory.clone().map(Folder::new);
            return;
        };
        loading.folder = Some(folder);
        for change in changes {
            match change {
                Change::Found(artifact) => {
                    let candidate = self.compile(*artifact).await;
                    self.install(&loading.config, candidate).await;
                }
                Change::Broken(name, error) => {
                    self.note_reload(&self.plugin(&name), "", Err(error));
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

    /// Compiles a component and checks it against its world, off the threads that serve.
    async fn compile(self: &Arc<Self>, artifact: Artifact) -> Candidate {
        let this = self.clone();
        let (name, digest) = (artifact.name.clone(), artifact.digest.clone());
        let compiled = tokio::task::spawn_blocking(move || {
            let compiled = this.check(&artifact);
            Candidate { artifact, compiled }
        });
        compiled.await.unwrap_or_else(|error| Candidate {
            artifact: Artifact {
                name,
                component: Vec::new().into(),
                manifest: "".into(),
                source: Source::Directory,
                digest,
            },
            compiled: Err(PluginError::Component(format!(
                "the compiler failed: {error}"
            ))),
        })
    }

    fn check(&self, artifact: &Artifact) -> Result<(ExporterPre<Host>, Manifest), PluginError> {
        let manifest = Manifest::parse(&artifact.manifest).map_err(PluginError::Manifest)?;
        if manifest.name != artifact.name {
            return Err(PluginError::Manifest(format!(
                "it names {:?}, the file {:?}",
                manifest.name, artifact.name
            )));
        }
        let component = self.cache.compile(&self.engine, &artifact.component)?;
        Ok((engine::exporter(&self.linker, &component)?, manifest))
    }

    async fn install(&self, config: &PluginsConfig, candidate: Candidate) {
        let Candidate { artifact, compiled } = candidate;
        let plugin = self.plugin(&artifact.name);
        let version = compiled
            .and_then(|(component, manifest)| Version::new(&artifact, component, manifest, config));
        let result = match version {
            Ok(version) => plugin.swap(version).await,
            Err(error) => Err(error),
        };
        self.note_reload(&plugin, &artifact.digest, result);
    }

    fn note_reload(&self, plugin: &Plugin, digest: &str, result: Result<(), PluginError>) {
        let name = plugin.name();
        let metrics = &self.outside.metrics;
        let labels = ReloadLabels {
            plugin: name.to_owned(),
            result: if result.is_ok() { "ok" } else { "failed" },
        };
        metrics.reloads.get_or_create(&labels).inc();
        if let Err(error) = &result {
            plugin.note_load_error(error);
            let runs = plugin.current().is_some();
            tracing::warn!(plugin = name, digest, %error, runs, "plugin was not loaded");
            return;
        }
        if let Some(version) = plugin.current() {
            let (version_text, source) = (&version.manifest.version, version.source.as_str());
            tracing::info!(
                plugin = name,
                version = version_text,
                digest,
                source,
                "plugin loaded"
            );
            self.write_info();
            let label = PluginLabel {
                plugin: name.to_owned(),
            };
            let limit = i64::try_from(version.memory.0).unwrap_or(i64::MAX);
            metrics.memory_limit.get_or_create(&label).set(limit);
        }
    }

    /// Writes the info series anew, without those of versions that are no longer at work.
    fn write_info(&self) {
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

    fn plugin(&self, name: &str) -> Arc<Plugin> {
        let mut plugins = lock(&self.plugins);
        let plugin = plugins.entry(name.to_owned());
        plugin
            .or_insert_with(|| Arc::new(Plugin::new(name)))
            .clone()
    }

    fn all(&self) -> Vec<Arc<Plugin>> {
        lock(&self.plugins).values().cloned().collect()
    }
}

impl Drop for PluginRuntime {
    fn drop(&mut self) {
        if let Some(watch) = lock(&self.watch).take() {
            watch.abort();
        }
    }
}

impl std::fmt::Debug for PluginRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginRuntime").finish_non_exhaustive()
    }
}

/// Looks through the folder for ever, or until the runtime is gone.
async fn watch(runtime: Weak<PluginRuntime>) {
    let mut ticks = tokio::time::interval(FOLDER_POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match runtime.upgrade() {
            Some(runtime) => runtime.rescan().await,
            None => return,
        }
    }
}

/// Checks all that stands under names, of plugins that are there and of those that are not.
fn check_names(config: &PluginsConfig) -> Result<(), PluginError> {
    let faults = config.faults();
    if !faults.is_empty() {
        return Err(PluginError::Grant(faults.join("; ")));
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
