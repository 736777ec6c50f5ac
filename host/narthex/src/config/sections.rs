//! The sections of the file, those that Prometheus knows and we do not have yet among them.

use narthex_plugin::PluginsConfig;
use narthex_remote::RemoteWriteConfig;
use narthex_scrape::config::{GlobalConfig, ScrapeConfig};
use narthex_tsdb::StorageConfig;
use serde::Deserialize;
use serde::de::{DeserializeSeed as _, Deserializer, IgnoredAny};
use serde_saphyr::Spanned;

use crate::yaml::{Absent, place};

/// The file as it is read, before anything is filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sections {
    pub(super) global: GlobalConfig,
    pub(super) scrape_configs: Vec<Job>,
    pub(super) scrape_config_files: Vec<String>,
    pub(super) plugins: PluginsConfig,
    pub(super) storage: StorageConfig,
    pub(super) remote_write: Vec<Sender>,
    /// Settings of Go's runtime, which is not in here.
    #[serde(rename = "runtime")]
    _runtime: Option<IgnoredAny>,
    #[serde(rename = "rule_files", deserialize_with = "rule_files")]
    _rule_files: (),
    #[serde(rename = "alerting", deserialize_with = "alerting")]
    _alerting: (),
    #[serde(rename = "remote_read", deserialize_with = "remote_read")]
    _remote_read: (),
    #[serde(rename = "tracing", deserialize_with = "tracing")]
    _tracing: (),
    #[serde(rename = "otlp", deserialize_with = "otlp")]
    _otlp: (),
}

macro_rules! not_supported_yet {
    ($($section:ident),*) => {
        $(fn $section<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
            Absent(stringify!($section)).deserialize(deserializer)
        })*
    };
}

not_supported_yet!(rule_files, alerting, remote_read, tracing, otlp);

/// An entry of `remote_write`, and where it begins.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) config: RemoteWriteConfig,
    pub(super) place: Option<(u64, u64)>,
}

impl<'de> Deserialize<'de> for Sender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<RemoteWriteConfig>::deserialize(deserializer)?;
        Ok(Self {
            place: place(spanned.referenced),
            config: spanned.value,
        })
    }
}

/// An entry of `scrape_configs`, and where it begins.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) config: ScrapeConfig,
    pub(super) place: Option<(u64, u64)>,
}

impl<'de> Deserialize<'de> for Job {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<ScrapeConfig>::deserialize(deserializer)?;
        Ok(Self {
            place: place(spanned.referenced),
            config: spanned.value,
        })
    }
}
