//! `/api/v1/plugins`: what runs in the sandbox, what it logs, and how an operator changes it.
//! Prometheus has nothing like it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::error::{ApiError, ErrorKind};
use crate::params::Params;
use crate::plugin_admin::{PluginAdmin, PluginAdminError, PluginInstall};
use crate::state::Serving;
use crate::{ApiState, envelope};

/// So many clients may follow logs at a time, as many as Prometheus lets follow its
/// notifications; one more is refused.
pub const FOLLOWERS_MAX: usize = 16;

/// A reference of a package may have this many bytes, as many as a repository's name and a tag
/// have in registries together; a longer one is answered with 400.
pub const REFERENCE_BYTES_MAX: usize = 512;

/// The media type of a log that is followed: a JSON object a line.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// Lets only those through who may see logs and change plugins.
pub(crate) async fn require_admin(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    if state.options().is_admin_enabled {
        return next.run(request).await;
    }
    ApiError::new(ErrorKind::Unavailable, "admin APIs disabled").into_response()
}

/// `/api/v1/plugins`
pub(crate) async fn list(Extension(serving): Extension<Arc<Serving>>) -> Response {
    envelope::success(&serving.plugins.list())
}

/// `/api/v1/plugins/{name}`
pub(crate) async fn detail(
    Extension(serving): Extension<Arc<Serving>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    answer(serving.plugins.as_ref(), &name)
}

/// `POST /api/v1/plugins/{name}/reload`; the answer is what the plugin is then.
pub(crate) async fn reload(
    Extension(serving): Extension<Arc<Serving>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    serving.plugins.reload(&name).await?;
    answer(serving.plugins.as_ref(), &name)
}

/// `POST /api/v1/plugins/{name}/rollback`; the answer is what the plugin is then.
pub(crate) async fn roll_back(
    Extension(serving): Extension<Arc<Serving>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    serving.plugins.roll_back(&name).await?;
    answer(serving.plugins.as_ref(), &name)
}

/// `/api/v1/plugins/available`: what the registry's index lists.
pub(crate) async fn available(
    Extension(serving): Extension<Arc<Serving>>,
) -> Result<Response, ApiError> {
    Ok(envelope::success(&serving.plugins.available().await?))
}

/// `POST /api/v1/plugins/install`: what installing `reference` would change; with `approve`, as
/// that answer had it, it is installed.
pub(crate) async fn install(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let reference = params.get("reference").trim();
    if reference.is_empty() {
        return Err(ApiError::invalid_parameter("reference", "it is missing"));
    }
    if reference.len() > REFERENCE_BYTES_MAX {
        let reason = format!("it has over {REFERENCE_BYTES_MAX} bytes");
        return Err(ApiError::invalid_parameter("reference", reason));
    }
    let approve = params.get("approve");
    let asked = PluginInstall {
        reference: reference.to_owned(),
        approve: (!approve.is_empty()).then(|| approve.to_owned()),
    };
    Ok(envelope::success(&serving.plugins.install(&asked).await?))
}

/// `POST /api/v1/plugins/{name}/remove`; the answer is what the plugin is then, null where it is
/// gone.
pub(crate) async fn remove(
    Extension(serving): Extension<Arc<Serving>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    serving.plugins.remove(&name).await?;
    Ok(envelope::success(&serving.plugins.detail(&name)))
}

fn answer(plugins: &dyn PluginAdmin, name: &str) -> Result<Response, ApiError> {
    let detail = plugins.detail(name).ok_or_else(|| unknown(name))?;
    Ok(envelope::success(&detail))
}

/// `/api/v1/plugins/{name}/logs`: the last lines; with `follow=1` each as a line of its own, and
/// those that come, until the client leaves or the server stops.
pub(crate) async fn logs(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let follow = match params.get("follow") {
        "" | "0" | "false" => false,
        "1" | "true" => true,
        other => {
            let reason = format!("{other:?} is neither 1 nor 0");
            return Err(ApiError::invalid_parameter("follow", reason));
        }
    };
    let logs = serving.plugins.logs(&name).ok_or_else(|| unknown(&name))?;
    if !follow {
        return Ok(envelope::success(&logs.lines));
    }
    let Ok(place) = state.log_followers().try_acquire_owned() else {
        let text = format!("{FOLLOWERS_MAX} clients follow logs already");
        return Err(ApiError::new(ErrorKind::Unavailable, text));
    };
    let mut stopping = state.stopping();
    let stopped = async move {
        // Nobody left who could say so: it has stopped.
        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    };
    let lines = stream::iter(logs.lines)
        .chain(logs.following)
        .take_until(stopped);
    Ok(follow_response(lines, place))
}

fn follow_response(
    lines: impl Stream<Item = Value> + Send + 'static,
    place: OwnedSemaphorePermit,
) -> Response {
    let lines = lines.map(move |line| {
        // It is free again when the client has left and the stream is dropped.
        let _held = &place;
        Ok::<_, Infallible>(Bytes::from(format!("{line}\n")))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn unknown(name: &str) -> ApiError {
    PluginAdminError::Unknown(name.to_owned()).into()
}

impl From<PluginAdminError> for ApiError {
    fn from(error: PluginAdminError) -> Self {
        let kind = match error {
            PluginAdminError::Unknown(_) | PluginAdminError::Missing(_) => ErrorKind::NotFound,
            PluginAdminError::Refused(_) => ErrorKind::Execution,
            PluginAdminError::Invalid(_) => ErrorKind::BadData,
            PluginAdminError::Unavailable(_) => ErrorKind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}
