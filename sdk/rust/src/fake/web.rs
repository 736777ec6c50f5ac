//! HTTP of the fake host.

use std::collections::BTreeMap;

use crate::http::Response;

/// A request that the plugin sent, with its secrets written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers; `Basic` is followed by the name and the password in the clear.
    pub headers: Vec<(String, String)>,
    /// The body, where there is one.
    pub body: Option<Vec<u8>>,
    /// The TLS profile, where one is named.
    pub tls: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Web {
    pub(super) responses: BTreeMap<String, Response>,
    pub(super) sent: Vec<Sent>,
    kept: Vec<Vec<u8>>,
}

impl Web {
    /// A handle is the number of a body, from 1.
    pub(super) fn stored(&self, handle: u64) -> Option<Vec<u8>> {
        let at = usize::try_from(handle.checked_sub(1)?).ok()?;
        self.kept.get(at).cloned()
    }

    fn keep(&mut self, body: Vec<u8>) -> u64 {
        self.kept.push(body);
        self.kept.len() as u64
    }
}

pub(crate) mod http {
    //! As the import `http`.

    use super::Sent;
    use crate::Error;
    use crate::fake::with;
    use crate::http::{Request, Response, Stored, Value};

    fn record(request: &Request<'_>) -> Sent {
        let headers = request.headers.iter().map(|(name, value)| {
            let value = match value {
                Value::Plain(text) => text.clone().into_owned(),
                Value::Bearer(secret) => format!("Bearer {}", secret.0.0),
                Value::Basic(username, secret) => format!("Basic {username}:{}", secret.0.0),
                Value::Secret(secret) => secret.0.0.clone(),
            };
            ((*name).to_owned(), value)
        });
        Sent {
            method: request.method.to_owned(),
            url: request.url.to_owned(),
            headers: headers.collect(),
            body: request.body.as_deref().map(<[u8]>::to_vec),
            tls: request.tls.map(str::to_owned),
        }
    }

    pub(crate) fn send(request: &Request<'_>) -> Result<Response, Error> {
        with(|host| {
            host.web.sent.push(record(request));
            let response = host.web.responses.get(request.url).cloned();
            response.ok_or_else(|| Error::Denied(format!("{} is not there", request.url)))
        })
    }

    pub(crate) fn fetch(request: &Request<'_>) -> Result<Stored, Error> {
        let response = send(request)?;
        let content_type = response.header("content-type").unwrap_or("text/plain");
        Ok(Stored {
            status: response.status,
            content_type: content_type.to_owned(),
            length: response.body.len() as u64,
            handle: with(|host| host.web.keep(response.body.clone())),
        })
    }
}
