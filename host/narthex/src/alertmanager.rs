//! The Alertmanager inside: its flags and its config file.
//!
//! It is not: what routes and tells, which the crate has, nor who delivers (`receivers`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use narthex_alertmanager::{
    Alertmanager, AlertmanagerOptions, Config, MatcherMode, PostedAlert, PreparedConfig,
    SilenceLimits,
};
use narthex_disk::SystemDisk;
use narthex_model::{ByteSize, Clock, Labels, PromDuration};
use narthex_plugin::PluginRuntime;
use narthex_rules::Notifier;
use narthex_template::alertmanager::Templates;
use prometheus_client::registry::Registry;

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
}

/// An Alertmanager, and where its config comes from.
#[derive(Debug)]
pub(crate) struct AlertmanagerFollower {
    manager: Arc<Alertmanager>,
    integrations: Arc<Integrations>,
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
        let (config, yaml, templates) = load_all(&file, matcher_mode)?;
        let integrations = Arc::new(Integrations::new(plugins, clock.clone(), templates));
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
        };
        let prepared =
            Alertmanager::prepare(&config, yaml, matcher_mode, &*options.integrations).await;
        let prepared = prepared.with_context(|| format!("couldn't load {}", file.display()))?;
        let manager = Alertmanager::start(options, prepared, registry)
            .with_context(|| format!("the Alertmanager in {}", folder.display()))?;
        Ok(Some(Self {
            manager,
            integrations,
            file,
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

    /// Reads the config again; nothing follows it yet.
    ///
    /// # Errors
    /// It cannot run.
    pub(crate) async fn prepare(&self) -> Result<PreparedConfig, String> {
        let prepared = async {
            let (config, yaml, templates) = load_all(&self.file, self.manager.matcher_mode())?;
            self.integrations.take_templates(templates);
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
    load_all(path, mode).map(|(config, yaml, _)| (config, yaml))
}

/// The same with the templates that it names.
fn load_all(path: &Path, mode: MatcherMode) -> anyhow::Result<(Config, String, Templates)> {
    let file = path.display().to_string();
    let text = yaml::read_text(path).with_context(|| format!("couldn't load {file}"))?;
    let mut config = parse(&text, &file, mode).map_err(|mut error| {
        for fault in &mut error.faults {
            fault.snippet.clear();
        }
        error
    })?;
    config.set_folder(path.parent().unwrap_or(Path::new("")));
    let templates = read_templates(&config)?;
    let yaml =
        serde_yaml::to_string(&config.shown()).context("the configuration cannot be printed")?;
    Ok((config, yaml, templates))
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
