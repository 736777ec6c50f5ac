//! What goes wrong before a body is read, in the words in which a Go program says it: they are
//! what a user of Prometheus knows from the targets page and searches the web for.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use rustls::CertificateError;

use crate::shown_url::with_password;

/// Why a client could not be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration contradicts itself.
    #[error("{0}")]
    Config(String),
    /// A file that it names cannot be read.
    #[error("unable to read {what} {path}: {source}")]
    File {
        /// What the file holds.
        what: &'static str,
        /// Its path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// TLS cannot be set up with what was given.
    #[error("{0}")]
    Tls(String),
    /// The underlying client refused.
    #[error("the HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
}

/// Why no answer came; prints as Go's `url.Error`: `Get "<url>": <cause>`.
#[derive(Debug, thiserror::Error)]
#[error("{method} {url:?}: {cause}")]
pub struct RequestError {
    /// `Get`, `Post`, `Put` or `Delete`.
    pub method: &'static str,
    /// The URL that was asked for, a password in it replaced by `***`.
    pub url: String,
    /// Why it failed.
    pub cause: String,
}

impl RequestError {
    /// An error of a GET request.
    pub fn new(url: &str, cause: impl Into<String>) -> Self {
        Self {
            method: "Get",
            url: with_password(url, "***"),
            cause: cause.into(),
        }
    }
}

impl RequestError {
    /// The same of a request with another method.
    pub(crate) fn of(self, method: &'static str) -> Self {
        Self { method, ..self }
    }
}

/// The name could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("lookup {host}: no such host")]
pub(crate) struct LookupError {
    pub(crate) host: String,
}

/// The name leads to nothing but addresses that a filter refuses.
#[derive(Debug, thiserror::Error)]
#[error("{host} leads to addresses that are not allowed")]
pub(crate) struct RefusedError {
    pub(crate) host: String,
    /// The first of them.
    pub(crate) address: IpAddr,
}

/// The first error in the chain of that kind.
pub(crate) fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        source = current.source();
    }
    None
}

/// Whether the other side closed the connection before a byte of its answer came.
pub(crate) fn is_closed(error: &reqwest::Error) -> bool {
    if let Some(io) = find::<io::Error>(error) {
        return matches!(
            io.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        );
    }
    cause(error, "") == "EOF"
}

/// Says why a request failed. `address` is what was dialled.
pub(crate) fn cause(error: &reqwest::Error, address: &str) -> String {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    let mut deepest = error.to_string();
    while let Some(current) = source {
        if let Some(lookup) = current.downcast_ref::<LookupError>() {
            return format!("dial tcp: {lookup}");
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return io_cause(io, error.is_connect().then_some(address));
        }
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return tls_cause(tls);
        }
        deepest = current.to_string();
        source = current.source();
    }
    protocol_cause(&deepest)
}

pub(crate) fn io_cause(error: &io::Error, dialled: Option<&str>) -> String {
    if let Some(inner) = error.get_ref() {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return tls_cause(tls);
        }
        if let Some(nested) = inner.downcast_ref::<io::Error>() {
            return io_cause(nested, dialled);
        }
    }
    match (error.kind(), dialled) {
        (io::ErrorKind::UnexpectedEof, _) => "EOF".to_owned(),
        (_, Some(address)) => format!("dial tcp {address}: connect: {}", system_text(error)),
        (_, None) => format!("read: {}", system_text(error)),
    }
}

/// What the system calls the error, without Rust's ornaments: Go prints the same words in lower
/// case.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => text.to_owned(),
    }
}

fn tls_cause(error: &rustls::Error) -> String {
    use CertificateError as C;
    let verify = |text: &str| format!("tls: failed to verify certificate: x509: {text}");
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            // The second is an authority of the same name as one that is known.
            C::UnknownIssuer | C::BadSignature => verify("certificate signed by unknown authority"),
            C::Expired
            | C::ExpiredContext { .. }
            | C::NotValidYet
            | C::NotValidYetContext { .. } => verify("certificate has expired or is not yet valid"),
            C::NotValidForNameContext {
                expected,
                presented,
            } => {
                let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
                let expected = expected.to_str();
                verify(&format!(
                    "certificate is valid for {}, not {expected}",
                    names.join(", ")
                ))
            }
            other => verify(&other.to_string()),
        },
        rustls::Error::InvalidMessage(_) => {
            "http: server gave HTTP response to HTTPS client".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("remote error: tls: {alert:?}"),
        other => format!("tls: {other}"),
    }
}

/// The name in `DnsName("a.b")`.
fn bare(presented: &str) -> &str {
    let inner = presented
        .split_once('(')
        .map_or(presented, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

/// What hyper says of a connection that broke the protocol or off.
fn protocol_cause(text: &str) -> String {
    if text.contains("connection closed") {
        "EOF".to_owned()
    } else if text.contains("invalid") || text.contains("too large") {
        format!("net/http: HTTP/1.x transport connection broken: malformed HTTP response: {text}")
    } else {
        text.to_owned()
    }
}
