//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/:name/values`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path};
use axum::response::Response;
use narthex_model::{Labels, with_sources};
use narthex_storage::{LabelsRequest, StorageError, Warnings};

use crate::error::{ApiError, ErrorKind};
use crate::params::Params;
use crate::state::Serving;
use crate::{envelope, json, label_name};

/// What a cut list is answered with.
pub(crate) const TRUNCATED: &str = "results truncated due to limit";

/// `/api/v1/series`
pub(crate) async fn series(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit()?;
    let range = params.time_range()?;
    let sets = params
        .matcher_sets()
        .map_err(|reason| ApiError::invalid_parameter("match[]", reason))?;
    let mut found: BTreeSet<Labels> = BTreeSet::new();
    let warnings = Warnings::default();
    let storage = serving.storage_for(&params)?;
    for matchers in sets {
        let request = LabelsRequest {
            matchers,
            range,
            // One more tells whether there are more.
            limit: limit.map(|limit| limit.saturating_add(1)),
        };
        let series = storage.series_with_warnings(&request, &warnings);
        found.extend(series.await.map_err(failed)?);
    }
    let mut annotations = envelope::Annotations {
        warnings: warnings.texts(),
        ..envelope::Annotations::default()
    };
    let shown = limit.map_or(found.len(), |limit| limit.min(found.len()));
    if shown < found.len() {
        annotations.warnings.push(TRUNCATED.to_owned());
    }
    let items = found.into_iter().take(shown);
    Ok(envelope::success_list(
        "",
        items,
        json::push_labels,
        b"",
        &annotations,
    ))
}

/// `/api/v1/labels`
pub(crate) async fn label_names(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let storage = serving.storage_for(&params)?;
    let mut found = Vec::new();
    for request in label_requests(&params)? {
        let names = storage.label_names(&request).await;
        found.push(names.map_err(failed)?);
    }
    Ok(sorted_list(found, limit))
}

/// `/api/v1/label/:name/values`
pub(crate) async fn label_values(
    Extension(serving): Extension<Arc<Serving>>,
    name: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, ApiError> {
    let name = name.map_err(|error| {
        ApiError::bad_data(format!("invalid label name: {}", error.body_text()))
    })?;
    let name = label_name::unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let limit = params.limit()?;
    let storage = serving.storage_for(&params)?;
    let mut found = Vec::new();
    for request in label_requests(&params)? {
        let values = storage.label_values(&name, &request).await;
        found.push(values.map_err(failed)?);
    }
    Ok(sorted_list(found, limit))
}

/// One request for each selector, or one for all series.
fn label_requests(params: &Params) -> Result<Vec<LabelsRequest>, ApiError> {
    let range = params.time_range()?;
    // One more tells whether there are more.
    let limit = params.limit()?.map(|limit| limit.saturating_add(1));
    let mut sets = params
        .matcher_sets()
        .map_err(|reason| ApiError::invalid_parameter("match[]", reason))?;
    if sets.is_empty() {
        sets.push(Vec::new());
    }
    let requests = sets.into_iter();
    Ok(requests
        .map(|matchers| LabelsRequest {
            matchers,
            range,
            limit,
        })
        .collect())
}

/// The answers of all selectors as one sorted list without repetition.
fn sorted_list(mut found: Vec<Vec<String>>, limit: Option<usize>) -> Response {
    let mut texts = match found.len() {
        1 => found.pop().unwrap_or_default(),
        _ => {
            let all: BTreeSet<String> = found.into_iter().flatten().collect();
            all.into_iter().collect()
        }
    };
    let mut annotations = envelope::Annotations::default();
    if let Some(limit) = limit.filter(|limit| *limit < texts.len()) {
        texts.truncate(limit);
        annotations.warnings.push(TRUNCATED.to_owned());
    }
    let write = |out: &mut Vec<u8>, text: &String| json::push_str(out, text);
    envelope::success_list("", texts.into_iter(), write, b"", &annotations)
}

/// A failed read, which these endpoints tell as a failed execution.
fn failed(error: StorageError) -> ApiError {
    ApiError::new(ErrorKind::Execution, with_sources(&error))
}
