//! Messages to a webhook of Discord, of `discord_configs`.
//!
//! It is not: a bot.

use narthex_integration::{Entry, Service, Text, is_firing, json, truncated};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver, http};
use serde::{Deserialize, Serialize};

/// The longest text above, title and text, in characters.
const CONTENT_CHARACTERS_MAX: usize = 2000;
const TITLE_CHARACTERS_MAX: usize = 256;
const MESSAGE_CHARACTERS_MAX: usize = 4096;

/// The colours of what fires and of what is over.
const RED: u32 = 0x99_2d_22;
const GREEN: u32 = 0x2e_cc_71;

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    content: Text,
    title: Text,
    message: Text,
    username: Text,
    avatar_url: Text,
}

/// Posts messages.
pub struct Discord {
    config: Config,
    url: Secret,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    content: String,
    embeds: [Embed; 1],
    #[serde(skip_serializing_if = "str::is_empty")]
    username: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    avatar_url: &'a str,
}

#[derive(Debug, Serialize)]
struct Embed {
    title: String,
    description: String,
    color: u32,
}

narthex_sdk::export_receiver!(Discord);

impl Receiver for Discord {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let url = secrets::get("webhook_url")?;
        Ok(Self { config, url })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let config = &self.config;
        let title = config.title.expand()?;
        let description = config.message.expand()?;
        let content = config.content.expand()?;
        let message = Message {
            content: truncated(content, CONTENT_CHARACTERS_MAX, "content"),
            embeds: [Embed {
                title: truncated(title, TITLE_CHARACTERS_MAX, "title"),
                description: truncated(description, MESSAGE_CHARACTERS_MAX, "message"),
                color: if is_firing(notification) { RED } else { GREEN },
            }],
            username: config.username.as_str().trim(),
            avatar_url: config.avatar_url.as_str().trim(),
        };
        let url = self.url.reveal()?;
        let service = Service {
            hidden: &[&url],
            ..Service::default()
        };
        service.deliver(&http::post(&url, "application/json", json(&message)?))
    }
}

#[cfg(test)]
mod tests;
