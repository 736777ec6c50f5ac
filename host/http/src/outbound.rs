//! Requests on behalf of code that is not trusted: any method and body, no redirects followed,
//! no proxy, and no connection to an address that the owner's filter refuses, whatever name led
//! to it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::error::{LookupError, RefusedError, cause, find};
use crate::{BodyError, BodyLimit, BuildError, Client, Lookup, RequestError, TlsConfig, body, tls};

/// An unused connection is closed after this time.
const POOL_IDLE: Duration = Duration::from_secs(60);

/// So many unused connections to one host are kept.
const POOL_IDLE_PER_HOST_MAX: usize = 8;

/// Says which addresses may be connected to.
pub type AddressFilter = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Sends requests that somebody else wrote. It has no timeout of its own.
#[derive(Clone)]
pub struct Outbound {
    inner: reqwest::Client,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The name leads to nothing but addresses that the filter refuses; this is one of them.
    #[error("{0} is not allowed")]
    Refused(IpAddr),
    /// Anything else.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct OutboundResponse(reqwest::Response);

impl Outbound {
    /// Makes a client. Names are looked up by `lookup`; `is_allowed` is asked for every address
    /// that a name leads to, and those that it lets through are connected to without another
    /// look-up. An address that stands in the URL itself is the caller's to check.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(
        tls: &TlsConfig,
        lookup: Arc<dyn Lookup>,
        is_allowed: AddressFilter,
    ) -> Result<Self, BuildError> {
        let inner = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(tls, true)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST_MAX)
            .dns_resolver(FilteredResolver { lookup, is_allowed })
            .no_proxy()
            .build()
            .map_err(BuildError::Client)?;
        Ok(Self { inner })
    }

    /// Splits a URL into its host (an IPv6 address without brackets) and its port.
    ///
    /// # Errors
    /// It is not an absolute URL of `http` or `https`, or it has a user in it.
    pub fn endpoint(url: &str) -> Result<(String, u16), RequestError> {
        let (parsed, endpoint) = split(url)?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            let text = "a user in the URL: credentials belong in a header";
            return Err(RequestError::new(url, text));
        }
        Ok(endpoint)
    }

    /// Sends one request.
    ///
    /// # Errors
    /// It is no request, or no answer came; an answer with an error status is an answer.
    #[boxed]
    pub async fn send(
        &self,
        method: &str,
        url: &str,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<OutboundResponse, OutboundError> {
        let (host, port) = Self::endpoint(url)?;
        let fault = |text: String| RequestError::new(url, text);
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| fault(format!("{method:?} is not a method")))?;
        let mut request = self.inner.request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        match request.send().await {
            Ok(response) => Ok(OutboundResponse(response)),
            Err(error) => match find::<RefusedError>(&error) {
                Some(refused) => Err(OutboundError::Refused(refused.address)),
                None => Err(fault(cause(&error, &format!("{host}:{port}"))).into()),
            },
        }
    }
}

impl Client {
    /// Splits a URL as [`Outbound::endpoint`] does; a user in it is no fault here.
    ///
    /// # Errors
    /// It is not an absolute URL of `http` or `https`.
    pub fn endpoint(url: &str) -> Result<(String, u16), RequestError> {
        split(url).map(|(_, endpoint)| endpoint)
    }
}

fn split(url: &str) -> Result<(reqwest::Url, (String, u16)), RequestError> {
    let fault = |text: &str| RequestError::new(url, text);
    let parsed = reqwest::Url::parse(url).map_err(|error| fault(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        let text = format!("unsupported protocol scheme {:?}", parsed.scheme());
        return Err(fault(&text));
    }
    let host = parsed.host_str().ok_or_else(|| fault("no host in it"))?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = parsed.port_or_known_default();
    let port = port.ok_or_else(|| fault("no port"))?;
    Ok((parsed, (host, port)))
}

/// A resolver, less the addresses that the filter refuses.
struct FilteredResolver {
    lookup: Arc<dyn Lookup>,
    is_allowed: AddressFilter,
}

impl Resolve for FilteredResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, is_allowed) = (self.lookup.clone(), self.is_allowed.clone());
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let Ok(found) = lookup.lookup(&host).await else {
                return Err(LookupError { host }.into());
            };
            let (allowed, refused): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|address| is_allowed(*address));
            match refused.first() {
                Some(address) if allowed.is_empty() => {
                    let address = *address;
                    Err(RefusedError { host, address }.into())
                }
                _ => {
                    let sockets = allowed.into_iter().map(|ip| SocketAddr::new(ip, 0));
                    Ok(Box::new(sockets) as Addrs)
                }
            }
        })
    }
}

impl OutboundResponse {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Reads the body to its end, unpacked where its `Content-Encoding` is gzip.
    ///
    /// # Errors
    /// It reached the limit, broke off, or is not gzip.
    #[boxed]
    pub async fn body(self, limit: BodyLimit) -> Result<Bytes, BodyError> {
        body::read(self.0, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_split_into_host_and_port() {
        for (url, host, port) in [
            ("http://a.example/x", "a.example", 80),
            ("https://A.example", "a.example", 443),
            ("http://[::1]:9/", "::1", 9),
            ("http://2130706433:81/", "127.0.0.1", 81),
        ] {
            let endpoint = Outbound::endpoint(url).unwrap();
            assert_eq!(endpoint, (host.to_owned(), port), "{url}");
        }
        for url in [
            "ftp://a/",
            "a/b",
            "file:///etc/passwd",
            "http://",
            "http://a.example@b.example/",
            "http://a.example:word@b.example/",
        ] {
            assert!(Outbound::endpoint(url).is_err(), "{url}");
        }
    }
}
