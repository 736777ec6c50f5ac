//! `/api/v1/status/unused_metrics`: metrics that take room and that nobody asks for. Prometheus has
//! nothing like it.
//!
//! A metric is unused where neither a rule's query, nor a query of a dashboard of this server, nor a
//! query that was asked over HTTP since the server started has a selector for its name. A selector
//! that finds any name asks for none. What others read without a query (remote read, federation, the
//! StoreAPI, remote write) and what is asked of other servers is not known here. A querier has no
//! metrics of its own, and does not know who asks its members: it says so.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;

use crate::error::{ApiError, ErrorKind};
use crate::metric_names::{MetricNames, leave_out_found};
use crate::params::Params;
use crate::state::Serving;
use crate::status::{STATS_MAX, Stat};
use crate::{ApiState, envelope, time};

/// What a querier answers.
const OF_MEMBERS: &str = "a querier keeps no metrics, and does not know what its members are asked \
                          for: ask each member";

/// The list has so many entries unless `limit` says otherwise.
const LIMIT_DEFAULT: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnusedMetrics {
    /// So many metrics of the head were looked at: those with the most series.
    metrics: usize,
    /// So many of them nobody asks for.
    unused_metrics: usize,
    /// The series of those.
    unused_series: u64,
    /// Those with the most series, first.
    unused: Vec<Stat>,
    /// So many queries were asked.
    queries: u64,
    /// Since when.
    since: String,
    /// Whether all that was asked for is known: there is a bound on it.
    is_complete: bool,
}

/// `/api/v1/status/unused_metrics`
pub(crate) async fn unused_metrics(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.limit()?.unwrap_or(LIMIT_DEFAULT);
    if limit > STATS_MAX {
        let reason = format!("it is larger than {STATS_MAX}");
        return Err(ApiError::invalid_parameter("limit", reason));
    }
    if serving.fleet.is_some() {
        return Err(ApiError::new(ErrorKind::Execution, OF_MEMBERS));
    }
    // Files are read and names compared where others need not wait for it.
    let found = tokio::task::spawn_blocking(move || find(&state, &serving, limit)).await;
    let found = found.map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))?;
    Ok(envelope::success(&found))
}

fn find(state: &ApiState, serving: &Serving, limit: usize) -> UnusedMetrics {
    let mut kept = MetricNames::default();
    for group in serving.rules.groups().iter() {
        for rule in group.rules() {
            kept.add_query(rule.expr());
        }
    }
    let dashboards = &state.options().dashboards;
    for dashboard in dashboards.contents(serving.plugins.as_ref()) {
        kept.add_dashboard(&dashboard);
    }
    let mut unused = serving.admin.stats(STATS_MAX).series_by_metric_name;
    let metrics = unused.len();
    kept.leave_out_named(&mut unused);
    let mut patterns = kept.patterns();
    let (queries, is_full) = state.asked_metrics().look(|asked| {
        asked.leave_out_named(&mut unused);
        patterns.append(&mut asked.patterns());
        asked.is_full()
    });
    leave_out_found(&patterns, &mut unused);
    UnusedMetrics {
        metrics,
        unused_metrics: unused.len(),
        unused_series: unused.iter().map(|(_, series)| series).sum(),
        unused: unused
            .into_iter()
            .take(limit)
            .map(|(name, value)| Stat { name, value })
            .collect(),
        queries,
        since: time::format_rfc3339(state.options().start_time_ms),
        is_complete: !is_full && !kept.is_full(),
    }
}
