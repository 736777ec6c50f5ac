//! The few pages of a process that works and answers no queries: its metrics, whether it is ready,
//! and what it found.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;

use crate::{envelope, metrics};

/// What such a process shows.
#[derive(Clone)]
pub struct WorkerPages {
    /// What it calls itself in `/-/healthy` and `/-/ready`.
    pub name: &'static str,
    /// For `/metrics`.
    pub registry: Arc<Registry>,
    /// For `/-/ready`.
    pub is_ready: Arc<AtomicBool>,
    /// For `/api/v1/status/work`: what it found when it last looked, as JSON.
    pub status: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
}

/// The pages.
pub fn worker_router(pages: WorkerPages) -> Router {
    Router::new()
        .route("/metrics", get(show_metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/api/v1/status/work", get(status))
        .with_state(pages)
}

async fn show_metrics(State(pages): State<WorkerPages>, headers: HeaderMap) -> Response {
    metrics::answer(&[pages.registry], &headers)
}

async fn healthy(State(pages): State<WorkerPages>) -> String {
    format!("{} is Healthy.\n", pages.name)
}

async fn ready(State(pages): State<WorkerPages>) -> Response {
    match pages.is_ready.load(Ordering::Relaxed) {
        true => format!("{} is Ready.\n", pages.name).into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").into_response(),
    }
}

async fn status(State(pages): State<WorkerPages>) -> Response {
    envelope::success(&(pages.status)())
}
