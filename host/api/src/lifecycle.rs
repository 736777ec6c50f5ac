//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`, and that nothing is read from a store
//! that is not open yet.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use crate::ApiState;
use crate::state::LifecycleRequest;

/// Tells a load balancer that a "not ready" is a start and not a stop.
const STOPPING: HeaderName = HeaderName::from_static("x-prometheus-stopping");

/// What it calls itself, in Prometheus' words.
fn name(state: &ApiState) -> &'static str {
    match state.options().is_agent {
        true => "Prometheus Agent",
        false => "Prometheus Server",
    }
}

/// Alive.
pub(crate) async fn healthy(State(state): State<ApiState>) -> String {
    format!("{} is Healthy.\n", name(&state))
}

/// Ready to answer queries.
pub(crate) async fn ready(State(state): State<ApiState>) -> Response {
    match state.serving() {
        // Nobody new is to be sent here, however well who is here is answered.
        Some(_) if !state.is_leaving() => format!("{} is Ready.\n", name(&state)).into_response(),
        _ => not_ready(&state),
    }
}

fn not_ready(state: &ApiState) -> Response {
    let is_stopping = if state.is_leaving() { "true" } else { "false" };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(STOPPING, HeaderValue::from_static(is_stopping))],
        "Service Unavailable",
    )
        .into_response()
}

/// Answers 503 until the store is open; later, gives the handler what it reads from.
pub(crate) async fn require_ready(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(serving) = state.serving() else {
        return not_ready(&state);
    };
    request.extensions_mut().insert(serving);
    next.run(request).await
}

/// GET of an endpoint that changes state.
pub(crate) async fn wrong_method() -> Response {
    (
        StatusCode::METHOD_NOT_ALLOWED,
        "Only POST or PUT requests allowed",
    )
        .into_response()
}

/// Reads the config again.
pub(crate) async fn reload(State(state): State<ApiState>) -> Response {
    if !state.options().is_lifecycle_enabled {
        return not_enabled();
    }
    let (reply, answer) = oneshot::channel();
    let request = LifecycleRequest::Reload(reply);
    if state.options().lifecycle.try_send(request).is_err() {
        return busy();
    }
    match answer.await {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(reason)) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to reload config: {reason}\n"),
        )
            .into_response(),
        Err(_) => busy(),
    }
}

/// Stops the process.
pub(crate) async fn quit(State(state): State<ApiState>) -> Response {
    if !state.options().is_lifecycle_enabled {
        return not_enabled();
    }
    match state.options().lifecycle.try_send(LifecycleRequest::Quit) {
        Ok(()) => "Requesting termination... Goodbye!".into_response(),
        Err(_) => busy(),
    }
}

fn not_enabled() -> Response {
    (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.").into_response()
}

fn busy() -> Response {
    let text = "The server is starting, stopping, or busy with earlier requests of this kind.\n";
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}
