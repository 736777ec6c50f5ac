//! Messages of a bot to a chat of Telegram, of `telegram_configs`.
//!
//! It is not: a bot that listens.

use narthex_integration::{Entry, Service, Text, json, truncated};
use narthex_sdk::http::{self, Response};
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::{Error, Notification, Outcome, Receiver};
use serde::{Deserialize, Serialize};

/// The longest message, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 4096;

/// Where the markup is HTML, what comes from labels and annotations is escaped.
const HTML: &str = "HTML";

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    api_url: String,
    chat_id: Option<i64>,
    message_thread_id: i64,
    message: Text,
    disable_notifications: bool,
    parse_mode: String,
}

/// Sends messages.
pub struct Telegram {
    config: Config,
    token: Secret,
    /// Where the chat stands in a file.
    chat: Option<Secret>,
}

/// What is asked of the bot; all values are texts.
#[derive(Debug, Serialize)]
struct Message<'a> {
    chat_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<String>,
    text: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    parse_mode: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_notification: Option<&'static str>,
    disable_web_page_preview: &'static str,
}

/// What Telegram says, whatever the status is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    ok: bool,
    description: String,
    parameters: Parameters,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    /// Seconds.
    retry_after: Option<u32>,
}

narthex_sdk::export_receiver!(Telegram);

impl Receiver for Telegram {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let token = secrets::get("bot_token")?;
        let chat = match config.chat_id {
            Some(_) => None,
            None => Some(secrets::get("chat_id")?),
        };
        Ok(Self {
            config,
            token,
            chat,
        })
    }

    fn notify(&mut self, _: &Notification) -> Result<Outcome, Error> {
        let config = &self.config;
        let is_html = config.parse_mode == HTML;
        let text = match is_html {
            true => config.message.expand_html()?,
            false => config.message.expand()?,
        };
        let thread = config.message_thread_id;
        let message = Message {
            chat_id: self.chat()?.to_string(),
            message_thread_id: (thread != 0).then(|| thread.to_string()),
            text: truncated(text, MESSAGE_CHARACTERS_MAX, "message"),
            parse_mode: &config.parse_mode,
            disable_notification: config.disable_notifications.then_some("true"),
            disable_web_page_preview: "true",
        };
        let token = self.token.reveal()?;
        let api = config.api_url.trim_end_matches('/');
        let url = format!("{api}/bot{token}/sendMessage");
        let service = Service {
            hidden: &[&url, &token],
            ..Service::default()
        };
        let request = http::post(&url, "application/json", json(&message)?);
        judge(&service, &service.send(&request)?)
    }
}

impl Telegram {
    fn chat(&self) -> Result<i64, Error> {
        let Some(chat) = &self.chat else {
            return Ok(self.config.chat_id.unwrap_or_default());
        };
        let text = chat.reveal()?;
        let read = text.trim().parse();
        read.map_err(|_| Error::Config("chat_id_file: it does not hold a whole number".to_owned()))
    }
}

/// As in Alertmanager, whatever fails is tried again: a bot that is not in the chat yet, too.
fn judge(service: &Service<'_>, response: &Response) -> Result<Outcome, Error> {
    let answer: Answer = response.json().unwrap_or_default();
    if answer.ok {
        return Ok(Outcome::Delivered);
    }
    let said = match answer.description.as_str() {
        "" => String::new(),
        text => format!(": {text}"),
    };
    let reason = format!("unexpected answer of status code {}{said}", response.status);
    service.failure(&reason, answer.parameters.retry_after)
}

#[cfg(test)]
mod tests;
