//! A server over HTTP: each request gets the answer of the first exchange that fits it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::fixture::HttpExchange;
use crate::player::{Complaints, Filling, PlayedServer, shown};

/// The body of a request that a plugin sends; a larger one is an error.
pub(crate) const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a request gets that no exchange fits.
const STATUS_UNKNOWN: StatusCode = StatusCode::NOT_IMPLEMENTED;

#[derive(Debug)]
struct Exchange {
    line: usize,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Option<Vec<u8>>,
    status: StatusCode,
    response_headers: HeaderMap,
    response: Bytes,
    delay: Duration,
    is_optional: bool,
}

#[derive(Debug)]
struct Server {
    name: String,
    exchanges: Vec<Exchange>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How often each exchange was played.
    played: Vec<u32>,
    complaints: Complaints,
}

/// A request as far as it is looked at.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

pub(super) fn start(
    filling: &Filling<'_>,
    exchanges: &[HttpExchange],
    listener: TcpListener,
) -> Result<(Arc<dyn PlayedServer>, AbortHandle), String> {
    let exchanges = exchanges.iter().map(|exchange| resolve(filling, exchange));
    let server = Arc::new(Server {
        name: filling.server.to_owned(),
        exchanges: exchanges.collect::<Result<_, _>>()?,
        state: Mutex::default(),
    });
    server.begin_call();
    let task = tokio::spawn(serve(server.clone(), listener)).abort_handle();
    Ok((server, task))
}

fn resolve(filling: &Filling<'_>, exchange: &HttpExchange) -> Result<Exchange, String> {
    let fault = |text: String| format!("line {}: {text}", exchange.line);
    let fill = |text: &str| filling.places.fill(text);
    let mut response_headers = HeaderMap::new();
    for (name, value) in &exchange.response_headers {
        let is_header = |error: String| fault(format!("header {name:?}: {error}"));
        let value = HeaderValue::from_str(&fill(value)).map_err(|e| is_header(e.to_string()))?;
        let name = HeaderName::try_from(name.as_str()).map_err(|e| is_header(e.to_string()))?;
        response_headers.append(name, value);
    }
    let body = exchange.body.as_ref().map(|content| filling.bytes(content));
    let status = StatusCode::from_u16(exchange.status);
    Ok(Exchange {
        line: exchange.line,
        method: exchange.method.clone(),
        path: exchange.path.clone(),
        query: sorted(exchange.query.iter().map(|(n, v)| (n.clone(), fill(v)))),
        headers: exchange
            .headers
            .iter()
            .map(|(n, v)| (n.clone(), fill(v)))
            .collect(),
        body: body.transpose()?,
        status: status.map_err(|error| fault(error.to_string()))?,
        response_headers,
        response: filling.bytes(&exchange.response)?.into(),
        delay: exchange.delay,
        is_optional: exchange.is_optional,
    })
}

fn sorted(pairs: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    pairs
}

async fn serve(server: Arc<Server>, listener: TcpListener) {
    // The connections end with the listener's task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            continue;
        };
        let server = server.clone();
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(server.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer);
            // A plugin that goes away in the middle says so itself.
            let _ = connection.await;
        });
    }
}

async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Whole>, Infallible> {
    let (head, body) = request.into_parts();
    let body = match whole(body).await {
        Ok(body) => body,
        Err(text) => return Ok(server.complain(&text)),
    };
    let query = head.uri.query().unwrap_or("");
    let asked = Asked {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: sorted(form_urlencoded::parse(query.as_bytes()).into_owned()),
        headers: &head.headers,
        body: &body,
    };
    let exchange = match server.choose(&asked) {
        Ok(exchange) => exchange,
        Err(reasons) => {
            let text = format!("no exchange fits `{} {}`{reasons}", head.method, head.uri);
            return Ok(server.complain(&text));
        }
    };
    tokio::time::sleep(exchange.delay).await;
    let mut response = Response::new(Whole(exchange.response.clone()));
    *response.status_mut() = exchange.status;
    *response.headers_mut() = exchange.response_headers.clone();
    Ok(response)
}

/// Reads a body to its end.
pub(crate) async fn whole(mut body: Incoming) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        match frame.await {
            None => return Ok(bytes),
            Some(Err(error)) => return Err(format!("the request ends too early: {error}")),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                if bytes.len() + data.len() > REQUEST_BYTES_MAX {
                    return Err(format!("a request of over {REQUEST_BYTES_MAX} bytes"));
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, text: &str) -> Response<Whole> {
        self.lock().complaints.add(&self.name, text);
        let mut response = Response::new(Whole(format!("fixture: {text}\n").into()));
        *response.status_mut() = STATUS_UNKNOWN;
        response
    }

    /// The exchange for a request, or why each of those for its path does not fit.
    fn choose(&self, asked: &Asked<'_>) -> Result<&Exchange, String> {
        let mut state = self.lock();
        let fitting = |(_, exchange): &(usize, &Exchange)| exchange.misfit(asked).is_none();
        let all = || self.exchanges.iter().enumerate().filter(fitting);
        let unused = all().find(|(index, _)| state.played.get(*index) == Some(&0));
        let Some((index, exchange)) = unused.or_else(|| all().next_back()) else {
            let near = self.exchanges.iter().filter(|e| e.path == asked.path);
            let reasons = near.filter_map(|exchange| {
                let reason = exchange.misfit(asked)?;
                Some(format!("; line {}: {reason}", exchange.line))
            });
            return Err(reasons.collect());
        };
        if let Some(count) = state.played.get_mut(index) {
            *count += 1;
        }
        Ok(exchange)
    }
}

impl Exchange {
    /// Why the exchange is not for a request.
    fn misfit(&self, asked: &Asked<'_>) -> Option<String> {
        if self.method != asked.method {
            return Some(format!("expected the method {}", self.method));
        }
        if self.path != asked.path {
            return Some(format!("expected the path {}", self.path));
        }
        if self.query != asked.query {
            return Some("expected another query".to_owned());
        }
        for (name, value) in &self.headers {
            let came = asked.headers.get_all(name.as_str());
            if !came.iter().any(|came| came.as_bytes() == value.as_bytes()) {
                return Some(format!("expected the header {name}: {value}"));
            }
        }
        match &self.body {
            Some(body) if !is_same_body(body, asked.body) => Some(format!(
                "expected the body {}, was {}",
                shown(body),
                shown(asked.body)
            )),
            _ => None,
        }
    }
}

/// Bodies are the same byte for byte, or as JSON.
fn is_same_body(one: &[u8], other: &[u8]) -> bool {
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}

#[async_trait::async_trait]
impl PlayedServer for Server {
    fn begin_call(&self) {
        *self.lock() = State {
            played: vec![0; self.exchanges.len()],
            complaints: Complaints::default(),
        };
    }

    async fn end_call(&self) -> Vec<String> {
        let mut state = self.lock();
        for (index, exchange) in self.exchanges.iter().enumerate() {
            if !exchange.is_optional && state.played.get(index) == Some(&0) {
                let text = format!(
                    "the plugin did not ask for `{} {}` (line {})",
                    exchange.method, exchange.path, exchange.line
                );
                state.complaints.add(&self.name, &text);
            }
        }
        state.complaints.take()
    }
}

/// A body that is there as a whole.
#[derive(Debug, Default)]
pub(crate) struct Whole(pub(crate) Bytes);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.0);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
