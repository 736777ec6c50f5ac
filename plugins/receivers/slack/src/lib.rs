//! Messages to Slack, by an incoming webhook or by an app, of `slack_configs`.
//!
//! It is not: what makes texts of templates. The host does.

mod message;

use narthex_integration::{Entry, Service, Span, Text, json};
use narthex_sdk::http::{self, Response};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver};
use serde::Deserialize;

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    channel: Text,
    username: Text,
    color: Text,
    title: Text,
    title_link: Text,
    pretext: Text,
    text: Text,
    message_text: Text,
    fields: Vec<message::FieldConfig>,
    short_fields: bool,
    footer: Text,
    fallback: Text,
    callback_id: Text,
    icon_emoji: Text,
    icon_url: Text,
    image_url: Text,
    thumb_url: Text,
    link_names: bool,
    mrkdwn_in: Vec<String>,
    actions: Vec<message::ActionConfig>,
    app_url: String,
    timeout: Span,
}

/// Posts messages.
pub struct Slack {
    config: Config,
    access: Access,
}

/// What lets it post.
enum Access {
    /// The URL is the secret.
    Webhook(Secret),
    /// An app has a URL that everybody knows, and a token.
    App(Secret),
}

/// What Slack says in JSON, whatever the status is.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    error: String,
}

narthex_sdk::export_receiver!(Slack);

impl Receiver for Slack {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let access = if config.app_url.is_empty() {
            Access::Webhook(secrets::get("api_url")?)
        } else {
            Access::App(secrets::get("app_token")?)
        };
        Ok(Self { config, access })
    }

    fn notify(&mut self, _: &Notification) -> Result<Outcome, Error> {
        let message = message::message(&self.config)?;
        let body = json(&message)?;
        let secret;
        let request = match &self.access {
            Access::Webhook(url) => {
                secret = url.reveal()?;
                http::post(&secret, "application/json", body)
            }
            Access::App(token) => {
                secret = String::new();
                http::post(&self.config.app_url, "application/json", body).bearer(token)
            }
        };
        let request = match self.config.timeout.bound() {
            Some(timeout) => request.timeout(timeout),
            None => request,
        };
        let service = Service {
            hidden: &[&secret],
            ..Service::default()
        };
        let outcome = judge(&service, &service.send(&request)?);
        let channel = |text: String| format!("channel {:?}: {text}", message.channel);
        match outcome {
            Ok(Outcome::Rejected(text)) => Ok(Outcome::Rejected(channel(text))),
            Err(Error::Unavailable(text)) => Err(Error::Unavailable(channel(text))),
            other => other,
        }
    }
}

/// Slack also refuses with a status that says that all is well.
fn judge(service: &Service<'_>, response: &Response) -> Result<Outcome, Error> {
    if !(200..300).contains(&response.status) {
        return service.outcome(response);
    }
    let said = String::from_utf8_lossy(&response.body);
    let content_type = response.header("Content-Type").unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Ok(match said.as_ref() {
            "ok" => Outcome::Delivered,
            said => refused(service, said),
        });
    }
    match response.json::<Answer>() {
        Ok(answer) if answer.ok => Ok(Outcome::Delivered),
        Ok(answer) => Ok(refused(service, &answer.error)),
        Err(error) => service.failure(error.message(), None),
    }
}

fn refused(service: &Service<'_>, said: &str) -> Outcome {
    let said: String = said.chars().take(SAID_CHARACTERS_MAX).collect();
    Outcome::Rejected(service.hide(&format!("error response from Slack: {said}")))
}

/// Of what Slack says so much is told.
const SAID_CHARACTERS_MAX: usize = 1024;

#[cfg(test)]
mod tests;
