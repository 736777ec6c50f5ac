//! Requests on behalf of code that is not trusted: any method and body, no redirects followed,
//! no proxy, and no connection to an address that the owner's filter refuses, whatever name led
//! to it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::error::{LookupError, cause};
use crate::{BodyError, BodyLimit, BuildError, RequestError, TlsConfig, body, tls};

/// An unused connection is closed after this time.
const POOL_IDLE: Duration = Duration::from_secs(60);

/// So many unused connections to one host are kept.
const POOL_IDLE_PER_HOST_MAX: usize = 8;

/// Sends requests that somebody else wrote. It has no timeout of its own.
#[derive(Clone)]
pub struct Outbound {
    inner: reqwest::Client,
    is_allowed: fn(IpAddr) -> bool,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct OutboundResponse(reqwest::Response);

impl Outbound {
    /// Makes a client. `is_allowed` is asked for every address that a name leads to, at the time
    /// of the connection; an address that stands in the URL itself is the caller's to check.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(is_allowed: fn(IpAddr) -> bool) -> Result<Self, BuildError> {
        let inner = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&TlsConfig::default(), true)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST_MAX)
            .dns_resolver(FilteredResolver(is_allowed))
            .no_proxy()
            .build()
            .map_err(BuildError::Client)?;
        Ok(Self { inner, is_allowed })
    }

    /// Splits a URL into its host (an IPv6 address without brackets) and its port.
    ///
    /// # Errors
    /// It is not an absolute URL of `http` or `https`.
    pub fn endpoint(url: &str) -> Result<(String, u16), RequestError> {
        let fault = |text: &str| RequestError::new(url, text);
        let parsed = reqwest::Url::parse(url).map_err(|error| fault(&error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            let text = format!("unsupported protocol scheme {:?}", parsed.scheme());
            return Err(fault(&text));
        }
        let host = parsed.host_str().ok_or_else(|| fault("no host in it"))?;
        let port = parsed.port_or_known_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok((host.to_owned(), port.ok_or_else(|| fault("no port"))?))
    }

    /// Sends one request.
    ///
    /// # Errors
    /// It is no request, or no answer came; an answer with an error status is an answer.
    pub async fn send(
        &self,
        method: &str,
        url: &str,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<OutboundResponse, RequestError> {
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
            Err(error) => Err(fault(cause(&error, &format!("{host}:{port}")))),
        }
    }

    /// Whether the filter lets this address through.
    pub fn is_allowed(&self, address: IpAddr) -> bool {
        (self.is_allowed)(address)
    }
}

/// The system's resolver, less the addresses that the filter refuses.
struct FilteredResolver(fn(IpAddr) -> bool);

impl Resolve for FilteredResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_allowed = self.0;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let Ok(found) = tokio::net::lookup_host((host.as_str(), 0)).await else {
                return Err(LookupError { host }.into());
            };
            let allowed: Vec<SocketAddr> = found.filter(|a| is_allowed(a.ip())).collect();
            if allowed.is_empty() {
                let text = format!("{host} leads to addresses that are not allowed");
                return Err(text.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
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
        for url in ["ftp://a/", "a/b", "file:///etc/passwd", "http://"] {
            assert!(Outbound::endpoint(url).is_err(), "{url}");
        }
    }
}
