//! The Alertmanager inside: its flags, its config file, and who delivers for its receivers.
//!
//! It is not: what routes and tells. The crate has that, and knows neither YAML nor plugins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use clap::Args;
use narthex_alertmanager::{
    Alertmanager, AlertmanagerOptions, BuildNotify, Config, FailureReason, Integration,
    MatcherMode, Notification, NotifiedAlert, Notify, NotifyError, PostedAlert, PreparedConfig,
    SilenceLimits, Webhook,
};
use narthex_disk::SystemDisk;
use narthex_model::{ByteSize, Clock, Labels, PromDuration};
use narthex_plugin::{Outcome, PluginReceiver, PluginRuntime};
use narthex_rules::Notifier;
use narthex_template::alertmanager::Templates;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::time::Instant;

use crate::config;
use crate::yaml::{self, Document, YamlError};

/// The folder below the store's for silences and the notification log.
const FOLDER: &str = "alertmanager";

/// The integration that needs no plugin.
const WEBHOOK: &str = "webhook";

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
}

/// An Alertmanager, and where its config comes from.
#[derive(Debug)]
pub(crate) struct AlertmanagerFollower {
    manager: Arc<Alertmanager>,
    file: PathBuf,
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
        let Some(file) = flags.config_file.clone() else {
            return Ok(None);
        };
        let folder = flags.storage_path.clone();
        let folder = folder.unwrap_or_else(|| store.join(FOLDER));
        let retention_ms = flags.retention.as_millis_i64();
        let bytes_max = flags.silence_bytes_max.as_bytes();
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
            integrations: Arc::new(Integrations { plugins }),
        };
        let (config, yaml) = load(&file, matcher_mode)?;
        let prepared =
            Alertmanager::prepare(&config, yaml, matcher_mode, &*options.integrations).await;
        let prepared = prepared.with_context(|| format!("couldn't load {}", file.display()))?;
        let manager = Alertmanager::start(options, prepared, registry)
            .with_context(|| format!("the Alertmanager in {}", folder.display()))?;
        Ok(Some(Self { manager, file }))
    }

    /// What runs.
    pub(crate) fn manager(&self) -> Arc<Alertmanager> {
        Arc::clone(&self.manager)
    }

    /// Takes what rules have to tell.
    pub(crate) fn notifier(&self) -> Arc<dyn Notifier> {
        Arc::new(RuleAlerts(self.manager()))
    }

    /// Reads the config again; nothing follows it yet.
    ///
    /// # Errors
    /// It cannot run.
    pub(crate) async fn prepare(&self) -> Result<PreparedConfig, String> {
        let prepared = async {
            let (config, yaml) = load(&self.file, self.manager.matcher_mode())?;
            let prepared = self.manager.prepare_next(&config, yaml).await;
            prepared.with_context(|| format!("couldn't load {}", self.file.display()))
        };
        prepared.await.map_err(|error| {
            self.manager.refused_config();
            format!("{error:#}")
        })
    }

    /// Takes a config.
    pub(crate) fn follow(&self, prepared: PreparedConfig) {
        self.manager.follow(prepared);
    }
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
    let file = path.display().to_string();
    let text = yaml::read_text(path).with_context(|| format!("couldn't load {file}"))?;
    let mut config = parse(&text, &file, mode).map_err(|mut error| {
        for fault in &mut error.faults {
            fault.snippet.clear();
        }
        error
    })?;
    config.set_folder(path.parent().unwrap_or(Path::new("")));
    check_templates(&config)?;
    let yaml =
        serde_yaml::to_string(&config.shown()).context("the configuration cannot be printed")?;
    Ok((config, yaml))
}

/// Looks whether the files of templates are templates.
fn check_templates(config: &Config) -> anyhow::Result<()> {
    read_templates(&config.templates).map(drop)
}

/// The default templates, and those of the files that globs name.
pub(crate) fn read_templates(globs: &[String]) -> anyhow::Result<Templates> {
    let mut templates = Templates::new()?;
    for glob in globs.iter().filter(|glob| !glob.is_empty()) {
        let found = config::matching(Path::new(glob));
        let found =
            found.map_err(|_| anyhow!("templates: {glob}: only a name may have wildcards"))?;
        for path in found {
            let file = path.display();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = yaml::read_text(&path).with_context(|| format!("couldn't load {file}"))?;
            let added = templates.add(&name, &text);
            added.with_context(|| format!("couldn't load {file}"))?;
        }
    }
    Ok(templates)
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

/// Finds who delivers: for `slack_configs` the plugin `slack`, for an entry of `plugin_configs` the
/// plugin that it names. Webhooks need none.
#[derive(Debug)]
struct Integrations {
    plugins: Arc<PluginRuntime>,
}

#[async_trait]
impl BuildNotify for Integrations {
    async fn build(
        &self,
        receiver: &str,
        integration: &Integration,
    ) -> Result<Arc<dyn Notify>, String> {
        let kind = &integration.kind;
        if kind == WEBHOOK && !integration.is_plugin {
            let webhook = Webhook::new(integration).map_err(|error| error.to_string())?;
            return Ok(Arc::new(webhook));
        }
        let known = self.plugins.list();
        if !integration.is_plugin && !known.iter().any(|status| status.name == *kind) {
            return Err(format!(
                "there is no plugin {kind:?} that delivers {kind}_configs"
            ));
        }
        let entry = integration.entry()?;
        let lent = crate::receivers::lent(&entry)?;
        let settings = Value::Object(entry.settings);
        if let Err(faults) = self.plugins.check_config(kind, &settings) {
            let faults = faults.iter().map(|fault| {
                let field = fault.pointer.trim_start_matches('/').replace('/', ".");
                format!("{field}: {}", fault.message)
            });
            return Err(faults.collect::<Vec<_>>().join("; "));
        }
        let templates = read_templates(&integration.templates);
        let templates = templates.map_err(|error| format!("{error:#}"))?;
        let name = format!("{receiver}/{kind}/{}", integration.index);
        let plugin = self.plugins.receiver(kind, &name, &settings, lent);
        Ok(Arc::new(PluginNotify {
            plugin: plugin.map_err(|error| error.to_string())?,
            templates: Arc::new(templates),
        }))
    }
}

/// A plugin that delivers.
#[derive(Debug)]
struct PluginNotify {
    plugin: Arc<PluginReceiver>,
    /// As their files were when the config was taken.
    templates: Arc<Templates>,
}

#[async_trait]
impl Notify for PluginNotify {
    async fn notify(
        &self,
        notification: &Notification,
        deadline: Instant,
    ) -> Result<(), NotifyError> {
        let now_ms = narthex_model::SystemClock.now_ms();
        let templates = self.templates.clone();
        let texts = crate::receivers::NotificationTexts::new(templates, notification, now_ms);
        let told = of_plugin(notification);
        match self.plugin.notify(&told, Arc::new(texts), deadline).await {
            Outcome::Delivered => Ok(()),
            Outcome::Retry { after, reason } => Err(NotifyError {
                is_temporary: true,
                retry_after: after,
                reason: FailureReason::Other,
                message: match reason.is_empty() {
                    true => "the receiver asks to try again".to_owned(),
                    false => reason,
                },
            }),
            Outcome::Rejected { reason } => Err(NotifyError {
                is_temporary: false,
                retry_after: None,
                reason: FailureReason::ClientError,
                message: reason,
            }),
        }
    }
}

fn of_plugin(notification: &Notification) -> narthex_plugin::Notification {
    let pairs = |labels: &Labels| -> Vec<(String, String)> {
        let pairs = labels.iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let alert = |alert: &NotifiedAlert| narthex_plugin::Alert {
        is_firing: alert.is_firing,
        fingerprint: alert.fingerprint().to_string(),
        labels: pairs(&alert.alert.labels),
        annotations: alert.alert.annotations.clone().into_iter().collect(),
        starts_at_ms: alert.alert.starts_at_ms,
        ends_at_ms: alert.ends_at_ms(),
        generator_url: alert.alert.generator_url.clone(),
    };
    narthex_plugin::Notification {
        group_key: notification.group_key.clone(),
        receiver: notification.receiver.clone(),
        group_labels: pairs(&notification.group_labels),
        common_labels: notification.common_labels().into_iter().collect(),
        common_annotations: notification.common_annotations().into_iter().collect(),
        external_url: notification.external_url.clone(),
        truncated: 0,
        alerts: notification.alerts.iter().map(alert).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
