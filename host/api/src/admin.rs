//! `/api/v1/admin/tsdb`: deleting samples, freeing their room, and copies of the store.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use narthex_model::with_sources;
use narthex_promql::parse_metric_selector;
use narthex_storage::AdminError;
use serde::Serialize;

use crate::error::{ApiError, ErrorKind};
use crate::params::Params;
use crate::state::Serving;
use crate::{ApiState, envelope};

fn check_enabled(state: &ApiState) -> Result<(), ApiError> {
    match state.options().is_admin_enabled {
        true => Ok(()),
        false => Err(ApiError::new(ErrorKind::Unavailable, "admin APIs disabled")),
    }
}

/// `/api/v1/admin/tsdb/delete_series`
pub(crate) async fn delete_series(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    check_enabled(&state)?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = params.time_range()?;
    // All are read before anything is deleted. A selector may take every series.
    let selectors = params.all("match[]").map(parse_metric_selector);
    let selectors = selectors
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ApiError::invalid_parameter("match[]", error))?;
    let deleted = serving.admin.clone().delete(selectors, range).await;
    deleted.map_err(failed)?;
    Ok(envelope::no_content())
}

/// `/api/v1/admin/tsdb/clean_tombstones`
pub(crate) async fn clean_tombstones(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
) -> Result<Response, ApiError> {
    check_enabled(&state)?;
    let cleaned = serving.admin.clone().clean_tombstones().await;
    cleaned.map_err(failed)?;
    Ok(envelope::no_content())
}

/// The answer of a snapshot.
#[derive(Debug, Serialize)]
struct Snapshot {
    name: String,
}

/// `/api/v1/admin/tsdb/snapshot`
pub(crate) async fn snapshot(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    check_enabled(&state)?;
    let skips_head = match params.get("skip_head") {
        "" => false,
        text => parse_bool(text).ok_or_else(|| {
            let reason = format!(
                "unable to parse boolean: strconv.ParseBool: parsing {text:?}: invalid syntax"
            );
            ApiError::invalid_parameter("skip_head", reason)
        })?,
    };
    let name = serving.admin.clone().snapshot(skips_head).await;
    let name = name.map_err(failed)?;
    Ok(envelope::success(&Snapshot { name }))
}

/// The words that Go takes for a boolean.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

fn failed(error: AdminError) -> ApiError {
    ApiError::new(ErrorKind::Internal, with_sources(&error))
}
