//! An Alertmanager that is asked over HTTP: one inside a host of ours, or one of its own.
//!
//! It is not: what is asked.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use narthex_http::{BodyLimit, Client, HttpConfig, header::HeaderMap};
use narthex_model::PromDuration;
use serde_json::Value;
use tokio::runtime::Runtime;

/// An answer may have this many bytes: what a million alerts without long annotations have.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// How much of an answer is shown that says why it is none.
const REASON_CHARS_MAX: usize = 1000;

/// Where it is.
#[derive(Debug, Clone, Args)]
pub(super) struct ConnectionArgs {
    /// Alertmanager to talk to.
    #[arg(long = "alertmanager.url", value_name = "URL")]
    url: Option<String>,
    /// Timeout for the executed command.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: PromDuration,
}

/// A way to it.
pub(super) struct Connection {
    runtime: Runtime,
    client: Client,
    /// The URL of its API.
    base: String,
    timeout: Duration,
}

impl Connection {
    /// Makes one; nothing is asked yet.
    ///
    /// # Errors
    /// No URL is given, or no client can be made.
    pub(super) fn new(args: &ConnectionArgs) -> anyhow::Result<Self> {
        let url = args.url.as_deref();
        let url =
            url.context("--alertmanager.url says which Alertmanager to ask; it is missing")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        Ok(Self {
            runtime,
            client: Client::new(&HttpConfig::default())?,
            base: format!("{}/api/v2", url.trim_end_matches('/')),
            timeout: args.timeout.as_std(),
        })
    }

    /// Asks for a path below `/api/v2`.
    ///
    /// # Errors
    /// No answer came in time, or one that says why there is none.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}/{path}", self.base);
        let ask = async {
            let response = self.client.get(&url, &HeaderMap::new()).await?;
            let status = response.status();
            let body = response.body(BodyLimit::Bytes(ANSWER_BYTES_MAX)).await?;
            if !status.is_success() {
                let text: String = String::from_utf8_lossy(&body)
                    .chars()
                    .take(REASON_CHARS_MAX)
                    .collect();
                bail!("{url}: {status}: {}", text.trim());
            }
            serde_json::from_slice(&body).with_context(|| format!("{url}: no JSON was answered"))
        };
        let timeout = self.timeout;
        let asked = self.runtime.block_on(async move {
            // A timer needs its runtime when it is made.
            tokio::time::timeout(timeout, ask).await
        });
        asked.map_err(|_| anyhow!("{url}: no answer within {timeout:?}"))?
    }
}
