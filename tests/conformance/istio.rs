//! The plugin `istio` on a real Envoy, and on recorded answers of istiod and ztunnel.

use std::collections::BTreeMap;

use narthex_tests::{Narthex, SeriesSet, Target, http, peers, repository, until};
use serde_json::Value;

fn recorded(name: &str) -> String {
    let path = repository()
        .join("plugins/exporters/istio/fixtures")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The result of a query without its job, and without what differs between any two scrapes of
/// a living Envoy.
fn still(narthex: &Narthex, job: &str, selector: &str) -> Result<SeriesSet, String> {
    let query = format!("{{job=\"{job}\",{selector}}}");
    let series = narthex.query(&query)?;
    let without_job = |(labels, value): (String, String)| {
        let mut labels: BTreeMap<String, Value> = serde_json::from_str(&labels).unwrap();
        labels.remove("job");
        (serde_json::to_string(&labels).unwrap(), value)
    };
    Ok(series.into_iter().map(without_job).collect())
}

#[test]
fn a_real_envoy_gives_the_same_series_as_a_plain_scrape() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Target::serve_text(|| "hello\n".to_owned());
    let envoy = peers::envoy(folder.path(), &backend.address());
    for _ in 0..20 {
        let url = format!("http://127.0.0.1:{}/", envoy.listener);
        assert_eq!(http::get(&url).unwrap().0, 200);
    }
    let address = envoy.admin.address();
    let job = |name: &str, rest: &str| {
        format!("- job_name: {name}\n  {rest}\n  static_configs: [{{targets: ['{address}']}}]\n")
    };
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}{}{}{}",
            job("plain", "metrics_path: /stats/prometheus"),
            job("whole", "plugin: istio"),
            job(
                "read",
                "plugin: istio\n  plugin_config: {metrics: {drop: [no_such_family]}}"
            ),
            job(
                "thin",
                "plugin: istio\n  plugin_config: {metrics: {keep: ['envoy_cluster_*'], \
                 rules: [{drop_labels: [envoy_cluster_name, envoy_response_code*], buckets: [1, 100]}]}}"
            ),
        ))
        .start();
    // Handed over whole, and read and written by the plugin: the same series either way.
    let names = |job: &str| -> Result<Vec<String>, String> {
        let series = still(&narthex, job, "__name__=~\"envoy_.+\"")?;
        Ok(series.into_keys().collect())
    };
    let plain = until(60, "the same series from all jobs", || {
        let (plain, whole, read) = (names("plain")?, names("whole")?, names("read")?);
        if plain.len() > 300 && plain == whole && plain == read {
            return Ok(plain);
        }
        let only = |a: &[String], b: &[String]| -> Vec<String> {
            let missing = a.iter().filter(|series| !b.contains(series));
            missing.take(5).cloned().collect()
        };
        Err(format!(
            "{} {} {}: {:?} {:?}",
            plain.len(),
            whole.len(),
            read.len(),
            only(&plain, &read),
            only(&read, &plain)
        ))
    });
    assert!(
        plain
            .iter()
            .any(|series| series.contains("envoy_cluster_upstream_rq_time_bucket"))
    );
    // Nobody talks to the backend any more: its numbers stand still and are equal to the digit.
    let requests = "__name__=~\"envoy_cluster_upstream_rq.*\",envoy_cluster_name=\"backend\"";
    until(60, "equal numbers", || {
        let plain = still(&narthex, "plain", requests)?;
        let (whole, read) = (
            still(&narthex, "whole", requests)?,
            still(&narthex, "read", requests)?,
        );
        if !plain.is_empty() && plain == whole && plain == read {
            return Ok(());
        }
        Err(format!("{plain:?}\n{whole:?}\n{read:?}"))
    });
    // Without the label that tells clusters apart their numbers are added up, and of the buckets
    // the chosen are left.
    for (family, kept) in [
        ("envoy_cluster_upstream_rq_total", ""),
        (
            "envoy_cluster_upstream_rq_time_bucket",
            ",le=~\"1|1.0|100|100.0|\\\\+Inf\"",
        ),
    ] {
        until(60, family, || {
            let by = |job: &str| {
                let sum = format!("sum by (le) ({family}{{job=\"{job}\"{kept}}})");
                narthex.query(&sum)
            };
            let (thin, plain) = (by("thin")?, by("plain")?);
            let count = narthex.query(&format!("count({family}{{job=\"thin\"}})"))?;
            let of_the_thin: Vec<String> = count.into_values().collect();
            if !thin.is_empty() && thin == plain && of_the_thin == [thin.len().to_string()] {
                return Ok(());
            }
            Err(format!("{thin:?}\n{plain:?}\n{of_the_thin:?}"))
        });
    }
    let dropped = narthex.query("count({job=\"thin\",__name__=~\"envoy_server_.+\"})");
    assert!(dropped.unwrap().is_empty());
}

#[test]
fn recorded_istiod_and_ztunnel() {
    let classic = "text/plain; version=0.0.4; charset=utf-8";
    let istiod = Target::serve(move |path| match path {
        "/debug/syncz" => ("application/json".to_owned(), recorded("syncz-1.29.json")),
        _ => (classic.to_owned(), recorded("istiod-metrics-1.29.txt")),
    });
    let openmetrics = "application/openmetrics-text;charset=utf-8;version=1.0.0";
    let ztunnel =
        Target::serve(move |_| (openmetrics.to_owned(), recorded("ztunnel-metrics-1.29.txt")));
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n\
             - job_name: istiod\n  plugin: istio\n  plugin_config: {{component: istiod}}\n  \
             static_configs: [{{targets: ['{}']}}]\n\
             - job_name: ztunnel\n  plugin: istio\n  plugin_config: {{component: ztunnel}}\n  \
             static_configs: [{{targets: ['{1}']}}]\n\
             - job_name: thin\n  plugin: istio\n  plugin_config: {{component: ztunnel, preset: standard}}\n  \
             static_configs: [{{targets: ['{1}']}}]\n",
            istiod.address(),
            ztunnel.address()
        ))
        .start();
    for (query, expected) in [
        ("pilot_xds{version=\"1.29.0\"}", "3"),
        ("sum(pilot_xds_push_time_count)", "252"),
        ("istio_exporter_syncz_up", "1"),
        ("sum(istio_exporter_syncz_proxies)", "3"),
        (
            "count(istio_exporter_syncz_proxy_behind{type=\"lds\",state=\"rejected\"})",
            "1",
        ),
        (
            "istio_tcp_connections_opened_total{job=\"ztunnel\",source_workload=\"curl\"}",
            "31",
        ),
        ("sum(istio_tcp_sent_bytes_total{job=\"thin\"})", "42259"),
        (
            "count(istio_tcp_sent_bytes_total{source_principal!=\"\"})",
            "2",
        ),
        (
            "count({job=\"thin\",source_principal!=\"\"}) or vector(0)",
            "0",
        ),
    ] {
        until(60, query, || {
            let values: Vec<String> = narthex.query(query)?.into_values().collect();
            match values == [expected] {
                true => Ok(()),
                false => Err(format!("{values:?}")),
            }
        });
    }
}
