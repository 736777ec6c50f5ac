//! `narthex:plugin/http`.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use narthex_http::header::{HeaderMap, HeaderName, HeaderValue};
use narthex_http::{BodyError, BodyLimit, Outbound};
use wasmtime::Result;

use crate::bindings::narthex::plugin::http;
use crate::bindings::narthex::plugin::types::Error;
use crate::capability::{Capabilities, Denied, Network};
use crate::host::Host;
use crate::limits::{HTTP_BODY_BYTES_MAX, HTTP_HEADERS_MAX, STORED_RESPONSES_MAX};
use narthex_registry::Endpoint;

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
        let capabilities = self.capabilities.clone();
        let mut denied = None;
        let exchange = async {
            let sent = outbound.send(&request.method, &request.url, headers, request.body);
            let response = match sent.await {
                Ok(response) => response,
                Err(error) => {
                    denied = refused_address(&capabilities, &endpoint).await;
                    return Err(Error::Unavailable(error.to_string()));
                }
            };
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
        let answer = match request.timeout_ms {
            None => exchange.await,
            Some(timeout) => {
                let timeout = Duration::from_millis(timeout.into());
                let exchange = tokio::time::timeout(timeout, exchange).await;
                exchange.unwrap_or(Err(Error::Timeout))
            }
        };
        match denied {
            Some(denied) => Err(self.refuse(denied)),
            None => answer,
        }
    }
}

/// Whether a request failed because every address of its host is refused. The client has kept
/// away from them already; this look-up decides nothing, it finds the words for the operator.
async fn refused_address(capabilities: &Capabilities, endpoint: &Endpoint) -> Option<Denied> {
    let found = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await;
    let addresses: Vec<IpAddr> = found.ok()?.map(|address| address.ip()).collect();
    let refused = addresses
        .iter()
        .map(|address| capabilities.address(Network::Http, *address).err());
    // One that is allowed was tried, and failed for a reason of its own.
    refused.collect::<Option<Vec<_>>>()?.into_iter().next()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Grant;
    use narthex_registry::GrantList;

    #[tokio::test]
    async fn a_request_that_only_link_local_addresses_could_answer_is_a_denied_one() {
        let grant = Grant::Exactly(GrantList {
            http: vec!["*:80".to_owned(), "169.254.1.1:80".to_owned()],
            ..GrantList::default()
        });
        let request = GrantList::default();
        let capabilities = Capabilities::new("x", &request, Some(&grant), false).unwrap();
        for (host, is_denied) in [
            ("169.254.169.254", true),
            ("fe80::1", true),
            // Granted literally.
            ("169.254.1.1", false),
            ("127.0.0.1", false),
        ] {
            let host = host.to_owned();
            let denied = refused_address(&capabilities, &Endpoint { host, port: 80 }).await;
            assert_eq!(denied.is_some(), is_denied, "{denied:?}");
            let text = "plugins.grants.x.http";
            assert!(denied.is_none_or(|denied| denied.message.contains(text)));
        }
    }
}
