//! The client: one connection pool, one set of credentials.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, LOCATION};
use reqwest::{Method, StatusCode, Url};

use crate::cloud::CloudSigner;
use crate::credentials::Credentials;
use crate::dialled;
use crate::error::{cause, is_closed};
use crate::transport::Transport;
use crate::{BodyError, BodyLimit, BuildError, HttpConfig, RequestError, Secret, body};

/// So many redirects are followed; one more ends the request, as in Go.
pub const REDIRECTS_MAX: usize = 10;

/// Sends GET, POST, PUT and DELETE requests. It has no timeout of its own: its caller knows the
/// deadline.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    /// Headers of every request that goes where credentials go.
    headers: HeaderMap,
    credentials: Credentials,
    signer: Option<Arc<CloudSigner>>,
    follow_redirects: bool,
    redirect_fault: Option<RedirectFault>,
    proxy: Option<Secret>,
}

/// Says why nobody may be redirected from a URL to another one.
type RedirectFault = fn(&str, &str) -> Option<String>;

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Response(reqwest::Response);

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    /// The configuration contradicts itself, or a file that it names cannot be used.
    pub fn new(config: &HttpConfig) -> Result<Self, BuildError> {
        Self::with_socket(config, None)
    }

    /// Makes a client whose connections all go to a Unix socket, whatever host a URL names.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn over_socket(config: &HttpConfig, socket: &Path) -> Result<Self, BuildError> {
        Self::with_socket(config, Some(socket.to_owned()))
    }

    fn with_socket(config: &HttpConfig, socket: Option<PathBuf>) -> Result<Self, BuildError> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(BuildError::Config(faults.join("; ")));
        }
        let signer = config.cloud.as_ref().map(CloudSigner::new).transpose()?;
        Ok(Self {
            transport: Transport::with_socket(config, socket)?,
            headers: HeaderMap::new(),
            signer: signer.map(Arc::new),
            credentials: Credentials::new(config)?,
            follow_redirects: config.follow_redirects,
            redirect_fault: None,
            proxy: config.proxy_url.clone(),
        })
    }

    /// The same, and a redirect from one URL to another that has a fault ends the request with that.
    #[must_use]
    pub fn refusing_redirects(self, fault: fn(&str, &str) -> Option<String>) -> Self {
        Self {
            redirect_fault: Some(fault),
            ..self
        }
    }

    /// The same, and each request has these headers as well. They may be secret: they go where
    /// credentials go, and to no other host.
    #[must_use]
    pub fn with_headers(self, headers: HeaderMap) -> Self {
        Self { headers, ..self }
    }

    /// Asks for a URL, following redirects where the configuration allows it. Credentials and
    /// configured headers go to the first URL's host only: once a redirect leads to another
    /// host, or from HTTPS to HTTP, nothing after it gets them. Where a connection that was kept
    /// is closed instead of an answer, the request is sent once more.
    ///
    /// # Errors
    /// No answer came; an answer with an error status is an answer.
    #[boxed]
    pub async fn get(&self, url: &str, headers: &HeaderMap) -> Result<Response, RequestError> {
        let mut current = parse(url)?;
        let mut shown = url.to_owned();
        let credentials = self.own_headers(url).await?;
        let client = self.transport.client().await;
        let client = client.map_err(|cause| RequestError::new(url, cause))?;
        let mut is_trusted = true;
        for _ in 0..=REDIRECTS_MAX {
            let own = match is_trusted {
                true => self
                    .signed(&Method::GET, &current, headers, &credentials, b"")
                    .await
                    .map_err(|cause| RequestError::new(&shown, cause))?,
                false => HeaderMap::new(),
            };
            let request = || {
                let request = client.get(current.clone()).headers(headers.clone());
                request.headers(own.clone())
            };
            let mut sent = dialled::watch(request().send()).await;
            if let (Err(error), false) = &sent
                && is_closed(error)
            {
                sent.0 = request().send().await;
            }
            let response = match sent.0 {
                Ok(response) => response,
                Err(error) => return Err(self.failed(&shown, &current, &error).await),
            };
            let location = redirect(&response).filter(|_| self.follow_redirects);
            let Some(location) = location else {
                return Ok(Response(response));
            };
            let next = current.join(&location).map_err(|error| {
                let text = format!("failed to parse Location header {location:?}: {error}");
                RequestError::new(&shown, text)
            })?;
            let next = check_scheme(next, &location)?;
            self.check_redirect(&current, &next, &shown)?;
            is_trusted &= keeps_trust(&current, &next);
            current = next;
            shown = location;
        }
        let text = format!("stopped after {REDIRECTS_MAX} redirects");
        Err(RequestError::new(&shown, text))
    }

    /// Sends a body to a URL. A 307 or 308 is followed with the same body where the configuration
    /// allows it, with credentials as [`Self::get`] does; any other answer is an answer.
    ///
    /// # Errors
    /// No answer came; an answer with an error status is an answer.
    #[boxed]
    pub async fn post(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, RequestError> {
        let sent = self.send_following(Method::POST, url, headers, body).await;
        sent.map_err(|error| error.of("Post"))
    }

    /// As [`Self::post`], with PUT.
    ///
    /// # Errors
    /// As [`Self::post`].
    #[boxed]
    pub async fn put(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, RequestError> {
        let sent = self.send_following(Method::PUT, url, headers, body).await;
        sent.map_err(|error| error.of("Put"))
    }

    async fn own_headers(&self, url: &str) -> Result<HeaderMap, RequestError> {
        let credentials = self.credentials.headers().await;
        let mut own = self.headers.clone();
        own.extend(credentials.map_err(|cause| RequestError::new(url, cause))?);
        Ok(own)
    }

    /// The credentials, and what signs this one request where it is for a cloud.
    async fn signed(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        credentials: &HeaderMap,
        body: &[u8],
    ) -> Result<HeaderMap, String> {
        let mut own = credentials.clone();
        if let Some(signer) = &self.signer {
            own.extend(signer.headers(method, url, headers, body).await?);
        }
        Ok(own)
    }

    async fn send_following(
        &self,
        method: Method,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, RequestError> {
        let mut current = parse(url)?;
        let credentials = self.own_headers(url).await?;
        let client = self.transport.client().await;
        let client = client.map_err(|cause| RequestError::new(url, cause))?;
        let mut is_trusted = true;
        for _ in 0..=REDIRECTS_MAX {
            let request = client.request(method.clone(), current.clone());
            let mut request = request.headers(headers.clone()).body(body.clone());
            if is_trusted {
                let signed = self.signed(&method, &current, headers, &credentials, &body);
                let own = signed.await;
                request = request.headers(own.map_err(|cause| RequestError::new(url, cause))?);
            }
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => return Err(self.failed(url, &current, &error).await),
            };
            let keeps_method = matches!(
                response.status(),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            );
            let location = redirect(&response).filter(|_| keeps_method && self.follow_redirects);
            let Some(location) = location else {
                return Ok(Response(response));
            };
            let next = current.join(&location).map_err(|error| {
                let text = format!("failed to parse Location header {location:?}: {error}");
                RequestError::new(url, text)
            })?;
            self.check_redirect(&current, &next, url)?;
            is_trusted &= keeps_trust(&current, &next);
            current = next;
        }
        let text = format!("stopped after {REDIRECTS_MAX} redirects");
        Err(RequestError::new(url, text))
    }

    /// Asks a server to end what a URL names; follows redirects as [`Self::post`] does.
    ///
    /// # Errors
    /// No answer came; an answer with an error status is an answer.
    #[boxed]
    pub async fn delete(&self, url: &str, headers: &HeaderMap) -> Result<Response, RequestError> {
        let sent = self.send_following(Method::DELETE, url, headers, Bytes::new());
        sent.await.map_err(|error| error.of("Delete"))
    }

    fn check_redirect(&self, from: &Url, to: &Url, shown: &str) -> Result<(), RequestError> {
        let fault = self.redirect_fault;
        match fault.and_then(|fault| fault(from.as_str(), to.as_str())) {
            Some(fault) => {
                let text = format!("a redirect is not followed: {fault}");
                Err(RequestError::new(shown, text))
            }
            None => Ok(()),
        }
    }

    async fn failed(&self, shown: &str, url: &Url, error: &reqwest::Error) -> RequestError {
        let proxy = self.proxy.as_ref();
        let proxy = proxy.and_then(|proxy| Url::parse(proxy.expose()).ok());
        let dialled = match error.is_connect() {
            true => address(proxy.as_ref().unwrap_or(url)).await,
            false => String::new(),
        };
        RequestError::new(shown, cause(error, &dialled))
    }
}

fn parse(url: &str) -> Result<Url, RequestError> {
    let parsed = Url::parse(url).map_err(|error| RequestError::new(url, error.to_string()))?;
    check_scheme(parsed, url)
}

/// Only HTTP is spoken, wherever a redirect leads.
fn check_scheme(url: Url, shown: &str) -> Result<Url, RequestError> {
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => {
            let text = format!("unsupported protocol scheme {other:?}");
            Err(RequestError::new(shown, text))
        }
    }
}

fn redirect(response: &reqwest::Response) -> Option<String> {
    let is_redirect = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?;
    location.to_str().ok().map(str::to_owned)
}

fn keeps_trust(from: &Url, to: &Url) -> bool {
    let downgrades = from.scheme() == "https" && to.scheme() != "https";
    from.host() == to.host() && !downgrades
}

/// What was dialled, looked up again where the URL has a name: only failures pay for it.
async fn address(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(0);
    let host = url.host_str().unwrap_or("");
    // An IPv6 address stands in brackets already.
    if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
        return format!("{host}:{port}");
    }
    let found = tokio::net::lookup_host((host, port)).await;
    match found.ok().and_then(|mut addresses| addresses.next()) {
        Some(address) => address.to_string(),
        None => format!("{host}:{port}"),
    }
}

impl Response {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// A header as text; "" where it is missing or not ASCII.
    pub fn header(&self, name: &HeaderName) -> &str {
        let value = self.0.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The next piece of the body as it comes, still packed; none at its end.
    ///
    /// # Errors
    /// It broke off.
    #[boxed]
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        body::next_chunk(&mut self.0).await
    }

    /// The begin of the body, still packed: so many bytes at most, and what came of it where it
    /// breaks off. What is no longer than that is read to its end, so that the connection can be
    /// used again.
    #[boxed]
    pub async fn begin(self, bytes_max: usize) -> Vec<u8> {
        let (mut response, mut begin) = (self.0, Vec::new());
        while begin.len() <= bytes_max {
            match body::next_chunk(&mut response).await {
                Ok(Some(chunk)) => begin.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        begin.truncate(bytes_max);
        begin
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
mod tests;
