//! What a querier is asked beyond what a server is, as Thanos Query is: who of the fleet is to
//! answer, and how replicas become one. A server reads none of these parameters.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use narthex_fleet::{Fleet, MemberStatus, ViewOptions};
use narthex_model::Labels;
use narthex_promql::parse_metric_selector;
use narthex_storage::Queryable;
use serde::Serialize;

use crate::error::ApiError;
use crate::params::Params;
use crate::state::Serving;
use crate::{envelope, time};

/// What a fleet answers, by what a request wishes.
pub type Views = Arc<dyn Fn(ViewOptions) -> Arc<dyn Queryable> + Send + Sync>;

/// Those whose samples are shown where none are kept.
#[derive(Clone)]
pub struct FleetServing {
    /// Who they are.
    pub fleet: Arc<Fleet>,
    /// What they have.
    pub view: Views,
}

impl fmt::Debug for FleetServing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FleetServing").field(&self.fleet).finish()
    }
}

/// The parameters that say whose samples are shown, and which of them.
const SCOPE: [&str; 5] = [
    "dedup",
    "replicaLabels[]",
    "partial_response",
    "storeMatch[]",
    "max_source_resolution",
];

/// One text for all that [`Serving::storage_for`] reads of a request: where it differs, so may the
/// answers.
pub(crate) fn scope(params: &Params) -> String {
    let values = SCOPE.map(|name| params.all(name).collect::<Vec<_>>());
    match values.iter().all(Vec::is_empty) {
        true => String::new(),
        false => format!("{values:?}"),
    }
}

impl Serving {
    /// What a request is answered from.
    ///
    /// # Errors
    /// One of Thanos' parameters cannot be read.
    pub(crate) fn storage_for(&self, params: &Params) -> Result<Arc<dyn Queryable>, ApiError> {
        let Some(fleet) = &self.fleet else {
            return Ok(Arc::clone(&self.storage));
        };
        let replica_labels: Vec<String> =
            params.all("replicaLabels[]").map(str::to_owned).collect();
        let members = params.all("storeMatch[]").map(|selector| {
            parse_metric_selector(selector)
                .map_err(|error| ApiError::invalid_parameter("storeMatch[]", error))
        });
        Ok((fleet.view)(ViewOptions {
            dedup: truth(params, "dedup")?,
            replica_labels: (!replica_labels.is_empty()).then_some(replica_labels),
            partial_response: truth(params, "partial_response")?,
            members: members.collect::<Result<_, _>>()?,
        }))
    }
}

/// A truth value in one of the words that Go reads; `None` where it is not given.
fn truth(params: &Params, name: &str) -> Result<Option<bool>, ApiError> {
    match params.get(name) {
        "" => Ok(None),
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Some(true)),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Some(false)),
        text => {
            let reason = format!("{text:?} is neither true nor false");
            Err(ApiError::invalid_parameter(name, reason))
        }
    }
}

/// A member as Thanos Query lists it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Store {
    name: String,
    last_check: Option<String>,
    last_error: Option<String>,
    label_sets: Vec<BTreeMap<String, String>>,
    min_time: i64,
    max_time: i64,
}

/// `/api/v1/stores`: the members by what they are. Those that have not said so yet are `unknown`.
/// A server has no such path, as Prometheus has none.
pub(crate) async fn stores(Extension(serving): Extension<Arc<Serving>>) -> Response {
    let Some(fleet) = &serving.fleet else {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    };
    let mut by_kind: BTreeMap<String, Vec<Store>> = BTreeMap::new();
    for status in fleet.fleet.statuses() {
        let kind = match status.kind.as_str() {
            "" => "unknown",
            kind => kind,
        };
        by_kind
            .entry(kind.to_owned())
            .or_default()
            .push(store(&status));
    }
    envelope::success(&by_kind)
}

fn store(status: &MemberStatus) -> Store {
    let pairs = |labels: &Labels| {
        let pairs = labels.iter();
        let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.collect()
    };
    Store {
        name: status.address.clone(),
        last_check: status.checked_ms.map(time::format_rfc3339),
        last_error: status.error.clone(),
        label_sets: status.label_sets.iter().map(pairs).collect(),
        min_time: status.range.map_or(0, |range| range.start_ms),
        max_time: status.range.map_or(0, |range| range.end_ms),
    }
}
