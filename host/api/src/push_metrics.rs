//! What the Pushgateway's interface says of itself, under the Pushgateway's names.
//!
//! Scrapes of what was pushed are not counted, nor are paths that the Pushgateway does not have.
//! What is a summary there is a histogram here, with the same `_sum` and `_count`.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::ApiState;

/// What pushes are called.
const PUSH: &str = "push";

/// Ends of paths below the root of the interface, and what the Pushgateway calls who answers there.
const HANDLERS: [(&str, Method, &str); 8] = [
    ("/metrics/{*group}", Method::POST, PUSH),
    ("/metrics/{*group}", Method::PUT, PUSH),
    ("/metrics/{*group}", Method::DELETE, "delete"),
    ("/api/v1/admin/wipe", Method::PUT, "wipe"),
    ("/api/v1/status", Method::GET, "api/v1/status"),
    ("/api/v1/metrics", Method::GET, "api/v1/metrics"),
    ("/-/ready", Method::GET, "ready"),
    ("/-/healthy", Method::GET, "healthy"),
];

/// Code, handler and method, as the Pushgateway has them.
type Answered = [(&'static str, String); 3];
type ByMethod = [(&'static str, String); 1];

/// What is counted.
#[derive(Debug, Clone)]
pub(crate) struct PushMetrics {
    requests: Family<Answered, Counter>,
    push_bytes: Family<ByMethod, Histogram, fn() -> Histogram>,
    push_seconds: Family<ByMethod, Histogram, fn() -> Histogram>,
}

/// From 64 bytes to the largest body.
fn bytes() -> Histogram {
    Histogram::new(exponential_buckets(64.0, 4.0, 10))
}

/// From 100 µs to 26 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 10))
}

impl PushMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            push_bytes: Family::new_with_constructor(bytes),
            push_seconds: Family::new_with_constructor(seconds),
        };
        registry.register(
            "pushgateway_http_requests",
            "Total HTTP requests processed by the Pushgateway, excluding scrapes.",
            metrics.requests.clone(),
        );
        registry.register(
            "pushgateway_http_push_size_bytes",
            "HTTP request size for pushes to the Pushgateway.",
            metrics.push_bytes.clone(),
        );
        registry.register(
            "pushgateway_http_push_duration_seconds",
            "HTTP request duration for pushes to the Pushgateway.",
            metrics.push_seconds.clone(),
        );
        metrics
    }
}

/// Counts the requests that reach a handler of the Pushgateway.
pub(crate) async fn measure(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let handler = path.and_then(|path| handler(path.as_str(), request.method()));
    let method = request.method().as_str().to_ascii_lowercase();
    let size = size(request.method(), request.uri(), request.headers());
    let started = Instant::now();
    let response = next.run(request).await;
    // There is no such group of paths, or it is not switched on: no handler was reached.
    let reached = handler.filter(|_| response.status() != StatusCode::NOT_FOUND);
    let Some(handler) = reached else {
        return response;
    };
    let metrics = &state.metrics().push;
    let code = response.status().as_str().to_owned();
    let labels = [
        ("code", code),
        ("handler", handler.to_owned()),
        ("method", method.clone()),
    ];
    metrics.requests.get_or_create(&labels).inc();
    if handler == PUSH {
        let labels = [("method", method)];
        metrics.push_bytes.get_or_create(&labels).observe(size);
        let took_s = started.elapsed().as_secs_f64();
        metrics.push_seconds.get_or_create(&labels).observe(took_s);
    }
    response
}

fn handler(path: &str, method: &Method) -> Option<&'static str> {
    let mut all = HANDLERS.iter();
    let found = all.find(|(end, of, _)| of == method && path.ends_with(end));
    found.map(|(_, _, name)| *name)
}

/// About how large a request is, as Go's client library counts it: the head without its
/// punctuation, and the body where its length is told.
fn size(method: &Method, uri: &Uri, headers: &HeaderMap) -> f64 {
    const VERSION: &str = "HTTP/1.1";
    let fields = headers.iter();
    let fields: usize = fields
        // The host is counted without the name of its field.
        .map(|(name, value)| match *name == header::HOST {
            true => value.len(),
            false => name.as_str().len() + value.len(),
        })
        .sum();
    let body = headers.get(header::CONTENT_LENGTH);
    let body = body.and_then(|length| length.to_str().ok()?.parse::<f64>().ok());
    let head = uri.to_string().len() + method.as_str().len() + VERSION.len() + fields;
    head as f64 + body.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_have_the_pushgateways_names() {
        for (path, method, expected) in [
            ("/push/metrics/{*group}", Method::PUT, Some("push")),
            ("/p/push/metrics/{*group}", Method::DELETE, Some("delete")),
            ("/push/metrics/{*group}", Method::GET, None),
            ("/push/metrics", Method::GET, None),
            ("/push/api/v1/metrics", Method::GET, Some("api/v1/metrics")),
        ] {
            assert_eq!(handler(path, &method), expected, "{method} {path}");
        }
    }
}
