//! The metrics of the API itself, and `/metrics` with those of all parts.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::ApiState;
use crate::push_metrics::PushMetrics;
use crate::query_seconds::{self, QuerySeconds};

/// Upper bounds of `prometheus_http_request_duration_seconds`, as in Prometheus.
const REQUEST_SECONDS: [f64; 9] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0];

/// Upper bounds of `prometheus_engine_query_duration_histogram_seconds`.
const QUERY_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 120.0];

/// The content type of Prometheus text.
pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content type of OpenMetrics.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type HandlerAndCode = [(&'static str, String); 2];
type Handler = [(&'static str, String); 1];
type Slice = [(&'static str, &'static str); 1];

/// What the API counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<HandlerAndCode, Counter>,
    request_seconds: Family<Handler, Histogram, fn() -> Histogram>,
    queries: Gauge<i64, AtomicI64>,
    query_seconds: QuerySeconds,
    query_histogram: Family<Slice, Histogram, fn() -> Histogram>,
    pub(crate) federation_errors: Counter,
    /// Whether `/-/ready` says so.
    pub(crate) ready: Gauge<i64, AtomicI64>,
    pub(crate) push: PushMetrics,
}

fn request_histogram() -> Histogram {
    Histogram::new(REQUEST_SECONDS)
}

fn query_histogram() -> Histogram {
    Histogram::new(QUERY_SECONDS)
}

impl Metrics {
    /// The metrics, and the registry that shows them.
    pub(crate) fn new(queries_max: usize) -> (Self, Registry) {
        let mut registry = Registry::default();
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(request_histogram),
            queries: Gauge::default(),
            query_seconds: QuerySeconds::default(),
            query_histogram: Family::new_with_constructor(query_histogram),
            federation_errors: Counter::default(),
            ready: Gauge::default(),
            push: PushMetrics::register(&mut registry),
        };
        registry.register(
            "prometheus_http_requests",
            "Counter of HTTP requests",
            metrics.requests.clone(),
        );
        registry.register(
            "prometheus_http_request_duration_seconds",
            "Histogram of latencies for HTTP requests, up to the head of the answer",
            metrics.request_seconds.clone(),
        );
        registry.register(
            "prometheus_engine_queries",
            "The current number of queries being executed or waiting",
            metrics.queries.clone(),
        );
        registry.register_collector(Box::new(metrics.query_seconds.clone()));
        registry.register(
            "prometheus_engine_query_duration_histogram_seconds",
            "The duration of various parts of PromQL query execution",
            metrics.query_histogram.clone(),
        );
        registry.register(
            "prometheus_web_federation_errors",
            "Total number of errors that occurred while sending federation responses",
            metrics.federation_errors.clone(),
        );
        registry.register(
            "prometheus_ready",
            "Whether startup was fully completed and the server is ready for normal operation",
            metrics.ready.clone(),
        );
        let concurrent_max = Gauge::<i64, AtomicI64>::default();
        concurrent_max.set(i64::try_from(queries_max).unwrap_or(i64::MAX));
        registry.register(
            "prometheus_engine_queries_concurrent_max",
            "The max number of concurrent queries",
            concurrent_max,
        );
        (metrics, registry)
    }

    /// Counts a query from here until the guard is dropped, however it ends.
    pub(crate) fn count_query(&self) -> QueryUnderWay<'_> {
        self.queries.inc();
        QueryUnderWay {
            metrics: self,
            started: Instant::now(),
        }
    }
}

/// A query that is being evaluated.
pub(crate) struct QueryUnderWay<'a> {
    metrics: &'a Metrics,
    started: Instant,
}

impl Drop for QueryUnderWay<'_> {
    fn drop(&mut self) {
        self.metrics.queries.dec();
        let seconds = self.started.elapsed().as_secs_f64();
        self.metrics.query_seconds.observe(seconds);
        self.metrics
            .query_histogram
            .get_or_create(&[("slice", "inner_eval")])
            .observe(seconds);
    }
}

/// Counts the requests that reach a handler.
pub(crate) async fn measure(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let handler = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| handler_name(path.as_str(), &state.options().route_prefix));
    let started = Instant::now();
    let response = next.run(request).await;
    if let Some(handler) = handler {
        let metrics = state.metrics();
        let code = response.status().as_str().to_owned();
        metrics
            .requests
            .get_or_create(&[("handler", handler.clone()), ("code", code)])
            .inc();
        metrics
            .request_seconds
            .get_or_create(&[("handler", handler)])
            .observe(started.elapsed().as_secs_f64());
    }
    response
}

/// The route in Prometheus' spelling: without the prefix, `:name` for a part of the path and
/// `*name` for its rest.
fn handler_name(path: &str, prefix: &str) -> String {
    path.strip_prefix(prefix)
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(path)
        .replace("{*", "*")
        .replace('{', ":")
        .replace('}', "")
}

/// `/metrics`: OpenMetrics where the client asks for it, Prometheus text otherwise.
pub(crate) async fn metrics(State(state): State<ApiState>, headers: HeaderMap) -> Response {
    answer(&state.registries(), &headers)
}

/// What registries show, in the format that the client takes.
pub(crate) fn answer(registries: &[Arc<Registry>], headers: &HeaderMap) -> Response {
    match encode(registries) {
        Ok(text) if accepts_open_metrics(headers) => with_type(OPEN_METRICS, text),
        Ok(text) => with_type(TEXT, to_prometheus_text(&text)),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Whether the client would take OpenMetrics.
fn accepts_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"))
}

/// An answer of this content type.
pub(crate) fn with_type(content_type: &'static str, body: String) -> Response {
    let content_type = HeaderValue::from_static(content_type);
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

fn encode(registries: &[Arc<Registry>]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for registry in registries {
        encode_registry(&mut text, registry)?;
    }
    encode_eof(&mut text)?;
    Ok(query_seconds::typed(&text))
}

/// Turns the OpenMetrics text of our own registries into Prometheus text, where a counter's
/// family has the name of its samples and there are no units and no end mark.
fn to_prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "unknown"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            // Writing into memory cannot fail.
            if let Some(help) = help.take() {
                let _ = writeln!(text, "# HELP {name}{suffix} {help}");
            }
            let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_keep_their_family_in_prometheus_text() {
        let (metrics, registry) = Metrics::new(20);
        metrics
            .requests
            .get_or_create(&[("handler", "/x".into()), ("code", "200".into())])
            .inc();
        let open_metrics = encode(&[Arc::new(registry)]).unwrap();
        assert!(open_metrics.ends_with("# EOF\n"));
        let text = to_prometheus_text(&open_metrics);
        let expected = "# HELP prometheus_http_requests_total Counter of HTTP requests.\n\
                        # TYPE prometheus_http_requests_total counter\n\
                        prometheus_http_requests_total{handler=\"/x\",code=\"200\"} 1\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("prometheus_engine_queries_concurrent_max 20\n"));
        assert!(!text.contains("EOF"));
    }

    #[test]
    fn handlers_are_spelled_as_prometheus_spells_them() {
        for (path, prefix, expected) in [
            ("/api/v1/query", "", "/api/v1/query"),
            (
                "/p/api/v1/label/{name}/values",
                "/p",
                "/api/v1/label/:name/values",
            ),
            ("/consoles/{*filepath}", "", "/consoles/*filepath"),
        ] {
            assert_eq!(handler_name(path, prefix), expected);
        }
    }
}
