//! The seam to the network: a body goes out, an answer comes back.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use narthex_http::header::{HeaderMap, HeaderName, HeaderValue};
use narthex_http::{BuildError, Client};

use crate::{MessageKind, RemoteWriteConfig};

/// Of an answer that refuses so many bytes are read for the log.
const REFUSAL_BYTES_MAX: usize = 4096;

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
            client: Client::new(&config.client_config())?.with_headers(headers),
            url: config.url.clone(),
            timeout: config.remote_timeout.as_std(),
        })
    }

    fn headers(post: &Post) -> HeaderMap {
        let mut headers = HeaderMap::new();
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
        let headers = Self::headers(&post);
        let sent = self.client.post(&self.url, &headers, post.body).await;
        let response = sent.map_err(|error| error.to_string())?;
        let status = response.status();
        let count = |name: &HeaderName| response.header(name).parse::<u64>().ok();
        let counts = WRITTEN.each_ref().map(count);
        let has_any = counts.iter().any(Option::is_some);
        let written = has_any.then(|| counts.map(Option::unwrap_or_default));
        let retry_after = response.header(&RETRY_AFTER).to_owned();
        let begin = response.begin(REFUSAL_BYTES_MAX).await;
        let text = match status.is_success() {
            true => String::new(),
            false => String::from_utf8_lossy(&begin).trim().to_owned(),
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_refusal_that_is_long_says_why_all_the_same() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = RemoteWriteConfig {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            ..RemoteWriteConfig::default()
        };
        let page = format!("no such tenant {}", "x".repeat(2 * REFUSAL_BYTES_MAX));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let length = page.len();
            let answer =
                format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {length}\r\n\r\n{page}");
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let exchange = HttpExchange::new(&config).unwrap();
        let post = Post {
            kind: MessageKind::V1,
            body: Bytes::new(),
            attempt: 0,
        };
        let answer = exchange.post(post).await.unwrap();
        assert_eq!(answer.status, 400);
        assert!(answer.text.starts_with("no such tenant x"), "{answer:?}");
        assert_eq!(answer.text.len(), REFUSAL_BYTES_MAX);
    }
}
