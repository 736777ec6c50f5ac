//! What the server says of its requests, under the names that gRPC servers in Go have for it.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tonic::Code;

use crate::code;

/// Method, service, and whether it streams.
type Called = [(&'static str, &'static str); 3];

/// Method, service, whether it streams, and what became of it.
type Handled = [(&'static str, &'static str); 4];

/// The bounds that Thanos has, in seconds.
const SECONDS: [f64; 17] = [
    0.001, 0.01, 0.1, 0.3, 0.6, 1.0, 3.0, 6.0, 9.0, 20.0, 30.0, 60.0, 90.0, 120.0, 240.0, 360.0,
    720.0,
];

/// What is counted of requests.
#[derive(Debug, Clone)]
pub struct GrpcMetrics {
    started: Family<Called, Counter>,
    handled: Family<Handled, Counter>,
    seconds: Family<Called, Histogram, fn() -> Histogram>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl GrpcMetrics {
    /// Metrics in a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            started: Family::default(),
            handled: Family::default(),
            seconds: Family::new_with_constructor(seconds),
        };
        registry.register(
            "grpc_server_started",
            "Total number of RPCs started on the server.",
            metrics.started.clone(),
        );
        registry.register(
            "grpc_server_handled",
            "Total number of RPCs completed on the server, regardless of success or failure.",
            metrics.handled.clone(),
        );
        registry.register(
            "grpc_server_handling_seconds",
            "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.",
            metrics.seconds.clone(),
        );
        metrics
    }

    /// A request comes in; `unary` and `server_stream` are the kinds.
    pub(super) fn begin(&self, path: &'static str, kind: &'static str) -> Call {
        let (service, name) = path
            .strip_prefix('/')
            .and_then(|path| path.split_once('/'))
            .unwrap_or((path, ""));
        let called = [
            ("grpc_method", name),
            ("grpc_service", service),
            ("grpc_type", kind),
        ];
        self.started.get_or_create(&called).inc();
        Call {
            metrics: self.clone(),
            called,
            started: Instant::now(),
            code: Code::Cancelled,
        }
    }
}

/// A request that is being answered. It counts as given up by who asked, unless it is said how it
/// ended.
#[derive(Debug)]
pub(super) struct Call {
    metrics: GrpcMetrics,
    called: Called,
    started: Instant,
    code: Code,
}

impl Call {
    /// It ended so.
    pub(super) fn end(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let [method, service, kind] = self.called;
        let code = ("grpc_code", code::name(self.code));
        let handled = [code, method, service, kind];
        self.metrics.handled.get_or_create(&handled).inc();
        let took: Duration = self.started.elapsed();
        let seconds = self.metrics.seconds.get_or_create(&self.called);
        seconds.observe(took.as_secs_f64());
    }
}
