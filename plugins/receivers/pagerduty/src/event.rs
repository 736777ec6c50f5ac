//! The events, in both versions of the API. A field that is empty in one is empty as Alertmanager
//! leaves it: version 1 has the fields of version 2 that are never left out.

use narthex_integration::{Text, expand_all, group_hash, is_firing, json, truncated};
use narthex_sdk::{Error, Notification, log};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Config;

/// The longest summary, in characters.
const SUMMARY_CHARACTERS_MAX: usize = 1024;

/// The largest event, in bytes.
const EVENT_BYTES_MAX: usize = 512_000;

/// A picture of the entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ImageConfig {
    src: Text,
    alt: Text,
    href: Text,
}

/// A link of the entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LinkConfig {
    href: Text,
    text: Text,
}

/// An event of either version.
#[derive(Debug, Default, Serialize)]
struct Event<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    routing_key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    service_key: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    dedup_key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    incident_key: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    event_action: &'static str,
    payload: Option<Payload>,
    #[serde(skip_serializing_if = "String::is_empty")]
    client: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    client_url: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    details: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct Payload {
    summary: String,
    source: String,
    severity: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    class: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    component: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    custom_details: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Image {
    src: String,
    alt: String,
    href: String,
}

#[derive(Debug, Serialize)]
struct Link {
    href: String,
    text: String,
}

/// The body of an event of version 1.
pub(crate) fn version_1(
    config: &Config,
    notification: &Notification,
    key: &str,
) -> Result<Vec<u8>, Error> {
    let is_firing = is_firing(notification);
    let mut event = Event {
        service_key: key,
        event_type: action(is_firing),
        incident_key: group_hash(notification),
        description: summary(config)?,
        details: details(config)?,
        ..Event::default()
    };
    // Who sees the incident is told when it begins.
    if is_firing {
        event.client = config.client.expand()?;
        event.client_url = config.client_url.expand()?;
    }
    bounded(event, |event, details| event.details = details)
}

/// The body of an event of version 2.
pub(crate) fn version_2(
    config: &Config,
    notification: &Notification,
    key: &str,
) -> Result<Vec<u8>, Error> {
    let payload = Payload {
        summary: summary(config)?,
        source: config.source.expand()?,
        severity: config.severity.expand()?,
        class: config.class.expand()?,
        component: config.component.expand()?,
        group: config.group.expand()?,
        custom_details: details(config)?,
    };
    let images: Result<Vec<Image>, Error> = config.images.iter().map(image).collect();
    let links: Result<Vec<Link>, Error> = config.links.iter().map(link).collect();
    let event = Event {
        routing_key: key,
        event_action: action(is_firing(notification)),
        dedup_key: group_hash(notification),
        payload: Some(payload),
        client: config.client.expand()?,
        client_url: config.client_url.expand()?,
        // One without a place is left out: so an entry shows what not all alerts have.
        images: only(images?, |image| !image.src.is_empty()),
        links: only(links?, |link| !link.href.is_empty()),
        ..Event::default()
    };
    bounded(event, |event, details| {
        if let Some(payload) = &mut event.payload {
            payload.custom_details = details;
        }
    })
}

fn action(is_firing: bool) -> &'static str {
    if is_firing { "trigger" } else { "resolve" }
}

fn summary(config: &Config) -> Result<String, Error> {
    let text = config.description.expand()?;
    Ok(truncated(text, SUMMARY_CHARACTERS_MAX, "description"))
}

/// A scalar is a text there, whatever it was written as.
fn details(config: &Config) -> Result<Map<String, Value>, Error> {
    let details = config.details.iter().map(|(name, value)| {
        let value = match value {
            Value::Bool(_) | Value::Number(_) => Value::from(value.to_string()),
            value => expand_all(value)?,
        };
        Ok((name.clone(), value))
    });
    details.collect()
}

fn image(image: &ImageConfig) -> Result<Image, Error> {
    Ok(Image {
        src: image.src.expand()?,
        alt: image.alt.expand()?,
        href: image.href.expand()?,
    })
}

fn link(link: &LinkConfig) -> Result<Link, Error> {
    Ok(Link {
        href: link.href.expand()?,
        text: link.text.expand()?,
    })
}

fn only<T>(mut all: Vec<T>, is_wanted: impl Fn(&T) -> bool) -> Vec<T> {
    all.retain(is_wanted);
    all
}

/// The event as JSON, without its details where it is too large with them.
fn bounded(
    mut event: Event<'_>,
    set_details: impl FnOnce(&mut Event<'_>, Map<String, Value>),
) -> Result<Vec<u8>, Error> {
    let body = json(&event)?;
    if body.len() <= EVENT_BYTES_MAX {
        return Ok(body);
    }
    let bytes = body.len().to_string();
    log::warn(
        "the details of an event were left out",
        &[("bytes", &bytes)],
    );
    let text = format!("left out: the event would have over {EVENT_BYTES_MAX} bytes");
    let details = [("error".to_owned(), Value::from(text))];
    set_details(&mut event, details.into_iter().collect());
    json(&event)
}
