//! Reading a target over HTTP.

use async_trait::async_trait;
use narthex_http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use narthex_http::{BodyError, BodyLimit, Client, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::config::{ScrapeConfig, ScrapeProtocol};
use crate::{Collector, CollectorError, ScrapeError, Scraped, Target};

const USER_AGENT_VALUE: &str = concat!("Narthex/", env!("CARGO_PKG_VERSION"));

/// Tells the target how long it has.
const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// Reads the targets of one job with GET requests over one pool of connections.
#[derive(Debug)]
pub struct HttpCollector {
    client: Client,
    headers: HeaderMap,
    body_limit: BodyLimit,
}

impl HttpCollector {
    /// A collector as the job wants it.
    ///
    /// # Errors
    /// The job's HTTP settings contradict each other, or name a file that cannot be used.
    pub fn new(config: &ScrapeConfig) -> Result<Self, CollectorError> {
        let failed = |message: String| CollectorError {
            job: config.job_name.clone(),
            message,
        };
        let client =
            Client::new(&config.http_config()).map_err(|error| failed(error.to_string()))?;
        let escaping = config.metric_name_escaping_scheme.unwrap_or_default();
        let accept = ScrapeProtocol::accept(&config.scrape_protocols, escaping);
        let accept = HeaderValue::from_str(&accept).map_err(|error| failed(error.to_string()))?;
        let encoding = match config.enable_compression {
            true => "gzip",
            false => "identity",
        };
        Ok(Self {
            client,
            headers: HeaderMap::from_iter([
                (ACCEPT, accept),
                (ACCEPT_ENCODING, HeaderValue::from_static(encoding)),
                (USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE)),
            ]),
            body_limit: config.body_limit(),
        })
    }

    fn headers(&self, target: &Target) -> HeaderMap {
        let mut headers = self.headers.clone();
        let seconds = target.timeout().as_std().as_secs_f64().to_string();
        if let Ok(seconds) = HeaderValue::from_str(&seconds) {
            headers.insert(TIMEOUT_HEADER, seconds);
        }
        headers
    }
}

#[async_trait]
impl Collector for HttpCollector {
    async fn collect(&self, target: &Target, deadline: Instant) -> Result<Scraped, ScrapeError> {
        let headers = self.headers(target);
        let request = self.client.get(target.url(), &headers);
        let response = match timeout_at(deadline, request).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(ScrapeError::Collect(error.to_string())),
            Err(_) => {
                let error = ScrapeError::DeadlineExceeded;
                return Err(ScrapeError::Collect(format!(
                    "Get {:?}: {error}",
                    target.url()
                )));
            }
        };
        if response.status() != StatusCode::OK {
            return Err(ScrapeError::Status(status_text(response.status())));
        }
        let content_type = response.header(&CONTENT_TYPE).to_owned();
        match timeout_at(deadline, response.body(self.body_limit)).await {
            Ok(Ok(body)) => Ok(Scraped::Text { content_type, body }),
            Ok(Err(BodyError::TooLarge)) => Err(ScrapeError::BodySizeLimit),
            Ok(Err(error)) => Err(ScrapeError::Collect(error.to_string())),
            Err(_) => Err(ScrapeError::DeadlineExceeded),
        }
    }
}

/// The status line without the version. A reason of the server's own is not kept by HTTP
/// clients here; the usual one stands for it.
fn status_text(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

#[cfg(test)]
mod tests;
