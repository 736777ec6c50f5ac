//! What is remembered from request to request, and what a request leaves behind besides samples.

use super::*;

#[test]
fn a_request_of_which_target_info_was_stored_is_no_bad_request() {
    let delta = json!([{"name": "delta", "sum": {"aggregationTemporality": 1,
        "dataPoints": [{"timeUnixNano": THEN, "asInt": 1}]}}]);
    let bench = Bench::new(OtlpConfig::default());
    let resource = [text("service.name", "a"), text("x", "y")];
    let accepted = bench.send(&request(&resource, delta)).unwrap();
    assert_eq!(accepted.rejected, 1);
    assert!(accepted.message.contains("invalid temporality"));
    assert_eq!(bench.shown(), ["target_info{job=\"a\", x=\"y\"} 1@-1"]);
}

#[test]
fn deltas_become_cumulative_where_that_is_asked_for() {
    let sum = |start: &str, time: &str, value: i64| {
        json!({"name": "n", "sum": {"aggregationTemporality": 1, "isMonotonic": true,
        "dataPoints": [{
            "startTimeUnixNano": start, "timeUnixNano": time, "asInt": value,
            "attributes": [text("a", "1")],
        }]}})
    };
    let histogram = |time: &str| {
        json!({"name": "h", "histogram": {"aggregationTemporality": 1, "dataPoints": [{
            "timeUnixNano": time, "count": 3, "sum": 2.5, "bucketCounts": [1, 2],
            "explicitBounds": [1],
        }]}})
    };
    let exponential = |time: &str| {
        json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [{
            "timeUnixNano": time, "count": 3, "sum": 2.5, "zeroCount": 1,
            "positive": {"offset": 0, "bucketCounts": [2]},
        }]}})
    };
    let later = "1700000000000000000";
    let bench = Bench::with(OtlpConfig::default(), OtlpDelta::Accumulated, true);
    for (start, time) in [("1699999998000000000", THEN), (THEN, later)] {
        let metrics = json!([sum(start, time, 5), histogram(time), exponential(time)]);
        let accepted = bench.send(&request(&[], metrics)).unwrap();
        assert_eq!((accepted.rejected, accepted.message.as_str()), (0, ""));
    }
    let shown = bench.shown();
    let kind = "__type__=\"histogram\"";
    let expected = [
        format!("h_bucket{{{kind}, le=\"+Inf\"}} 3@-1 6@0"),
        format!("h_bucket{{{kind}, le=\"1\"}} 1@-1 2@0"),
        format!("h_count{{{kind}}} 3@-1 6@0"),
        format!("h_sum{{{kind}}} 2.5@-1 5@0"),
        "n_total{__type__=\"counter\", a=\"1\"} 5@-1 10@0".to_owned(),
    ];
    for line in &expected {
        assert!(shown.contains(line), "{line} in {shown:#?}");
    }
    let stored = bench.stored();
    let named = |name: &str| {
        let found = stored.iter().find(|s| s.labels.metric_name() == name);
        found.unwrap()
    };
    let exponential = named("e").histograms.as_ref().unwrap()[1].clone().unwrap();
    assert_eq!((exponential.count, exponential.sum), (6.0, 5.0));
    assert_eq!(exponential.positive.counts(), [4.0]);
    let start_ms = 1_699_999_998_000;
    assert_eq!(
        named("n_total").starts.as_ref().unwrap()[..],
        [start_ms, start_ms]
    );
    // One that is out of order is refused, and one without a value ends the stream.
    let old = json!([sum(THEN, later, 5), sum(THEN, "1700000001000000000", 1)]);
    let accepted = bench.send(&request(&[], old)).unwrap();
    assert_eq!(accepted.rejected, 1);
    assert!(accepted.message.contains("out of order: its stream"));
    let end = json!([{"name": "n", "sum": {"aggregationTemporality": 1, "isMonotonic": true,
        "dataPoints": [{"timeUnixNano": "1700000002000000000", "flags": 1,
            "attributes": [text("a", "1")]}]}}]);
    bench.send(&request(&[], end)).unwrap();
    let again = json!([sum(later, "1700000003000000000", 2)]);
    bench.send(&request(&[], again)).unwrap();
    let last = bench.shown().pop().unwrap();
    assert!(last.ends_with("5@-1 10@0 11@1 stale@2 2@3"), "{last}");
}

#[test]
fn labels_are_made_once_and_again_where_the_config_changes() {
    let point = |time: &str, method: &str| {
        json!({"timeUnixNano": time, "count": 1, "bucketCounts": [1, 0], "explicitBounds": [1],
            "sum": 1, "attributes": [text("http.method", method), text("a", "b")]})
    };
    let metrics = |time: &str| {
        json!([
            {"name": "h", "histogram": {"aggregationTemporality": 2,
                "dataPoints": [point(time, "GET"), point(time, "PUT")]}},
            {"name": "s", "summary": {"dataPoints": [{"timeUnixNano": time, "count": 4, "sum": 1,
                "quantileValues": [{"quantile": 0.5, "value": 2}]}]}},
            {"name": "g", "gauge": {"dataPoints": [{"timeUnixNano": time, "asInt": 1}]}},
        ])
    };
    let resource = [text("service.name", "shop"), text("host.name", "h")];
    let bench = Bench::new(OtlpConfig::default());
    let made = || bench.receiver.metrics.labels_made.get();
    bench.send(&request(&resource, metrics(THEN))).unwrap();
    // Two histograms of four series, three of a summary, one gauge and target_info.
    assert_eq!(made(), 13);
    let first = bench.shown();
    let later = "1700000000000000000";
    let accepted = bench.send(&request(&resource, metrics(later))).unwrap();
    assert_eq!(accepted.rejected, 0, "{}", accepted.message);
    assert_eq!(made(), 13);
    let both = bench.shown();
    assert_eq!(both.len(), first.len());
    assert!(
        both.iter()
            .all(|line| line.contains("@-1 ") && line.ends_with("@0"))
    );
    // The order of attributes tells nothing.
    let mut turned = request(&resource, metrics("1700000001000000000"));
    let points = &mut turned["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["histogram"];
    let attributes = points["dataPoints"][0]["attributes"]
        .as_array_mut()
        .unwrap();
    attributes.reverse();
    bench.send(&turned).unwrap();
    assert_eq!(made(), 13);
    bench.receiver.set_config(OtlpConfig {
        translation_strategy: TranslationStrategy::NoTranslation,
        ..OtlpConfig::default()
    });
    bench
        .send(&request(&resource, metrics("1700000002000000000")))
        .unwrap();
    assert_eq!(made(), 26);
    assert!(
        bench
            .shown()
            .iter()
            .any(|line| line.contains("http.method"))
    );
    // Another resource has other series, though they may have the same labels.
    let other = [text("service.name", "shop"), text("host.name", "other")];
    bench
        .send(&request(&other, metrics("1700000003000000000")))
        .unwrap();
    assert_eq!(made(), 39);
}

#[test]
fn what_is_said_of_metrics_is_kept() {
    let metrics = json!([
        {"name": "up.time", "unit": "s", "description": "since the start",
            "gauge": {"dataPoints": [{"timeUnixNano": THEN, "asInt": 1}]}},
        {"name": "d", "unit": "ms", "histogram": {"aggregationTemporality": 2,
            "dataPoints": [{"timeUnixNano": THEN, "count": 0, "bucketCounts": [0]}]}},
    ]);
    let bench = Bench::new(OtlpConfig::default());
    bench.send(&request(&[], metrics)).unwrap();
    let mut said = bench.receiver.options.metadata.of("");
    said.sort_by(|a, b| a.metric.cmp(&b.metric));
    let shown: Vec<String> = said
        .iter()
        .map(|said| {
            format!(
                "{} {} {:?} {:?}",
                said.metric,
                said.kind.name(),
                said.help,
                said.unit
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "d_milliseconds histogram \"\" \"milliseconds\"",
            "up_time_seconds gauge \"since the start\" \"seconds\"",
        ]
    );
    assert_eq!(bench.receiver.metrics.without_metadata.get(), 0);
}
