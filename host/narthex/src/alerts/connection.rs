//! An Alertmanager that is asked over HTTP: one inside a host of ours, or one of its own.
//!
//! It is not: what is asked.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use narthex_http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use narthex_http::{BodyLimit, Client, RequestError, Response, StatusCode};
use narthex_model::PromDuration;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::defaults::Defaults;
use crate::prometheus_server::ClientArgs;
use crate::query_string;

/// An answer may have this many bytes: what a million alerts without long annotations have.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// How long a command takes at most where nobody says it, as amtool's.
const TIMEOUT_DEFAULT: PromDuration = PromDuration::from_secs(30);

/// How much of an answer is shown that says why it is none.
const REASON_CHARS_MAX: usize = 1000;

/// Where it is.
#[derive(Debug, Clone, Args)]
pub(super) struct ConnectionArgs {
    /// Alertmanager to talk to. Without it, what `~/.config/amtool/config.yml` or
    /// `/etc/amtool/config.yml` has as `alertmanager.url`; so it is with the other flags there.
    #[arg(long = "alertmanager.url", value_name = "URL")]
    url: Option<String>,
    /// Timeout for the executed command; 30s where no file of defaults says it either.
    #[arg(long, value_name = "DURATION")]
    timeout: Option<PromDuration>,
    /// How to speak to it.
    #[command(flatten)]
    client: ClientArgs,
}

/// A way to it.
pub(super) struct Connection {
    runtime: Runtime,
    client: Client,
    /// The URL of its API.
    base: String,
    timeout: Duration,
}

/// What an Alertmanager says that does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {status}: {text}")]
struct Refused {
    url: String,
    status: StatusCode,
    text: String,
}

/// Whether an Alertmanager has answered that it has no such thing.
pub(super) fn is_not_found(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.status == StatusCode::NOT_FOUND)
}

/// A request.
enum Ask<'a> {
    Get,
    Post(&'a Value),
    Delete,
}

impl Connection {
    /// Makes one; nothing is asked yet.
    ///
    /// # Errors
    /// No URL is given, or no client can be made.
    pub(super) fn new(args: &ConnectionArgs) -> anyhow::Result<Self> {
        let defaults = Defaults::load()?;
        let url = args.url.as_deref().or(defaults.get("alertmanager.url"));
        let url =
            url.context("--alertmanager.url says which Alertmanager to ask; it is missing")?;
        let timeout = match (args.timeout, defaults.get("timeout")) {
            (Some(timeout), _) => timeout,
            (None, Some(text)) => text
                .parse::<PromDuration>()
                .map_err(|error| anyhow!("timeout {text:?} of the file of defaults: {error}"))?,
            (None, None) => TIMEOUT_DEFAULT,
        };
        let client = args.client.or_file(defaults.get("http.config.file"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        Ok(Self {
            runtime,
            client: Client::new(&client.config()?)?,
            base: format!("{}/api/v2", url.trim_end_matches('/')),
            timeout: timeout.as_std(),
        })
    }

    /// Asks for a path below `/api/v2`, with what a query string says.
    ///
    /// # Errors
    /// No answer came in time, or one that says why there is none.
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let path = match query.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", query_string::form(query)),
        };
        self.ask(&path, &Ask::Get)
    }

    /// Sends a value to a path; null where nothing is answered.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(path, &Ask::Post(body))
    }

    /// Ends what a path names.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(super) fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.ask(path, &Ask::Delete).map(drop)
    }

    fn ask(&self, path: &str, ask: &Ask<'_>) -> anyhow::Result<Value> {
        let url = format!("{}/{path}", self.base);
        let timeout = self.timeout;
        let asked = self.runtime.block_on(async {
            // A timer needs its runtime when it is made.
            tokio::time::timeout(timeout, self.answer(&url, ask)).await
        });
        asked.map_err(|_| anyhow!("{url}: no answer within {timeout:?}"))?
    }

    async fn answer(&self, url: &str, ask: &Ask<'_>) -> anyhow::Result<Value> {
        let response = self.send(url, ask).await?;
        let status = response.status();
        let body = response.body(BodyLimit::Bytes(ANSWER_BYTES_MAX)).await?;
        if !status.is_success() {
            let text = String::from_utf8_lossy(&body);
            let text: String = text.trim().chars().take(REASON_CHARS_MAX).collect();
            let url = url.to_owned();
            return Err(Refused { url, status, text }.into());
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).with_context(|| format!("{url}: no JSON was answered"))
    }

    async fn send(&self, url: &str, ask: &Ask<'_>) -> Result<Response, RequestError> {
        let mut headers = HeaderMap::new();
        match ask {
            Ask::Get => self.client.get(url, &headers).await,
            Ask::Post(body) => {
                let json = HeaderValue::from_static("application/json");
                headers.insert(CONTENT_TYPE, json);
                let body = body.to_string().into();
                self.client.post(url, &headers, body).await
            }
            Ask::Delete => self.client.delete(url, &headers).await,
        }
    }
}
