//! The Alertmanager inside: its flags and its config file.
//!
//! It is not: what routes and tells, which the crate has, nor who delivers (`receivers`).

mod branches;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use clap::Args;
use md5::{Digest as _, Md5};
use narthex_alertmanager::{
    Alertmanager, AlertmanagerOptions, Config, MatcherMode, PostedAlert, PreparedConfig,
    SilenceLimits,
};
use narthex_cluster::Cluster;
use narthex_disk::SystemDisk;
use narthex_model::{ByteSize, Clock, Labels, PromDuration};
use narthex_operator::{Fault, Routing};
use narthex_plugin::PluginRuntime;
use narthex_rules::Notifier;
use narthex_template::alertmanager::Templates;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::branches::{Followed, ReadyAlertmanager, with_branches};
use crate::build_info;
use crate::cluster::ClusterFlags;
use crate::receivers::{Integrations, read_templates};
use crate::yaml::{self, Document, YamlError};

/// The folder below the store's for silences and the notification log.
const FOLDER: &str = "alertmanager";

// Alertmanager's flags, by its names where it has them. This is no doc comment, because clap would
// show it as what the whole program is for. Names that other flags' fields have need ids of their own.
#[derive(Debug, Clone, Args)]
pub(crate) struct AlertmanagerFlags {
    /// Alertmanager configuration file. With it, this server routes alerts itself.
    #[arg(
        id = "alertmanager_config_file",
        long = "alertmanager.config.file",
        value_name = "FILE"
    )]
    pub(crate) config_file: Option<PathBuf>,

    /// Base path for silences and the notification log; without it, a folder in that of metrics.
    #[arg(
        id = "alertmanager_storage_path",
        long = "alertmanager.storage.path",
        value_name = "DIR"
    )]
    storage_path: Option<PathBuf>,

    /// How long to keep data of the Alertmanager for.
    #[arg(long = "data.retention", default_value = "120h")]
    retention: PromDuration,

    /// Interval between forgetting silences and notification logs that have expired.
    #[arg(long = "data.maintenance-interval", default_value = "15m")]
    maintenance_interval: PromDuration,

    /// Interval between alert GC.
    #[arg(long = "alerts.gc-interval", default_value = "30m")]
    gc_interval: PromDuration,

    /// Maximum number of silences, including expired silences. 0 means no limit.
    #[arg(long = "silences.max-silences", default_value_t = 0)]
    silences_max: usize,

    /// Maximum size of a silence. 0 means no limit.
    #[arg(long = "silences.max-per-silence-bytes", default_value = "0")]
    silence_bytes_max: ByteSize,

    /// The others that tell the same receivers.
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// An Alertmanager, and where its config comes from.
#[derive(Debug)]
pub(crate) struct AlertmanagerFollower {
    manager: Arc<Alertmanager>,
    integrations: Arc<Integrations>,
    file: PathBuf,
    config_hash: ConfigHash,
    followed: Mutex<Followed>,
}

impl AlertmanagerFollower {
    /// Starts one, where a flag asks for it.
    ///
    /// # Errors
    /// Its config cannot run, or what it kept cannot be read.
    pub(crate) async fn start(
        flags: &AlertmanagerFlags,
        matcher_mode: MatcherMode,
        store: &Path,
        (clock, external_url): (Arc<dyn Clock>, String),
        plugins: Arc<PluginRuntime>,
        registry: &mut Registry,
    ) -> anyhow::Result<Option<Self>> {
        let cluster = flags.cluster.options(Arc::clone(&clock))?;
        let Some(file) = flags.config_file.clone() else {
            if cluster.is_some() {
                tracing::warn!(
                    "flags of a cluster have no effect without --alertmanager.config.file"
                );
            }
            return Ok(None);
        };
        let cluster = match cluster {
            Some(options) => Some(Cluster::bind(options, registry).await?),
            None => None,
        };
        let folder = flags.storage_path.clone();
        let folder = folder.unwrap_or_else(|| store.join(FOLDER));
        let retention_ms = flags.retention.as_millis_i64();
        let bytes_max = flags.silence_bytes_max.as_bytes();
        let config_hash = ConfigHash::register(registry);
        build_info::register_alertmanager(registry);
        config_hash.note(&file);
        let (config, yaml, templates) = load_all(&file, matcher_mode)?;
        let templates = Arc::new(templates);
        let integrations = Integrations::new(plugins, clock.clone(), Arc::clone(&templates));
        let integrations = Arc::new(integrations);
        let options = AlertmanagerOptions {
            clock,
            disk: Arc::new(SystemDisk::new(&folder)),
            retention_ms,
            silence_limits: SilenceLimits {
                silences_max: flags.silences_max,
                silence_bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
                retention_ms,
            },
            alerts_gc_interval_ms: flags.gc_interval.as_millis_i64(),
            maintenance_interval_ms: flags.maintenance_interval.as_millis_i64(),
            matcher_mode,
            external_url,
            integrations: integrations.clone(),
            cluster,
        };
        let prepared =
            Alertmanager::prepare(&config, yaml.clone(), matcher_mode, &*options.integrations)
                .await;
        let prepared = prepared.with_context(|| format!("couldn't load {}", file.display()))?;
        let manager = Alertmanager::start(options, prepared, registry)
            .with_context(|| format!("the Alertmanager in {}", folder.display()))?;
        config_hash.show();
        Ok(Some(Self {
            manager,
            integrations,
            file,
            config_hash,
            followed: Mutex::new(Followed {
                config,
                yaml,
                templates,
                refused: Vec::new(),
            }),
        }))
    }

    /// What runs.
    pub(crate) fn manager(&self) -> Arc<Alertmanager> {
        Arc::clone(&self.manager)
    }

    /// Takes what rules have to tell.
    pub(crate) fn notifier(&self) -> Arc<dyn Notifier> {
        Arc::new(RuleAlerts(self.manager()))
    }

    /// Reads the config again and puts branches beside its own routes; nothing follows it yet. A
    /// branch that cannot run is left out, with the reason.
    ///
    /// # Errors
    /// The config cannot run.
    pub(crate) async fn prepare(&self, branches: &[Routing]) -> Result<ReadyAlertmanager, String> {
        let prepared = async {
            self.config_hash.note(&self.file);
            let (config, yaml, templates) = load_all(&self.file, self.manager.matcher_mode())?;
            self.prepare_both((config, yaml, Arc::new(templates)), branches)
                .await
        };
        prepared.await.map_err(|error: anyhow::Error| {
            self.manager.refused_config();
            format!("{error:#}")
        })
    }

    /// The same with the config that is followed already.
    ///
    /// # Errors
    /// It cannot run any more: a plugin is gone, for instance.
    pub(crate) async fn prepare_branches(
        &self,
        branches: &[Routing],
    ) -> Result<ReadyAlertmanager, String> {
        let Followed {
            config,
            yaml,
            templates,
            ..
        } = self.lock().clone();
        let prepared = self.prepare_both((config, yaml, templates), branches).await;
        prepared.map_err(|error| format!("{error:#}"))
    }

    async fn prepare_both(
        &self,
        (config, yaml, templates): (Config, String, Arc<Templates>),
        branches: &[Routing],
    ) -> anyhow::Result<ReadyAlertmanager> {
        self.integrations.take_templates(Arc::clone(&templates));
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for branch in branches {
            // Each by itself: one that cannot run must not keep the others away.
            match self.prepare_with(&config, &[branch]).await {
                Ok(_) => taken.push(branch),
                Err(error) => refused.push(Fault {
                    object: branch.object.clone(),
                    field: "spec".to_owned(),
                    text: format!("{error:#}"),
                }),
            }
        }
        let prepared = match taken.is_empty() {
            true => {
                let prepared = self.manager.prepare_next(&config, yaml.clone()).await;
                prepared.map_err(anyhow::Error::from)
            }
            false => self.prepare_with(&config, &taken).await,
        };
        let prepared =
            prepared.with_context(|| format!("couldn't load {}", self.file.display()))?;
        Ok(ReadyAlertmanager::new(
            prepared,
            (config, yaml, templates),
            refused,
        ))
    }

    async fn prepare_with(
        &self,
        config: &Config,
        branches: &[&Routing],
    ) -> anyhow::Result<PreparedConfig> {
        let config = with_branches(config, branches)?;
        let yaml = yaml::to_string(&config.shown())?;
        Ok(self.manager.prepare_next(&config, yaml).await?)
    }

    /// Why branches of a cluster are left out.
    pub(crate) fn refused(&self) -> Vec<Fault> {
        self.lock().refused.clone()
    }

    /// Takes a config.
    pub(crate) fn follow(&self, ready: ReadyAlertmanager) {
        *self.lock() = ready.followed;
        self.manager.follow(ready.prepared);
        self.config_hash.show();
    }

    fn lock(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `alertmanager_config_hash`: peers of a cluster are to have the same.
#[derive(Debug)]
struct ConfigHash {
    /// Of the file that is being checked.
    noted: Mutex<f64>,
    gauge: Gauge<f64, AtomicU64>,
}

impl ConfigHash {
    fn register(registry: &mut Registry) -> Self {
        let gauge = Gauge::default();
        registry.register(
            "alertmanager_config_hash",
            "Hash of the currently loaded alertmanager configuration. Note that this is not a cryptographically strong hash",
            gauge.clone(),
        );
        Self {
            noted: Mutex::default(),
            gauge,
        }
    }

    /// Notes the hash of a file; one that cannot be read is refused by who reads it next.
    fn note(&self, file: &Path) {
        if let Ok(text) = yaml::read_text(file) {
            let hash = config_hash(&text);
            *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = hash;
        }
    }

    /// The file that was noted is followed.
    fn show(&self) {
        let hash = *self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        self.gauge.set(hash);
    }
}

/// The first six bytes of the MD5 of a config file, little-endian: Alertmanager's number for it. So
/// many bits a float holds.
fn config_hash(text: &str) -> f64 {
    let digest = Md5::digest(text.as_bytes());
    let bytes = digest.iter().take(6).rev();
    bytes.fold(0.0, |hash, byte| hash * 256.0 + f64::from(*byte))
}

/// Alerts of rules, which come without a request.
struct RuleAlerts(Arc<Alertmanager>);

impl Notifier for RuleAlerts {
    fn notify(&self, notifications: &[narthex_rules::Notification]) {
        let pairs = |labels: &Labels| {
            let pairs = labels.iter();
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        let alerts = notifications.iter().map(|notification| PostedAlert {
            labels: pairs(&notification.labels),
            annotations: notification.annotations.as_ref().clone(),
            starts_at_ms: Some(notification.starts_at_ms),
            ends_at_ms: Some(notification.ends_at_ms),
            generator_url: notification.generator_url.clone(),
        });
        if let Err(error) = self.0.post(alerts.collect()) {
            tracing::error!(%error, "alerts of rules were not taken");
        }
    }
}

/// Reads and checks a config. With it comes the text that its users may see. What is said of a
/// fault holds no line of the file: there are keys in it.
///
/// # Errors
/// It cannot be read, or cannot run.
pub(crate) fn load(path: &Path, mode: MatcherMode) -> anyhow::Result<(Config, String)> {
    load_all(path, mode).map(|(config, yaml, _)| (config, yaml))
}

/// The same with the templates that it names.
fn load_all(path: &Path, mode: MatcherMode) -> anyhow::Result<(Config, String, Templates)> {
    let file = path.display().to_string();
    let text = yaml::read_text(path).with_context(|| format!("couldn't load {file}"))?;
    let mut config = read(&text, &file, mode)?;
    config.set_folder(path.parent().unwrap_or(Path::new("")));
    let templates = read_templates(&config)?;
    let yaml = yaml::to_string(&config.shown()).context("the configuration cannot be printed")?;
    Ok((config, yaml, templates))
}

/// Reads and checks the text of a config, whatever files it names. What is said of a fault holds no
/// line of the text: there are keys in it.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn read(text: &str, file: &str, mode: MatcherMode) -> Result<Config, YamlError> {
    parse(text, file, mode).map_err(|mut error| {
        for fault in &mut error.faults {
            fault.snippet.clear();
        }
        error
    })
}

fn parse(text: &str, file: &str, mode: MatcherMode) -> Result<Config, YamlError> {
    let mut document = Document::parse(text, file)?;
    let read = document.read::<Config>();
    if let Some(config) = &read
        && let Err(faults) = config.check(mode)
    {
        for fault in faults {
            document.fault(&fault.pointer, fault.message);
        }
    }
    let faults = document.into_faults();
    match read {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(YamlError {
            file: file.to_owned(),
            faults,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_has_alertmanagers_hash() {
        // The MD5 of nothing begins with d41d8cd98f00.
        assert_eq!(config_hash(""), 617_830_161_876.0);
    }

    #[test]
    fn faults_have_their_place_and_show_no_line_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        let text = "route:\n  receiver: r\nreceivers:\n- name: r\n  slack_configs:\n  \
                    - api_url: ftp://SECRET\n  webhook_configs:\n  - urls: SECRET\n";
        std::fs::write(&file, text).unwrap();
        let error = load(&file, MatcherMode::default()).unwrap_err().to_string();
        let shown = file.display();
        assert!(error.contains(&format!("{shown}:6:")), "{error}");
        assert!(error.contains("field urls not found"), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }

    #[test]
    fn a_file_of_templates_is_one_or_the_config_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        let text = "route: {receiver: r}\nreceivers: [{name: r}]\ntemplates: ['*.tmpl']\n";
        std::fs::write(&file, text).unwrap();
        let template = folder.path().join("mine.tmpl");
        std::fs::write(
            &template,
            "{{ define \"mine\" }}{{ .Status | toUpper }}{{ end }}",
        )
        .unwrap();
        load(&file, MatcherMode::default()).unwrap();
        std::fs::write(&template, "{{ define \"mine\" }}").unwrap();
        let error = load(&file, MatcherMode::default()).unwrap_err();
        let error = format!("{error:#}");
        let shown = template.display().to_string();
        assert!(
            error.contains(&shown) && error.contains("unexpected EOF"),
            "{error}"
        );
    }

    #[test]
    fn branches_of_a_cluster_come_before_the_routes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        let text = "route: {receiver: r, routes: [{receiver: r}]}\nreceivers: [{name: r}]\n";
        std::fs::write(&file, text).unwrap();
        let (config, _) = load(&file, MatcherMode::default()).unwrap();
        let object = serde_json::json!({
            "metadata": {"namespace": "a", "name": "b"},
            "spec": {
                "route": {"receiver": "hook", "matchers": [{"name": "x", "value": "y"}]},
                "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://h/"}]}],
                "inhibitRules": [{"sourceMatch": [{"name": "s", "value": "t"}]}],
                "muteTimeIntervals": [{"name": "n", "timeIntervals": [
                    {"daysOfMonth": [{"start": 1, "end": -1}], "weekdays": ["monday"]}]}],
            },
        });
        let kind = narthex_operator::Kind::AlertmanagerConfig;
        let options = narthex_operator::Options::default();
        let secrets = narthex_operator::Secrets::default();
        let found = narthex_operator::translate([(kind, &object)], &options, &secrets);
        let branches: Vec<&Routing> = found.routings.iter().collect();
        let config = with_branches(&config, &branches).unwrap();
        config.check(MatcherMode::default()).unwrap();
        let root = config.route.as_ref().unwrap();
        let receivers = root.routes.iter().map(|route| route.receiver.as_str());
        assert_eq!(Vec::from_iter(receivers), ["a/b/hook", "r"]);
        let first = &root.routes[0];
        assert!(first.continues);
        assert_eq!(first.matchers, ["namespace=\"a\"", "x=\"y\""]);
        assert_eq!(config.receivers.len(), 2);
        // What is no receiver is said of the branch that has it.
        let mut broken = found.routings[0].clone();
        broken.receivers = vec![serde_json::json!({"name": "x", "pigeon_configs": []})];
        assert!(with_branches(&config, &[&broken]).is_err());
    }

    #[test]
    fn what_is_shown_is_a_config_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        let text = "global:\nroute: {receiver: r, routes: [{matchers: [a=b, 'c!~\"d\"']}]}\n\
                    receivers:\n- name: r\n  webhook_configs: [{url: 'http://h/SECRET'}]\n\
                    time_intervals: [{name: t, time_intervals: [{days_of_month: [1, '-1'], \
                    years: [2020]}]}]\ntemplates: [x.tmpl]\n";
        std::fs::write(&file, text).unwrap();
        let (config, yaml) = load(&file, MatcherMode::default()).unwrap();
        assert!(!yaml.contains("SECRET"), "{yaml}");
        std::fs::write(&file, &yaml).unwrap();
        let (again, shown) = load(&file, MatcherMode::default()).unwrap();
        assert_eq!(shown, yaml);
        assert_eq!(
            (&again.route, &again.templates),
            (&config.route, &config.templates)
        );
    }
}
