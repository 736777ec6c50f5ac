//! Alerts of Opsgenie, of `opsgenie_configs`: created while a group fires, closed when it is over.
//!
//! It is not: what tells one alert from another. A group of alerts is one of Opsgenie's, by its alias.

mod request;

use std::collections::BTreeMap;

use narthex_integration::{Entry, Service, Text, expand_secret};
use narthex_sdk::http::Request;
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver};
use serde::Deserialize;

/// Statuses besides the five hundreds that ask to be tried again.
const RETRIED: [u16; 1] = [429];

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    api_url: String,
    message: Text,
    description: Text,
    source: Text,
    details: BTreeMap<String, Text>,
    entity: Text,
    responders: Vec<request::ResponderConfig>,
    actions: Text,
    tags: Text,
    note: Text,
    priority: Text,
    update_alerts: bool,
}

/// Creates and closes alerts.
pub struct Opsgenie {
    config: Config,
    key: Secret,
}

narthex_sdk::export_receiver!(Opsgenie);

impl Receiver for Opsgenie {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let key = secrets::get("api_key")?;
        Ok(Self { config, key })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let requests = request::requests(&self.config, notification)?;
        let written = self.key.reveal()?;
        // A key may be chosen by labels.
        let key = expand_secret("api_key", &written)?;
        let key = key.trim();
        let service = Service {
            retried: &RETRIED,
            hidden: &[key, &written],
        };
        for sent in requests {
            let request = Request::new(sent.method, &sent.url)
                .header("Content-Type", "application/json")
                .header("Authorization", format!("GenieKey {key}"))
                .body(sent.body);
            let outcome = service.deliver(&request)?;
            if !matches!(outcome, Outcome::Delivered) {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Delivered)
    }
}

#[cfg(test)]
mod tests;
