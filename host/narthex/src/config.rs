//! The config file: which sections there are, and who owns each.
//!
//! It is not: where a section's fields are defined or used. `global` and `scrape_configs` are
//! scrape's, `plugins` is plugin's, `storage` is tsdb's, `remote_write` is remote's.

mod external_labels;
mod job_files;
mod paths;
mod plugin_uses;
mod plugins_section;
mod sections;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use narthex_model::{Labels, PromDuration};
use narthex_plugin::PluginsConfig;
use narthex_remote::RemoteWriteConfig;
use narthex_scrape::config::{GlobalConfig, ScrapeConfig, ScrapeConfigs, ScrapeProtocol, resolve};
use narthex_tsdb::StorageConfig;
use serde::Serialize;

use crate::yaml::{self, FILE_BYTES_MAX, Fault, YamlError};
use plugin_uses::{ConfigFile, JobOrigin};
use sections::{Job, Sections};

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

/// What a feature flag says where the config says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConfigDefaults {
    /// Targets are asked for protobuf first.
    pub(crate) asks_for_protobuf: bool,
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
    pub(crate) fn load(&self, defaults: ConfigDefaults) -> Result<Config, ConfigError> {
        match self {
            Self::File(path) => {
                Config::parse_with(&read_file(path)?, &path.display().to_string(), defaults)
            }
            Self::Default {
                address,
                route_prefix,
            } => {
                let text = DEFAULT
                    .replace("@address@", &own_address(*address))
                    .replace("@metrics_path@", &format!("{route_prefix}/metrics"));
                Config::parse_with(&text, "default.yml", defaults)
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
    scrape_config_files: &'a [String],
    /// Those of the main file.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scrape_configs: &'a [std::sync::Arc<ScrapeConfig>],
    plugins: &'a PluginsConfig,
    #[serde(skip_serializing_if = "is_empty")]
    storage: &'a StorageConfig,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remote_write: &'a [RemoteWriteConfig],
}

/// A section that says nothing is not printed.
fn is_empty(storage: &&StorageConfig) -> bool {
    **storage == StorageConfig::default()
}

/// The jobs of all files, those of the main file first.
struct Jobs {
    files: Vec<ConfigFile>,
    origins: Vec<JobOrigin>,
    jobs: Vec<Job>,
}

impl Jobs {
    /// Takes them out of the main file, and out of the files that it names.
    fn gather(sections: &mut Sections, file: &str, text: &str) -> Result<Self, ConfigError> {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let mut gathered = Self {
            files: Vec::new(),
            origins: Vec::new(),
            jobs: Vec::new(),
        };
        let jobs = std::mem::take(&mut sections.scrape_configs);
        gathered.add(file, text, jobs);
        for named in job_files::read(file, &sections.scrape_config_files, folder)? {
            gathered.add(&named.name, &named.text, named.jobs);
        }
        Ok(gathered)
    }

    fn add(&mut self, name: &str, text: &str, jobs: Vec<Job>) {
        let file = self.files.len();
        self.files.push(ConfigFile {
            name: name.to_owned(),
            text: text.into(),
        });
        let origins = (0..jobs.len()).map(|index| JobOrigin { file, index });
        self.origins.extend(origins);
        self.jobs.extend(jobs);
    }
}

impl Config {
    #[cfg(test)]
    fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, file, ConfigDefaults::default())
    }

    fn parse_with(text: &str, file: &str, defaults: ConfigDefaults) -> Result<Self, ConfigError> {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let mut sections: Sections = yaml::read(text, file).map_err(ConfigError::Parse)?;
        let Jobs {
            files,
            origins,
            mut jobs,
        } = Jobs::gather(&mut sections, file, text)?;
        let places: Vec<_> = jobs.iter().map(|job| job.place).collect();
        for (job, origin) in jobs.iter_mut().zip(&origins) {
            // Prometheus takes paths in such a file from where the file lies.
            let folder = Path::new(&files[origin.file].name).parent();
            paths::resolve_job(&mut job.config, folder.unwrap_or(Path::new("")));
        }
        let mut global = sections.global;
        if defaults.asks_for_protobuf && global.scrape_protocols.is_none() {
            global.scrape_protocols = Some(ScrapeProtocol::PROTO_FIRST.to_vec());
        }
        paths::resolve_global(&mut global, folder);
        paths::resolve_plugins(&mut sections.plugins, folder);
        external_labels::expand(&mut global.external_labels, |name| std::env::var(name).ok());
        let jobs = jobs.into_iter().map(|job| job.config);
        let (remote_write, sender_places): (Vec<_>, Vec<_>) = sections
            .remote_write
            .into_iter()
            .map(|mut sender| {
                paths::resolve_remote_write(&mut sender.config, folder);
                (sender.config, sender.place)
            })
            .unzip();
        let mut faults = plugins_section::faults(text, &sections.plugins);
        let scrape = resolve(global, jobs.collect()).unwrap_or_else(|in_jobs| {
            faults.extend(in_jobs.into_iter().map(|fault| {
                let place = fault.job.and_then(|job| places.get(job).copied().flatten());
                let origin = fault.job.and_then(|job| origins.get(job));
                let file = &files[origin.map_or(0, |origin| origin.file)];
                Fault::new(&file.text, place, fault.message).in_file(&file.name)
            }));
            ScrapeConfigs::default()
        });
        if let Err(error) = sections.storage.check() {
            faults.push(Fault::new(text, None, format!("storage: {error}")));
        }
        let in_senders = narthex_remote::check(&remote_write).into_iter();
        faults.extend(in_senders.map(|(sender, message)| {
            let place = sender_places.get(sender).copied().flatten();
            Fault::new(text, place, message)
        }));
        if !faults.is_empty() {
            return Err(ConfigError::Parse(YamlError {
                file: file.to_owned(),
                faults,
            }));
        }
        let in_main_file = origins.iter().filter(|origin| origin.file == 0).count();
        let yaml = serde_yaml::to_string(&Printed {
            global: &scrape.global,
            scrape_config_files: &sections.scrape_config_files,
            scrape_configs: scrape.jobs.get(..in_main_file).unwrap_or_default(),
            plugins: &sections.plugins,
            storage: &sections.storage,
            remote_write: &remote_write,
        })
        .map_err(|error| ConfigError::Print(error.to_string()))?;
        Ok(Self {
            plugin_uses: PluginUses::of(files, &origins, &scrape.jobs),
            external_labels: Labels::from_pairs(&scrape.global.external_labels),
            plugins: sections.plugins,
            storage: sections.storage,
            remote_write,
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
