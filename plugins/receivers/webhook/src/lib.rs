//! Notifications as JSON, posted to a URL, of `webhook_configs`. The form is Alertmanager's
//! version 4.
//!
//! It is not: expanded by templates. The form holds all that there is to tell.

use std::collections::BTreeMap;

use narthex_integration::{Entry, Service, Span, common, json, quoted, rfc3339};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Alert, Error, Notification, Outcome, Receiver, http};
use serde::{Deserialize, Serialize};

/// The version of the form.
const VERSION: &str = "4";

/// How Go prints the zero time, which stands for "none".
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    max_alerts: u64,
    timeout: Span,
}

/// Posts notifications.
pub struct Webhook {
    config: Config,
    url: Secret,
}

/// What is posted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    receiver: String,
    status: &'static str,
    alerts: Vec<MessageAlert<'a>>,
    group_labels: Labels<'a>,
    common_labels: Labels<'a>,
    common_annotations: Labels<'a>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageAlert<'a> {
    status: &'static str,
    labels: Labels<'a>,
    annotations: Labels<'a>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: &'a str,
}

type Labels<'a> = BTreeMap<&'a str, &'a str>;

narthex_sdk::export_receiver!(Webhook);

impl Receiver for Webhook {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let url = secrets::get("url")?;
        Ok(Self { config, url })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let body = json(&message(notification, self.config.max_alerts))?;
        let url = self.url.reveal()?;
        let request = http::post(&url, "application/json", body);
        let request = match self.config.timeout.bound() {
            Some(timeout) => request.timeout(timeout),
            None => request,
        };
        let service = Service {
            hidden: &[&url],
            ..Service::default()
        };
        service.deliver(&request)
    }
}

/// The message with at most so many alerts; 0 is no bound. What the alerts have in common is that of
/// those that are told.
fn message(notification: &Notification, alerts_max: u64) -> Message<'_> {
    let all = &notification.alerts;
    let max = match usize::try_from(alerts_max) {
        Ok(0) | Err(_) => all.len(),
        Ok(max) => max.min(all.len()),
    };
    let (told, left_out) = all.split_at(max);
    let is_firing = told.iter().any(|alert| alert.firing);
    Message {
        receiver: quoted(&notification.receiver),
        status: status(is_firing),
        alerts: told.iter().map(message_alert).collect(),
        group_labels: labels(&notification.group_labels),
        common_labels: common(told.iter().map(|alert| alert.labels.as_slice())),
        common_annotations: common(told.iter().map(|alert| alert.annotations.as_slice())),
        external_url: &notification.external_url,
        version: VERSION,
        group_key: &notification.group_key,
        truncated_alerts: left_out.len() as u64 + u64::from(notification.truncated),
    }
}

fn message_alert(alert: &Alert) -> MessageAlert<'_> {
    let ends_at = alert.ends_at.filter(|_| !alert.firing);
    MessageAlert {
        status: status(alert.firing),
        labels: labels(&alert.labels),
        annotations: labels(&alert.annotations),
        starts_at: rfc3339(alert.starts_at),
        ends_at: ends_at.map_or_else(|| NO_TIME.to_owned(), rfc3339),
        generator_url: &alert.generator_url,
        fingerprint: &alert.fingerprint,
    }
}

fn status(is_firing: bool) -> &'static str {
    if is_firing { "firing" } else { "resolved" }
}

fn labels(pairs: &[(String, String)]) -> Labels<'_> {
    common(std::iter::once(pairs))
}

#[cfg(test)]
mod tests;
