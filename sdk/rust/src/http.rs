//! HTTP through the host's client. A redirect comes back as it is.

use crate::bindings::narthex::plugin::http as wit;
use crate::bindings::narthex::plugin::types::Payload;
use crate::{Error, gate};

pub use wit::{Request, Response, Stored};

/// A GET request without headers of its own.
pub fn get(url: &str) -> Request<'static> {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        timeout_ms: None,
        tls: None,
    }
}

/// Sends a request and reads the whole answer. Any status is an answer, not an error.
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
