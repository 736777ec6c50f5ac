//! `/federate`: the newest sample of each series that matches, for another server to scrape. Native
//! histograms go to those who take protobuf.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use narthex_exposition::write::TextWriter;
use narthex_exposition::{
    FamilyMeta, Format, MetricType, PROTOBUF_CONTENT_TYPE, PageFormat, ProtobufWriter,
};
use narthex_model::histogram::CounterResetHint;
use narthex_model::sample::{is_histogram, is_stale_nan};
use narthex_model::{FloatHistogram, Labels, METRIC_NAME, with_sources};
use narthex_storage::{SelectRequest, StorageError, TimeRange};

use crate::ApiState;
use crate::metrics::{OPEN_METRICS, TEXT, with_type};
use crate::params::Params;
use crate::state::Serving;

/// A label that federated samples always carry, empty where nobody sets it: a server that honors
/// labels then does not put its own in its place.
const INSTANCE: &str = "instance";

/// Series by metric name, then by their other labels, and the newest sample of each.
type Newest = BTreeMap<(String, Labels), (i64, Value)>;

/// The value of a sample.
enum Value {
    Number(f64),
    Histogram(Arc<FloatHistogram>),
}

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
    // A selector without matchers selects nothing, and not all that there is.
    for matchers in sets.into_iter().filter(|matchers| !matchers.is_empty()) {
        let request = SelectRequest { matchers, range };
        if let Err(error) = collect(&serving, &request, &mut newest).await {
            state.metrics().federation_errors.inc();
            let text = format!("{}\n", with_sources(&error));
            return (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
        }
    }
    let external_labels = &state.config().external_labels;
    match wanted(&headers) {
        PageFormat::Text(format) => {
            let content_type = match format {
                Format::OpenMetrics => OPEN_METRICS,
                Format::PrometheusText => TEXT,
            };
            with_type(content_type, write_text(format, &newest, external_labels))
        }
        PageFormat::Protobuf => {
            let content_type = HeaderValue::from_static(PROTOBUF_CONTENT_TYPE);
            let page = write_protobuf(&newest, external_labels);
            ([(header::CONTENT_TYPE, content_type)], page).into_response()
        }
    }
}

/// The format that a client wants most of those that we write; Prometheus text, where it names none.
fn wanted(headers: &HeaderMap) -> PageFormat {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let ranges = accepted.filter_map(|value| value.to_str().ok());
    let mut best = (0.0, PageFormat::Text(Format::PrometheusText));
    for range in ranges.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let mut quality = 1.0;
        let (mut is_family, mut is_delimited) = (false, false);
        for parameter in parts {
            match parameter.split_once('=') {
                Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                Some(("proto", "io.prometheus.client.MetricFamily")) => is_family = true,
                Some(("encoding", "delimited")) => is_delimited = true,
                _ => {}
            }
        }
        let format = match media_type {
            "application/vnd.google.protobuf" if is_family && is_delimited => PageFormat::Protobuf,
            "application/openmetrics-text" => PageFormat::Text(Format::OpenMetrics),
            "text/plain" => PageFormat::Text(Format::PrometheusText),
            _ => continue,
        };
        // Of two that are wanted as much, the first.
        if quality > best.0 {
            best = (quality, format);
        }
    }
    best.1
}

async fn collect(
    serving: &Serving,
    request: &SelectRequest,
    newest: &mut Newest,
) -> Result<(), StorageError> {
    let mut found = serving.local.select(request).await?;
    while let Some(series) = found.try_next().await? {
        let (Some(timestamp_ms), Some(value)) = (series.timestamps.last(), series.values.last())
        else {
            continue;
        };
        let name = series.labels.metric_name();
        // No format knows a stale marker, or a series without a name.
        if is_stale_nan(*value) || name.is_empty() {
            continue;
        }
        let value = match is_histogram(*value) {
            false => Value::Number(*value),
            true => {
                let histograms = series.histograms.as_ref();
                let newest = histograms.and_then(|all| all.last().cloned().flatten());
                let Some(histogram) = newest else { continue };
                Value::Histogram(histogram)
            }
        };
        let key = (name.to_owned(), series.labels.without_metric_name());
        newest.insert(key, (*timestamp_ms, value));
    }
    Ok(())
}

/// The labels of a series, and those of the server that it has not.
fn all_labels<'a>(
    labels: &'a Labels,
    external_labels: &'a Labels,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut added = BTreeMap::from([(INSTANCE, "")]);
    added.extend(external_labels.iter());
    let is_missing = move |label: &str| label != METRIC_NAME && labels.get(label).is_none();
    let added = added
        .into_iter()
        .filter(move |(label, _)| is_missing(label));
    labels.iter().chain(added)
}

/// The text formats know no native histogram.
fn write_text(format: Format, newest: &Newest, external_labels: &Labels) -> String {
    let mut page = TextWriter::new(format);
    let mut family = "";
    for ((name, labels), (timestamp_ms, value)) in newest {
        let Value::Number(value) = value else {
            continue;
        };
        if name != family {
            family = name;
            page.family(&FamilyMeta {
                name,
                help: "",
                unit: "",
                kind: MetricType::Unknown,
            });
        }
        let labels = all_labels(labels, external_labels);
        page.sample(name, labels, *value, Some(*timestamp_ms));
    }
    page.finish()
}

/// A family is begun again where its series are of another type, as in Prometheus.
fn write_protobuf(newest: &Newest, external_labels: &Labels) -> Vec<u8> {
    let mut page = ProtobufWriter::new();
    let mut family = None;
    for ((name, labels), (timestamp_ms, value)) in newest {
        let kind = match value {
            Value::Number(_) => MetricType::Unknown,
            Value::Histogram(histogram)
                if histogram.counter_reset_hint == CounterResetHint::Gauge =>
            {
                MetricType::GaugeHistogram
            }
            Value::Histogram(_) => MetricType::Histogram,
        };
        if family != Some((name, kind)) {
            family = Some((name, kind));
            page.family(name, kind);
        }
        let labels = all_labels(labels, external_labels);
        match value {
            Value::Number(value) => page.number(labels, *value, *timestamp_ms),
            Value::Histogram(histogram) => page.histogram(labels, histogram, *timestamp_ms),
        };
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_the_client_wants_most() {
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                        encoding=delimited";
        let open_metrics = "application/openmetrics-text;version=1.0.0";
        let text = PageFormat::Text(Format::PrometheusText);
        for (accept, expected) in [
            (String::new(), text),
            ("*/*".to_owned(), text),
            (protobuf.to_owned(), PageFormat::Protobuf),
            ("application/vnd.google.protobuf".to_owned(), text),
            (
                format!("{protobuf};q=0.6,{open_metrics};q=0.5,text/plain;q=0.4,*/*;q=0.2"),
                PageFormat::Protobuf,
            ),
            (
                format!("{protobuf};q=0.3, {open_metrics};q=0.5"),
                PageFormat::Text(Format::OpenMetrics),
            ),
            (format!("{protobuf};q=0,text/plain;q=0.1"), text),
            (format!("{protobuf};q=x"), text),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(&accept).unwrap());
            assert_eq!(wanted(&headers), expected, "{accept}");
        }
    }
}
