//! `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers`: a config with rules or
//! Alertmanagers is not taken yet, so there are none, which is what clients that ask on their
//! start (Grafana does) must be told.

use axum::response::Response;
use serde::Serialize;

use crate::envelope;
use crate::error::ApiError;
use crate::params::Params;

#[derive(Serialize)]
struct Rules {
    groups: [(); 0],
}

/// `/api/v1/rules`
pub(crate) async fn rules(params: Params) -> Result<Response, ApiError> {
    let kind = params.get("type");
    match kind.to_ascii_lowercase().as_str() {
        "" | "alert" | "record" => Ok(envelope::success(&Rules { groups: [] })),
        other => Err(ApiError::invalid_parameter(
            "type",
            format!("not supported value {other:?}"),
        )),
    }
}

#[derive(Serialize)]
struct Alerts {
    alerts: [(); 0],
}

/// `/api/v1/alerts`
pub(crate) async fn alerts() -> Response {
    envelope::success(&Alerts { alerts: [] })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: [(); 0],
    dropped_alertmanagers: [(); 0],
}

/// `/api/v1/alertmanagers`
pub(crate) async fn alertmanagers() -> Response {
    envelope::success(&Alertmanagers {
        active_alertmanagers: [],
        dropped_alertmanagers: [],
    })
}
