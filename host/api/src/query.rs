//! `/api/v1/query`, `/api/v1/query_range` and `/api/v1/query_exemplars`.
//!
//! A query belongs to its request: when the client leaves, the server drops the future that
//! waits for the query, and the query ends.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use narthex_frontend::RangeQuery;
use narthex_model::{PromDuration, with_sources};
use narthex_promql::ast::shown;
use narthex_promql::{
    MatrixSeries, MaxSourceResolution, QueryError, QueryOptions, QueryResult, StatsWanted, Value,
    VectorSample,
};
use narthex_storage::ExemplarsRequest;

use crate::envelope::{self, Annotations};
use crate::error::{ApiError, ErrorKind};
use crate::params::{Params, parse_duration};
use crate::series::TRUNCATED;
use crate::state::Serving;
use crate::statistics;
use crate::{ApiState, fleet, histogram, json};

/// A range query may ask for so many steps (Prometheus' bound): enough for 60 s resolution over
/// a week or 1 h resolution over a year.
pub const STEPS_MAX: i64 = 11_000;

/// `/api/v1/query`
pub(crate) async fn instant(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    state.note_query(params.get("query"));
    let limit = params.limit()?;
    let time_ms = params.time_or("time", state.options().clock.now_ms())?;
    let options = query_options(&params)?;
    let storage = serving.storage_for(&params)?;
    let under_way = state.metrics().count_query();
    let engine = state.engine();
    let result = engine
        .instant(storage, params.get("query"), time_ms, &options)
        .await;
    drop(under_way);
    let result = result.map_err(|error| failed(&error))?;
    Ok(write_result(result, limit, options.stats))
}

/// `/api/v1/query_range`
pub(crate) async fn range(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    state.note_query(params.get("query"));
    let limit = params.limit()?;
    let start_ms = params.time("start")?;
    let end_ms = params.time("end")?;
    if end_ms < start_ms {
        let reason = "end timestamp must not be before start time";
        return Err(ApiError::invalid_parameter("end", reason));
    }
    let step_ms = parse_duration(params.get("step"))
        .map_err(|reason| ApiError::invalid_parameter("step", reason))?;
    if step_ms <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. \
                      Try a positive integer";
        return Err(ApiError::invalid_parameter("step", reason));
    }
    if end_ms.saturating_sub(start_ms) / step_ms > STEPS_MAX {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ));
    }
    let step = PromDuration::from_millis(step_ms.unsigned_abs());
    let options = query_options(&params)?;
    let storage = serving.storage_for(&params)?;
    let stats = options.stats;
    let asked = RangeQuery {
        engine: state.engine(),
        storage,
        query: params.get("query").to_owned(),
        start_ms,
        end_ms,
        step,
        options,
        scope: fleet::scope(&params),
        may_be_kept: may_be_kept(&headers),
    };
    let under_way = state.metrics().count_query();
    let result = match state.frontend() {
        Some(frontend) => frontend.range(asked).await,
        None => asked.evaluate().await,
    };
    drop(under_way);
    let result = result.map_err(|error| failed(&error))?;
    Ok(write_result(result, limit, stats))
}

/// Whether an answer may come from what is kept, and be kept: not where a client says `no-store`.
fn may_be_kept(headers: &HeaderMap) -> bool {
    let directives = headers.get_all(header::CACHE_CONTROL).iter();
    let mut directives = directives
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    !directives.any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
}

/// `/api/v1/query_exemplars`: of all series that the query selects, whatever it makes of them.
/// Where none are kept, none are found: Grafana asks once with a query of its own, and would switch
/// exemplars off for good if it were told of an error.
pub(crate) async fn exemplars(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    state.note_query(params.get("query"));
    let range = params.time_range()?;
    if range.end_ms < range.start_ms {
        let reason = "end timestamp must not be before start timestamp";
        return Err(ApiError::bad_data(reason));
    }
    let expr = narthex_promql::parse(params.get("query"), &state.options().engine.parse)
        .map_err(|error| ApiError::bad_data(error.to_string()))?;
    let selectors = expr.selectors().into_iter();
    let found = serving.storage.exemplars(&ExemplarsRequest {
        selectors: selectors.map(|s| s.selector.matchers.to_vec()).collect(),
        range,
    });
    let mut out = Vec::new();
    json::push_list(&mut out, &found, |out, series| {
        out.extend_from_slice(b"{\"seriesLabels\":");
        json::push_labels(out, &series.labels);
        out.extend_from_slice(b",\"exemplars\":");
        json::push_list(out, &series.exemplars, |out, exemplar| {
            out.extend_from_slice(b"{\"labels\":");
            json::push_labels(out, &exemplar.labels);
            out.extend_from_slice(b",\"value\":\"");
            json::push_sample_value(out, exemplar.value);
            out.extend_from_slice(b"\",\"timestamp\":");
            json::push_timestamp(out, exemplar.timestamp_ms);
            out.push(b'}');
        });
        out.push(b'}');
    });
    Ok(envelope::success_raw(&out, &Annotations::default()))
}

fn query_options(params: &Params) -> Result<QueryOptions, ApiError> {
    let timeout = params.duration("timeout")?;
    let lookback = match params.get("lookback_delta") {
        "" => None,
        text => Some(parse_duration(text).map_err(|reason| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {reason}"))
        })?),
    };
    // What is negative is a timeout that is over at once, and as good as no lookback.
    let length =
        |milliseconds: i64| PromDuration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    Ok(QueryOptions {
        timeout: timeout.map(length),
        lookback_delta: lookback.map(length).filter(|delta| !delta.is_zero()),
        stats: match params.get("stats") {
            "" => StatsWanted::Timings,
            "all" => StatsWanted::SamplesPerStep,
            _ => StatsWanted::Samples,
        },
        max_source_resolution: max_source_resolution(params)?,
        ..QueryOptions::default()
    })
}

/// How coarse samples may be, as Thanos' parameter says it: `auto`, which it is where nothing is
/// said, or a duration.
fn max_source_resolution(params: &Params) -> Result<MaxSourceResolution, ApiError> {
    const NAME: &str = "max_source_resolution";
    if matches!(params.get(NAME), "" | "auto") {
        return Ok(MaxSourceResolution::Auto);
    }
    match params.duration(NAME)? {
        None => Ok(MaxSourceResolution::Auto),
        Some(ms) if ms < 0 => {
            let reason = "negative value is not accepted. Try a positive integer";
            Err(ApiError::invalid_parameter(NAME, reason))
        }
        Some(ms) => Ok(MaxSourceResolution::AtMost(ms)),
    }
}

fn failed(error: &QueryError) -> ApiError {
    match error {
        QueryError::Parse(error) => ApiError::invalid_parameter("query", error),
        QueryError::BadData(message) => ApiError::invalid_parameter("query", message),
        QueryError::Execution(message) => ApiError::new(ErrorKind::Execution, message.as_str()),
        QueryError::Incomplete(_) => ApiError::new(ErrorKind::Execution, error.to_string()),
        QueryError::Timeout(_) => ApiError::new(ErrorKind::Timeout, error.to_string()),
        QueryError::Canceled(_) => ApiError::new(ErrorKind::Canceled, error.to_string()),
        QueryError::Storage(error) => ApiError::new(
            ErrorKind::Internal,
            format!("expanding series: {}", with_sources(error)),
        ),
    }
}

/// Writes a result; `limit` cuts vectors and matrices. Statistics are part of the answer where
/// any were asked for.
fn write_result(result: QueryResult, limit: Option<usize>, wanted: StatsWanted) -> Response {
    let mut end = Vec::new();
    if wanted != StatsWanted::Timings {
        end.extend_from_slice(br#","stats":"#);
        statistics::push(&mut end, &result.stats);
    }
    end.push(b'}');
    let mut annotations = Annotations {
        warnings: result.warnings,
        infos: result.infos,
    };
    let mut cut = |length: usize| match limit {
        Some(limit) if limit < length => {
            annotations.warnings.push(TRUNCATED.to_owned());
            limit
        }
        _ => length,
    };
    match result.value {
        Value::Vector(samples) => {
            let shown = cut(samples.len());
            envelope::success_list(
                r#"{"resultType":"vector","result":"#,
                samples.into_iter().take(shown),
                write_sample,
                &end,
                &annotations,
            )
        }
        Value::Matrix(series) => {
            let shown = cut(series.len());
            envelope::success_list(
                r#"{"resultType":"matrix","result":"#,
                series.into_iter().take(shown),
                write_series,
                &end,
                &annotations,
            )
        }
        Value::Scalar {
            timestamp_ms,
            value,
        } => {
            let mut data = br#"{"resultType":"scalar","result":["#.to_vec();
            json::push_seconds(&mut data, timestamp_ms);
            data.extend_from_slice(b",\"");
            json::push_plain(&mut data, value);
            data.extend_from_slice(b"\"]");
            data.extend_from_slice(&end);
            envelope::success_raw(&data, &annotations)
        }
        Value::String {
            timestamp_ms,
            value,
        } => {
            let mut data = br#"{"resultType":"string","result":["#.to_vec();
            json::push_seconds(&mut data, timestamp_ms);
            data.push(b',');
            json::push_str(&mut data, &shown(&value));
            data.extend_from_slice(b"]");
            data.extend_from_slice(&end);
            envelope::success_raw(&data, &annotations)
        }
    }
}

fn write_sample(out: &mut Vec<u8>, sample: &VectorSample) {
    out.extend_from_slice(br#"{"metric":"#);
    json::push_labels(out, &sample.labels);
    match &sample.histogram {
        None => {
            out.extend_from_slice(br#","value":"#);
            json::push_point(out, sample.timestamp_ms, sample.value);
        }
        Some(found) => {
            out.extend_from_slice(br#","histogram":"#);
            histogram::push_point(out, sample.timestamp_ms, found);
        }
    }
    out.push(b'}');
}

fn write_series(out: &mut Vec<u8>, series: &MatrixSeries) {
    out.extend_from_slice(br#"{"metric":"#);
    json::push_labels(out, &series.labels);
    let points = series.timestamps.iter().zip(&series.values);
    push_list(
        out,
        br#","values":["#,
        points,
        |out, (timestamp_ms, value)| {
            json::push_point(out, *timestamp_ms, *value);
        },
    );
    let histograms = series.histograms.iter();
    push_list(
        out,
        br#","histograms":["#,
        histograms,
        |out, (timestamp_ms, found)| {
            histogram::push_point(out, *timestamp_ms, found);
        },
    );
    out.push(b'}');
}

/// Appends a field with a list; nothing where the list is empty.
fn push_list<T>(
    out: &mut Vec<u8>,
    field: &[u8],
    items: impl ExactSizeIterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    if items.len() == 0 {
        return;
    }
    out.extend_from_slice(field);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}
