//! `/api/v1/saved_queries`: queries that people keep on the server, so that others find them.
//! Prometheus has nothing like it.
//!
//! It is not: where they are kept, which is [`store`]; nor does it look into the panels, which are a
//! text of the page of queries that the page reads as it reads its own address.

mod store;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use narthex_model::with_sources;
use serde_json::{Value, json};

use crate::error::{ApiError, ErrorKind};
use crate::params::Params;
use crate::{ApiState, envelope, time};

pub use store::{NAME_CHARS_MAX, PANELS_BYTES_MAX, SAVED_QUERIES_MAX, SavedQueries};
use store::{SaveError, SavedQuery};

/// `GET /api/v1/saved_queries`: all of them, by name.
pub(crate) async fn list(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let mut all = saved(&state)?.all();
    all.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    let all: Vec<Value> = all.iter().map(shown).collect();
    Ok(envelope::success(&all))
}

/// `GET /api/v1/saved_queries/{id}`
pub(crate) async fn one(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let found = saved(&state)?.get(number(&id)?)?;
    Ok(envelope::success(&shown(&found)))
}

/// `POST /api/v1/saved_queries`: keeps `panels` under `name`; the answer is what is kept then.
pub(crate) async fn create(
    State(state): State<ApiState>,
    params: Params,
) -> Result<Response, ApiError> {
    let (name, panels) = (
        params.get("name").to_owned(),
        params.get("panels").to_owned(),
    );
    change(&state, move |saved| saved.create(&name, &panels)).await
}

/// `PUT /api/v1/saved_queries/{id}`: gives it another `name`, other `panels`, or both; what is left
/// out stays.
pub(crate) async fn update(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let id = number(&id)?;
    let (name, panels) = (
        params.get("name").to_owned(),
        params.get("panels").to_owned(),
    );
    change(&state, move |saved| saved.update(id, &name, &panels)).await
}

/// `DELETE /api/v1/saved_queries/{id}`; the answer is what was kept until then.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = number(&id)?;
    change(&state, move |saved| saved.delete(id)).await
}

/// Does to the saved queries what waits for a disk.
async fn change(
    state: &ApiState,
    action: impl FnOnce(&SavedQueries) -> Result<(u64, SavedQuery), SaveError> + Send + 'static,
) -> Result<Response, ApiError> {
    let saved = saved(state)?;
    let changed = tokio::task::spawn_blocking(move || action(&saved)).await;
    let changed = changed.map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))?;
    Ok(envelope::success(&shown(&changed?)))
}

fn saved(state: &ApiState) -> Result<Arc<SavedQueries>, ApiError> {
    let unavailable = || ApiError::new(ErrorKind::Unavailable, "no queries are kept here");
    state.saved_queries().ok_or_else(unavailable)
}

fn number(id: &str) -> Result<u64, ApiError> {
    // An id that is no number belongs to none.
    id.parse().map_err(|_| {
        let text = format!("no saved query has the id {id:?}");
        ApiError::new(ErrorKind::NotFound, text)
    })
}

/// The id is a text: a script's numbers do not hold all of ours.
fn shown((id, query): &(u64, SavedQuery)) -> Value {
    json!({
        "id": id.to_string(),
        "name": query.name,
        "panels": query.panels,
        "updatedAt": time::format_rfc3339(query.updated_ms),
    })
}

impl From<SaveError> for ApiError {
    fn from(error: SaveError) -> Self {
        let kind = match error {
            SaveError::Unknown(_) => ErrorKind::NotFound,
            SaveError::Invalid(_) | SaveError::Taken(_) => ErrorKind::BadData,
            SaveError::Full => ErrorKind::Execution,
            SaveError::Disk(_) => ErrorKind::Internal,
        };
        let text = with_sources(&error);
        if kind == ErrorKind::Internal {
            tracing::error!(error = text, "saved queries cannot be changed");
        }
        Self::new(kind, text)
    }
}
