//! Events of PagerDuty, of `pagerduty_configs`: in version 2 of its API by a routing key, in version
//! 1 by a service key.
//!
//! It is not: what tells one incident from another. A group of alerts is one.

mod event;

use narthex_integration::{Entry, Service, Span, Text, expand_secret};
use narthex_sdk::http::{self, Response};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Where events of version 1 go.
const URL_V1: &str = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    url: String,
    client: Text,
    client_url: Text,
    description: Text,
    details: Map<String, Value>,
    images: Vec<event::ImageConfig>,
    links: Vec<event::LinkConfig>,
    source: Text,
    severity: Text,
    class: Text,
    component: Text,
    group: Text,
    timeout: Span,
}

/// Sends events.
pub struct PagerDuty {
    config: Config,
    key: Key,
}

/// By what key, and so in which version.
enum Key {
    Service(Secret),
    Routing(Secret),
}

/// What is said of an event that is wrong.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<String>,
}

narthex_sdk::export_receiver!(PagerDuty);

impl Receiver for PagerDuty {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        // A service key comes first, as in Alertmanager.
        let key = match secrets::get("service_key") {
            Ok(key) => Key::Service(key),
            Err(_) => Key::Routing(secrets::get("routing_key")?),
        };
        Ok(Self { config, key })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let (url, retried, key, what) = match &self.key {
            // What comes too fast is forbidden there.
            Key::Service(key) => (URL_V1, 403, key, "service_key"),
            Key::Routing(key) => (self.config.url.as_str(), 429, key, "routing_key"),
        };
        let written = key.reveal()?;
        // A key may be chosen by labels.
        let key = expand_secret(what, &written)?;
        if key.is_empty() {
            return Ok(Outcome::Rejected(format!("{what}: it is empty")));
        }
        let body = match &self.key {
            Key::Service(_) => event::version_1(&self.config, notification, &key)?,
            Key::Routing(_) => event::version_2(&self.config, notification, &key)?,
        };
        let request = http::post(url, "application/json", body);
        let request = match self.config.timeout.bound() {
            Some(timeout) => request.timeout(timeout),
            None => request,
        };
        let service = Service {
            retried: &[retried],
            hidden: &[&key, &written],
        };
        let response = service.send(&request)?;
        service.outcome_with(&response, &said(&response))
    }
}

/// Only what is wrong with an event is told in words.
fn said(response: &Response) -> String {
    match response.json::<Refusal>() {
        Ok(refusal) if response.status == 400 => {
            format!("{}: {}", refusal.message, refusal.errors.join(","))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
