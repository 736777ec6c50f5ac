//! `/api/v1/dashboards`: the dashboards that there are, and each of them as it is written.
//! Prometheus has nothing like it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use narthex_dashboard::Catalogue;

use crate::error::{ApiError, ErrorKind};
use crate::{ApiState, envelope};

/// What is answered about dashboards; nothing of it changes anything.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/dashboards", get(list).options(options))
        .route("/dashboards/{name}", get(detail).options(options))
}

async fn options() -> Response {
    envelope::no_content()
}

/// `/api/v1/dashboards`: all of them, those with an error among them.
async fn list(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let found = looked_up(&state, |catalogue| catalogue.list()).await?;
    Ok(envelope::success(&found))
}

/// `/api/v1/dashboards/{name}`: what the list says of it, and `dashboard`, all that it holds.
async fn detail(
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let asked = name.clone();
    let found = looked_up(&state, move |catalogue| catalogue.detail(&asked)).await?;
    let unknown = || {
        let text = format!("no dashboard is named {name:?}");
        ApiError::new(ErrorKind::NotFound, text)
    };
    Ok(envelope::success(&found.ok_or_else(unknown)?))
}

/// Files are read where others need not wait for it.
async fn looked_up<T: Send + 'static>(
    state: &ApiState,
    look: impl FnOnce(&Catalogue) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let catalogue = Arc::clone(&state.options().dashboards);
    let looked = tokio::task::spawn_blocking(move || look(&catalogue)).await;
    looked.map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))
}
