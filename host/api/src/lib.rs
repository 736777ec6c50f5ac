//! The HTTP API of Prometheus, and that of plugins.
//!
//! It is not: a place for logic. It reads what a request asks for, calls the crate that knows
//! the answer, and writes that in Prometheus' words. No other crate knows status codes.

mod active_queries;
mod admin;
mod agent;
mod alertmanager;
mod ast;
mod consoles;
mod dashboards;
mod entrance;
mod envelope;
mod error;
mod features;
mod federate;
mod fleet;
mod histogram;
mod json;
mod label_name;
mod lifecycle;
mod metric_names;
mod metrics;
mod metrics_apis;
mod notifications;
mod origin;
mod otlp;
mod params;
mod plugin_admin;
mod plugins;
mod push;
mod push_metrics;
mod query;
mod query_seconds;
mod read;
mod request_line;
mod router;
mod rules;
mod saved_queries;
mod series;
mod server;
mod state;
mod statistics;
mod status;
mod targets;
mod time;
mod ui;
mod unanswered;
mod unused_metrics;
mod worker;
mod write;

pub use active_queries::ActiveQueries;
pub use axum::Router;
pub use consoles::{CONSOLE_BYTES_MAX, CONSOLE_LIBRARIES_MAX, CONSOLES_MAX, ConsoleOptions};
pub use envelope::ANNOTATIONS_MAX;
pub use error::{ApiError, ErrorKind};
pub use features::FeatureList;
pub use fleet::{FleetServing, Views};
pub use metric_names::ASKED_METRICS_MAX;
pub use metrics_apis::MetricsApis;
pub use notifications::NOTIFICATIONS_WAITING_MAX;
pub use origin::OriginPattern;
pub use params::{FIELDS_MAX, FORM_BYTES_MAX, FORM_READ_TIMEOUT};
pub use plugin_admin::{PluginAdmin, PluginAdminError, PluginInstall, PluginLogs};
pub use plugins::{FOLLOWERS_MAX, REFERENCE_BYTES_MAX};
pub use query::STEPS_MAX;
pub use router::router;
pub use saved_queries::{NAME_CHARS_MAX, PANELS_BYTES_MAX, SAVED_QUERIES_MAX, SavedQueries};
pub use server::{DRAIN_TIMEOUT, HEAD_BYTES_MAX, HEADERS_MAX, STREAMS_MAX, ServerOptions, serve};
pub use state::{
    ApiOptions, ApiState, ExternalUrl, LIFECYCLE_REQUESTS_MAX, LifecycleRequest, RunningConfig,
    Serving,
};
pub use status::{BuildInfo, STATS_MAX};
pub use targets::{PREVIEW_SAMPLES_MAX, PrintJob};
pub use worker::{WorkerPages, worker_router};
pub use write::{WRITE_BYTES_WAITING_MAX, WRITE_READ_TIMEOUT, WRITES_MAX};
