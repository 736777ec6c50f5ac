//! Adaptive cards to a flow of Power Automate, which posts them to Microsoft Teams, of
//! `msteamsv2_configs`.
//!
//! It is not: for connectors of Teams. `msteams` is.

use narthex_integration::{Entry, Service, Text, is_firing, json};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver, http};
use serde::{Deserialize, Serialize};

/// The colours of what fires and of what is over, by their names in cards.
const RED: &str = "Attention";
const GREEN: &str = "Good";

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    title: Text,
    text: Text,
}

/// Posts cards.
pub struct MsTeamsV2 {
    config: Config,
    url: Secret,
}

#[derive(Debug, Serialize)]
struct Message {
    r#type: &'static str,
    attachments: [Attachment; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    content_type: &'static str,
    /// Always null: the card is in here.
    content_url: Option<String>,
    content: Card,
}

#[derive(Debug, Serialize)]
struct Card {
    #[serde(rename = "$schema")]
    schema: &'static str,
    r#type: &'static str,
    version: &'static str,
    body: [Block; 2],
    msteams: Layout,
}

#[derive(Debug, Serialize)]
struct Layout {
    width: &'static str,
}

#[derive(Debug, Default, Serialize)]
struct Block {
    r#type: &'static str,
    text: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    weight: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    size: &'static str,
    wrap: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    style: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    color: &'static str,
}

narthex_sdk::export_receiver!(MsTeamsV2);

impl Receiver for MsTeamsV2 {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let url = secrets::get("webhook_url")?;
        Ok(Self { config, url })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let message = message(
            self.config.title.expand()?,
            self.config.text.expand()?,
            is_firing(notification),
        );
        let url = self.url.reveal()?;
        let service = Service {
            hidden: &[&url],
            ..Service::default()
        };
        service.deliver(&http::post(&url, "application/json", json(&message)?))
    }
}

fn message(title: String, text: String, is_firing: bool) -> Message {
    let heading = Block {
        r#type: "TextBlock",
        text: title,
        weight: "Bolder",
        size: "Medium",
        wrap: true,
        style: "heading",
        color: if is_firing { RED } else { GREEN },
    };
    let text = Block {
        r#type: "TextBlock",
        text,
        wrap: true,
        ..Block::default()
    };
    Message {
        r#type: "message",
        attachments: [Attachment {
            content_type: "application/vnd.microsoft.card.adaptive",
            content_url: None,
            content: Card {
                schema: "http://adaptivecards.io/schemas/adaptive-card.json",
                r#type: "AdaptiveCard",
                version: "1.2",
                body: [heading, text],
                msteams: Layout { width: "full" },
            },
        }],
    }
}

#[cfg(test)]
mod tests;
