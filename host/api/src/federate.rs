//! `/federate`: the newest sample of each series that matches, for another server to scrape.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use narthex_exposition::write::TextWriter;
use narthex_exposition::{FamilyMeta, Format, MetricType};
use narthex_model::sample::{is_histogram, is_stale_nan};
use narthex_model::{Labels, METRIC_NAME};
use narthex_storage::{SelectRequest, StorageError, TimeRange};

use crate::ApiState;
use crate::error::with_sources;
use crate::metrics::{OPEN_METRICS, TEXT, accepts_open_metrics, with_type};
use crate::params::Params;
use crate::state::Serving;

/// A label that federated samples always carry, empty where nobody sets it: a server that honors
/// labels then does not put its own in its place.
const INSTANCE: &str = "instance";

/// Series by metric name, then by their other labels, and the newest sample of each.
type Newest = BTreeMap<(String, Labels), (i64, f64)>;

/// `/federate`
pub(crate) async fn federate(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    headers: HeaderMap,
    params: Params,
) -> Response {
    let sets: Result<Vec<_>, _> = params
        .all("match[]")
        .map(narthex_promql::parse_metric_selector)
        .collect();
    let sets = match sets {
        Ok(sets) => sets,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let now_ms = state.options().clock.now_ms();
    let range = TimeRange {
        start_ms: now_ms.saturating_sub(state.options().engine.lookback_delta.as_millis_i64()),
        end_ms: now_ms,
    };
    let mut newest = Newest::new();
    for matchers in sets {
        let request = SelectRequest { matchers, range };
        if let Err(error) = collect(&serving, &request, &mut newest).await {
            state.metrics().federation_errors.inc();
            let text = format!("{}\n", with_sources(&error));
            return (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
        }
    }
    let (format, content_type) = if accepts_open_metrics(&headers) {
        (Format::OpenMetrics, OPEN_METRICS)
    } else {
        (Format::PrometheusText, TEXT)
    };
    let page = write(format, &newest, &state.config().external_labels);
    with_type(content_type, page)
}

async fn collect(
    serving: &Serving,
    request: &SelectRequest,
    newest: &mut Newest,
) -> Result<(), StorageError> {
    let mut found = serving.storage.select(request).await?;
    while let Some(series) = found.try_next().await? {
        let (Some(timestamp_ms), Some(value)) = (series.timestamps.last(), series.values.last())
        else {
            continue;
        };
        let name = series.labels.metric_name();
        // The text formats know neither a stale marker nor a native histogram, nor a series
        // without a name.
        if is_stale_nan(*value) || is_histogram(*value) || name.is_empty() {
            continue;
        }
        let key = (name.to_owned(), series.labels.without_metric_name());
        newest.insert(key, (*timestamp_ms, *value));
    }
    Ok(())
}

fn write(format: Format, newest: &Newest, external_labels: &Labels) -> String {
    let mut page = TextWriter::new(format);
    let mut added = BTreeMap::from([(INSTANCE, "")]);
    added.extend(external_labels.iter());
    let mut family = "";
    for ((name, labels), (timestamp_ms, value)) in newest {
        if name != family {
            family = name;
            page.family(&FamilyMeta {
                name,
                help: "",
                unit: "",
                kind: MetricType::Unknown,
            });
        }
        let is_missing = |label: &str| label != METRIC_NAME && labels.get(label).is_none();
        let added = added.iter().map(|(label, value)| (*label, *value));
        let all = labels
            .iter()
            .chain(added.filter(|(label, _)| is_missing(label)));
        page.sample(name, all, *value, Some(*timestamp_ms));
    }
    page.finish()
}
