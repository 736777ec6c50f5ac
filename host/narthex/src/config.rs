//! The config file: which sections there are, and who owns each.
//!
//! It is not: where a section's fields are defined or used. `global` and `scrape_configs` are
//! scrape's, `plugins` is plugin's, `storage` is tsdb's.

mod external_labels;
mod paths;
mod plugin_uses;
mod plugins_section;
mod sections;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use narthex_model::{Labels, PromDuration};
use narthex_plugin::PluginsConfig;
use narthex_scrape::config::{GlobalConfig, ScrapeConfig, ScrapeConfigs, resolve};
use narthex_tsdb::StorageConfig;
use serde::Serialize;

use crate::yaml::{self, FILE_BYTES_MAX, Fault, YamlError};
use sections::Sections;

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
}

/// A config that can be run.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What is scraped.
    pub(crate) scrape: ScrapeConfigs,
    /// What is kept, and how.
    pub(crate) storage: StorageConfig,
    /// Which plugins there are.
    pub(crate) plugins: PluginsConfig,
    /// Where plugins are used, to be checked once they are loaded.
    pub(crate) plugin_uses: PluginUses,
    /// `global.external_labels`, variables put in.
    pub(crate) external_labels: Labels,
    /// The whole config with its defaults, as `/api/v1/status/config` prints it.
    pub(crate) yaml: String,
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
    /// Reads and checks the config; nothing is changed by it.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        match self {
            Self::File(path) => Config::parse(&read_file(path)?, &path.display().to_string()),
            Self::Default {
                address,
                route_prefix,
            } => {
                let text = DEFAULT
                    .replace("@address@", &own_address(*address))
                    .replace("@metrics_path@", &format!("{route_prefix}/metrics"));
                Config::parse(&text, "default.yml")
            }
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
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scrape_configs: &'a [std::sync::Arc<ScrapeConfig>],
    plugins: &'a PluginsConfig,
    #[serde(skip_serializing_if = "is_empty")]
    storage: &'a StorageConfig,
}

/// A section that says nothing is not printed.
fn is_empty(storage: &&StorageConfig) -> bool {
    **storage == StorageConfig::default()
}

impl Config {
    fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let mut sections: Sections = yaml::read(text, file).map_err(ConfigError::Parse)?;
        let places: Vec<_> = sections
            .scrape_configs
            .iter()
            .map(|job| job.place)
            .collect();
        let mut global = sections.global;
        paths::resolve_global(&mut global, folder);
        paths::resolve_plugins(&mut sections.plugins, folder);
        external_labels::expand(&mut global.external_labels, |name| std::env::var(name).ok());
        let jobs = sections.scrape_configs.into_iter().map(|mut job| {
            paths::resolve_job(&mut job.config, folder);
            job.config
        });
        let mut faults = plugins_section::faults(text, &sections.plugins);
        let scrape = resolve(global, jobs.collect()).unwrap_or_else(|in_jobs| {
            faults.extend(in_jobs.into_iter().map(|fault| {
                let place = fault.job.and_then(|job| places.get(job).copied().flatten());
                Fault::new(text, place, fault.message)
            }));
            ScrapeConfigs::default()
        });
        if let Err(error) = sections.storage.check() {
            faults.push(Fault::new(text, None, format!("storage: {error}")));
        }
        if !faults.is_empty() {
            return Err(ConfigError::Parse(YamlError {
                file: file.to_owned(),
                faults,
            }));
        }
        let yaml = serde_yaml::to_string(&Printed {
            global: &scrape.global,
            scrape_configs: &scrape.jobs,
            plugins: &sections.plugins,
            storage: &sections.storage,
        })
        .map_err(|error| ConfigError::Print(error.to_string()))?;
        Ok(Self {
            plugin_uses: PluginUses::of(file, text, &scrape.jobs),
            external_labels: Labels::from_pairs(&scrape.global.external_labels),
            plugins: sections.plugins,
            storage: sections.storage,
            scrape,
            yaml,
        })
    }

    /// How often rules are evaluated, which is also the step of a subquery that names none.
    pub(crate) fn evaluation_interval(&self) -> PromDuration {
        self.scrape.global.evaluation_interval
    }
}

#[cfg(test)]
mod tests;
