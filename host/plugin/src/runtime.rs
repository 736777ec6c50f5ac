//! All plugins of the host: found, loaded, watched, handed to jobs.
//!
//! It is not: what becomes of one plugin (`plugin`, `swap`), nor what an operator asks of it
//! (`admin`), nor how it is found and loaded (`loading`).

mod admin;
mod loading;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_recursion::async_recursion as boxed;
use narthex_discovery::{Discoverer, RefreshMetrics};
use narthex_http::{Lookup, SystemLookup};
use narthex_model::{Clock, SystemClock};
use narthex_registry::{ConfigFault, TrustPolicy};
use narthex_scrape::Collector;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::task::AbortHandle;

use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::compile::{Compiler, CompilerProgram};
use crate::config::PluginsConfig;
use crate::discoverer::PluginDiscoverer;
use crate::error::PluginError;
use crate::folder::Folder;
use crate::host::{Identity, Outside};
use crate::instance::Setup;
use crate::job::Job;
use crate::lent::Lent;
use crate::limits::FOLDER_POLL;
use crate::loader::Loader;
use crate::metrics::Metrics;
use crate::plugin::Plugin;
use crate::receiver::PluginReceiver;
use crate::state::StateStore;
use crate::status::PluginState;
use crate::vault::Vault;
use crate::version::Source;
use crate::watches::Watches;
use crate::world::World;

/// What the runtime is started with.
#[derive(Debug)]
pub struct PluginOptions {
    /// The configuration's section.
    pub config: PluginsConfig,
    /// The plugins that the binary carries.
    pub embedded: Vec<Artifact>,
    /// Where compiled components are kept; nowhere, if there is no such place.
    pub cache: Option<PathBuf>,
    /// Where the state of plugins is kept; without it they have none.
    pub state: Option<PathBuf>,
    /// What compiles components; none is this process itself, for tests.
    pub compiler: Option<CompilerProgram>,
    /// Watches on a Kubernetes cluster, where there is one.
    pub watches: Option<Arc<dyn Watches>>,
    /// Counts how often is looked for targets.
    pub refreshes: RefreshMetrics,
    /// What looks names up.
    pub lookup: Arc<dyn Lookup>,
    /// The time that plugins see.
    pub clock: Arc<dyn Clock>,
    /// How often the folder is looked through; none is when [`PluginRuntime::rescan`] is called and
    /// not else, for tests that change several files one after the other.
    pub folder_poll: Option<Duration>,
}

impl Default for PluginOptions {
    /// Nothing configured, nothing kept, compiled in this process, the system's clock and
    /// resolver: for tests and trial runs.
    fn default() -> Self {
        Self {
            config: PluginsConfig::default(),
            embedded: Vec::new(),
            cache: None,
            state: None,
            compiler: None,
            watches: None,
            refreshes: RefreshMetrics::default(),
            lookup: Arc::new(SystemLookup),
            clock: Arc::new(SystemClock),
            folder_poll: Some(FOLDER_POLL),
        }
    }
}

/// All plugins of the host.
pub struct PluginRuntime {
    loader: Arc<Loader>,
    outside: Outside,
    refreshes: RefreshMetrics,
    embedded: Vec<Artifact>,
    config: ArcSwap<PluginsConfig>,
    plugins: Mutex<BTreeMap<String, Arc<Plugin>>>,
    /// Held while the folder is looked through or the configuration changes.
    folder: Arc<tokio::sync::Mutex<Option<Folder>>>,
    watch: Mutex<Option<AbortHandle>>,
    tokio: tokio::runtime::Handle,
}

impl PluginRuntime {
    /// Looks at what the binary carries and what lies in the folder, and begins to watch the
    /// folder. What lies there is compiled (or taken from the cache) in the background; what the
    /// binary carries once a job asks for it: neither holds up the start. A plugin that cannot be
    /// loaded is reported, and stops nothing.
    ///
    /// # Errors
    /// The engine does not start, or something in the configuration does not hold.
    #[boxed]
    pub async fn start(
        options: PluginOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, PluginError> {
        let vault = Vault::new(&PluginsConfig::default(), options.lookup.clone());
        let compiler = Compiler::new(options.compiler);
        let runtime = Arc::new(Self {
            loader: Arc::new(Loader::new(Cache::open(options.cache), compiler)?),
            outside: Outside {
                clock: options.clock,
                lookup: options.lookup,
                metrics: Metrics::register(registry),
                state: StateStore::new(options.state),
                vault: Arc::new(ArcSwap::new(vault)),
                watches: options.watches,
            },
            refreshes: options.refreshes,
            embedded: options.embedded,
            config: ArcSwap::default(),
            plugins: Mutex::default(),
            folder: Arc::default(),
            watch: Mutex::default(),
            tokio: tokio::runtime::Handle::current(),
        });
        for artifact in &runtime.embedded {
            runtime.plugin(&artifact.name).announce(artifact.clone());
        }
        runtime.reload(options.config).await?;
        if let Some(poll) = options.folder_poll {
            let watch = tokio::spawn(loading::watch(Arc::downgrade(&runtime), poll));
            *lock(&runtime.watch) = Some(watch.abort_handle());
        }
        Ok(runtime)
    }

    /// Takes another configuration: grants and limits hold from the next call on, the folder is
    /// looked through before this returns (what is new there is loaded in the background), and a
    /// plugin whose file is gone falls back to the one that the binary carries.
    ///
    /// # Errors
    /// Something in it does not hold; nothing has changed then.
    pub async fn reload(self: &Arc<Self>, config: PluginsConfig) -> Result<(), PluginError> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(PluginError::Grant(faults.join("; ")));
        }
        let trust = match &config.registry {
            Some(registry) => TrustPolicy::load(registry),
            None => Ok(TrustPolicy::default()),
        };
        let trust = trust.map_err(|error| PluginError::Untrusted(error.to_string()))?;

        let mut folder = self.watched().await;
        let old = self.config.load_full();
        let config = Arc::new(config);
        let is_new = *old != *config;
        self.config.store(config.clone());
        if is_new {
            let vault = Vault::new(&config, self.outside.lookup.clone());
            self.outside.vault.store(vault);
            for plugin in self.all() {
                self.reconfigure(&plugin, &config);
            }
        }
        let same_folder = old.directory == config.directory && old.registry == config.registry;
        if !same_folder || folder.is_none() {
            *folder = config
                .directory
                .clone()
                .map(|path| Folder::new(path, trust));
        }
        for artifact in &self.embedded {
            let plugin = self.plugin(&artifact.name);
            let status = plugin.status();
            let left_folder = !same_folder && status.source == Some(Source::Directory);
            if status.state == PluginState::Orphaned || left_folder {
                plugin.announce(artifact.clone());
                self.load_in_background(&plugin);
            }
        }
        if is_new && let Some(folder) = &mut *folder {
            // What was refused or held may be let in now.
            for plugin in self.all().iter().filter(|p| p.load_error().is_some()) {
                folder.forget(plugin.name());
            }
        }
        self.look(folder).await;
        Ok(())
    }

    fn reconfigure(&self, plugin: &Plugin, config: &PluginsConfig) {
        let Some(current) = plugin.current() else {
            return;
        };
        match current.reconfigured(config) {
            Ok(version) => plugin.reconfigure(version),
            // The configuration was checked, so this is its manifest's doing.
            Err(error) => {
                let name = plugin.name();
                tracing::error!(plugin = name, %error, "plugin keeps its old grants");
            }
        }
        self.write_limits(plugin);
    }

    /// A job's collector. Its instances are made when they are needed; a plugin that no job has
    /// asked for before is loaded in the background, and the first scrapes wait for it. `config`
    /// is the job's `plugin_config`, null where there is none. A job of the same name hands its
    /// warm instances over.
    ///
    /// # Errors
    /// There is no such plugin, it is of another world, or none of its versions can be used.
    pub fn collector(
        self: &Arc<Self>,
        plugin: &str,
        job: &str,
        config: &Value,
    ) -> Result<Arc<dyn Collector>, PluginError> {
        self.collector_with(plugin, job, config, Lent::default())
    }

    /// The same, of a job that something is lent to, such as watches on a cluster.
    ///
    /// # Errors
    /// As [`Self::collector`].
    pub fn collector_with(
        self: &Arc<Self>,
        plugin: &str,
        job: &str,
        config: &Value,
        lent: Lent,
    ) -> Result<Arc<dyn Collector>, PluginError> {
        Ok(self.job(World::Exporter, plugin, job, config, lent)?)
    }

    /// What finds targets for a job: asked at this interval, and more often where the plugin
    /// watches something. `job` is the discoverer's name, `JOB/MECHANISM/0`; `lent` is what the
    /// entry of the configuration has for it that it is made of.
    ///
    /// # Errors
    /// As [`Self::collector`].
    pub fn discoverer(
        self: &Arc<Self>,
        plugin: &str,
        job: &str,
        config: &Value,
        interval: Duration,
        lent: Lent,
    ) -> Result<Arc<dyn Discoverer>, PluginError> {
        let refreshes = self.refreshes.of(plugin, job);
        let job = self.job(World::Discovery, plugin, job, config, lent)?;
        Ok(Arc::new(PluginDiscoverer::new(job, interval, refreshes)))
    }

    /// What delivers the notifications of a receiver of the configuration. `lent` is what its
    /// entry has for it.
    ///
    /// # Errors
    /// As [`Self::collector`].
    pub fn receiver(
        self: &Arc<Self>,
        plugin: &str,
        name: &str,
        config: &Value,
        lent: Lent,
    ) -> Result<Arc<PluginReceiver>, PluginError> {
        let job = self.job(World::Receiver, plugin, name, config, lent)?;
        Ok(Arc::new(PluginReceiver::new(job)))
    }

    fn job(
        self: &Arc<Self>,
        world: World,
        name: &str,
        job: &str,
        config: &Value,
        lent: Lent,
    ) -> Result<Arc<Job>, PluginError> {
        let plugin = self.known(name)?;
        let status = plugin.status();
        if status.state == PluginState::Failed {
            return Err(PluginError::Unusable {
                name: name.to_owned(),
                reason: status.last_error.unwrap_or_default(),
            });
        }
        if World::named(&status.world) != Some(world) {
            return Err(PluginError::OtherWorld {
                name: name.to_owned(),
                found: status.world,
                needed: world.to_string(),
            });
        }
        let identity = Identity {
            plugin: name.to_owned(),
            job: job.to_owned(),
            log: plugin.log.clone(),
        };
        let setup = Setup::new(identity, self.outside.clone(), config, lent);
        let job = Arc::new(Job::new(plugin.clone(), world, setup, self.tokio.clone()));
        plugin.add_job(&job);
        self.load_in_background(&plugin);
        Ok(job)
    }

    /// Checks a `plugin_config` against the schema in the plugin's manifest.
    ///
    /// # Errors
    /// All that is wrong with it. A plugin that is not there is no fault of its configuration.
    pub fn check_config(&self, plugin: &str, config: &Value) -> Result<(), Vec<ConfigFault>> {
        let manifest = self.known(plugin).ok().and_then(|plugin| plugin.manifest());
        manifest.map_or(Ok(()), |manifest| manifest.check_config(config))
    }

    /// A plugin that is there.
    fn known(&self, name: &str) -> Result<Arc<Plugin>, PluginError> {
        let plugins = lock(&self.plugins);
        let unknown = || {
            let known: Vec<&str> = plugins.keys().map(String::as_str).collect();
            PluginError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
            }
        };
        plugins.get(name).cloned().ok_or_else(unknown)
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
