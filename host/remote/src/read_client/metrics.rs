//! What the clients of remote read say of themselves, under Prometheus' names.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RemoteLabels {
    pub(super) remote_name: String,
    pub(super) url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FormLabels {
    remote_name: String,
    url: String,
    response_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    remote_name: String,
    url: String,
    response_type: &'static str,
    code: String,
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseType {
    Sampled,
    Chunked,
    /// Neither, an answer that refuses among them.
    Unsupported,
}

impl ResponseType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sampled => "sampled",
            Self::Chunked => "chunked",
            Self::Unsupported => "unsupported",
        }
    }
}

/// As in Prometheus: the usual bounds and two more.
const SECONDS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0,
];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// Of all stores.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    queries: Family<CodeLabels, Counter>,
    under_way: Family<RemoteLabels, Gauge<i64, AtomicI64>>,
    seconds: Family<FormLabels, Histogram, fn() -> Histogram>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            queries: Family::default(),
            under_way: Family::default(),
            seconds: Family::new_with_constructor(seconds),
        };
        let registry = registry.sub_registry_with_prefix("prometheus_remote_storage");
        registry.register(
            "read_queries",
            "The total number of remote read queries",
            metrics.queries.clone(),
        );
        registry.register(
            "remote_read_queries",
            "The number of in-flight remote read queries",
            metrics.under_way.clone(),
        );
        registry.register(
            "read_request_duration_seconds",
            "Histogram of the latency for remote read requests. Note that for streamed responses this is only the duration of the initial call and does not include the processing of the stream",
            metrics.seconds.clone(),
        );
        metrics
    }

    /// From here to the drop of what is returned a query is under way.
    pub(super) fn begin(&self, labels: &RemoteLabels) -> UnderWay {
        let gauge = self.under_way.get_or_create_owned(labels);
        gauge.inc();
        UnderWay(gauge)
    }

    /// The head of an answer has come.
    pub(super) fn took(&self, labels: &RemoteLabels, form: ResponseType, seconds: f64) {
        let labels = FormLabels {
            remote_name: labels.remote_name.clone(),
            url: labels.url.clone(),
            response_type: form.as_str(),
        };
        let histogram = self.seconds.get_or_create_owned(&labels);
        histogram.observe(seconds);
    }

    /// An answer has ended.
    pub(super) fn ended(&self, labels: &RemoteLabels, form: ResponseType, code: String) {
        let labels = CodeLabels {
            remote_name: labels.remote_name.clone(),
            url: labels.url.clone(),
            response_type: form.as_str(),
            code,
        };
        self.queries.get_or_create_owned(&labels).inc();
    }
}

/// A query that is under way; also one that is given up ends.
pub(super) struct UnderWay(Gauge<i64, AtomicI64>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}
