//! `alerting`: where alerts are sent. It is read and checked as Prometheus does; nothing sends
//! alerts yet, which the server says.

use narthex_model::PromDuration;
use narthex_model::relabel::RelabelConfig;
use narthex_scrape::config::ScrapeConfig;
use serde::Deserialize;

use super::{absent, client};
use crate::yaml::{Document, Fault, Taken};

/// The list of them.
const ALERTMANAGERS: &str = "/alerting/alertmanagers";

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlertingConfig {
    pub(super) alert_relabel_configs: Vec<RelabelConfig>,
    pub(super) alertmanagers: Vec<AlertmanagerConfig>,
}

/// An entry, but for how it is found and spoken to: that is the same as of a job, and is read as
/// one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlertmanagerConfig {
    #[serde(rename = "path_prefix")]
    _path_prefix: String,
    #[serde(rename = "timeout")]
    _timeout: PromDuration,
    #[serde(rename = "api_version")]
    _api_version: ApiVersion,
    #[serde(rename = "alert_relabel_configs")]
    _alert_relabel_configs: Vec<RelabelConfig>,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            _path_prefix: String::new(),
            _timeout: PromDuration::from_secs(10),
            _api_version: ApiVersion::V2,
            _alert_relabel_configs: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApiVersion {
    V2,
}

impl AlertingConfig {
    /// Whether it says anything.
    pub(super) fn is_empty(&self) -> bool {
        self.alert_relabel_configs.is_empty() && self.alertmanagers.is_empty()
    }
}

/// An Alertmanager's part that is as a job, and where it stands.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) pointer: String,
    pub(super) client: ScrapeConfig,
}

/// Takes out what is as in a job. What nobody can do yet goes to `missing`.
pub(super) fn take(document: &mut Document, missing: &mut Vec<Fault>) -> Vec<Receiver> {
    let mut receivers = Vec::new();
    for at in document.entries(ALERTMANAGERS) {
        let pointer = format!("{ALERTMANAGERS}/{at}");
        absent::take(document, &pointer, missing);
        let is_client = |name: &str| {
            let is_found = name == "static_configs" || name.ends_with("_sd_configs");
            is_found
                || client::FIELDS.contains(&name)
                || ["scheme", "relabel_configs"].contains(&name)
        };
        let part = Taken::gather(document.take(&pointer, is_client), &pointer);
        if let Some(read) = client::read(document, &part) {
            receivers.push(Receiver {
                pointer,
                client: read,
            });
        }
    }
    receivers
}
