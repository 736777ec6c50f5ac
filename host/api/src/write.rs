//! `/api/v1/write`: the receiver of remote write, where `--web.enable-remote-write-receiver`
//! opens it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use narthex_model::with_sources;
use narthex_remote::{COMPRESSED_BYTES_MAX, MessageKind, Receiver, Refusal, RefusalKind, Written};
use tokio::sync::Semaphore;

use crate::ApiState;
use crate::state::Serving;

/// Bodies that are being read and decoded may have this many bytes together. A request that comes
/// while there are more is answered with 503, and its sender tries again.
pub const WRITE_BYTES_WAITING_MAX: usize = 256 << 20;

/// So many bodies are decoded and stored at a time; others wait.
pub const WRITES_MAX: usize = 8;

/// A body must have arrived within this time; a slower one is answered with 503.
pub const WRITE_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// What the answer to a request of remote write 2.0 tells.
const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// What bounds the receiver over all requests.
#[derive(Debug)]
pub(crate) struct WriteBounds {
    bytes_waiting: AtomicUsize,
    writes: Semaphore,
}

impl Default for WriteBounds {
    fn default() -> Self {
        Self {
            bytes_waiting: AtomicUsize::new(0),
            writes: Semaphore::new(WRITES_MAX),
        }
    }
}

/// Bytes of one body that are counted, until this is dropped.
struct Counted<'a> {
    bounds: &'a WriteBounds,
    bytes: usize,
}

impl Counted<'_> {
    /// Counts more; `false` where there would be too many.
    fn add(&mut self, bytes: usize) -> bool {
        let waiting = &self.bounds.bytes_waiting;
        let before = waiting.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before.saturating_add(bytes) <= WRITE_BYTES_WAITING_MAX
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let waiting = &self.bounds.bytes_waiting;
        waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// `/api/v1/write`
pub(crate) async fn write(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    request: Request,
) -> Response {
    let Some(receiver) = serving.receiver.clone() else {
        let text = "remote write receiver needs to be enabled with \
                    --web.enable-remote-write-receiver\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let (head, body) = request.into_parts();
    let content_type = text(&head.headers, &header::CONTENT_TYPE);
    let encoding = text(&head.headers, &header::CONTENT_ENCODING);
    let kind = match receiver.accept(content_type, encoding) {
        Ok(kind) => kind,
        Err(refusal) => return refused(None, &refusal),
    };
    match take(state.write_bounds(), receiver, kind, body).await {
        Ok(written) => (StatusCode::NO_CONTENT, headers(kind, written)).into_response(),
        Err(refusal) => refused(Some(kind), &refusal),
    }
}

/// Reads a body within the bounds of all requests, and hands it to what stores it, off the threads
/// that answer requests.
pub(crate) async fn take_body<T: Send + 'static>(
    bounds: &WriteBounds,
    body: Body,
    store: impl FnOnce(Vec<u8>) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let mut counted = Counted { bounds, bytes: 0 };
    let reading = tokio::time::timeout(WRITE_READ_TIMEOUT, read(body, &mut counted));
    let body = reading.await.map_err(|_| {
        let text = format!("the request body did not arrive within {WRITE_READ_TIMEOUT:?}");
        Refusal::new(RefusalKind::Unavailable, text)
    })??;
    let closed = |_| Refusal::new(RefusalKind::Unavailable, "the server stops");
    let _turn = bounds.writes.acquire().await.map_err(closed)?;
    // It takes milliseconds, and waits for the disk.
    let stored = tokio::task::spawn_blocking(move || store(body)).await;
    stored.map_err(|error| Refusal::new(RefusalKind::Internal, error.to_string()))
}

async fn take(
    bounds: &WriteBounds,
    receiver: Arc<Receiver>,
    kind: MessageKind,
    body: Body,
) -> Result<Written, Refusal> {
    take_body(bounds, body, move |body| receiver.receive(kind, &body)).await?
}

async fn read(body: Body, counted: &mut Counted<'_>) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    loop {
        let chunk = chunks.try_next().await.map_err(|error| {
            let text = format!("the request body cannot be read: {}", with_sources(&error));
            Refusal::new(RefusalKind::BadRequest, text)
        })?;
        let Some(chunk) = chunk else { return Ok(whole) };
        if whole.len() + chunk.len() > COMPRESSED_BYTES_MAX {
            let text = format!("the request body has over {COMPRESSED_BYTES_MAX} bytes");
            return Err(Refusal::new(RefusalKind::BadRequest, text));
        }
        if !counted.add(chunk.len()) {
            let text = "too many bytes of other requests wait to be stored; try again later";
            return Err(Refusal::new(RefusalKind::Unavailable, text));
        }
        whole.extend_from_slice(&chunk);
    }
}

/// The value of a header, "" where it is missing or no text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// What was written, for those who look for it: senders of 1.0 do not.
fn headers(kind: MessageKind, written: Written) -> HeaderMap {
    let counts = [written.samples, written.histograms, written.exemplars];
    match kind {
        MessageKind::V1 => HeaderMap::new(),
        MessageKind::V2 => WRITTEN
            .into_iter()
            .zip(counts.map(HeaderValue::from))
            .collect(),
    }
}

fn refused(kind: Option<MessageKind>, refusal: &Refusal) -> Response {
    let status = match refusal.kind {
        RefusalKind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        RefusalKind::BadRequest => StatusCode::BAD_REQUEST,
        RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        RefusalKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => {
            tracing::error!(
                error = refusal.message,
                "a remote write request was not stored"
            );
        }
        _ => tracing::warn!(
            %status,
            error = refusal.message,
            "a remote write request was not stored whole"
        ),
    }
    let headers = kind.map(|kind| headers(kind, refusal.written));
    let text = format!("{}\n", refusal.message);
    (status, headers.unwrap_or_default(), text).into_response()
}
