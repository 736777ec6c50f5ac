//! What an agent answers where only a server has something to say.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::ApiState;
use crate::error::{ApiError, ErrorKind};

/// The paths below `/api/v1` of which an agent knows nothing, as in Prometheus. Those of the admin
/// API are told by what they begin with.
const SERVER_ONLY: [&str; 16] = [
    "/query",
    "/query_range",
    "/query_exemplars",
    "/format_query",
    "/parse_query",
    "/series",
    "/labels",
    "/label/{name}/values",
    "/saved_queries",
    "/saved_queries/{id}",
    "/rules",
    "/alerts",
    "/alertmanagers",
    "/status/tsdb",
    "/status/tsdb/blocks",
    "/status/unused_metrics",
];

const ADMIN: &str = "/admin/tsdb/";

/// Refuses what an agent has not.
pub(crate) async fn refuse(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("", MatchedPath::as_str);
    if state.options().is_agent && is_server_only(path) {
        let text = "unavailable with Prometheus Agent";
        return ApiError::new(ErrorKind::Execution, text).into_response();
    }
    next.run(request).await
}

/// Whether it is a path of servers, whatever prefix the API has.
fn is_server_only(path: &str) -> bool {
    let Some((_, path)) = path.split_once("/api/v1") else {
        return false;
    };
    SERVER_ONLY.contains(&path) || path.starts_with(ADMIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_whatever_prefix_it_has() {
        for (path, expected) in [
            ("/api/v1/query", true),
            ("/prefix/api/v1/label/{name}/values", true),
            ("/api/v1/admin/tsdb/snapshot", true),
            ("/api/v1/targets", false),
            ("/api/v1/status/config", false),
            ("/api/v1/write", false),
            ("/api/v1/read", false),
            ("/query", false),
            ("", false),
        ] {
            assert_eq!(is_server_only(path), expected, "{path}");
        }
    }
}
