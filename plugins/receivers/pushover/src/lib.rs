//! Messages by Pushover, of `pushover_configs`.
//!
//! It is not: what repeats messages of priority 2. Pushover does, and is told how often.

use narthex_integration::{Entry, Service, Span, Text, expand_secret, truncated};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver, http};
use serde::Deserialize;

/// Where messages go.
const API_URL: &str = "https://api.pushover.net/1/messages.json";

/// The longest title, text and URL, in characters.
const TITLE_CHARACTERS_MAX: usize = 250;
const MESSAGE_CHARACTERS_MAX: usize = 1024;
const URL_CHARACTERS_MAX: usize = 512;

/// Stands for an empty text, which Pushover refuses.
const NO_MESSAGE: &str = "(no details)";

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    title: Text,
    message: Text,
    url: Text,
    url_title: Text,
    device: Text,
    sound: Text,
    priority: Text,
    retry: Span,
    expire: Span,
    ttl: Span,
    html: bool,
    monospace: bool,
}

/// Sends messages.
pub struct Pushover {
    config: Config,
    token: Secret,
    user: Secret,
}

narthex_sdk::export_receiver!(Pushover);

impl Receiver for Pushover {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        Ok(Self {
            config,
            token: secrets::get("token")?,
            user: secrets::get("user_key")?,
        })
    }

    fn notify(&mut self, _: &Notification) -> Result<Outcome, Error> {
        let [token, user] = [self.token.reveal()?, self.user.reveal()?];
        // Keys may be chosen by labels.
        let shown_token = expand_secret("token", &token)?;
        let shown_user = expand_secret("user_key", &user)?;
        let mut query = self.query()?;
        query.push(("token", shown_token.clone()));
        query.push(("user", shown_user.clone()));
        query.sort_unstable();
        let query = http::query(query.iter().map(|(name, value)| (*name, value.as_str())));
        // As a form has it. A percent sign of a value is one by itself no more.
        let url = format!("{API_URL}?{}", query.replace("%20", "+"));
        let service = Service {
            hidden: &[&url, &token, &user, &shown_token, &shown_user],
            ..Service::default()
        };
        service.deliver(&http::post(&url, "text/plain", Vec::new()))
    }
}

impl Pushover {
    /// All but the keys.
    fn query(&self) -> Result<Vec<(&'static str, String)>, Error> {
        let config = &self.config;
        let message = match config.html {
            true => config.message.expand_html()?,
            false => config.message.expand()?,
        };
        let message = truncated(message, MESSAGE_CHARACTERS_MAX, "message");
        let message = match message.trim() {
            "" => NO_MESSAGE,
            text => text,
        };
        let title = truncated(config.title.expand()?, TITLE_CHARACTERS_MAX, "title");
        let mut query = vec![
            ("title", title),
            ("message", message.to_owned()),
            (
                "url",
                truncated(config.url.expand()?, URL_CHARACTERS_MAX, "url"),
            ),
            ("url_title", config.url_title.expand()?),
            ("priority", config.priority.expand()?),
            ("retry", seconds(config.retry)),
            ("expire", seconds(config.expire)),
            ("device", config.device.expand()?),
            ("sound", config.sound.expand()?),
        ];
        let one = || "1".to_owned();
        if config.html {
            query.push(("html", one()));
        }
        if config.monospace {
            query.push(("monospace", one()));
        }
        if config.ttl.0.as_secs() > 0 {
            query.push(("ttl", seconds(config.ttl)));
        }
        Ok(query)
    }
}

fn seconds(span: Span) -> String {
    span.0.as_secs().to_string()
}

#[cfg(test)]
mod tests;
