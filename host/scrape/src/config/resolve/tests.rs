use narthex_http::{BodyLimit, Secret};
use serde_json::json;

use super::*;

fn job(name: &str, fields: serde_json::Value) -> ScrapeConfig {
    let mut job: ScrapeConfig = serde_json::from_value(fields).unwrap();
    job.job_name = name.to_owned();
    job
}

fn global(fields: serde_json::Value) -> GlobalConfig {
    serde_json::from_value(fields).unwrap()
}

#[test]
fn a_job_takes_from_global_what_it_does_not_say() {
    let global = global(json!({
        "scrape_interval": "15s", "sample_limit": 7, "label_limit": 3, "body_size_limit": "1MB",
    }));
    let jobs = vec![
        job("a", json!({})),
        job(
            "b",
            json!({"scrape_interval": "5s", "sample_limit": 9, "body_size_limit": "2MB"}),
        ),
        job("c", json!({"scrape_timeout": "12s"})),
    ];
    let resolved = resolve(global, jobs).unwrap();
    assert_eq!(resolved.global.scrape_timeout, PromDuration::from_secs(10));
    let found = resolved.jobs.iter().map(|job| {
        let times = (
            job.scrape_interval.to_string(),
            job.scrape_timeout.to_string(),
        );
        (times, job.sample_limit, job.label_limit, job.body_limit())
    });
    let times = |interval: &str, timeout: &str| (interval.to_owned(), timeout.to_owned());
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            (times("15s", "10s"), 7, 3, BodyLimit::Bytes(1 << 20)),
            (times("5s", "5s"), 9, 3, BodyLimit::Bytes(2 << 20)),
            (times("15s", "12s"), 7, 3, BodyLimit::Bytes(1 << 20)),
        ]
    );
}

#[test]
fn a_body_has_a_limit_unless_none_is_asked_for() {
    for (in_global, in_job, expected) in [
        (json!({}), json!({}), BodyLimit::Bytes(64 << 20)),
        (
            json!({"body_size_limit": "0"}),
            json!({}),
            BodyLimit::Unlimited,
        ),
        (
            json!({}),
            json!({"body_size_limit": "0"}),
            BodyLimit::Unlimited,
        ),
        (
            json!({"body_size_limit": "1KB"}),
            json!({"body_size_limit": "0"}),
            BodyLimit::Bytes(1024),
        ),
    ] {
        let name = format!("{in_global} {in_job}");
        let resolved = resolve(global(in_global), vec![job("a", in_job)]).unwrap();
        assert_eq!(resolved.jobs[0].body_limit(), expected, "{name}");
    }
}

#[test]
fn which_formats_and_names_are_asked_for() {
    use EscapingScheme::{AllowUtf8, Dots, Underscores};
    let proto_first = ScrapeProtocol::PROTO_FIRST[0];
    let text_first = ScrapeProtocol::DEFAULT[0];
    let old = ScrapeProtocol::PrometheusText0_0_4;
    for (in_global, in_job, protocol, escaping) in [
        (json!({}), json!({}), text_first, None),
        (
            json!({"scrape_native_histograms": true}),
            json!({}),
            proto_first,
            None,
        ),
        (
            json!({"scrape_native_histograms": true}),
            json!({"scrape_native_histograms": false}),
            text_first,
            None,
        ),
        (
            json!({"scrape_protocols": ["PrometheusText0.0.4"]}),
            json!({"scrape_native_histograms": true}),
            old,
            None,
        ),
        (
            json!({"metric_name_validation_scheme": "legacy"}),
            json!({}),
            text_first,
            Some(Underscores),
        ),
        (
            json!({"metric_name_escaping_scheme": "dots"}),
            json!({"metric_name_validation_scheme": "legacy"}),
            text_first,
            Some(Dots),
        ),
        (
            json!({"metric_name_escaping_scheme": "allow-utf-8"}),
            json!({"metric_name_validation_scheme": "legacy"}),
            text_first,
            Some(Underscores),
        ),
        (
            json!({"metric_name_validation_scheme": "legacy"}),
            json!({
                "metric_name_validation_scheme": "utf8",
                "metric_name_escaping_scheme": "allow-utf-8",
            }),
            text_first,
            Some(AllowUtf8),
        ),
    ] {
        let name = format!("{in_global} {in_job}");
        let resolved = resolve(global(in_global), vec![job("a", in_job)]).unwrap();
        let job = &resolved.jobs[0];
        let found = (job.scrape_protocols[0], job.metric_name_escaping_scheme);
        assert_eq!(found, (protocol, escaping), "{name}");
    }
    let contradiction = json!({
        "metric_name_validation_scheme": "legacy",
        "metric_name_escaping_scheme": "allow-utf-8",
    });
    let faults = resolve(GlobalConfig::default(), vec![job("a", contradiction)]).unwrap_err();
    assert_eq!(
        faults[0].message,
        "utf8 metric names requested but validation scheme is not set to UTF8"
    );
    let empty = resolve(global(json!({"scrape_protocols": []})), vec![]).unwrap_err();
    assert_eq!(
        empty[0].message,
        "scrape_protocols cannot be empty for global config"
    );
}

#[test]
fn all_faults_are_found_at_once_in_prometheus_words() {
    let global = global(json!({"scrape_interval": "5s", "scrape_timeout": "6s"}));
    let jobs = vec![
        job(
            "a",
            json!({"scrape_interval": "10s", "scrape_timeout": "11s"}),
        ),
        job(
            "a",
            json!({"scheme": "ftp", "static_configs": [{"targets": ["http://x"]}]}),
        ),
        job("", json!({"plugin_config": {}})),
        job(
            "probe",
            json!({
                "static_configs": [{"targets": ["http://x"]}],
                "relabel_configs": [{"source_labels": ["__address__"], "target_label": "__param_target"}],
            }),
        ),
    ];
    let faults = resolve(global, jobs).unwrap_err();
    let found: Vec<_> = faults.iter().map(|f| (f.job, f.message.as_str())).collect();
    assert_eq!(
        found,
        [
            (None, "global scrape timeout greater than scrape interval"),
            (
                Some(0),
                "scrape timeout greater than scrape interval for scrape config with job name \"a\""
            ),
            (
                Some(1),
                "invalid scheme \"ftp\" for scrape config with job name \"a\""
            ),
            (Some(1), "\"http://x\" is not a valid hostname"),
            (Some(1), "found multiple scrape configs with job name \"a\""),
            (Some(2), "job_name is empty"),
            (
                Some(2),
                "plugin_config without plugin for scrape config with job name \"\""
            ),
        ]
    );
}

#[test]
fn a_job_prints_as_prometheus_prints_it_and_keeps_its_secrets() {
    let job = job(
        "a",
        json!({
            "basic_auth": {"username": "u", "password": "hunter2"},
            "plugin": "redis",
            "plugin_config": {"password": "hunter2", "nested": [{"api_token": "hunter2", "port": 1}]},
            "static_configs": [{"targets": ["a:1"]}],
            "relabel_configs": [{"target_label": "x", "replacement": "y"}],
        }),
    );
    let resolved = resolve(GlobalConfig::default(), vec![job]).unwrap();
    let printed = serde_json::to_value(&*resolved.jobs[0]).unwrap();
    assert_eq!(
        printed,
        json!({
            "job_name": "a",
            "plugin": "redis",
            "plugin_config": {
                "password": "<secret>",
                "nested": [{"api_token": "<secret>", "port": 1}],
            },
            "honor_timestamps": true,
            "track_timestamps_staleness": false,
            "scrape_interval": "1m",
            "scrape_timeout": "10s",
            "scrape_protocols": [
                "OpenMetricsText1.0.0", "OpenMetricsText0.0.1",
                "PrometheusText1.0.0", "PrometheusText0.0.4",
            ],
            "metrics_path": "/metrics",
            "scheme": "http",
            "enable_compression": true,
            "body_size_limit": "64MiB",
            "basic_auth": {"username": "u", "password": "<secret>"},
            "follow_redirects": true,
            "enable_http2": true,
            "relabel_configs": [
                {"separator": ";", "target_label": "x", "replacement": "y", "action": "replace"},
            ],
            "static_configs": [{"targets": ["a:1"]}],
        })
    );
    let names: Vec<_> = printed
        .as_object()
        .unwrap()
        .keys()
        .take(4)
        .cloned()
        .collect();
    assert_eq!(
        names,
        ["job_name", "plugin", "plugin_config", "honor_timestamps"]
    );
}

#[test]
fn an_unknown_field_is_refused() {
    let read = |fields| serde_json::from_value::<ScrapeConfig>(fields);
    assert!(read(json!({"scrape_intervall": "1s"})).is_err());
    let bearer = read(json!({"bearer_token": "t"})).unwrap().http_config();
    assert_eq!(bearer.authorization.unwrap().credentials, Secret::new("t"));
}
