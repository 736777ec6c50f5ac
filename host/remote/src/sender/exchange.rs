//! The seam to the network: a body goes out, an answer comes back.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use narthex_http::header::{HeaderMap, HeaderName, HeaderValue};
use narthex_http::{BodyLimit, BuildError, Client};

use crate::{MessageKind, RemoteWriteConfig};

/// Of an answer that refuses so many bytes are read for the log.
const REFUSAL_BYTES_MAX: u64 = 4096;

/// One request.
#[derive(Debug, Clone)]
pub struct Post {
    /// The message that the body is.
    pub kind: MessageKind,
    /// The packed message.
    pub body: Bytes,
    /// How often it was sent before.
    pub attempt: u32,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The value of `Retry-After`, "" where it is missing.
    pub retry_after: String,
    /// What the receiver says that it wrote: samples, histograms, exemplars; `None` where it says
    /// nothing.
    pub written: Option<[u64; 3]>,
    /// The begin of the text of an answer that refuses.
    pub text: String,
}

/// Brings requests to a receiver.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// Sends one request.
    ///
    /// # Errors
    /// No answer came, and why.
    async fn post(&self, post: Post) -> Result<Answer, String>;
}

/// Over HTTP.
#[derive(Debug)]
pub struct HttpExchange {
    client: Client,
    url: String,
    headers: HeaderMap,
    timeout: Duration,
}

const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");

impl HttpExchange {
    /// For one entry of the config.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn new(config: &RemoteWriteConfig) -> Result<Self, BuildError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let invalid = || BuildError::Config(format!("invalid header {name:?}"));
            let name: HeaderName = name.parse().map_err(|_| invalid())?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| invalid())?);
        }
        Ok(Self {
            client: Client::new(&config.client_config())?,
            url: config.url.clone(),
            headers,
            timeout: config.remote_timeout.as_std(),
        })
    }

    fn headers(&self, post: &Post) -> HeaderMap {
        let mut headers = self.headers.clone();
        for (name, value) in [
            ("content-encoding", "snappy"),
            ("content-type", post.kind.content_type()),
            ("user-agent", concat!("Narthex/", env!("CARGO_PKG_VERSION"))),
            ("x-prometheus-remote-write-version", post.kind.version()),
        ] {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(value));
        }
        if post.attempt > 0 {
            let name = HeaderName::from_static("retry-attempt");
            headers.insert(name, HeaderValue::from(post.attempt));
        }
        headers
    }

    async fn exchange(&self, post: Post) -> Result<Answer, String> {
        let headers = self.headers(&post);
        let sent = self.client.post(&self.url, &headers, post.body).await;
        let response = sent.map_err(|error| error.to_string())?;
        let status = response.status();
        let count = |name: &HeaderName| response.header(name).parse::<u64>().ok();
        let counts = WRITTEN.each_ref().map(count);
        let has_any = counts.iter().any(Option::is_some);
        let written = has_any.then(|| counts.map(Option::unwrap_or_default));
        let retry_after = response.header(&RETRY_AFTER).to_owned();
        // Read to its end, so that the connection can be used again.
        let body = response.body(BodyLimit::Bytes(REFUSAL_BYTES_MAX)).await;
        let text = match (status.is_success(), body) {
            (true, _) | (false, Err(_)) => String::new(),
            (false, Ok(body)) => String::from_utf8_lossy(&body).trim().to_owned(),
        };
        Ok(Answer {
            status: status.as_u16(),
            retry_after,
            written,
            text,
        })
    }
}

#[async_trait]
impl Exchange for HttpExchange {
    async fn post(&self, post: Post) -> Result<Answer, String> {
        let whole = tokio::time::timeout(self.timeout, self.exchange(post));
        let timeout = self.timeout;
        let in_time = whole.await;
        in_time.unwrap_or_else(|_| Err(format!("no answer came within {timeout:?}")))
    }
}
