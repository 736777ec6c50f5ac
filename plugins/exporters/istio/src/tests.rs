use narthex_sdk::fake::Host;
use narthex_sdk::http::Response;

use super::*;

const ISTIOD: &str = include_str!("../fixtures/istiod-metrics-1.29.txt");
const SIDECAR: &str = include_str!("../fixtures/sidecar-metrics-1.29.txt");
const ZTUNNEL: &str = include_str!("../fixtures/ztunnel-metrics-1.29.txt");
const SYNCZ: &str = include_str!("../fixtures/syncz-1.29.json");

fn target() -> Target {
    Target {
        address: "mesh:1".to_owned(),
        labels: vec![],
        params: vec![],
    }
}

fn collect(config: &str) -> Result<String, Error> {
    let config = serde_json::from_str(config).unwrap();
    let mut batch = Batch::new();
    Istio::init(config)?.collect(&target(), &mut batch)?;
    Ok(batch.to_text())
}

fn value<'t>(text: &'t str, series: &str) -> Option<&'t str> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[test]
fn istiod_with_the_state_of_its_proxies() {
    Host::new()
        .secret("istiod", "t0k")
        .response("http://mesh:1/metrics", 200, ISTIOD)
        .response("http://mesh:1/debug/syncz", 200, SYNCZ)
        .install();
    let text = collect(r#"{"component": "istiod", "token_secret": "istiod"}"#).unwrap();
    // Nothing of its own metrics is lost.
    let own = ISTIOD.lines().filter(|line| !line.starts_with('#')).count();
    let ours = text
        .lines()
        .filter(|line| line.starts_with("istio_exporter_"));
    assert_eq!(text.lines().count() - ours.count(), own);
    for (series, expected) in [
        ("pilot_xds{version=\"1.29.0\"}", "3"),
        ("pilot_proxy_convergence_time_bucket{le=\"+Inf\"}", "205"),
        ("citadel_server_root_cert_expiry_timestamp", "2095012763"),
        ("istio_exporter_syncz_up", "1"),
        ("istio_exporter_syncz_proxies_behind_unnamed", "0"),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}");
    }
    assert!(text.contains("syncz_proxy_behind{cluster_id=\"Kubernetes\",proxy=\"productpage"));
    for sent in Host::requests() {
        assert_eq!(sent.headers[0].1, "Bearer t0k");
    }
}

#[test]
fn istiod_that_wants_a_token_for_syncz_is_read_all_the_same() {
    Host::new()
        .response("http://mesh:1/metrics", 200, ISTIOD)
        .response("http://mesh:1/debug/syncz", 401, "")
        .install();
    let text = collect(r#"{"component": "istiod"}"#).unwrap();
    assert_eq!(value(&text, "istio_exporter_syncz_up"), Some("0"));
    assert_eq!(value(&text, "pilot_services"), Some("19"));
    assert!(
        Host::logged()[0].contains("status 401"),
        "{:?}",
        Host::logged()
    );
}

#[test]
fn without_a_filter_the_body_stays_with_the_host() {
    Host::new()
        .response("http://mesh:1/stats/prometheus?usedonly", 200, SIDECAR)
        .response("http://mesh:1/metrics", 200, ISTIOD)
        .install();
    for (config, body) in [
        (r#"{"component": "envoy", "used_only": true}"#, SIDECAR),
        (r#"{"component": "istiod", "syncz": false}"#, ISTIOD),
    ] {
        let mut istio = Istio::init(serde_json::from_str(config).unwrap()).unwrap();
        match istio.payload(&target()).unwrap() {
            Payload::Response(handle) => {
                assert_eq!(Host::stored(handle).unwrap(), body.as_bytes());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_standard_preset_merges_what_says_the_same() {
    Host::new()
        .response("http://mesh:1/stats/prometheus", 200, SIDECAR)
        .install();
    let text = collect(r#"{"preset": "standard"}"#).unwrap();
    let requests: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("istio_requests_total"))
        .collect();
    // Two versions of the source became one series.
    assert_eq!(requests.len(), 2, "{requests:#?}");
    assert!(requests[0].ends_with(" 50"), "{requests:#?}");
    assert!(!requests[0].contains("principal") && !requests[0].contains("source_version"));
    for kept in [
        "reporter",
        "source_workload",
        "destination_service_name",
        "response_code",
    ] {
        assert!(
            requests[0].contains(&format!("{kept}=\"")),
            "{kept}: {}",
            requests[0]
        );
    }
    let buckets: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("istio_request_duration_milliseconds_bucket"))
        .collect();
    // 1, 5, 10, 50, 100, 500, 1000, 5000 and 30,000 of its own, and infinity.
    assert_eq!(buckets.len(), 10, "{buckets:#?}");
    assert!(buckets[9].ends_with(" 50"), "{buckets:#?}");
    assert_eq!(value(&text, "envoy_server_live"), Some("1"));
    assert!(!text.contains("envoy_cluster_upstream_cx_total"));
    assert!(text.contains("istio_build{component=\"proxy\",tag=\"1.29.0\"} 1"));
    let of = |result: &str| {
        let series = format!("istio_exporter_samples{{result=\"{result}\"}}");
        value(&text, &series).unwrap().parse::<u32>().unwrap()
    };
    let all = SIDECAR
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    assert_eq!((of("kept") + of("dropped") + of("merged")) as usize, all);
    assert!(of("merged") > 10, "{}", of("merged"));
}

#[test]
fn a_jobs_own_rules_come_first() {
    Host::new()
        .response("http://mesh:1/stats/prometheus", 200, SIDECAR)
        .install();
    let text = collect(
        r#"{"preset": "standard", "metrics": {"drop": ["*_bucket"],
            "rules": [{"families": ["istio_requests_total"], "keep_labels": ["response_code"]}]}}"#,
    )
    .unwrap();
    assert_eq!(
        value(&text, "istio_requests_total{response_code=\"200\"}"),
        Some("50")
    );
    assert!(!text.contains("_bucket"));
    assert!(text.contains("istio_request_duration_milliseconds_count"));
}

#[test]
fn ztunnel_speaks_openmetrics() {
    let response = Response {
        status: 200,
        headers: vec![(
            "Content-Type".to_owned(),
            "application/openmetrics-text;charset=utf-8;version=1.0.0".to_owned(),
        )],
        body: ZTUNNEL.as_bytes().to_vec(),
    };
    Host::new()
        .respond("http://mesh:1/metrics", response)
        .install();
    let text = collect(
        r#"{"component": "ztunnel", "metrics": {"rules": [
            {"families": ["istio_tcp_*"], "keep_labels": ["reporter", "destination_service_name"]}]}}"#,
    )
    .unwrap();
    for (name, expected) in [("connections_opened", "35"), ("sent_bytes", "42259")] {
        let series = format!(
            "istio_tcp_{name}_total{{reporter=\"source\",destination_service_name=\"details\"}}"
        );
        assert_eq!(value(&text, &series), Some(expected), "{text}");
    }
    assert_eq!(
        value(&text, "workload_manager_active_proxy_count"),
        Some("7")
    );
}

#[test]
fn faults_say_what_is_wrong() {
    Host::new()
        .response("http://mesh:1/stats/prometheus", 200, "<html>")
        .response("http://mesh:1/metrics", 503, "no healthy upstream")
        .install();
    let text = |config: &str| collect(config).unwrap_err().message().to_owned();
    let filtered = r#"{"metrics": {"drop": ["x"]}}"#;
    assert!(text(filtered).starts_with("http://mesh:1/stats/prometheus: line 1 of the metrics"));
    assert!(text(r#"{"component": "istiod"}"#).ends_with("status 503: no healthy upstream"));
    assert!(text(r#"{"path": "metrics"}"#).contains("does not begin with /"));
    assert!(text(r#"{"component": "istiod", "used_only": true}"#).contains("used_only"));
}
