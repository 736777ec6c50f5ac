//! Takes a config: at the start, and again whenever somebody asks for it.
//!
//! A config is taken whole or not at all: it is read and checked first, and where a part refuses
//! it, the parts that had taken it get the old one back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use narthex_api::{ApiState, RunningConfig};
use narthex_model::Clock;
use narthex_notifier::{NotifierManager, PreparedNotifier};
use narthex_operator::{Fault, Translation};
use narthex_plugin::PluginRuntime;
use narthex_remote::{Fanout, OtlpReceiver, WriteManager};
use narthex_rules::{PreparedRules, RuleFile, RuleManager};
use narthex_scrape::{ReloadError, ScrapeManager};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::Value;

use crate::alertmanager::AlertmanagerFollower;
use crate::config::{Config, ConfigDefaults, ConfigSource, PluginPlace};
use crate::flags::CommandLine;
use crate::metrics_apis::{self, MetricsApisServer};
use crate::monitors::{Composed, Composition, Monitors};
use crate::registry_follower::RegistryFollower;
use crate::store::Store;
use crate::{plugins, rules};

/// The parts that follow the config, and the config that they follow.
pub(crate) struct Reloader {
    source: ConfigSource,
    defaults: ConfigDefaults,
    current: Config,
    state: ApiState,
    plugins: Arc<PluginRuntime>,
    scrape: Arc<ScrapeManager>,
    remote_write: Arc<WriteManager>,
    remote_read: Arc<Fanout>,
    otlp: Option<Arc<OtlpReceiver>>,
    rules: Arc<RuleManager>,
    notifier: Arc<NotifierManager>,
    store: Store,
    line: CommandLine,
    registry: RegistryFollower,
    alertmanager: Option<AlertmanagerFollower>,
    monitors: Monitors,
    metrics_apis: Option<MetricsApisServer>,
    composition: Composition,
    /// What was found in a cluster, and runs beside the config.
    found: Arc<Translation>,
    /// The files of rules of the config, as they were when it was taken.
    rule_files: Vec<RuleFile>,
    clock: Arc<dyn Clock>,
    loaded_ms: i64,
    metrics: Metrics,
}

/// What the process shows of its config.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    is_successful: Gauge<i64, AtomicI64>,
    success_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Registers them.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "prometheus_config_last_reload_successful",
            "Whether the last configuration reload attempt was successful",
            metrics.is_successful.clone(),
        );
        registry.register(
            "prometheus_config_last_reload_success_timestamp_seconds",
            "Timestamp of the last successful configuration reload",
            metrics.success_seconds.clone(),
        );
        metrics
    }
}

/// The parts that follow the config.
pub(crate) struct Followers {
    /// Shows it.
    pub(crate) state: ApiState,
    /// Has taken `plugins` already.
    pub(crate) plugins: Arc<PluginRuntime>,
    /// Has no job yet.
    pub(crate) scrape: Arc<ScrapeManager>,
    /// Has no sender yet.
    pub(crate) remote_write: Arc<WriteManager>,
    /// Asks no other store yet.
    pub(crate) remote_read: Arc<Fanout>,
    /// Translates by the default config; `None` where it is not enabled.
    pub(crate) otlp: Option<Arc<OtlpReceiver>>,
    /// Has no rule yet.
    pub(crate) rules: Arc<RuleManager>,
    /// Knows no Alertmanager yet.
    pub(crate) notifier: Arc<NotifierManager>,
    /// Was opened with its part of the config already.
    pub(crate) store: Store,
    /// What holds where the config says nothing.
    pub(crate) line: CommandLine,
    /// Follows nothing yet.
    pub(crate) registry: RegistryFollower,
    /// Has taken its config already; `None` where it has none.
    pub(crate) alertmanager: Option<AlertmanagerFollower>,
    /// Follows nothing yet.
    pub(crate) monitors: Monitors,
    /// Follows nothing yet; `None` where no flag asks for it.
    pub(crate) metrics_apis: Option<MetricsApisServer>,
}

impl Reloader {
    /// Lets the parts take their first config.
    ///
    /// # Errors
    /// A part refuses it.
    pub(crate) async fn start(
        (source, defaults): (ConfigSource, ConfigDefaults),
        config: Config,
        mut followers: Followers,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Result<Self, String> {
        check(&config, &followers.plugins)?;
        let followed = followers.registry.prepare(&config.plugins)?;
        let senders = WriteManager::prepare(&config.remote_write);
        let senders = senders.map_err(|error| format!("remote_write: {error}"))?;
        let Followers {
            state,
            notifier,
            rules,
            ..
        } = &followers;
        let prepared = prepare_alerting(&config, state, notifier, rules, &[])?;
        let (receivers, rule_files, groups) = prepared;
        // Nothing was found yet; what is, is taken when it is there.
        let watched = followers.monitors.prepare(config.monitors.as_ref())?;
        let apis = metrics_apis::prepare(followers.metrics_apis.as_ref(), &config)?;
        let external_labels = &config.external_labels;
        let asked = followers
            .remote_read
            .prepare(&config.remote_read, external_labels);
        let asked = asked.map_err(|error| format!("remote_read: {error}"))?;
        // Before the first sample comes, so that none is missed.
        followers
            .remote_write
            .follow(senders, external_labels)
            .await;
        let taken = followers.scrape.reload(config.scrape.clone()).await;
        taken.map_err(lines)?;
        followers.remote_read.follow(asked);
        followers.registry.follow(followed);
        // Whoever is to be told first, so that no alert is lost.
        followers.notifier.follow(receivers);
        followers.rules.follow(groups).await;
        followers.monitors.follow(watched);
        metrics_apis::follow(followers.metrics_apis.as_mut(), apis);
        let mut reloader = Self {
            source,
            defaults,
            current: config,
            state: followers.state,
            plugins: followers.plugins,
            scrape: followers.scrape,
            remote_write: followers.remote_write,
            remote_read: followers.remote_read,
            otlp: followers.otlp,
            rules: followers.rules,
            notifier: followers.notifier,
            store: followers.store,
            line: followers.line,
            registry: followers.registry,
            alertmanager: followers.alertmanager,
            monitors: followers.monitors,
            metrics_apis: followers.metrics_apis,
            composition: Composition::default(),
            found: Arc::default(),
            rule_files,
            loaded_ms: clock.now_ms(),
            clock,
            metrics,
        };
        reloader.succeeded();
        Ok(reloader)
    }

    /// Reads the config again and takes it.
    ///
    /// # Errors
    /// Why it was not taken; the old one goes on.
    pub(crate) async fn reload(&mut self) -> Result<(), String> {
        let taken = match self.source.load(self.defaults) {
            Ok(config) => self.take(config).await,
            Err(error) => Err(error.to_string()),
        };
        match &taken {
            Ok(()) => {
                self.succeeded();
                tracing::info!("the configuration was loaded");
            }
            Err(error) => self.refuse(error),
        }
        taken
    }

    /// Says that there is another config, and why it is not taken; the old one goes on.
    pub(crate) fn refuse(&self, error: &str) {
        self.failed();
        tracing::error!(
            error,
            "the configuration was not loaded; the old one goes on"
        );
    }

    async fn take(&mut self, config: Config) -> Result<(), String> {
        // Plugins first: a new job may need a new one.
        let reloaded = self.plugins.reload(config.plugins.clone()).await;
        reloaded.map_err(|error| format!("plugins: {error}"))?;
        let taken = self.take_over(&config).await;
        if taken.is_err() {
            let restored = self.plugins.reload(self.current.plugins.clone()).await;
            if let Err(error) = restored {
                tracing::error!(%error, "the old configuration of plugins cannot be restored");
            }
            return taken;
        }
        self.current = config;
        let followed = self.store.follow(&self.line, &self.current.storage);
        followed.map_err(|error| error.to_string())
    }

    /// Takes what is left once the plugins are there.
    async fn take_over(&mut self, config: &Config) -> Result<(), String> {
        check(config, &self.plugins)?;
        let followed = self.registry.prepare(&config.plugins)?;
        let senders = WriteManager::prepare(&config.remote_write);
        let senders = senders.map_err(|error| format!("remote_write: {error}"))?;
        let external_labels = &config.external_labels;
        let asked = self
            .remote_read
            .prepare(&config.remote_read, external_labels);
        let asked = asked.map_err(|error| format!("remote_read: {error}"))?;
        let found = self.monitors.found(config.monitors.as_ref());
        let mut composed = self.compose(config, &found);
        let (state, notifier, rules) = (&self.state, &self.notifier, &self.rules);
        let prepared = prepare_alerting(config, state, notifier, rules, &composed.rules)?;
        let (receivers, rule_files, groups) = prepared;
        let watched = self.monitors.prepare(config.monitors.as_ref())?;
        let apis = metrics_apis::prepare(self.metrics_apis.as_ref(), config)?;
        let alerts = match &self.alertmanager {
            Some(alertmanager) => {
                Some((alertmanager, alertmanager.prepare(&found.routings).await?))
            }
            None => None,
        };
        self.take_jobs(&mut composed).await?;
        self.remote_read.follow(asked);
        self.notifier.follow(receivers);
        self.rules.follow(groups).await;
        self.remote_write.follow(senders, external_labels).await;
        self.registry.follow(followed);
        let mut faults = composed.faults;
        if let Some((alertmanager, prepared)) = alerts {
            faults.extend_from_slice(prepared.refused());
            alertmanager.follow(prepared);
        }
        faults.extend(self.without_alertmanager(&found));
        self.rule_files = rule_files;
        self.monitors.follow(watched);
        metrics_apis::follow(self.metrics_apis.as_mut(), apis);
        self.applied(found, faults);
        Ok(())
    }

    /// Takes what was found in a cluster: what did not change goes on.
    pub(crate) async fn take_found(&mut self) {
        let found = self.monitors.found(self.current.monitors.as_ref());
        if let Err(error) = self.take_over_found(&found).await {
            tracing::error!(
                error,
                "what was found in the cluster was not taken; what ran before goes on"
            );
        }
    }

    async fn take_over_found(&mut self, found: &Arc<Translation>) -> Result<(), String> {
        let config = self.current.clone();
        let mut composed = self.compose(&config, found);
        // Files that somebody is writing wait for the reload that takes them.
        let mut files = self.rule_files.clone();
        files.extend_from_slice(&composed.rules);
        let groups = self.rules.prepare(&files, rules::settings(&config))?;
        let alerts = match &self.alertmanager {
            // Groups of alerts begin anew with each config, so it is not touched without need.
            Some(alertmanager) if found.routings != self.found.routings => {
                let prepared = alertmanager.prepare_branches(&found.routings).await?;
                Some((alertmanager, prepared))
            }
            Some(alertmanager) => {
                composed.faults.extend(alertmanager.refused());
                None
            }
            None => None,
        };
        self.take_jobs(&mut composed).await?;
        self.rules.follow_found(groups).await;
        let mut faults = composed.faults;
        if let Some((alertmanager, prepared)) = alerts {
            faults.extend_from_slice(prepared.refused());
            alertmanager.follow(prepared);
        }
        faults.extend(self.without_alertmanager(found));
        self.applied(Arc::clone(found), faults);
        Ok(())
    }

    /// Jobs of the cluster that cannot begin are left out; one of the config is a reason to take
    /// nothing.
    async fn take_jobs(&self, composed: &mut Composed) -> Result<(), String> {
        loop {
            let Err(errors) = self.scrape.reload(composed.scrape.clone()).await else {
                return Ok(());
            };
            let failed = errors
                .iter()
                .map(|error| (job_of(error), error.to_string()));
            let failed: Vec<(String, String)> = failed.collect();
            // Each round leaves at least one object out.
            if !composed.leave_out(&failed) {
                return Err(lines(errors));
            }
        }
    }

    fn compose(&mut self, config: &Config, found: &Translation) -> Composed {
        let options = self.state.engine().options().parse;
        let section = config.monitors.as_ref();
        self.composition
            .compose(&config.scrape, section, found, &options)
    }

    /// Routes for which there is no tree.
    fn without_alertmanager(&self, found: &Translation) -> Vec<Fault> {
        if self.alertmanager.is_some() {
            return Vec::new();
        }
        let routings = found.routings.iter();
        let faults = routings.map(|routing| Fault {
            object: routing.object.clone(),
            field: String::new(),
            text: "the server has no Alertmanager inside: it needs --alertmanager.config.file"
                .to_owned(),
        });
        faults.collect()
    }

    fn applied(&mut self, found: Arc<Translation>, faults: Vec<Fault>) {
        self.monitors.applied(faults, &found.warnings);
        self.found = found;
    }

    /// As it is shown; an agent has none.
    fn retention(&self) -> String {
        match self.store.server() {
            Some(_) => self.line.flags.retention(&self.current.storage).to_string(),
            None => String::new(),
        }
    }

    fn succeeded(&mut self) {
        self.loaded_ms = self.clock.now_ms();
        if let Some(otlp) = &self.otlp {
            otlp.set_config(self.current.otlp.clone());
        }
        self.metrics.is_successful.set(1);
        self.metrics
            .success_seconds
            .set(self.loaded_ms as f64 / 1000.0);
        self.show(true);
    }

    fn failed(&self) {
        self.metrics.is_successful.set(0);
        self.show(false);
    }

    fn show(&self, is_last_load_successful: bool) {
        self.state.set_config(RunningConfig {
            yaml: self.current.yaml.clone(),
            external_labels: self.current.external_labels.clone(),
            evaluation_interval: self.current.evaluation_interval(),
            is_last_load_successful,
            loaded_ms: self.loaded_ms,
            retention: self.retention(),
        });
    }
}

/// What is made of the rules of a config, its files and further ones, and of those who are told of
/// alerts. With it come the files.
fn prepare_alerting(
    config: &Config,
    state: &ApiState,
    notifier: &NotifierManager,
    manager: &RuleManager,
    further: &[RuleFile],
) -> Result<(PreparedNotifier, Vec<RuleFile>, PreparedRules), String> {
    let receivers = notifier.prepare(config.notifier.clone());
    let receivers = receivers.map_err(|error| format!("alerting: {error}"))?;
    let files = rules::files(config, &state.engine().options().parse)?;
    let all = [files.as_slice(), further].concat();
    let groups = manager.prepare(&all, rules::settings(config))?;
    Ok((receivers, files, groups))
}

/// Checks what the config says to plugins, once those are there.
fn check(config: &Config, plugins: &PluginRuntime) -> Result<(), String> {
    let faults = |place: PluginPlace, plugin: &str, settings: &Value| {
        plugins::faults(plugins, place, plugin, settings)
    };
    let checked = config.plugin_uses.check(faults);
    checked.map_err(|error| format!("couldn't load configuration: {error}"))
}

/// The job that cannot run.
fn job_of(error: &ReloadError) -> String {
    match error {
        ReloadError::Collector(error) => error.job.clone(),
        ReloadError::FailureLog { job, .. } => job.clone(),
        ReloadError::Discoverer(error) => error.job.clone(),
    }
}

/// All errors, one a line.
fn lines(errors: Vec<impl std::error::Error>) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
