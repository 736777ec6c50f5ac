//! Requests, and the series that they become.

mod again;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::TryStreamExt as _;
use narthex_model::sample::{is_histogram, is_stale_nan};
use narthex_model::{Labels, SimulatedClock};
use narthex_storage::{MemoryStore, Queryable, SelectRequest, Series, TimeRange};
use serde_json::{Value, json};

use super::*;
use crate::otlp::TranslationStrategy;
use crate::wire::message::Message;

/// When all requests arrive.
const NOW_MS: i64 = 1_700_000_000_000;

/// One second before, in the words of OTLP.
const THEN: &str = "1699999999000000000";

struct Bench {
    receiver: OtlpReceiver,
    store: Arc<MemoryStore>,
}

impl Bench {
    fn new(config: OtlpConfig) -> Self {
        Self::with(config, OtlpDelta::Refused, false)
    }

    fn with(config: OtlpConfig, delta: OtlpDelta, type_and_unit_labels: bool) -> Self {
        let store = Arc::new(MemoryStore::default());
        let options = OtlpOptions {
            store: store.clone(),
            clock: Arc::new(SimulatedClock::at(NOW_MS)),
            metadata: Arc::new(ReceivedMetadata::new(&mut Registry::default())),
            delta,
            type_and_unit_labels,
            lookback_delta: "5m".parse().unwrap(),
        };
        let receiver = OtlpReceiver::new(options, &mut Registry::default());
        receiver.set_config(config);
        Self { receiver, store }
    }

    fn send(&self, request: &Value) -> Result<OtlpAccepted, OtlpRefusal> {
        let body = request.to_string();
        self.receiver.receive(OtlpForm::Json, "", body.as_bytes())
    }

    fn stored(&self) -> Vec<Series> {
        let request = SelectRequest {
            matchers: Vec::new(),
            range: TimeRange::ALL,
        };
        let mut series: Vec<Series> = futures::executor::block_on(async {
            let stream = self.store.select(&request).await.unwrap();
            stream.try_collect().await.unwrap()
        });
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series
    }

    /// `name{labels} value@seconds from now ...`, a line a series, in the order of labels.
    fn shown(&self) -> Vec<String> {
        let shown = self.stored().into_iter().map(|series| {
            let samples = series.timestamps.iter().zip(series.values.iter());
            let samples = samples.enumerate().map(|(at, (timestamp_ms, value))| {
                let histograms = series.histograms.as_ref();
                let value = match value {
                    value if is_stale_nan(*value) => "stale".to_owned(),
                    value if is_histogram(*value) => {
                        histograms.unwrap()[at].as_ref().unwrap().to_string()
                    }
                    value => value.to_string(),
                };
                format!("{value}@{}", (timestamp_ms - NOW_MS) / 1000)
            });
            let samples: Vec<String> = samples.collect();
            format!("{} {}", named(&series.labels), samples.join(" "))
        });
        shown.collect()
    }
}

/// `name{labels}`
fn named(labels: &Labels) -> String {
    let rest = labels.without_metric_name();
    let rest = (!rest.is_empty()).then(|| rest.to_string());
    format!("{}{}", labels.metric_name(), rest.unwrap_or_default())
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// A request of one resource with one scope.
fn request(resource: &[Value], metrics: Value) -> Value {
    json!({"resourceMetrics": [{
        "resource": {"attributes": resource, "droppedAttributesCount": 0},
        "schemaUrl": "r",
        "scopeMetrics": [{
            "schemaUrl": "https://x/1",
            "scope": {"name": "lib.x", "version": "1.2", "attributes": [text("a.b", "c")]},
            "metrics": metrics,
        }],
    }]})
}

fn gauge(name: &str) -> Value {
    json!([{"name": name, "unit": "s", "gauge": {"dataPoints": [
        {"timeUnixNano": THEN, "asDouble": 1.5, "attributes": [text("http.method", "GET")]},
    ]}}])
}

fn check(config: OtlpConfig, request: &Value, expected: &[&str]) {
    let bench = Bench::new(config);
    let accepted = bench.send(request).unwrap();
    assert_eq!((accepted.rejected, accepted.message.as_str()), (0, ""));
    assert_eq!(accepted.body, b"{}");
    assert_eq!(bench.shown(), expected);
}

#[test]
fn a_resource_is_job_and_instance_and_target_info() {
    let resource = [
        text("service.name", "shop"),
        text("service.namespace", "eu"),
        text("service.instance.id", "i-1"),
        text("host.name", "h"),
        text("os", "linux"),
    ];
    let request = request(&resource, gauge("up.time"));
    let metric = "http_method=\"GET\", instance=\"i-1\"";
    let plain = [
        "target_info{host_name=\"h\", instance=\"i-1\", job=\"eu/shop\", os=\"linux\"} 1@-1"
            .to_owned(),
        format!("up_time_seconds{{{metric}, job=\"eu/shop\"}} 1.5@-1"),
    ];
    let sorted = |lines: &[String]| {
        let mut lines = lines.to_vec();
        lines.sort();
        lines
    };
    let cases = [
        (OtlpConfig::default(), plain.clone()),
        (
            OtlpConfig {
                keep_identifying_resource_attributes: true,
                ..OtlpConfig::default()
            },
            [
                "target_info{host_name=\"h\", instance=\"i-1\", job=\"eu/shop\", os=\"linux\", \
                 service_instance_id=\"i-1\", service_name=\"shop\", service_namespace=\"eu\"} 1@-1"
                    .to_owned(),
                plain[1].clone(),
            ],
        ),
        (
            OtlpConfig {
                promote_resource_attributes: vec!["host.name".into(), "none".into()],
                ..OtlpConfig::default()
            },
            [
                plain[0].clone(),
                format!("up_time_seconds{{host_name=\"h\", {metric}, job=\"eu/shop\"}} 1.5@-1"),
            ],
        ),
        (
            OtlpConfig {
                promote_all_resource_attributes: true,
                ignore_resource_attributes: vec![
                    "host.name".into(),
                    "service.name".into(),
                    "service.namespace".into(),
                    "service.instance.id".into(),
                ],
                ..OtlpConfig::default()
            },
            [
                plain[0].clone(),
                format!("up_time_seconds{{{metric}, job=\"eu/shop\", os=\"linux\"}} 1.5@-1"),
            ],
        ),
        (
            OtlpConfig {
                promote_scope_metadata: true,
                ..OtlpConfig::default()
            },
            [
                plain[0].clone(),
                format!(
                    "up_time_seconds{{{metric}, job=\"eu/shop\", otel_scope_a_b=\"c\", \
                     otel_scope_name=\"lib.x\", otel_scope_schema_url=\"https://x/1\", \
                     otel_scope_version=\"1.2\"}} 1.5@-1"
                ),
            ],
        ),
    ];
    for (config, expected) in cases {
        let bench = Bench::new(config);
        bench.send(&request).unwrap();
        assert_eq!(sorted(&bench.shown()), sorted(&expected));
    }
}

#[test]
fn names_may_stay_as_they_are() {
    let config = OtlpConfig {
        translation_strategy: TranslationStrategy::NoTranslation,
        ..OtlpConfig::default()
    };
    let bench = Bench::new(config);
    bench.send(&request(&[], gauge("up.time"))).unwrap();
    let stored = bench.stored();
    let labels: Vec<(&str, &str)> = stored[0].labels.iter().collect();
    assert_eq!(labels, [("__name__", "up.time"), ("http.method", "GET")]);
    assert_eq!(stored.len(), 1);
}

#[test]
fn attributes_that_become_one_label_keep_both_values() {
    let metrics = json!([{"name": "g", "gauge": {"dataPoints": [{
        "timeUnixNano": THEN, "asInt": "-7",
        "attributes": [
            text("a_b", "2"), text("a.b", "1"), text("__name__", "other"),
            {"key": "n", "value": {"intValue": "5"}},
            {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": true}, {"doubleValue": 2.5}]}}},
        ],
    }]}}]);
    let expected = ["g{a_b=\"1;2\", l=\"[true,2.5]\", n=\"5\"} -7@-1"];
    check(OtlpConfig::default(), &request(&[], metrics), &expected);
}

#[test]
fn sums_are_counters_where_they_only_grow() {
    let sum = |name: &str, monotonic: bool| {
        json!({"name": name, "unit": "By", "sum": {
            "aggregationTemporality": 2, "isMonotonic": monotonic,
            "dataPoints": [
                {"startTimeUnixNano": "1699999990000000000", "timeUnixNano": THEN, "asInt": 3},
                {"timeUnixNano": "1700000000000000000", "flags": 1},
            ],
        }})
    };
    let metrics = json!([sum("sent", true), sum("held", false)]);
    let expected = ["held_bytes 3@-1 stale@0", "sent_bytes_total 3@-1 stale@0"];
    let bench = Bench::new(OtlpConfig::default());
    bench.send(&request(&[], metrics)).unwrap();
    assert_eq!(bench.shown(), expected);
    for series in bench.stored() {
        let starts = series.starts.unwrap();
        assert_eq!(&starts[..], [1_699_999_990_000, 0]);
    }
}

#[test]
fn types_and_units_become_labels_where_that_is_asked_for() {
    let bench = Bench::with(OtlpConfig::default(), OtlpDelta::Refused, true);
    bench.send(&request(&[], gauge("up.time"))).unwrap();
    let expected =
        ["up_time_seconds{__type__=\"gauge\", __unit__=\"seconds\", http_method=\"GET\"} 1.5@-1"];
    assert_eq!(bench.shown(), expected);
}

#[test]
fn histograms_are_classic_or_have_custom_buckets() {
    let histogram = json!([{"name": "d", "unit": "ms", "histogram": {
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
        "dataPoints": [{
            "timeUnixNano": THEN, "count": "6", "sum": 30.5,
            "bucketCounts": ["1", 0, "3", "2"], "explicitBounds": [0.5, 1, 10],
        }],
    }}]);
    let request = request(&[], histogram);
    let expected = [
        "d_milliseconds_bucket{le=\"+Inf\"} 6@-1",
        "d_milliseconds_bucket{le=\"0.5\"} 1@-1",
        "d_milliseconds_bucket{le=\"1\"} 1@-1",
        "d_milliseconds_bucket{le=\"10\"} 4@-1",
        "d_milliseconds_count 6@-1",
        "d_milliseconds_sum 30.5@-1",
    ];
    check(OtlpConfig::default(), &request, &expected);
    let bench = Bench::new(OtlpConfig {
        convert_histograms_to_nhcb: true,
        ..OtlpConfig::default()
    });
    bench.send(&request).unwrap();
    let stored = bench.stored();
    let histograms = stored[0].histograms.as_ref().unwrap();
    let histogram = histograms[0].as_ref().unwrap();
    assert_eq!(&histogram.custom_bounds[..], [0.5, 1.0, 10.0]);
    let filled: Vec<(i32, f64)> = histogram.positive.iter().collect();
    assert_eq!(filled, [(0, 1.0), (2, 3.0), (3, 2.0)]);
    assert_eq!((histogram.count, histogram.sum), (6.0, 30.5));
}

#[test]
fn exponential_histograms_and_summaries_arrive() {
    let metrics = json!([
        {"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
            {
                "timeUnixNano": THEN, "count": 9, "sum": 5, "scale": 1, "zeroCount": "2",
                "zeroThreshold": 0.25,
                "positive": {"offset": -1, "bucketCounts": ["3", "0", "1"]},
                "negative": {"offset": 0, "bucketCounts": [3]},
            },
            {"timeUnixNano": "1700000000000000000", "flags": 1},
        ]}},
        {"name": "s", "summary": {"dataPoints": [{
            "timeUnixNano": THEN, "count": "4", "sum": "NaN",
            "quantileValues": [{"quantile": 0.5, "value": 2}, {"quantile": 1, "value": "Infinity"}],
        }]}},
    ]);
    let bench = Bench::new(OtlpConfig::default());
    bench.send(&request(&[], metrics)).unwrap();
    let stored = bench.stored();
    let histogram = stored[0].histograms.as_ref().unwrap()[0].clone().unwrap();
    assert_eq!((histogram.schema, histogram.zero_threshold), (1, 0.25));
    assert_eq!((histogram.zero_count, histogram.count), (2.0, 9.0));
    let positive: Vec<(i32, f64)> = histogram.positive.iter().collect();
    assert_eq!(positive, [(0, 3.0), (2, 1.0)]);
    assert!(is_stale_nan(stored[0].values[1]));
    let shown = bench.shown();
    let summary = [
        "s_count 4@-1",
        "s_sum NaN@-1",
        "s{quantile=\"0.5\"} 2@-1",
        "s{quantile=\"1\"} inf@-1",
    ];
    let mut found = shown[1..].to_vec();
    found.sort();
    assert_eq!(found, summary);
}

#[test]
fn an_exponential_histogram_that_ends_and_begins_again_keeps_its_order() {
    let point = |ns: &str| json!({"timeUnixNano": ns, "count": 1, "zeroCount": 1});
    let metrics = json!([{"name": "e", "exponentialHistogram": {
        "aggregationTemporality": 2,
        "dataPoints": [
            point("1699999998000000000"),
            {"timeUnixNano": THEN, "flags": 1},
            point("1700000000000000000"),
        ],
    }}]);
    let bench = Bench::new(OtlpConfig::default());
    let accepted = bench.send(&request(&[], metrics)).unwrap();
    assert_eq!((accepted.rejected, accepted.message.as_str()), (0, ""));
    let stored = bench.stored();
    assert_eq!(stored[0].timestamps.len(), 3);
    assert!(is_stale_nan(stored[0].values[1]));
}

#[test]
fn exemplars_go_to_the_bucket_of_their_value() {
    let exemplar = |value: f64, span: &str| {
        json!({
            "timeUnixNano": THEN, "asDouble": value, "spanId": span,
            "traceId": "000102030405060708090a0b0c0d0e0f", "filteredAttributes": [text("k", "v")],
        })
    };
    let metrics = json!([{"name": "d", "histogram": {"aggregationTemporality": 2, "dataPoints": [{
        "timeUnixNano": THEN, "count": 3, "bucketCounts": [1, 1, 1], "explicitBounds": [1, 2],
        "exemplars": [exemplar(5.0, "0000000000000000"), exemplar(1.0, "00000000000000ff")],
    }]}}]);
    let request = request(&[], metrics);
    let body = request.to_string();
    let read = read(OtlpForm::Json, body.as_bytes()).unwrap();
    let bench = Bench::new(OtlpConfig::default());
    let translated = bench.receiver.translate(&read);
    let shown: Vec<String> = translated
        .batch
        .exemplars
        .iter()
        .map(|sample| format!("{} {}", named(&sample.series), sample.exemplar.labels))
        .collect();
    let trace = "trace_id=\"000102030405060708090a0b0c0d0e0f\"";
    assert_eq!(
        shown,
        [
            format!("d_bucket{{le=\"1\"}} {{k=\"v\", span_id=\"00000000000000ff\", {trace}}}"),
            format!("d_bucket{{le=\"+Inf\"}} {{k=\"v\", {trace}}}"),
        ]
    );
}

#[test]
fn what_is_refused_is_counted_and_the_rest_is_stored() {
    let delta = json!({"name": "delta", "sum": {"aggregationTemporality": 1, "isMonotonic": true,
        "dataPoints": [{"timeUnixNano": THEN, "asInt": 1}, {"timeUnixNano": THEN, "asInt": 2}]}});
    let coarse = json!({"name": "coarse", "exponentialHistogram": {"aggregationTemporality": 2,
        "dataPoints": [{"timeUnixNano": THEN, "scale": -5}]}});
    let late = json!({"name": "ahead", "gauge": {"dataPoints": [
        {"timeUnixNano": "1700000601000000000", "asInt": 1},
        {"timeUnixNano": THEN, "asInt": 1},
        {"timeUnixNano": THEN, "asInt": 2},
    ]}});
    let bench = Bench::new(OtlpConfig::default());
    let metrics = json!([delta, coarse, late, {"name": "none"}]);
    let accepted = bench.send(&request(&[], metrics)).unwrap();
    assert_eq!(accepted.rejected, 5, "{}", accepted.message);
    for part in [
        "invalid temporality and type combination for series delta",
        "Scale must be >= -4, was -5 for series coarse",
        "timestamp is too far in the future for series ahead",
        "duplicate sample for timestamp for series {__name__=\"ahead\"}",
        "metric \"none\" has no data",
    ] {
        assert!(accepted.message.contains(part), "{}", accepted.message);
    }
    let answer: Value = serde_json::from_slice(&accepted.body).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedDataPoints"], "5");
    assert_eq!(bench.shown(), ["ahead 1@-1"]);
    // Nothing of it is taken: that is no partial success.
    let refusal = bench.send(&request(&[], json!([delta]))).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::BadRequest);
    let status: Value = serde_json::from_slice(&refusal.body(OtlpForm::Json)).unwrap();
    assert_eq!(status["code"], 3);
    // With the feature, both are what they say.
    let bench = Bench::with(OtlpConfig::default(), OtlpDelta::Native, false);
    let second = json!({"name": "delta", "sum": {"aggregationTemporality": 1, "isMonotonic": true,
        "dataPoints": [{"timeUnixNano": THEN, "asInt": 1}]}});
    bench.send(&request(&[], json!([second]))).unwrap();
    assert_eq!(bench.shown(), ["delta_total 1@-1"]);
}

#[test]
fn target_info_is_there_for_as_long_as_the_points_and_has_a_bound() {
    let points = |first: &str| {
        json!([{"name": "g", "gauge": {"dataPoints": [
            {"timeUnixNano": first, "asInt": 1}, {"timeUnixNano": THEN, "asInt": 2},
        ]}}])
    };
    let resource = [text("service.name", "a"), text("x", "y")];
    for (first, count) in [
        (THEN, 1),
        ("1699999699000000000", 3),
        ("1699999698000000000", 4),
        ("1", 1024),
    ] {
        let bench = Bench::new(OtlpConfig::default());
        // Two samples at one time are one sample too many, which is told.
        let _ = bench.send(&request(&resource, points(first)));
        let stored = bench.stored();
        let info = stored
            .iter()
            .find(|series| series.labels.metric_name() == "target_info");
        let info = info.unwrap();
        assert_eq!(info.timestamps.len(), count, "{first}");
        assert_eq!(info.timestamps.last(), Some(&(NOW_MS - 1000)));
    }
}

#[test]
fn protobuf_and_json_are_the_same_request() {
    let attribute = |message: &mut Message, field: u32, key: &str, value: &str| {
        message.message(field, |pair| {
            pair.text(1, key);
            pair.message(2, |any| any.text(1, value));
        });
    };
    let mut body = Message::new();
    body.message(1, |resource_metrics| {
        resource_metrics.message(1, |resource| attribute(resource, 1, "service.name", "a"));
        resource_metrics.message(2, |scope_metrics| {
            scope_metrics.message(2, |metric| {
                metric.text(1, "n");
                metric.message(7, |sum| {
                    sum.message(1, |point| {
                        attribute(point, 7, "k", "v");
                        // fixed64, as a double has the same form.
                        point.double(3, f64::from_bits(1_699_999_999_000_000_000));
                        point.double(4, 2.5);
                    });
                    sum.number(2, 2);
                    sum.number(3, 1);
                });
            });
        });
    });
    let json = json!({"resourceMetrics": [{
        "resource": {"attributes": [text("service.name", "a")]},
        "scopeMetrics": [{"metrics": [{"name": "n", "sum": {
            "dataPoints": [{"attributes": [text("k", "v")], "timeUnixNano": THEN, "asDouble": 2.5}],
            "aggregationTemporality": 2, "isMonotonic": true,
        }}]}],
    }]})
    .to_string();
    let protobuf = read(OtlpForm::Protobuf, body.as_bytes()).unwrap();
    assert_eq!(protobuf, read(OtlpForm::Json, json.as_bytes()).unwrap());
    let bench = Bench::new(OtlpConfig::default());
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(body.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let taken = bench.receiver.receive(OtlpForm::Protobuf, "gzip", &packed);
    assert_eq!(taken.unwrap().body, b"");
    assert_eq!(bench.shown(), ["n_total{job=\"a\", k=\"v\"} 2.5@-1"]);
}

#[test]
fn what_is_no_request_is_refused_within_bounds() {
    let bench = Bench::new(OtlpConfig::default());
    let receive = |form, encoding: &str, body: &[u8]| {
        let refusal = bench.receiver.receive(form, encoding, body).unwrap_err();
        (refusal.kind, refusal.message)
    };
    let bad = RefusalKind::BadRequest;
    let many = b"\x0a\x00".repeat(MESSAGES_MAX + 1);
    let (kind, text) = receive(OtlpForm::Protobuf, "", &many);
    assert!(
        kind == bad && text.contains("more than 1048576 messages"),
        "{text}"
    );
    let braces = vec![b'{'; MESSAGES_MAX + 1];
    assert!(receive(OtlpForm::Json, "", &braces).1.contains("more than"));
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(&vec![0; OTLP_BYTES_MAX + 1]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(
        receive(OtlpForm::Protobuf, "gzip", &bomb)
            .1
            .contains("33554432")
    );
    let mut nested = Message::new();
    for _ in 0..40 {
        let inner = nested.clone();
        nested = Message::new();
        nested.message(5, |list| list.message(1, |value| value.append(&inner)));
    }
    let mut body = Message::new();
    body.message(1, |metrics| {
        metrics.message(1, |resource| {
            resource.message(1, |pair| pair.message(2, |value| value.append(&nested)));
        });
    });
    let (_, text) = receive(OtlpForm::Protobuf, "", body.as_bytes());
    assert!(text.contains("values nested in each other"), "{text}");
    for (form, encoding, body, kind) in [
        (OtlpForm::Protobuf, "", &b"\x0a\x05a"[..], bad),
        (OtlpForm::Json, "", b"{", bad),
        (OtlpForm::Json, "", b"{\"resourceMetrics\": 5}", bad),
        (OtlpForm::Json, "gzip", b"{}", bad),
        (OtlpForm::Json, "zstd", b"{}", RefusalKind::UnsupportedMedia),
    ] {
        assert_eq!(receive(form, encoding, body).0, kind, "{body:?}");
    }
    assert!(bench.receiver.accept("text/plain").is_err());
    let form = bench.receiver.accept("application/json; charset=utf-8");
    assert_eq!(form.unwrap(), OtlpForm::Json);
}
