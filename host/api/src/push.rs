//! `/push`: the Pushgateway's interface, where `--web.enable-push` opens it.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use narthex_exposition::MetricType;
use narthex_model::{float_text, with_sources};
use narthex_push::{
    BodyError, GroupingKey, Groups, Metric, PUSH_BYTES_MAX, PushError, TimedFamily, Value, parse,
    parse_key,
};
use serde_json::{Map, Value as Json, json};

use crate::metrics::{TEXT, with_type};
use crate::state::Serving;
use crate::write::{take_body, text};
use crate::{ApiState, time};

const NOT_ENABLED: &str = "the Pushgateway's interface needs to be enabled with --web.enable-push";

/// What the path of a group begins with, below `/push`.
const GROUPS: &str = "/metrics/";

/// POST and PUT of a group.
pub(crate) async fn push(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    uri: Uri,
    request: Request,
) -> Response {
    let (groups, key) = match group(&serving, uri.path()) {
        Ok(found) => found,
        Err((status, text)) => return answer(status, &text),
    };
    let (head, body) = request.into_parts();
    let content_type = text(&head.headers, &header::CONTENT_TYPE).to_owned();
    let encoding = text(&head.headers, &header::CONTENT_ENCODING).to_owned();
    let replaces = head.method == Method::PUT;
    let store = move |body: Vec<u8>| {
        if body.len() > PUSH_BYTES_MAX {
            return refused_body(&BodyError::TooLarge);
        }
        match parse(&content_type, &encoding, &body) {
            Ok(pushed) => stored(groups.push(key, pushed, replaces)),
            Err(error) => refused_body(&error),
        }
    };
    match take_body(state.write_bounds(), body, store).await {
        Ok(answer) => answer,
        Err(refusal) => answer(StatusCode::SERVICE_UNAVAILABLE, &refusal.message),
    }
}

/// DELETE of a group.
pub(crate) async fn delete(Extension(serving): Extension<Arc<Serving>>, uri: Uri) -> Response {
    let (groups, key) = match group(&serving, uri.path()) {
        Ok(found) => found,
        Err((status, text)) => return answer(status, &text),
    };
    removed(tokio::task::spawn_blocking(move || groups.delete(&key)).await)
}

/// PUT of `/api/v1/admin/wipe`
pub(crate) async fn wipe(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
) -> Response {
    let Some(groups) = serving.push.clone() else {
        return not_enabled();
    };
    if !state.options().is_admin_enabled {
        return answer(StatusCode::NOT_FOUND, "404 page not found");
    }
    removed(tokio::task::spawn_blocking(move || groups.wipe()).await)
}

/// What was pushed, for a scrape.
pub(crate) async fn page(Extension(serving): Extension<Arc<Serving>>) -> Response {
    match &serving.push {
        Some(groups) => with_type(TEXT, groups.page()),
        None => not_enabled(),
    }
}

/// `/-/ready` and `/-/healthy`
pub(crate) async fn ready(Extension(serving): Extension<Arc<Serving>>) -> Response {
    match serving.push {
        Some(_) => "OK".into_response(),
        None => not_enabled(),
    }
}

/// `/api/v1/status`: what runs here, in the Pushgateway's form.
pub(crate) async fn status(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
) -> Response {
    if serving.push.is_none() {
        return not_enabled();
    }
    let options = state.options();
    let build = &options.build;
    let data = json!({
        "build_information": {
            "branch": build.branch,
            "buildDate": build.build_date,
            "buildUser": build.build_user,
            "goVersion": build.go_version,
            "revision": build.revision,
            // Nobody chooses what to ask a Pushgateway by its version.
            "version": build.narthex_version,
        },
        "flags": options.flags,
        "start_time": time::format_rfc3339(options.start_time_ms),
    });
    axum::Json(json!({"status": "success", "data": data})).into_response()
}

/// `/api/v1/metrics`: the groups, in the Pushgateway's form.
pub(crate) async fn groups(Extension(serving): Extension<Arc<Serving>>) -> Response {
    let Some(groups) = &serving.push else {
        return not_enabled();
    };
    let list = groups.all().into_iter().map(|group| {
        let mut shown = Map::new();
        shown.insert("labels".to_owned(), json!(group.labels));
        let is_successful = group.is_last_push_successful();
        shown.insert("last_push_successful".to_owned(), json!(is_successful));
        for (name, timed) in group.times() {
            shown.insert(name.to_owned(), family(&timed));
        }
        for (name, timed) in &group.families {
            shown.insert(name.clone(), family(timed));
        }
        Json::Object(shown)
    });
    let list: Vec<Json> = list.collect();
    axum::Json(json!({"status": "success", "data": list})).into_response()
}

fn family(timed: &TimedFamily) -> Json {
    let kind = match timed.family.kind {
        MetricType::Counter => "COUNTER",
        MetricType::Gauge => "GAUGE",
        MetricType::Histogram => "HISTOGRAM",
        MetricType::Summary => "SUMMARY",
        _ => "UNTYPED",
    };
    let metrics: Vec<Json> = timed.family.metrics.iter().map(metric).collect();
    let mut shown = Map::new();
    let pushed = time::format_rfc3339(timed.pushed_ms);
    shown.insert("time_stamp".to_owned(), json!(pushed));
    shown.insert("type".to_owned(), json!(kind));
    if !timed.family.help.is_empty() {
        shown.insert("help".to_owned(), json!(timed.family.help));
    }
    shown.insert("metrics".to_owned(), json!(metrics));
    Json::Object(shown)
}

fn metric(metric: &Metric) -> Json {
    let pair = |name: f64, value: f64| (float_text(name), json!(float_text(value)));
    match &metric.value {
        Value::Number(value) => json!({"labels": metric.labels, "value": float_text(*value)}),
        Value::Histogram {
            buckets,
            sum,
            count,
        } => {
            let buckets = buckets.iter();
            let buckets: Map<String, Json> = buckets
                .map(|bucket| pair(bucket.upper, bucket.count))
                .collect();
            json!({
                "labels": metric.labels, "buckets": buckets,
                "count": float_text(*count), "sum": float_text(*sum),
            })
        }
        Value::Summary {
            quantiles,
            sum,
            count,
        } => {
            let quantiles = quantiles.iter();
            let quantiles: Map<String, Json> = quantiles
                .map(|quantile| pair(quantile.quantile, quantile.value))
                .collect();
            json!({
                "labels": metric.labels, "quantiles": quantiles,
                "count": float_text(*count), "sum": float_text(*sum),
            })
        }
    }
}

/// The groups, and the key that a path has.
fn group(
    serving: &Serving,
    path: &str,
) -> Result<(Arc<Groups>, GroupingKey), (StatusCode, String)> {
    let enabled = serving.push.clone();
    let groups = enabled.ok_or_else(|| (StatusCode::NOT_FOUND, NOT_ENABLED.to_owned()))?;
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    let named = path.strip_prefix(GROUPS).unwrap_or_default();
    // Percents before slashes: the Pushgateway reads paths so.
    let named = percent_decoded(named).ok_or_else(|| bad("the path is no UTF-8".to_owned()))?;
    let is_group = named.starts_with("job/") || named.starts_with("job@base64/");
    if !is_group {
        return Err((StatusCode::NOT_FOUND, "404 page not found".to_owned()));
    }
    let key = parse_key(&named).map_err(|error| bad(error.to_string()))?;
    Ok((groups, key))
}

/// A text with its percents resolved; what follows a percent and is no number stays.
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        decoded.push(byte.unwrap_or(*first));
        rest = after.get(byte.map_or(0, |_| 2)..).unwrap_or_default();
    }
    String::from_utf8(decoded).ok()
}

fn stored(pushed: Result<(), PushError>) -> Response {
    let Err(error) = pushed else {
        return StatusCode::OK.into_response();
    };
    let status = match error {
        PushError::Inconsistent(_) => StatusCode::BAD_REQUEST,
        PushError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
        PushError::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = with_sources(&error);
    tracing::warn!(%status, error = text, "pushed metrics were not taken");
    answer(status, &text)
}

fn refused_body(error: &BodyError) -> Response {
    let status = match error {
        BodyError::Invalid(_) => StatusCode::BAD_REQUEST,
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
    };
    answer(status, &error.to_string())
}

fn removed(removed: Result<std::io::Result<()>, tokio::task::JoinError>) -> Response {
    let fault = match removed {
        Ok(Ok(())) => return StatusCode::ACCEPTED.into_response(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(error = fault, "pushed metrics cannot be removed");
    answer(StatusCode::INTERNAL_SERVER_ERROR, &fault)
}

fn not_enabled() -> Response {
    answer(StatusCode::NOT_FOUND, NOT_ENABLED)
}

fn answer(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
