//! `/api/v2`: Alertmanager's API, where `--alertmanager.config.file` opens it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use narthex_alertmanager::{AlertQuery, Alertmanager, ApiFault, FaultKind, VersionInfo};
use serde_json::{Value, json};

use crate::params::Params;
use crate::state::Serving;
use crate::unanswered::SayMethods;
use crate::write::take_body;
use crate::{ApiState, lifecycle, origin};

const NOT_ENABLED: &str = "Alertmanager's interface needs --alertmanager.config.file";

/// The paths below `/api/v2`.
pub(crate) fn routes(state: &ApiState) -> Router<ApiState> {
    Router::new()
        .route("/status", get(status))
        .route("/receivers", get(receivers))
        .route("/alerts/groups", get(groups))
        .route("/alerts", get(alerts))
        .route("/silences", get(silences))
        .route("/silence/{id}", get(silence))
        .route(
            "/alerts",
            post(post_alerts).route_layer(from_fn(origin::refuse_other_sites)),
        )
        .route(
            "/silences",
            post(post_silence).route_layer(from_fn(origin::refuse_other_sites)),
        )
        .route(
            "/silence/{id}",
            delete(expire_silence).route_layer(from_fn(origin::refuse_other_sites)),
        )
        .fallback(unknown)
        .layer(from_fn_with_state(state.clone(), lifecycle::require_ready))
        .layer(from_fn(say_which_methods))
        .layer(from_fn_with_state(
            state.clone(),
            origin::answer_as_alertmanager,
        ))
}

fn not_enabled() -> Response {
    (StatusCode::NOT_FOUND, format!("{NOT_ENABLED}\n")).into_response()
}

async fn status(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
) -> Response {
    let build = &state.options().build;
    let version = VersionInfo {
        branch: build.branch.clone(),
        build_date: build.build_date.clone(),
        build_user: build.build_user.clone(),
        go_version: build.go_version.clone(),
        revision: build.revision.clone(),
        version: build.narthex_version.clone(),
    };
    with(&serving, |manager| Ok(manager.status(&version)))
}

async fn receivers(Extension(serving): Extension<Arc<Serving>>) -> Response {
    with(&serving, |manager| Ok(manager.receivers()))
}

async fn alerts(Extension(serving): Extension<Arc<Serving>>, params: Params) -> Response {
    let query = query(&params);
    with(&serving, |manager| manager.alerts(&query))
}

async fn groups(Extension(serving): Extension<Arc<Serving>>, params: Params) -> Response {
    let query = query(&params);
    with(&serving, |manager| manager.groups(&query))
}

async fn silences(Extension(serving): Extension<Arc<Serving>>, params: Params) -> Response {
    let filters: Vec<String> = params.all("filter").map(str::to_owned).collect();
    with(&serving, |manager| manager.silences(&filters))
}

async fn silence(Extension(serving): Extension<Arc<Serving>>, Path(id): Path<String>) -> Response {
    with(&serving, |manager| manager.silence(&id))
}

async fn post_alerts(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    body: Body,
) -> Response {
    let ok = |_: &()| StatusCode::OK.into_response();
    take(&state, &serving, body, Alertmanager::post_body, ok).await
}

async fn post_silence(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    body: Body,
) -> Response {
    take(&state, &serving, body, Alertmanager::post_silence, answer).await
}

/// Reads a body within its bounds, hands it to the Alertmanager, which may wait for the disk, and
/// answers.
async fn take<T: Send + 'static>(
    state: &ApiState,
    serving: &Serving,
    body: Body,
    ask: fn(&Alertmanager, &[u8]) -> Result<T, ApiFault>,
    answer: fn(&T) -> Response,
) -> Response {
    let Some(manager) = serving.alertmanager.clone() else {
        return not_enabled();
    };
    let taken = take_body(state.write_bounds(), body, move |body| ask(&manager, &body));
    match taken.await {
        Ok(Ok(taken)) => answer(&taken),
        Ok(Err(fault)) => refused(&fault),
        Err(refusal) => (StatusCode::SERVICE_UNAVAILABLE, Json(refusal.message)).into_response(),
    }
}

async fn expire_silence(
    Extension(serving): Extension<Arc<Serving>>,
    Path(id): Path<String>,
) -> Response {
    let Some(manager) = serving.alertmanager.clone() else {
        return not_enabled();
    };
    // It waits for the disk.
    let ended = tokio::task::spawn_blocking(move || manager.expire_silence(&id)).await;
    match ended {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(fault)) if fault.kind == FaultKind::NotFound => {
            StatusCode::NOT_FOUND.into_response()
        }
        Ok(Err(fault)) => refused(&fault),
        Err(error) => {
            tracing::error!(%error, "a silence cannot be expired");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn unknown(uri: Uri) -> Response {
    // What is left of a path within a router begins behind the router's own.
    let message = format!("path /api/v2{} was not found", uri.path());
    let text = json!({"code": 404, "message": message});
    (StatusCode::NOT_FOUND, Json(text)).into_response()
}

/// Has a method that a path has not answered as Alertmanager does.
async fn say_which_methods(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.extensions_mut().insert(SayMethods(wrong_method));
    }
    response
}

/// What Alertmanager says of a method that a path has not: with those that it has.
fn wrong_method(method: &Method, allowed: &str) -> Response {
    // What answers a GET answers a HEAD, which Alertmanager does not name.
    let methods = allowed.split(',').filter(|method| *method != "HEAD");
    let methods = methods.collect::<Vec<_>>().join(",");
    let message = format!("method {method} is not allowed, but [{methods}] are");
    let text = json!({"code": 405, "message": message});
    (StatusCode::METHOD_NOT_ALLOWED, Json(text)).into_response()
}

fn with(serving: &Serving, ask: impl FnOnce(&Alertmanager) -> Result<Value, ApiFault>) -> Response {
    match serving.alertmanager.as_deref().map(ask) {
        Some(Ok(found)) => answer(&found),
        Some(Err(fault)) => refused(&fault),
        None => not_enabled(),
    }
}

fn answer(found: &Value) -> Response {
    let mut response = Json(found).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refused(fault: &ApiFault) -> Response {
    let status = match fault.kind {
        FaultKind::BadRequest => StatusCode::BAD_REQUEST,
        FaultKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        FaultKind::NotFound => StatusCode::NOT_FOUND,
        FaultKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FaultKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(fault.body())).into_response()
}

/// The words that go-openapi takes for a yes; all others are a no.
const YES: [&str; 10] = [
    "true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled",
];

/// What a request for alerts asks for. `unprocessed` is not looked at: what mutes an alert is found
/// out while it is shown, so none is.
fn query(params: &Params) -> AlertQuery {
    let flag = |name: &'static str| match params.get(name) {
        "" => true,
        text => YES.contains(&text.to_ascii_lowercase().as_str()),
    };
    let receiver = params.get("receiver");
    AlertQuery {
        active: flag("active"),
        silenced: flag("silenced"),
        inhibited: flag("inhibited"),
        muted: flag("muted"),
        filters: params.all("filter").map(str::to_owned).collect(),
        receiver: (!receiver.is_empty()).then(|| receiver.to_owned()),
    }
}
