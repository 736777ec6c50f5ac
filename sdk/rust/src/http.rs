//! HTTP through the host's client. A redirect comes back as it is.
//!
//! ```no_run
//! use narthex_sdk::{Error, http, secrets};
//!
//! fn version(base: &str) -> Result<String, Error> {
//!     let token = secrets::get("api-token")?;
//!     let url = format!("{base}/version");
//!     let response = http::send(&http::get(&url).bearer(&token))?.success(&url)?;
//!     response.json()
//! }
//! ```

mod client;
mod query;

use std::borrow::Cow;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::bindings::narthex::plugin::http as wit;
use crate::bindings::narthex::plugin::types::Payload;
use crate::secrets::Secret;
use crate::{Error, gate};

pub use client::{Client, Scheme};
pub use query::{encoded, query};
pub use wit::{Response, Stored};

/// How much of an answer's body an error quotes, in bytes.
const QUOTE_BYTES_MAX: usize = 200;

/// A request to be sent with [`send`] or [`fetch`].
#[derive(Debug)]
pub struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: Vec<(&'a str, Value<'a>)>,
    pub(crate) body: Option<Cow<'a, [u8]>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) tls: Option<&'a str>,
}

/// A header's value.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Plain(Cow<'a, str>),
    Bearer(&'a Secret),
    Basic(&'a str, &'a Secret),
    Secret(&'a Secret),
}

impl<'a> Request<'a> {
    /// A request without headers and body. The URL is absolute.
    pub fn new(method: &'a str, url: &'a str) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            timeout: None,
            tls: None,
        }
    }

    fn with(mut self, name: &'a str, value: Value<'a>) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        self.with(name, Value::Plain(value.into()))
    }

    /// Adds a header whose value is a secret.
    #[must_use]
    pub fn secret_header(self, name: &'a str, secret: &'a Secret) -> Self {
        self.with(name, Value::Secret(secret))
    }

    /// Adds `Authorization: Bearer`, and the secret.
    #[must_use]
    pub fn bearer(self, token: &'a Secret) -> Self {
        self.with("Authorization", Value::Bearer(token))
    }

    /// Adds `Authorization: Basic`, of a user's name and the secret as the password.
    #[must_use]
    pub fn basic(self, username: &'a str, password: &'a Secret) -> Self {
        self.with("Authorization", Value::Basic(username, password))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Cow<'a, [u8]>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets how long it may take; the call's own deadline applies in any case.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the TLS profile of the operator's configuration, by its name. None is the system's
    /// authorities and no client certificate.
    #[must_use]
    pub fn tls(mut self, profile: Option<&'a str>) -> Self {
        self.tls = profile;
        self
    }
}

/// A GET request without headers of its own.
pub fn get(url: &str) -> Request<'_> {
    Request::new("GET", url)
}

/// A POST request of a body of that type.
pub fn post<'a>(
    url: &'a str,
    content_type: &'a str,
    body: impl Into<Cow<'a, [u8]>>,
) -> Request<'a> {
    Request::new("POST", url)
        .header("Content-Type", content_type)
        .body(body)
}

/// Sends a request and reads the whole answer. Any status is an answer, not an error:
/// [`Response::success`] makes it one.
///
/// # Errors
/// The grant does not cover the host, or there was no whole answer.
pub fn send(request: &Request<'_>) -> Result<Response, Error> {
    gate::http::send(request)
}

/// Sends a request and leaves the body with the host: hand it over with [`payload`].
///
/// # Errors
/// As [`send`].
pub fn fetch(request: &Request<'_>) -> Result<Stored, Error> {
    gate::http::fetch(request)
}

/// The collection's result is this response's body, parsed by its content type.
pub fn payload(stored: &Stored) -> Payload {
    Payload::Response(stored.handle)
}

impl Response {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The response, where its status is of the two hundreds. `what` was asked for.
    ///
    /// # Errors
    /// Any other status, with the beginning of the body: 5xx and 429 as unavailable, the rest as
    /// a protocol error.
    pub fn success(self, what: &str) -> Result<Self, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let end = self.body.len().min(QUOTE_BYTES_MAX);
        let quote = String::from_utf8_lossy(self.body.get(..end).unwrap_or_default());
        let mut text = format!("{what}: status {}", self.status);
        if !quote.trim().is_empty() {
            text.push_str(": ");
            text.push_str(quote.trim());
        }
        match self.status {
            429 | 500.. => Err(Error::Unavailable(text)),
            _ => Err(Error::Protocol(text)),
        }
    }

    /// The body as text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.body)
            .map_err(|error| Error::Protocol(format!("the body is not UTF-8: {error}")))
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// It is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Protocol(format!("the body does not fit: {error}")))
    }
}

impl Stored {
    /// The response, where its status is of the two hundreds. `what` was asked for.
    ///
    /// # Errors
    /// As [`Response::success`], without the body, which stayed with the host.
    pub fn success(self, what: &str) -> Result<Self, Error> {
        match self.status {
            200..300 => Ok(self),
            429 | 500.. => Err(Error::Unavailable(format!(
                "{what}: status {}",
                self.status
            ))),
            _ => Err(Error::Protocol(format!("{what}: status {}", self.status))),
        }
    }
}

#[cfg(test)]
mod tests;
