//! OpenTelemetry's SDK for Python exports to Narthex.

use std::process::Command;

use narthex_tests::{Narthex, http, repository, run};
use serde_json::Value;

const PATH: &str = "/api/v1/otlp/v1/metrics";

fn export(narthex: &Narthex, compression: &str) {
    let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = repository().join("tests/conformance/otlp_export.py");
    let url = format!("{}{PATH}", narthex.url());
    run(Command::new(python).arg(script).args([&url, compression]));
}

/// The value of an expression that one series answers: a number, or what a histogram has.
fn value(narthex: &Narthex, query: &str) -> String {
    let url = format!(
        "{}/api/v1/query?query={}",
        narthex.url(),
        http::encode(query)
    );
    let data = http::api(&url).unwrap();
    let result = data["result"].as_array().unwrap();
    let [series] = result.as_slice() else {
        panic!("{query}: {result:?}")
    };
    match &series["value"][1] {
        Value::String(text) => text.clone(),
        _ => series["histogram"][1].to_string(),
    }
}

#[test]
fn the_python_sdk_exports_every_kind_of_metric() {
    for compression in ["none", "gzip"] {
        let narthex = Narthex::builder()
            .config("otlp: {promote_resource_attributes: [host.name]}\n")
            .flag("--web.enable-otlp-receiver")
            .start();
        export(&narthex, compression);
        let target = "job=\"eu/shop\",instance=\"shop-1\",host_name=\"h1\"";
        for (query, expected) in [
            (format!("orders_total{{http_method=\"GET\",{target}}}"), "5"),
            (
                format!("orders_total{{http_method=\"POST\",{target}}}"),
                "2",
            ),
            (format!("queue_length{{{target}}}"), "3"),
            (format!("disk_used_ratio{{{target}}}"), "0.25"),
            (format!("sent_bytes_total{{{target}}}"), "10"),
            (format!("request_duration_seconds_count{{{target}}}"), "4"),
            (format!("request_duration_seconds_sum{{{target}}}"), "21.25"),
            (
                format!("request_duration_seconds_bucket{{le=\"0.1\",{target}}}"),
                "1",
            ),
            (
                format!("request_duration_seconds_bucket{{le=\"10\",{target}}}"),
                "3",
            ),
            (
                format!("request_duration_seconds_bucket{{le=\"+Inf\",{target}}}"),
                "4",
            ),
            (
                format!("histogram_count(reply_size_bytes{{{target}}})"),
                "5",
            ),
            (
                format!("histogram_sum(reply_size_bytes{{{target}}})"),
                "2101",
            ),
            // Four of five are above, the zero is in its own bucket.
            (
                format!("histogram_fraction(0.5, Inf, reply_size_bytes{{{target}}})"),
                "0.8",
            ),
            (
                "target_info{job=\"eu/shop\",host_name=\"h1\",telemetry_sdk_language=\"python\"}"
                    .to_owned(),
                "1",
            ),
        ] {
            assert_eq!(value(&narthex, &query), expected, "{query}");
        }
    }
}

#[test]
fn a_request_is_answered_in_its_own_form_and_only_where_it_is_asked_for() {
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag("--web.enable-otlp-receiver")
        .start();
    let url = format!("{}{PATH}", narthex.url());
    let json = [("Content-Type", "application/json")];
    let send = |headers: &[(&str, &str)], body: &str| {
        http::send("POST", &url, headers, body.as_bytes()).unwrap()
    };
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let metrics = |temporality: u32| {
        format!(
            r#"{{"resourceMetrics": [{{"scopeMetrics": [{{"metrics": [
                {{"name": "g", "gauge": {{"dataPoints": [{{"timeUnixNano": "{now}", "asInt": 1}}]}}}},
                {{"name": "s", "sum": {{"aggregationTemporality": {temporality},
                  "dataPoints": [{{"timeUnixNano": "{now}", "asInt": 1}}]}}}}
            ]}}]}}]}}"#
        )
    };
    assert_eq!(send(&json, &metrics(2)), (200, "{}".to_owned()));
    let (status, body) = send(&json, &metrics(1));
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        answer["partialSuccess"]["rejectedDataPoints"], "1",
        "{body}"
    );
    assert_eq!(value(&narthex, "g"), "1");
    let (status, body) = send(&json, "{\"resourceMetrics\": 1}");
    assert!(
        status == 400 && body.contains("\"code\":3"),
        "{status} {body}"
    );
    let (status, body) = send(&[("Content-Type", "text/plain")], "");
    assert!(
        status == 400 && body.contains("unsupported content type"),
        "{body}"
    );
    let without = Narthex::builder().config("global: {}\n").start();
    let url = format!("{}{PATH}", without.url());
    let (status, body) = http::send("POST", &url, &json, b"{}").unwrap();
    assert!(
        status == 404 && body.contains("--web.enable-otlp-receiver"),
        "{body}"
    );
}
