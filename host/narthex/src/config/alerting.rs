//! `alerting`: where alerts are sent. It is read and checked as Prometheus does.
//!
//! It is not: what sends them, which is `narthex-notifier`.

use narthex_http::{CloudAuth, HttpConfig, SigV4Config};
use narthex_model::relabel::RelabelConfig;
use narthex_model::{Labels, PromDuration};
use narthex_notifier as notifier;
use narthex_scrape::config::ScrapeConfig;
use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value};

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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlertmanagerConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    path_prefix: String,
    timeout: PromDuration,
    api_version: ApiVersion,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alert_relabel_configs: Vec<RelabelConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sigv4: Option<SigV4Config>,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            path_prefix: String::new(),
            timeout: PromDuration::from_secs(10),
            api_version: ApiVersion::V2,
            alert_relabel_configs: Vec::new(),
            sigv4: None,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApiVersion {
    V2,
}

/// The section as `/api/v1/status/config` prints it.
#[derive(Debug, Serialize)]
pub(super) struct PrintedAlerting<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alert_relabel_configs: &'a [RelabelConfig],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alertmanagers: Vec<Mapping>,
}

impl PrintedAlerting<'_> {
    /// Whether there is anything to print.
    pub(super) fn is_empty(&self) -> bool {
        self.alert_relabel_configs.is_empty() && self.alertmanagers.is_empty()
    }
}

impl AlertingConfig {
    /// Whether it says anything.
    pub(super) fn is_empty(&self) -> bool {
        self.alert_relabel_configs.is_empty() && self.alertmanagers.is_empty()
    }

    /// Writes down what does not fit together in the entries beside what is as in a job.
    pub(super) fn check(&self, document: &mut Document, receivers: &[Receiver]) {
        for (entry, receiver) in self.alertmanagers.iter().zip(receivers) {
            let Some(sigv4) = &entry.sigv4 else { continue };
            let http = receiver.client.http_config();
            let has_other =
                http.basic_auth.is_some() || http.authorization.is_some() || http.oauth2.is_some();
            let mut faults = sigv4.faults();
            if has_other {
                faults.push(
                    "at most one of basic_auth, authorization, oauth2 & sigv4 must be configured"
                        .to_owned(),
                );
            }
            for fault in faults {
                document.fault(&receiver.pointer, fault);
            }
        }
    }

    /// What the notifier follows, of a section whose parts could all be read.
    pub(super) fn notifier(
        &self,
        receivers: &[Receiver],
        external_labels: Labels,
    ) -> notifier::NotifierConfig {
        let entries = self.alertmanagers.iter().zip(receivers);
        let entries = entries.map(|(entry, receiver)| {
            let client = &receiver.client;
            notifier::AlertmanagerConfig {
                http: HttpConfig {
                    cloud: entry.sigv4.clone().map(CloudAuth::SigV4),
                    ..client.http_config()
                },
                scheme: client.scheme.clone(),
                path_prefix: entry.path_prefix.clone(),
                timeout: entry.timeout,
                relabel_configs: client.relabel_configs.clone(),
                alert_relabel_configs: entry.alert_relabel_configs.clone(),
                static_configs: client.static_configs.clone(),
                sd_configs: client.sd_configs(),
            }
        });
        notifier::NotifierConfig {
            external_labels,
            alert_relabel_configs: self.alert_relabel_configs.clone(),
            alertmanagers: entries.collect(),
        }
    }

    /// The section with its defaults.
    ///
    /// # Errors
    /// It cannot be printed, which is a fault of ours.
    pub(super) fn printed(
        &self,
        receivers: &[Receiver],
    ) -> Result<PrintedAlerting<'_>, serde_yaml::Error> {
        let entries = self.alertmanagers.iter().zip(receivers);
        let entries = entries.map(|(entry, receiver)| {
            let mut printed = fields(serde_yaml::to_value(entry)?);
            let client = fields(serde_yaml::to_value(&receiver.client)?);
            let of_client = client.into_iter();
            printed.extend(of_client.filter(|(name, _)| name.as_str().is_some_and(is_client)));
            Ok::<_, serde_yaml::Error>(printed)
        });
        Ok(PrintedAlerting {
            alert_relabel_configs: &self.alert_relabel_configs,
            alertmanagers: entries.collect::<Result<_, _>>()?,
        })
    }
}

fn fields(value: Value) -> Mapping {
    match value {
        Value::Mapping(fields) => fields,
        _ => Mapping::new(),
    }
}

/// An Alertmanager's part that is as a job, and where it stands.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) pointer: String,
    pub(super) client: ScrapeConfig,
}

/// Whether a field is one that a job has as well.
fn is_client(name: &str) -> bool {
    let is_found = name == "static_configs" || name.ends_with("_sd_configs");
    is_found || client::FIELDS.contains(&name) || ["scheme", "relabel_configs"].contains(&name)
}

/// Takes out what is as in a job. What nobody can do yet goes to `missing`.
pub(super) fn take(document: &mut Document, missing: &mut Vec<Fault>) -> Vec<Receiver> {
    let mut receivers = Vec::new();
    for at in document.entries(ALERTMANAGERS) {
        let pointer = format!("{ALERTMANAGERS}/{at}");
        absent::take(document, &pointer, missing);
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
