//! The arithmetic of Signature Version 4, with *ring*'s SHA-256.
//!
//! It is not: a signature of the query of a URL, of streams, or for S3, whose paths are written
//! otherwise.

use std::fmt::Write as _;

use reqwest::{Method, Url};
use ring::digest::{SHA256, digest};
use ring::hmac;

use crate::Secret;

/// What stands before all that is signed.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a request is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// Whose key it is.
    pub(crate) access_key: String,
    pub(crate) secret_key: Secret,
    /// Empty, where the keys do not end.
    pub(crate) session_token: Secret,
}

/// What a signature is good for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// A request.
#[derive(Debug)]
pub(crate) struct ToSign<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// The value of the `Authorization` header. `date` is that of `X-Amz-Date`, `20150830T123600Z`.
pub(crate) fn authorization(
    keys: &Keys,
    scope: Scope<'_>,
    date: &str,
    request: &ToSign<'_>,
) -> String {
    let day = date.get(..8).unwrap_or(date);
    let scope_text = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let (canonical, names) = canonical(keys, date, request);
    let hashed = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
    let text = format!("{ALGORITHM}\n{date}\n{scope_text}\n{hashed}");
    let secret = format!("AWS4{}", keys.secret_key.expose());
    let key = [day, scope.region, scope.service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| authenticated(&key, part));
    let signature = hex(&authenticated(&key, &text));
    format!(
        "{ALGORITHM} Credential={}/{scope_text}, SignedHeaders={names}, Signature={signature}",
        keys.access_key
    )
}

/// The request in its one spelling, and the names of the headers in it.
fn canonical(keys: &Keys, date: &str, request: &ToSign<'_>) -> (String, String) {
    let url = request.url;
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    // In the order of their names.
    let mut headers = Vec::new();
    if let Some(content_type) = request.content_type {
        headers.push(("content-type", content_type));
    }
    headers.extend([("host", host.as_str()), ("x-amz-date", date)]);
    if !keys.session_token.is_empty() {
        headers.push(("x-amz-security-token", keys.session_token.expose()));
    }
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut text = format!("{}\n{}\n{}\n", request.method, path(url), query(url));
    for (name, value) in headers {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name}:{}", words.join(" "));
    }
    let body = hex(digest(&SHA256, request.body).as_ref());
    let _ = write!(text, "\n{names}\n{body}");
    (text, names)
}

/// The path, whose parts are encoded once more.
fn path(url: &Url) -> String {
    let given = url.path();
    let mut path = String::new();
    for part in given.split('/').filter(|part| !part.is_empty()) {
        path.push('/');
        path.push_str(&encoded(part));
    }
    if given.ends_with('/') || path.is_empty() {
        path.push('/');
    }
    path
}

fn query(url: &Url) -> String {
    let pairs = url.query_pairs();
    let mut pairs: Vec<(String, String)> = pairs
        .map(|(name, value)| (encoded(&name), encoded(&value)))
        .collect();
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

/// As RFC 3986 encodes everything but what is unreserved.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

fn authenticated(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
