//! The one place that knows whether the host is real: inside a component its imports, elsewhere
//! the fake host of the running test.

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::narthex::plugin::{
    clock, files, icmp, kubernetes, log, names, refreshing, secrets, state, tcp, texts, udp,
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::fake::{
    clock, files, http, icmp, kubernetes, log, names, refreshing, secrets, state, tcp, texts, udp,
};

#[cfg(target_arch = "wasm32")]
pub(crate) mod http {
    //! The import `http`, for requests that borrow.

    use crate::Error;
    use crate::bindings::narthex::plugin::http as wit;
    use crate::http::{Request, Response, Stored, Value};

    pub(crate) fn send(request: &Request<'_>) -> Result<Response, Error> {
        wit::send(&lower(request))
    }

    pub(crate) fn fetch(request: &Request<'_>) -> Result<Stored, Error> {
        wit::fetch(&lower(request))
    }

    fn lower<'a>(request: &'a Request<'_>) -> wit::Request<'a> {
        let headers = request.headers.iter().map(|(name, value)| {
            let value = match value {
                Value::Plain(text) => wit::HeaderValue::Plain(text.clone().into_owned()),
                Value::Bearer(secret) => wit::HeaderValue::Bearer(&secret.0),
                Value::Basic(username, secret) => {
                    wit::HeaderValue::Basic(((*username).to_owned(), &secret.0))
                }
                Value::Secret(secret) => wit::HeaderValue::Secret(&secret.0),
            };
            ((*name).to_owned(), value)
        });
        wit::Request {
            method: request.method.to_owned(),
            url: request.url.to_owned(),
            headers: headers.collect(),
            body: request.body.as_deref().map(<[u8]>::to_vec),
            // A timeout of more than 49 days is none.
            timeout_ms: request
                .timeout
                .and_then(|timeout| u32::try_from(timeout.as_millis()).ok()),
            tls: request.tls.map(str::to_owned),
        }
    }
}
