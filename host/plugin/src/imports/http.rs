//! `narthex:plugin/http`.

use std::time::Duration;

use bytes::Bytes;
use narthex_http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use narthex_http::{BodyError, BodyLimit, Client, Outbound, OutboundError, RequestError};
use narthex_registry::Endpoint;
use tokio::time::{Instant, timeout_at};
use wasmtime::Result;

use crate::bindings::plugin::http;
use crate::bindings::plugin::types::Error;
use crate::budget::{Interface, Spend};
use crate::capability::{Denied, Network};
use crate::host::Host;
use crate::lent::SentRequest;
use crate::limits::{HTTP_BODY_BYTES_MAX, HTTP_HEADERS_MAX, STORED_RESPONSES_MAX};

/// What the lent client calls itself, where the guest says nothing.
const USER_AGENT_VALUE: &str = concat!("Narthex/", env!("CARGO_PKG_VERSION"));

/// Headers that say where a message ends or what becomes of its connection, which is the
/// client's to say: with them a guest could put a second request behind its own.
const RESERVED_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What stands where a URL would, as in Alertmanager.
const REDACTED: &str = "<redacted>";

/// A response whose body stays here until the call ends; its handle is its place, from 1.
#[derive(Debug, Clone)]
pub(crate) struct StoredResponse {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// How a secret is written into a header.
type Written = Box<dyn Fn(&str) -> String + Send>;

/// A whole answer.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Host {
    async fn exchange(&mut self, request: http::Request) -> Result<Result<Answer, Error>> {
        self.call.last_status = None;
        let endpoint = match self.check_request(&request) {
            Ok(endpoint) => endpoint,
            Err(error) => return Ok(Err(error)),
        };
        let answer = match self.headers(&request.headers).await? {
            Ok(headers) => match self.lender(&request, &endpoint) {
                Some(client) => self.send_by(client, request, headers).await,
                None => self.send_request(request, &endpoint, headers).await,
            },
            Err(error) => Err(error),
        };
        self.call.last_status = answer.as_ref().ok().map(|answer| answer.status);
        Ok(answer)
    }

    /// The lent client, where the request is one for it.
    fn lender(&self, request: &http::Request, endpoint: &Endpoint) -> Option<Client> {
        let has_profile = request.tls.as_ref().is_some_and(|name| !name.is_empty());
        let is_lent = !has_profile && self.capabilities.is_lent(endpoint);
        self.lent.client().filter(|_| is_lent).cloned()
    }

    /// Sends a request by the lent client, which adds credentials and follows redirects as the
    /// entry that lends it says.
    async fn send_by(
        &mut self,
        client: Client,
        request: http::Request,
        mut headers: HeaderMap,
    ) -> Result<Answer, Error> {
        let patience = self.until(request.timeout_ms);
        let (limit, is_private) = (self.body_limit(), self.lent.has_secrets());
        let (url, start) = (request.url.clone(), Instant::now());
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(USER_AGENT_VALUE));
        let exchange = async {
            let sent = match request.method.as_str() {
                "GET" => client.get(&request.url, &headers).await,
                method @ ("POST" | "PUT") => {
                    let body = Bytes::from(request.body.unwrap_or_default());
                    match method {
                        "POST" => client.post(&request.url, &headers, body).await,
                        _ => client.put(&request.url, &headers, body).await,
                    }
                }
                other => {
                    let text = format!("requests to here are GET, POST and PUT, not {other:?}");
                    return Err(Error::Internal(text));
                }
            };
            let response = sent.map_err(|error| Error::Unavailable(told(&error, is_private)))?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.body(limit).await.map_err(unread)?;
            Ok(Answer {
                status,
                headers,
                body,
            })
        };
        let answer = timeout_at(patience, exchange).await;
        let answer = answer.unwrap_or(Err(Error::Timeout));
        if let Some(observer) = self.lent.observer() {
            let status = answer.as_ref().map(|answer| answer.status);
            observer(SentRequest {
                url: &url,
                duration: start.elapsed(),
                is_failure: !status.is_ok_and(|status| status < 400),
            });
        }
        let answer = answer?;
        self.spend_bytes(answer.body.len())?;
        Ok(answer)
    }

    /// When the wait for an answer ends: a request may ask for less than the call has left.
    fn until(&self, timeout_ms: Option<u32>) -> Instant {
        let patience = self.patience();
        let own = timeout_ms.map(u64::from).map(Duration::from_millis);
        own.map_or(patience, |own| patience.min(Instant::now() + own))
    }

    fn body_limit(&self) -> BodyLimit {
        BodyLimit::Bytes(self.call.budget.bytes_left().clamp(1, HTTP_BODY_BYTES_MAX))
    }

    async fn send_request(
        &mut self,
        request: http::Request,
        endpoint: &Endpoint,
        headers: HeaderMap,
    ) -> Result<Answer, Error> {
        let patience = self.until(request.timeout_ms);
        let profile = request.tls.unwrap_or_default();
        let literals = self.capabilities.literals(Network::Http);
        let vault = self.outside.vault.load_full();
        let outbound = vault.http(&profile, literals).await?;
        let (limit, is_private) = (self.body_limit(), self.lent.has_secrets());
        let mut refused = None;
        let exchange = async {
            let sent = outbound.send(&request.method, &request.url, headers, request.body);
            let response = match sent.await {
                Ok(response) => response,
                Err(OutboundError::Refused(address)) => {
                    refused = Some(address);
                    return Err(Error::Unavailable(format!("{address} is not allowed")));
                }
                Err(OutboundError::Request(error)) => {
                    return Err(Error::Unavailable(told(&error, is_private)));
                }
            };
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.body(limit).await.map_err(unread)?;
            Ok(Answer {
                status,
                headers,
                body,
            })
        };
        let answer = timeout_at(patience, exchange).await;
        let answer = answer.unwrap_or(Err(Error::Timeout));
        let denied = refused.and_then(|address| {
            let denied = self.capabilities.address(Network::Http, address).err();
            denied.map(|denied| Denied {
                message: format!("{endpoint}: {}", denied.message),
                ..denied
            })
        });
        if let Some(denied) = denied {
            return Err(self.refuse(denied));
        }
        let answer = answer?;
        self.spend_bytes(answer.body.len())?;
        Ok(answer)
    }

    /// Whether the request may be sent at all, and where to.
    fn check_request(&mut self, request: &http::Request) -> Result<Endpoint, Error> {
        let is_private = self.lent.has_secrets();
        let fault = |error: RequestError| Error::Internal(told(&error, is_private));
        let (host, port) = Client::endpoint(&request.url).map_err(fault)?;
        // A tunnel would lead anywhere from there.
        if request.method.eq_ignore_ascii_case("connect") {
            return Err(Error::Internal(
                "CONNECT is not a request to a host".to_owned(),
            ));
        }
        let endpoint = Endpoint { host, port };
        let is_lent = self.lender(request, &endpoint).is_some();
        if !is_lent {
            // What an operator wrote into an entry may have a user in it; nothing else may.
            Outbound::endpoint(&request.url).map_err(fault)?;
        }
        let capabilities = self.capabilities.clone();
        capabilities
            .endpoint(Network::Http, &endpoint, self.call.target.as_ref())
            .and_then(|()| capabilities.tls(request.tls.as_deref().unwrap_or_default()))
            .map_err(|denied| self.refuse(denied))?;
        self.spend(match is_lent {
            true => Spend::LentRequest,
            false => Spend::Connect,
        })?;
        Ok(endpoint)
    }

    async fn headers(
        &mut self,
        pairs: &[(String, http::HeaderValue)],
    ) -> Result<Result<HeaderMap, Error>> {
        let fault = |text: String| Ok(Err(Error::Internal(text)));
        if pairs.len() > HTTP_HEADERS_MAX {
            return fault(format!("more than {HTTP_HEADERS_MAX} headers"));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let Ok(parsed) = name.parse::<HeaderName>() else {
                return fault(format!("{name:?} is not a header's name"));
            };
            if RESERVED_HEADERS.contains(&parsed.as_str()) {
                return fault(format!("header {name} is the host's to set"));
            }
            let text = match self.header_text(value).await? {
                Ok(text) => text,
                Err(error) => return Ok(Err(error)),
            };
            let Ok(mut text) = HeaderValue::from_str(&text) else {
                return fault(format!("the value of header {name} is not one"));
            };
            text.set_sensitive(!matches!(value, http::HeaderValue::Plain(_)));
            headers.append(parsed, text);
        }
        Ok(Ok(headers))
    }

    async fn header_text(&mut self, value: &http::HeaderValue) -> Result<Result<String, Error>> {
        let (secret, text): (_, Written) = match value {
            http::HeaderValue::Plain(text) => return Ok(Ok(text.clone())),
            http::HeaderValue::Bearer(secret) => {
                (secret, Box::new(|secret| format!("Bearer {secret}")))
            }
            http::HeaderValue::Basic((user, secret)) => {
                let user = user.clone();
                (
                    secret,
                    Box::new(move |secret| narthex_http::basic_authorization(&user, secret)),
                )
            }
            http::HeaderValue::Secret(secret) => (secret, Box::new(str::to_owned)),
        };
        let secret = self.secret(secret).await?;
        Ok(secret.map(|secret| text(secret.expose())))
    }
}

/// What is told of a request without an answer. Where a URL may be a secret, or hold one, it is not.
fn told(error: &RequestError, is_private: bool) -> String {
    match is_private {
        true => {
            let cause = error.cause.replace(&error.url, REDACTED);
            format!("{} {REDACTED:?}: {cause}", error.method)
        }
        false => error.to_string(),
    }
}

/// What the guest is told of a body that was not read to its end.
fn unread(error: BodyError) -> Error {
    match error {
        BodyError::TooLarge | BodyError::Gzip(_) => Error::Protocol(error.to_string()),
        BodyError::Read(text) => Error::Unavailable(text),
    }
}

impl http::Host for Host {
    async fn send(&mut self, request: http::Request) -> Result<Result<http::Response, Error>> {
        self.enter(Interface::Http)?;
        Ok(self.exchange(request).await?.map(|answer| http::Response {
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
        self.enter(Interface::Http)?;
        if self.call.responses.len() >= STORED_RESPONSES_MAX {
            let text = format!("more than {STORED_RESPONSES_MAX} stored responses in one call");
            return Ok(Err(Error::Internal(text)));
        }
        let answer = match self.exchange(request).await? {
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
