//! Webhooks: a notification as JSON, posted to a URL. The form is Alertmanager's version 4.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use narthex_http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use narthex_http::{BuildError, Client, Response};
use serde::Serialize;
use tokio::time::Instant;

use crate::config::Integration;
use crate::notification::{FailureReason, Notification, Notify, NotifyError};
use crate::timestamp;

/// The version of the form.
const VERSION: &str = "4";

/// How this server calls itself.
const AGENT: &str = concat!("Narthex/", env!("CARGO_PKG_VERSION"));

/// Of an answer that refuses a notification, so many bytes are read for the log.
const ANSWER_BYTES_MAX: usize = 1024;

/// A file with a URL may have this many bytes.
const URL_FILE_BYTES_MAX: u64 = 64 << 10;

/// One integration.
#[derive(Debug)]
pub struct Webhook {
    client: Client,
    url: Place,
    /// Of an alert that would be one more, only the number is told; 0 is no bound.
    alerts_max: usize,
    /// For one attempt.
    timeout: Option<Duration>,
}

/// Where it is sent; nothing of it is shown.
enum Place {
    Url(String),
    File(String),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(_) => f.write_str("<secret>"),
            Self::File(file) => f.write_str(file),
        }
    }
}

/// What is posted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    receiver: String,
    status: &'static str,
    alerts: Vec<MessageAlert<'a>>,
    group_labels: BTreeMap<&'a str, &'a str>,
    common_labels: BTreeMap<String, String>,
    common_annotations: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageAlert<'a> {
    status: &'static str,
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: String,
}

impl<'a> Message<'a> {
    fn new(notification: &'a Notification, alerts_max: usize) -> Self {
        let count = notification.alerts.len();
        let shown = if alerts_max == 0 {
            count
        } else {
            count.min(alerts_max)
        };
        let told = Notification {
            alerts: notification.alerts.iter().take(shown).cloned().collect(),
            ..notification.clone()
        };
        let alerts = notification.alerts.iter().take(shown);
        Self {
            receiver: quote_meta(&notification.receiver),
            status: told.status(),
            alerts: alerts
                .map(|alert| MessageAlert {
                    status: alert.status(),
                    labels: alert.alert.labels.iter().collect(),
                    annotations: &alert.alert.annotations,
                    starts_at: timestamp::format(alert.alert.starts_at_ms),
                    ends_at: alert
                        .ends_at_ms()
                        .map_or_else(|| timestamp::NONE.to_owned(), timestamp::format),
                    generator_url: &alert.alert.generator_url,
                    fingerprint: alert.fingerprint().to_string(),
                })
                .collect(),
            group_labels: notification.group_labels.iter().collect(),
            common_labels: told.common_labels(),
            common_annotations: told.common_annotations(),
            external_url: &notification.external_url,
            version: VERSION,
            group_key: &notification.group_key,
            truncated_alerts: count - shown,
        }
    }
}

/// A text with all that has a meaning in a regular expression escaped: so Alertmanager has the names
/// of receivers in notifications.
fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

impl Webhook {
    /// Makes one of what a config says.
    ///
    /// # Errors
    /// Its HTTP client cannot be made.
    pub fn new(integration: &Integration) -> Result<Self, BuildError> {
        let settings = &integration.settings;
        let url = match settings.text("url") {
            url if url.is_empty() => Place::File(settings.text("url_file")),
            url => Place::Url(url),
        };
        let timeout = settings.duration("timeout");
        Ok(Self {
            client: Client::new(&integration.http.http_config())?,
            url,
            alerts_max: usize::try_from(settings.count("max_alerts")).unwrap_or(usize::MAX),
            timeout: timeout
                .filter(|timeout| !timeout.is_zero())
                .map(|timeout| timeout.as_std()),
        })
    }

    async fn url(&self) -> Result<String, NotifyError> {
        let file = match &self.url {
            Place::Url(url) => return Ok(url.clone()),
            Place::File(file) => file,
        };
        match read_url(file).await {
            Ok(url) => Ok(url.trim().to_owned()),
            Err(error) => Err(NotifyError {
                is_temporary: false,
                retry_after: None,
                reason: FailureReason::Other,
                message: format!("read url_file: {error}"),
            }),
        }
    }

    async fn send(&self, notification: &Notification) -> Result<(), NotifyError> {
        let message = Message::new(notification, self.alerts_max);
        let body = serde_json::to_vec(&message).map_err(|error| NotifyError {
            is_temporary: false,
            retry_after: None,
            reason: FailureReason::Other,
            message: error.to_string(),
        })?;
        let url = self.url().await?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let sent = self.client.post(&url, &headers, Bytes::from(body)).await;
        match sent {
            Ok(response) => checked(response).await,
            // The text without the URL, which is a secret.
            Err(error) => Err(NotifyError {
                is_temporary: true,
                retry_after: None,
                reason: FailureReason::Other,
                message: format!("{} \"<redacted>\": {}", error.method, error.cause),
            }),
        }
    }
}

/// Reads a file with a URL.
async fn read_url(file: &str) -> std::io::Result<String> {
    let size = tokio::fs::metadata(file).await?.len();
    if size > URL_FILE_BYTES_MAX {
        let text = format!("it has over {URL_FILE_BYTES_MAX} bytes");
        return Err(std::io::Error::other(text));
    }
    tokio::fs::read_to_string(file).await
}

/// What an answer says of what was posted.
async fn checked(response: Response) -> Result<(), NotifyError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let reason = match status {
        status if status.is_server_error() => FailureReason::ServerError,
        status if status.is_client_error() => FailureReason::ClientError,
        _ => FailureReason::Other,
    };
    let is_temporary = status.is_server_error();
    let code = status.as_u16();
    let said = said(response).await;
    let colon = if said.is_empty() { "" } else { ": " };
    Err(NotifyError {
        is_temporary,
        retry_after: None,
        reason,
        message: format!("unexpected status code {code}{colon}{said}"),
    })
}

/// The beginning of the body of an answer.
async fn said(mut response: Response) -> String {
    let mut said = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        said.extend_from_slice(&chunk);
        if said.len() >= ANSWER_BYTES_MAX {
            said.truncate(ANSWER_BYTES_MAX);
            break;
        }
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}

#[async_trait]
impl Notify for Webhook {
    async fn notify(
        &self,
        notification: &Notification,
        deadline: Instant,
    ) -> Result<(), NotifyError> {
        let own = self.timeout.map(|timeout| Instant::now() + timeout);
        let until = own.map_or(deadline, |own| own.min(deadline));
        match tokio::time::timeout_at(until, self.send(notification)).await {
            Ok(sent) => sent,
            Err(_) => Err(NotifyError {
                is_temporary: true,
                retry_after: None,
                reason: FailureReason::ContextDeadlineExceeded,
                message: "no answer came in time".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
