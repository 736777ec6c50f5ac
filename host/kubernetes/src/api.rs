//! Requests to the API server of a cluster.

use std::time::Duration;

use bytes::Bytes;
use narthex_http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
    USER_AGENT,
};
use narthex_http::{BodyError, BodyLimit, BuildError, Client, RequestError, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::connection::Connection;
use crate::exec::ExecToken;
use crate::limits::ERROR_BYTES_MAX;
use crate::metrics::KubernetesMetrics;

/// What we call ourselves.
const AGENT: &str = concat!("narthex/", env!("CARGO_PKG_VERSION"));

/// The API server.
#[derive(Debug)]
pub(crate) struct Api {
    server: String,
    client: Client,
    token: Option<ExecToken>,
    metrics: KubernetesMetrics,
}

/// Why a request brought nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// The version that was asked for is too old: list again.
    #[error("{0}")]
    Gone(String),
    /// Any other answer that is an error.
    #[error("{text}")]
    Status {
        status: u16,
        text: String,
        retry_after: Option<Duration>,
    },
    /// No answer, or one that broke off.
    #[error("{0}")]
    Request(String),
    /// The answer is larger than it may be.
    #[error("an answer of the cluster is too large")]
    TooLarge,
    /// The answer is not what it should be.
    #[error("{0}")]
    Garbage(String),
    /// It took too long.
    #[error("no answer after {0:?}")]
    Timeout(Duration),
}

/// How a server says what is wrong, in answers and in the events of a watch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
    reason: String,
    message: String,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    retry_after_seconds: u64,
}

impl ApiError {
    /// What the server said, of whatever it said it in.
    pub(crate) fn of_status(value: serde_json::Value) -> Self {
        let status: Status = serde_json::from_value(value).unwrap_or_default();
        status.into_error(None)
    }

    /// Whether there is no object of that name.
    pub(crate) fn is_missing(&self) -> bool {
        let missing = StatusCode::NOT_FOUND.as_u16();
        matches!(self, Self::Status { status, .. } if *status == missing)
    }

    /// How long the server wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Status {
    fn into_error(self, header: Option<Duration>) -> ApiError {
        let text = match (self.message.is_empty(), self.reason.is_empty()) {
            (false, _) => self.message,
            (true, false) => self.reason,
            (true, true) => format!("the cluster answered {}", self.code),
        };
        if self.code == StatusCode::GONE.as_u16() {
            return ApiError::Gone(text);
        }
        let seconds = self.details.retry_after_seconds;
        let asked = (seconds > 0).then(|| Duration::from_secs(seconds));
        ApiError::Status {
            status: self.code,
            text,
            retry_after: header.or(asked),
        }
    }
}

impl Api {
    pub(crate) fn new(
        connection: &Connection,
        metrics: KubernetesMetrics,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            server: connection.server.trim_end_matches('/').to_owned(),
            client: Client::new(&connection.http)?,
            token: connection.exec.clone().map(ExecToken::new),
            metrics,
        })
    }

    /// An answer that is no error; `path` is with its parameters. A body that is read line by
    /// line must not come packed.
    pub(crate) async fn get(&self, path: &str, is_packed: bool) -> Result<Response, ApiError> {
        let url = format!("{}{path}", self.server);
        let headers = self.headers(is_packed).await?;
        self.answer(self.client.get(&url, &headers).await).await
    }

    /// Sends an object; what the server says of it is not read.
    pub(crate) async fn post(&self, path: &str, object: &Value) -> Result<(), ApiError> {
        self.send(path, object).await.map(drop)
    }

    /// Sends an object, of which the server says more in its answer.
    pub(crate) async fn post_for<T: for<'a> Deserialize<'a>>(
        &self,
        path: &str,
        object: &Value,
        bytes_max: u64,
    ) -> Result<T, ApiError> {
        let response = self.send(path, object).await?;
        read(path, response, bytes_max).await
    }

    async fn send(&self, path: &str, object: &Value) -> Result<Response, ApiError> {
        let url = format!("{}{path}", self.server);
        let mut headers = self.headers(false).await?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = Bytes::from(object.to_string());
        let answer = self.client.post(&url, &headers, body).await;
        self.answer(answer).await
    }

    async fn headers(&self, is_packed: bool) -> Result<HeaderMap, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let encoding = if is_packed { "gzip" } else { "identity" };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        if let Some(token) = &self.token {
            let token = token.get().await.map_err(ApiError::Request)?;
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value =
                value.map_err(|_| ApiError::Request("exec: the token is none".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    /// An answer that is no error.
    async fn answer(&self, answer: Result<Response, RequestError>) -> Result<Response, ApiError> {
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                self.metrics.count_request(None);
                return Err(ApiError::Request(error.to_string()));
            }
        };
        let status = response.status();
        self.metrics.count_request(Some(status.as_u16()));
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::UNAUTHORIZED
            && let Some(token) = &self.token
        {
            token.forget().await;
        }
        Err(refusal(response).await)
    }

    /// A whole answer.
    pub(crate) async fn json<T: for<'a> Deserialize<'a>>(
        &self,
        path: &str,
        bytes_max: u64,
    ) -> Result<T, ApiError> {
        let response = self.get(path, true).await?;
        read(path, response, bytes_max).await
    }
}

async fn read<T: for<'a> Deserialize<'a>>(
    path: &str,
    response: Response,
    bytes_max: u64,
) -> Result<T, ApiError> {
    let body = response.body(BodyLimit::Bytes(bytes_max)).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge => ApiError::TooLarge,
        error => ApiError::Request(format!("{path}: {error}")),
    })?;
    serde_json::from_slice(&body)
        .map_err(|error| ApiError::Garbage(format!("{path}: not what was asked for: {error}")))
}

async fn refusal(response: Response) -> ApiError {
    let code = response.status().as_u16();
    let seconds = response.header(&RETRY_AFTER).trim().parse();
    let retry_after = seconds.ok().map(Duration::from_secs);
    let body = response.body(BodyLimit::Bytes(ERROR_BYTES_MAX)).await;
    let body = body.unwrap_or_default();
    let status: Status = serde_json::from_slice(&body).unwrap_or_default();
    // The header's code is the one that counts.
    let status = Status { code, ..status };
    match status.into_error(retry_after) {
        ApiError::Status {
            status,
            text,
            retry_after,
        } => ApiError::Status {
            status,
            text: format!("server returned HTTP status {status}: {text}"),
            retry_after,
        },
        error => error,
    }
}
