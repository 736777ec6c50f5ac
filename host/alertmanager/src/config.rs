//! Alertmanager's config file: what it says, field for field.
//!
//! It is not: a reader of YAML, which the binary has, and not what runs: [`Config::resolve`] checks
//! it and makes that.

mod defaults;
mod entry;
mod fields;
mod integration;
mod kinds;
mod resolve;
mod shown;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use narthex_http::http_section;
use narthex_model::PromDuration;
use serde::{Deserialize, Serialize};

use crate::time_interval::NamedTimeIntervals;

pub use entry::{Entry, Place, SecretSource};
pub use fields::Settings;
pub use integration::{Integration, ReceiverConfig};
pub(crate) use resolve::Resolved;

http_section! {
    /// `http_config`: how an integration's requests are sent.
    pub struct HttpSection {}
}

/// The file.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What holds where an integration says nothing.
    pub global: Settings,
    /// The root of the routing tree; a config without one is refused.
    pub route: Option<RouteConfig>,
    /// Which alerts mute which others.
    pub inhibit_rules: Vec<InhibitRuleConfig>,
    /// Who is notified.
    pub receivers: Vec<ReceiverConfig>,
    /// Globs of files with templates.
    pub templates: Vec<String>,
    /// The old name of `time_intervals`.
    pub mute_time_intervals: Vec<NamedTimeIntervals>,
    /// Time intervals that routes name.
    pub time_intervals: Vec<NamedTimeIntervals>,
    /// The folder from which file names in `http_config` are meant.
    #[serde(skip)]
    folder: PathBuf,
}

impl Config {
    /// Takes file names in it from this folder, as Alertmanager does: those of templates and of
    /// `http_config`, and no others.
    pub fn set_folder(&mut self, folder: &Path) {
        folder.clone_into(&mut self.folder);
        for glob in self.templates.iter_mut().filter(|glob| !glob.is_empty()) {
            *glob = folder.join(&*glob).display().to_string();
        }
    }
}

/// A node of the routing tree.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Alertmanager's configuration reference"
)]
pub struct RouteConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub receiver: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    #[serde(rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    pub equal: BTreeMap<String, String>,
    #[serde(rename = "match_re", skip_serializing_if = "BTreeMap::is_empty")]
    pub regex: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matchers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mute_time_intervals: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub active_time_intervals: Vec<String>,
    #[serde(rename = "continue")]
    pub continues: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_wait: Option<PromDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_interval: Option<PromDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_interval: Option<PromDuration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteConfig>,
}

/// An entry of `inhibit_rules`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Alertmanager's configuration reference"
)]
pub struct InhibitRuleConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_match: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_match_re: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_matchers: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub target_match: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub target_match_re: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_matchers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub equal: Vec<String>,
}

/// Something wrong with a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Where it stands, as a JSON pointer: `/route/routes/1`.
    pub pointer: String,
    /// What is wrong, in Alertmanager's words.
    pub message: String,
}

impl ConfigFault {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }
}

impl std::fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests;
