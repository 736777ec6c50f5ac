//! One plugin in the real runtime, with nothing around it but what an author gives it.
//!
//! What the manifest requests is granted, and no more; limits are the manifest's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use narthex_discovery::Discoverer;
use narthex_exposition::{Entry, Format, Parser};
use narthex_model::{Clock, Labels, PromDuration, SimulatedClock};
use narthex_plugin::{
    Lent, LogLine, PluginOptions, PluginReceiver, PluginRuntime, PluginState, PluginStatus,
    PluginsConfig,
};
use narthex_scrape::{Collector, ScrapeError, Scraped, Target};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::AuthorError;
use crate::fixture::{Fixture, Places, TargetSpec};
use crate::package::BuiltPlugin;
use crate::player::Player;

/// So much longer than its own timeout a scrape waits for a plugin.
const DEADLINE_MARGIN: Duration = Duration::from_secs(1);

/// Longer than any trial: a discoverer asks once.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3600);

/// What a plugin runs with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// A folder that it may read beside what its manifest requests.
    pub files: Option<PathBuf>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// The time that it sees.
    pub clock: Arc<dyn Clock>,
    /// Where compiled components are kept.
    pub cache: Option<PathBuf>,
}

impl Setup {
    /// What a fixture says, whose servers and files are those of its player.
    pub(crate) fn of_fixture(fixture: &Fixture, player: &Player, cache: Option<PathBuf>) -> Self {
        Self {
            files: (!fixture.files.is_empty()).then(|| player.files().to_owned()),
            secrets: fixture.secrets.clone(),
            clock: Arc::new(SimulatedClock::at(fixture.now_ms)),
            cache,
        }
    }
}

/// A plugin in the real runtime.
#[derive(Debug)]
pub struct Session {
    runtime: Arc<PluginRuntime>,
    registry: Registry,
    name: String,
    world: String,
    timeout: Duration,
    /// One with links to component and manifest: the runtime watches it, and sees what they lead
    /// to. And one for the plugin's state.
    _folders: [TempDir; 2],
}

/// What a plugin was refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Denial {
    /// `tcp`, `http`, `files`...
    pub capability: String,
    /// How often.
    pub count: u64,
}

impl Session {
    /// Loads the plugin.
    ///
    /// # Errors
    /// The runtime does not start, or the plugin cannot be loaded.
    #[boxed]
    pub async fn start(plugin: &BuiltPlugin, setup: &Setup) -> Result<Self, AuthorError> {
        let folder = link_folder(plugin)?;
        let state = temporary("narthex-state-")?;
        let mut registry = Registry::default();
        let options = PluginOptions {
            config: config(plugin, setup, folder.path())?,
            cache: setup.cache.clone(),
            state: Some(state.path().to_owned()),
            clock: setup.clock.clone(),
            ..PluginOptions::default()
        };
        let runtime = PluginRuntime::start(options, &mut registry).await;
        let session = Self {
            runtime: runtime.map_err(component)?,
            registry,
            name: plugin.name().to_owned(),
            world: plugin.manifest.world.clone(),
            timeout: plugin.timeout(),
            _folders: [folder, state],
        };
        // A job makes the runtime load it, and once that is done another says why it failed.
        session.ask()?;
        session.runtime.rescan().await;
        session.ask()?;
        Ok(session)
    }

    /// Whether there can be a job of the plugin.
    fn ask(&self) -> Result<(), AuthorError> {
        let (job, config) = ("load", json!({}));
        match self.world.as_str() {
            "discovery" => self.discoverer(job, &config).map(drop),
            "receiver" => self.receiver(job, &config).map(drop),
            _ => self.collector(job, &config).map(drop),
        }
    }

    /// The world that the plugin is of.
    pub fn world(&self) -> &str {
        &self.world
    }

    /// The longest that a call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether a configuration fits the schema in the plugin's manifest.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn check_config(&self, config: &Value) -> Result<(), String> {
        let faults = match self.runtime.check_config(&self.name, config) {
            Ok(()) => return Ok(()),
            Err(faults) => faults,
        };
        let faults = faults.iter().map(|fault| {
            format!(
                "plugin_config{}: {}",
                fault.pointer.replace('/', "."),
                fault.message
            )
        });
        Err(faults.collect::<Vec<_>>().join("\n"))
    }

    /// A job's collector; its instances are its own.
    ///
    /// # Errors
    /// The plugin is not loaded, or no exporter.
    pub fn collector(&self, job: &str, config: &Value) -> Result<Arc<dyn Collector>, AuthorError> {
        self.runtime
            .collector(&self.name, job, config)
            .map_err(component)
    }

    /// A job's discoverer, which asks once within a trial.
    ///
    /// # Errors
    /// The plugin is not loaded, or finds no targets.
    pub fn discoverer(
        &self,
        job: &str,
        config: &Value,
    ) -> Result<Arc<dyn Discoverer>, AuthorError> {
        let found =
            self.runtime
                .discoverer(&self.name, job, config, REFRESH_INTERVAL, Lent::default());
        found.map_err(component)
    }

    /// A receiver; its instances are its own.
    ///
    /// # Errors
    /// The plugin is not loaded, or no receiver.
    pub fn receiver(&self, name: &str, config: &Value) -> Result<Arc<PluginReceiver>, AuthorError> {
        self.runtime
            .receiver(&self.name, name, config, Lent::default())
            .map_err(component)
    }

    /// Reads a target within the plugin's own timeout.
    ///
    /// # Errors
    /// As a scrape's.
    #[boxed]
    pub async fn collect(
        &self,
        collector: &Arc<dyn Collector>,
        target: &Target,
    ) -> Result<Scraped, ScrapeError> {
        // A margin beyond it, so that it is the runtime that says which time ran out.
        let deadline = Instant::now() + self.timeout + DEADLINE_MARGIN;
        collector.collect(target, deadline).await
    }

    /// A target as a scrape has it.
    pub fn target(&self, spec: &TargetSpec, places: &Places) -> Target {
        let address = places.fill(&spec.address);
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let timeout = PromDuration::from_millis(timeout_ms).to_string();
        let mut labels = BTreeMap::from([
            ("__address__".to_owned(), address.clone()),
            ("__scrape_timeout__".to_owned(), timeout),
            ("instance".to_owned(), address),
            ("job".to_owned(), "test".to_owned()),
        ]);
        for (name, value) in &spec.labels {
            labels.insert(name.clone(), places.fill(value));
        }
        let params = spec.params.iter().map(|(name, values)| {
            let values = values.iter().map(|value| places.fill(value));
            (name.clone(), values.collect())
        });
        let labels = Labels::from_pairs(labels);
        Target::new(labels.clone(), labels, &params.collect())
    }

    /// The memory of the instance that was at work last for a job, in bytes.
    pub fn memory_bytes(&self, job: &str) -> u64 {
        let memory = self.metric("narthex_plugin_memory_bytes");
        let own = memory
            .into_iter()
            .filter(|(labels, _)| labels.get("job") == Some(job));
        own.map(|(_, value)| value).max().unwrap_or(0)
    }

    /// The host's interfaces that it called, by name.
    pub fn interfaces(&self) -> Vec<String> {
        let calls = self.metric("narthex_plugin_host_calls_total");
        let called = calls.into_iter().filter(|(_, count)| *count > 0);
        called
            .filter_map(|(labels, _)| labels.get("interface").map(str::to_owned))
            .collect()
    }

    /// What it logged, and what the host said of it.
    pub fn log(&self) -> Vec<LogLine> {
        let log = self.runtime.logs(&self.name);
        log.map(|(lines, _)| lines).unwrap_or_default()
    }

    /// The last load or call that failed since the last one that did not.
    pub fn last_error(&self) -> Option<String> {
        self.status(|status| status.last_error.clone())
    }

    /// The SHA-256 of the component at work.
    pub fn digest(&self) -> String {
        self.status(|status| status.digest.clone())
    }

    /// The version at work, as its manifest has it.
    pub fn version(&self) -> String {
        self.status(|status| status.version.clone())
    }

    /// Why a newer version that was found is not at work.
    pub fn refusal(&self) -> Option<String> {
        self.status(|status| match status.state {
            PluginState::Outdated | PluginState::Held => status.last_error.clone(),
            _ => None,
        })
    }

    fn status<T: Default>(&self, read: impl Fn(&PluginStatus) -> T) -> T {
        let all = self.runtime.list();
        let own = all.iter().find(|status| status.name == self.name);
        own.map(read).unwrap_or_default()
    }

    /// What it was refused since the start.
    pub fn denials(&self) -> Vec<Denial> {
        let denied = self.metric("narthex_plugin_denied_total");
        let mut denials: Vec<Denial> = denied
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(labels, count)| Denial {
                capability: labels.get("capability").unwrap_or("").to_owned(),
                count,
            })
            .collect();
        denials.sort();
        denials
    }

    /// The runtime's own series of one name that are of whole numbers.
    fn metric(&self, name: &str) -> Vec<(Labels, u64)> {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            return Vec::new();
        }
        let parser = Parser::new(text.as_bytes(), Format::OpenMetrics);
        let series = parser.filter_map(|entry| match entry {
            Ok(Entry::Series(series)) => Some(series),
            _ => None,
        });
        let labelled = series.filter_map(|series| Some((series.labels().ok()?, series.value)));
        labelled
            .filter(|(labels, _)| labels.metric_name() == name)
            .map(|(labels, value)| (labels, whole(value)))
            .collect()
    }
}

fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of this process; a conversion saturates"
    )]
    let count = value as u64;
    count
}

fn component(error: narthex_plugin::PluginError) -> AuthorError {
    AuthorError::Component(error.to_string())
}

fn temporary(prefix: &str) -> Result<TempDir, AuthorError> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map_err(|source| AuthorError::File {
        verb: "make a folder in",
        path: std::env::temp_dir(),
        source,
    })
}

/// A folder with links to component and manifest, under the names that the runtime looks for.
fn link_folder(plugin: &BuiltPlugin) -> Result<TempDir, AuthorError> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| AuthorError::File {
            verb: "link to",
            path,
            source,
        }
    };
    let folder = temporary("narthex-plugin-")?;
    for (file, end) in [(&plugin.component, "wasm"), (&plugin.manifest_file, "toml")] {
        let file = file.canonicalize().map_err(fault(file))?;
        let link = folder.path().join(format!("{}.{end}", plugin.name()));
        std::os::unix::fs::symlink(&file, link).map_err(fault(&file))?;
    }
    Ok(folder)
}

/// The section `plugins` that an operator would write who grants what the plugin asks for.
fn config(
    plugin: &BuiltPlugin,
    setup: &Setup,
    folder: &Path,
) -> Result<PluginsConfig, AuthorError> {
    let fault = |error: serde_json::Error| AuthorError::Project(error.to_string());
    let name = plugin.name();
    let mut grant = json!("as-requested");
    if let Some(files) = &setup.files {
        let mut exactly = plugin.manifest.request.clone();
        exactly.files.push(files.display().to_string());
        grant = serde_json::to_value(exactly).map_err(fault)?;
    }
    let mut config = json!({"directory": folder, "grants": {name: grant}});
    if let (Some(memory), Some(fields)) = (plugin.manifest.limits.memory, config.as_object_mut()) {
        fields.insert("limits".to_owned(), json!({"memory": memory}));
    }
    if let (false, Some(fields)) = (setup.secrets.is_empty(), config.as_object_mut()) {
        let secrets = setup.secrets.iter();
        let secrets = secrets.map(|(name, value)| (name.clone(), json!({"value": value})));
        fields.insert("secrets".to_owned(), secrets.collect());
    }
    serde_json::from_value(config).map_err(fault)
}

/// Where a user's compiled plugins are kept: `narthex/plugins` in the folder for caches.
pub fn default_cache() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let caches = folder("XDG_CACHE_HOME").map(PathBuf::from);
    let caches = caches.or_else(|| Some(PathBuf::from(folder("HOME")?).join(".cache")));
    caches.map(|caches| caches.join("narthex").join("plugins"))
}
