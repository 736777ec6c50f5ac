//! The config file: which sections there are, and who owns each.
//!
//! It is not: where a section's fields are defined or used. `global` and `scrape_configs` are
//! scrape's, `plugins` is plugin's, `storage` is tsdb's, `remote_write`, `remote_read` and
//! `otlp` are remote's, `alerting` is notifier's, `kubernetes_metrics_apis` is adapter's. Sections that nothing is done with yet have a
//! file here each.

mod absent;
mod alerting;
mod client;
mod external_labels;
mod files;
mod hints;
mod job_files;
mod lint;
mod paths;
mod plugin_uses;
mod plugins_section;
mod read;
mod remote_read;
mod sections;
mod share;
mod tracing_section;
mod url;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use narthex_adapter::MetricsApisConfig;
use narthex_model::{Labels, PromDuration};
use narthex_notifier::NotifierConfig;
use narthex_plugin::PluginsConfig;
use narthex_remote::{OtlpConfig, RemoteReadConfig, RemoteWriteConfig};
use narthex_scrape::config::{GlobalConfig, ScrapeConfig, ScrapeConfigs};
use narthex_tsdb::StorageConfig;
use serde::Serialize;

use crate::flags::TargetShare;
use crate::monitors::KubernetesMonitorsConfig;
use crate::yaml::{FILE_BYTES_MAX, Fault, YamlError};

use alerting::PrintedAlerting;
pub(crate) use job_files::matching;
pub(crate) use lint::renamed;
pub(crate) use plugin_uses::{PluginFault, PluginPlace, PluginUses};

/// What runs without `--config.file`.
const DEFAULT: &str = include_str!("../default.yml");

/// Where the config comes from.
#[derive(Debug, Clone)]
pub(crate) enum ConfigSource {
    /// `--config.file`
    File(PathBuf),
    /// The config that is part of the binary.
    Default {
        /// Where this server listens.
        address: SocketAddr,
        /// `--web.route-prefix`
        route_prefix: String,
    },
    /// None: a querier has its members from flags.
    Empty,
}

/// What flags say that the config does not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConfigDefaults {
    /// Targets are asked for protobuf first.
    pub(crate) asks_for_protobuf: bool,
    /// An agent runs with it.
    pub(crate) is_agent: bool,
    /// Which share of the targets is scraped; `None` is all of them.
    pub(crate) share: Option<TargetShare>,
}

/// What is looked at beside the file itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Checks {
    /// Whether the files are there that the config names.
    pub(crate) files: bool,
    /// Whether an agent is to run with it.
    pub(crate) agent: bool,
    /// Whether the jobs of other files are left out.
    pub(crate) syntax_only: bool,
}

/// A config that can be run.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What is scraped.
    pub(crate) scrape: ScrapeConfigs,
    /// What is kept, and how.
    pub(crate) storage: StorageConfig,
    /// Where samples are sent.
    pub(crate) remote_write: Vec<RemoteWriteConfig>,
    /// What other stores queries ask.
    pub(crate) remote_read: Vec<RemoteReadConfig>,
    /// How metrics of OpenTelemetry are translated.
    pub(crate) otlp: OtlpConfig,
    /// Which plugins there are.
    pub(crate) plugins: PluginsConfig,
    /// Where plugins are used, to be checked once they are loaded.
    pub(crate) plugin_uses: PluginUses,
    /// `global.external_labels`, variables put in.
    pub(crate) external_labels: Labels,
    /// The whole config with its defaults, as `/api/v1/status/config` prints it.
    pub(crate) yaml: String,
    /// What is likely to be a mistake, and what nothing is done with yet.
    pub(crate) warnings: Vec<Fault>,
    /// What is sound and cannot be run yet; of a config that runs there is nothing.
    pub(crate) missing: Vec<Fault>,
    /// The files of rules that are there, where it was asked for them.
    pub(crate) rule_files: Vec<PathBuf>,
    /// The patterns of the files of rules, from the folder of the config on.
    pub(crate) rule_patterns: Vec<PathBuf>,
    /// Where alerts are sent.
    pub(crate) notifier: NotifierConfig,
    /// Which objects of the Prometheus Operator are read; `None` is none.
    pub(crate) monitors: Option<KubernetesMonitorsConfig>,
    /// How the metrics APIs of Kubernetes are answered; `None` is by the defaults.
    pub(crate) metrics_apis: Option<MetricsApisConfig>,
}

/// Why a config cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("couldn't load configuration: {file}: {reason}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// What the file says cannot be run.
    #[error("couldn't load configuration: parsing YAML file {0}")]
    Parse(YamlError),
    /// The config cannot be printed, which is a fault of ours.
    #[error("the configuration cannot be printed: {0}")]
    Print(String),
}

impl ConfigSource {
    /// Reads and checks the config that is to run; nothing is changed by it.
    pub(crate) fn load(&self, defaults: ConfigDefaults) -> Result<Config, ConfigError> {
        let checks = Checks {
            agent: defaults.is_agent,
            ..Checks::default()
        };
        let config = match self {
            Self::File(path) => {
                let file = path.display().to_string();
                read::read(&read_file(path)?, &file, defaults, checks)?
            }
            Self::Default {
                address,
                route_prefix,
            } => {
                let text = DEFAULT
                    .replace("@address@", &own_address(*address))
                    .replace("@metrics_path@", &format!("{route_prefix}/metrics"));
                read::read(&text, "default.yml", defaults, checks)?
            }
            Self::Empty => read::read("{}", "no config", defaults, checks)?,
        };
        if config.missing.is_empty() {
            for warning in &config.warnings {
                tracing::warn!(
                    at = warning.at(&self.name()),
                    what = warning.message,
                    "the configuration has something that may not be meant"
                );
            }
            return Ok(config);
        }
        Err(ConfigError::Parse(YamlError {
            file: self.name(),
            faults: config.missing,
        }))
    }

    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Default { .. } => "default.yml".to_owned(),
            Self::Empty => "no config".to_owned(),
        }
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let error = |reason: String| ConfigError::Read {
        file: path.display().to_string(),
        reason,
    };
    let size = std::fs::metadata(path).map(|metadata| metadata.len());
    let size = size.map_err(|fault| error(fault.to_string()))?;
    if usize::try_from(size).map_or(true, |size| size > FILE_BYTES_MAX) {
        return Err(error(format!("the file has over {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path).map_err(|fault| error(fault.to_string()))
}

/// Where this process reaches itself.
fn own_address(bound: SocketAddr) -> String {
    if bound.ip().is_unspecified() {
        format!("localhost:{}", bound.port())
    } else {
        bound.to_string()
    }
}

/// What is printed of a config.
#[derive(Serialize)]
struct Printed<'a> {
    global: &'a GlobalConfig,
    #[serde(skip_serializing_if = "PrintedAlerting::is_empty")]
    alerting: PrintedAlerting<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rule_files: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scrape_config_files: &'a [String],
    /// Those of the main file.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scrape_configs: &'a [std::sync::Arc<ScrapeConfig>],
    plugins: &'a PluginsConfig,
    #[serde(skip_serializing_if = "is_empty")]
    storage: &'a StorageConfig,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remote_write: &'a [RemoteWriteConfig],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remote_read: &'a [RemoteReadConfig],
    otlp: &'a OtlpConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes_monitors: &'a Option<KubernetesMonitorsConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes_metrics_apis: &'a Option<MetricsApisConfig>,
}

/// A job alone, as the whole config has it; for `/api/v1/scrape_pools/config`.
///
/// # Errors
/// It has no form in YAML.
pub(crate) fn print_job(job: &ScrapeConfig) -> Result<String, String> {
    crate::yaml::to_string(job).map_err(|error| error.to_string())
}

/// A section that says nothing is not printed.
fn is_empty(storage: &&StorageConfig) -> bool {
    **storage == StorageConfig::default()
}

impl Config {
    /// Reads and checks a config that nothing is to run with.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn check(path: &Path, checks: Checks) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        read::read(&read_file(path)?, &file, ConfigDefaults::default(), checks)
    }

    #[cfg(test)]
    fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, file, ConfigDefaults::default())
    }

    #[cfg(test)]
    fn parse_with(text: &str, file: &str, defaults: ConfigDefaults) -> Result<Self, ConfigError> {
        read::read(text, file, defaults, Checks::default())
    }

    /// How often rules are evaluated, which is also the step of a subquery that names none.
    pub(crate) fn evaluation_interval(&self) -> PromDuration {
        self.scrape.global.evaluation_interval
    }

    /// How far in the past rules ask their queries where their group says nothing.
    pub(crate) fn rule_query_offset(&self) -> PromDuration {
        self.scrape.global.rule_query_offset
    }
}

#[cfg(test)]
mod tests;
