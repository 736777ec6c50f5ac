//! What is asked of Opsgenie for a notification.

use std::collections::BTreeMap;

use narthex_integration::{Text, group_hash, is_firing, json, truncated};
use narthex_sdk::{Error, Notification};
use serde::{Deserialize, Serialize};

use crate::Config;

/// The longest message, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 130;

/// What an alert is found by.
const BY_ALIAS: &str = "identifierType=alias";

/// Who responds, in the entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ResponderConfig {
    id: Text,
    name: Text,
    username: Text,
    r#type: Text,
}

/// A request without its credentials.
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Serialize)]
struct Create<'a> {
    alias: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    details: BTreeMap<&'a str, String>,
    source: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    responders: Vec<Responder>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    priority: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    entity: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Responder {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    r#type: String,
}

#[derive(Debug, Serialize)]
struct Close {
    source: String,
}

#[derive(Debug, Serialize)]
struct UpdateMessage<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct UpdateDescription<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
}

/// The requests of a notification, in their order.
pub(crate) fn requests(config: &Config, notification: &Notification) -> Result<Vec<Asked>, Error> {
    let alias = group_hash(notification);
    let api = format!("{}/v2/alerts", config.api_url.trim_end_matches('/'));
    let of_alert = |what: &str| format!("{api}/{alias}/{what}?{BY_ALIAS}");
    let asked =
        |method, url, body: Result<Vec<u8>, Error>| body.map(|body| Asked { method, url, body });
    let source = config.source.expand()?;
    if !is_firing(notification) {
        let close = json(&Close { source });
        return Ok(vec![asked("POST", of_alert("close"), close)?]);
    }
    let message = truncated(config.message.expand()?, MESSAGE_CHARACTERS_MAX, "message");
    let description = config.description.expand()?;
    let create = json(&Create {
        alias: &alias,
        message: &message,
        description: &description,
        details: details(config, notification)?,
        source,
        responders: responders(config)?,
        tags: list(&config.tags.expand()?),
        note: config.note.expand()?,
        priority: config.priority.expand()?,
        entity: config.entity.expand()?,
        actions: list(&config.actions.expand()?),
    });
    let mut all = vec![asked("POST", api.clone(), create)?];
    if config.update_alerts {
        let message = json(&UpdateMessage { message: &message });
        all.push(asked("PUT", of_alert("message"), message)?);
        let description = json(&UpdateDescription {
            description: &description,
        });
        all.push(asked("PUT", of_alert("description"), description)?);
    }
    Ok(all)
}

/// The labels that all alerts have, and what the entry says beside or instead.
fn details<'a>(
    config: &'a Config,
    notification: &'a Notification,
) -> Result<BTreeMap<&'a str, String>, Error> {
    let labels = notification.common_labels.iter();
    let mut details: BTreeMap<&str, String> = labels
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    for (name, text) in &config.details {
        details.insert(name, text.expand()?);
    }
    Ok(details)
}

/// One that is empty is left out: so an entry names who stands in labels. `teams` are many by
/// their names.
fn responders(config: &Config) -> Result<Vec<Responder>, Error> {
    let mut responders = Vec::new();
    for written in &config.responders {
        let responder = Responder {
            id: written.id.expand()?,
            name: written.name.expand()?,
            username: written.username.expand()?,
            r#type: written.r#type.expand()?,
        };
        if responder.r#type == "teams" {
            responders.extend(list(&responder.name).into_iter().map(|name| Responder {
                name,
                r#type: "team".to_owned(),
                ..Responder::default()
            }));
        } else if responder != Responder::default() {
            responders.push(responder);
        }
    }
    Ok(responders)
}

/// What stands between commas.
fn list(text: &str) -> Vec<String> {
    let parts = text.trim().split(',').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}
