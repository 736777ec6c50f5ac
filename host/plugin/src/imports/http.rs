//! `narthex:plugin/http`.

use std::time::Duration;

use bytes::Bytes;
use narthex_http::header::{HeaderMap, HeaderName, HeaderValue};
use narthex_http::{BodyError, BodyLimit, Outbound};
use wasmtime::Result;

use crate::bindings::narthex::plugin::http;
use crate::bindings::narthex::plugin::types::Error;
use crate::capability::Network;
use crate::endpoint::Endpoint;
use crate::host::Host;
use crate::limits::{HTTP_BODY_BYTES_MAX, HTTP_HEADERS_MAX, STORED_RESPONSES_MAX};

/// A response whose body stays here until the call ends; its handle is its place, from 1.
#[derive(Debug, Clone)]
pub(crate) struct StoredResponse {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// A whole answer.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Host {
    async fn exchange(&mut self, request: http::Request) -> Result<Answer, Error> {
        let fault = |text: String| Error::Internal(text);
        let (host, port) = Outbound::endpoint(&request.url).map_err(|e| fault(e.to_string()))?;
        let endpoint = Endpoint { host, port };
        self.capabilities
            .endpoint(Network::Http, &endpoint, self.call.target.as_ref())
            .map_err(|denied| self.refuse(denied))?;
        let headers = headers(&request.headers).map_err(fault)?;
        let outbound = self.outside.http.clone();
        let exchange = async {
            let sent = outbound.send(&request.method, &request.url, headers, request.body);
            let response = sent
                .await
                .map_err(|error| Error::Unavailable(error.to_string()))?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.body(BodyLimit::Bytes(HTTP_BODY_BYTES_MAX)).await;
            let body = body.map_err(|error| match error {
                BodyError::TooLarge | BodyError::Gzip(_) => Error::Protocol(error.to_string()),
                BodyError::Read(text) => Error::Unavailable(text),
            })?;
            Ok(Answer {
                status,
                headers,
                body,
            })
        };
        match request.timeout_ms {
            None => exchange.await,
            Some(timeout) => {
                let timeout = Duration::from_millis(timeout.into());
                let exchange = tokio::time::timeout(timeout, exchange).await;
                exchange.unwrap_or(Err(Error::Timeout))
            }
        }
    }
}

impl http::Host for Host {
    async fn send(&mut self, request: http::Request) -> Result<Result<http::Response, Error>> {
        Ok(self.exchange(request).await.map(|answer| http::Response {
            status: answer.status,
            headers: answer
                .headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    (name.as_str().to_owned(), value.into_owned())
                })
                .collect(),
            body: answer.body.into(),
        }))
    }

    async fn fetch(&mut self, request: http::Request) -> Result<Result<http::Stored, Error>> {
        if self.call.responses.len() >= STORED_RESPONSES_MAX {
            let text = format!("more than {STORED_RESPONSES_MAX} stored responses in one call");
            return Ok(Err(Error::Internal(text)));
        }
        let answer = match self.exchange(request).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        let content_type = answer.headers.get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let stored = StoredResponse {
            status: answer.status,
            content_type: content_type.unwrap_or_default().to_owned(),
            body: answer.body,
        };
        self.call.responses.push(stored.clone());
        Ok(Ok(http::Stored {
            status: stored.status,
            content_type: stored.content_type,
            length: stored.body.len() as u64,
            handle: self.call.responses.len() as u64,
        }))
    }
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    if pairs.len() > HTTP_HEADERS_MAX {
        return Err(format!("more than {HTTP_HEADERS_MAX} headers"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let parsed: Result<HeaderName, _> = name.parse();
        let name = parsed.map_err(|_| format!("{name:?} is not a header's name"))?;
        let value = HeaderValue::from_str(value);
        let value = value.map_err(|_| format!("the value of header {name} is not one"))?;
        headers.append(name, value);
    }
    Ok(headers)
}
