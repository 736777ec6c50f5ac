//! Cards to a connector of Microsoft Teams, of `msteams_configs`.
//!
//! It is not: for flows of Power Automate. `msteamsv2` is.

use narthex_integration::{Entry, Service, Text, is_firing, json};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver, http};
use serde::{Deserialize, Serialize};

/// The colours of what fires and of what is over.
const RED: &str = "8C1A1A";
const GREEN: &str = "2DC72D";

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    title: Text,
    summary: Text,
    text: Text,
}

/// Posts cards.
pub struct MsTeams {
    config: Config,
    url: Secret,
}

/// A message card, as connectors take it.
#[derive(Debug, Serialize)]
struct Card {
    #[serde(rename = "@context")]
    context: &'static str,
    r#type: &'static str,
    title: String,
    summary: String,
    text: String,
    #[serde(rename = "themeColor")]
    theme_color: &'static str,
}

narthex_sdk::export_receiver!(MsTeams);

impl Receiver for MsTeams {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let url = secrets::get("webhook_url")?;
        Ok(Self { config, url })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let card = Card {
            context: "http://schema.org/extensions",
            r#type: "MessageCard",
            title: self.config.title.expand()?,
            summary: self.config.summary.expand()?,
            text: self.config.text.expand()?,
            theme_color: if is_firing(notification) { RED } else { GREEN },
        };
        let url = self.url.reveal()?;
        let service = Service {
            hidden: &[&url],
            ..Service::default()
        };
        service.deliver(&http::post(&url, "application/json", json(&card)?))
    }
}

#[cfg(test)]
mod tests;
