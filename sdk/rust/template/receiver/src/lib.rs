//! Posts notifications to a web server, a line for each alert.

use narthex_sdk::{Error, Notification, Outcome, Receiver, http};

/// The receiver's configuration; its schema is in plugin.toml.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: String,
}

/// One receiver of the configuration.
pub struct Plugin {
    config: Config,
}

narthex_sdk::export_receiver!(Plugin);

impl Receiver for Plugin {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let request = http::post(
            &self.config.url,
            "text/plain",
            to_text(notification).into_bytes(),
        );
        Ok(Outcome::of(&http::send(&request)?))
    }
}

fn to_text(notification: &Notification) -> String {
    let mut text = String::new();
    for alert in &notification.alerts {
        let state = if alert.firing { "firing" } else { "resolved" };
        let name = value(&alert.labels, "alertname");
        let summary = value(&alert.annotations, "summary");
        text.push_str(&format!("{state} {name} {summary}\n"));
    }
    text
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(other, _)| other == name);
    found.map_or("", |(_, value)| value)
}
