//! Debian's Prometheus and Narthex scrape the same targets with the same prometheus.yml.

use std::collections::BTreeMap;
use std::path::Path;

use narthex_tests::{Narthex, Target, http, instant, peers, sorted, until};

/// The exporters that both scrape; the pushgateway holds what the test pushed.
struct Exporters {
    node: peers::Peer,
    pushgateway: peers::Peer,
    redis_exporter: peers::Peer,
    _redis: peers::Peer,
}

impl Exporters {
    fn start(folder: &Path) -> Self {
        let redis = peers::redis(folder);
        let exporters = Self {
            node: peers::node_exporter(folder),
            pushgateway: peers::pushgateway(folder),
            redis_exporter: peers::redis_exporter(folder, &redis),
            _redis: redis,
        };
        let pushed = "# TYPE backup_seconds histogram\n\
                      backup_seconds_bucket{le=\"0.5\"} 1\nbackup_seconds_bucket{le=\"2.5\"} 3\n\
                      backup_seconds_bucket{le=\"+Inf\"} 4\nbackup_seconds_sum 7.25\nbackup_seconds_count 4\n\
                      # TYPE note gauge\nnote{text=\"a \\\"quoted\\\" \\\\ line\\nand ümlaut\"} -0\n\
                      # TYPE odd gauge\nodd{kind=\"nan\"} NaN\nodd{kind=\"inf\"} +Inf\nodd{kind=\"small\"} 4.9e-324\n";
        let url = format!(
            "{}/metrics/job/backup/instance/db1/exported/yes",
            exporters.pushgateway.url()
        );
        assert_eq!(http::put(&url, pushed).map(|answer| answer.0), Ok(200));
        exporters
    }

    fn config(&self, node: &str, pushgateway: &str, redis: &str) -> String {
        format!(
            r#"
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
- job_name: node
  static_configs:
  - targets: ['{node}']
    labels: {{zone: a, empty: ''}}
  params:
    collect[]: [cpu, meminfo, netdev, filesystem, uname, loadavg]
  relabel_configs:
  - source_labels: [__address__]
    regex: '(.*):(\d+)'
    target_label: port
    replacement: 'p$2'
  metric_relabel_configs:
  - source_labels: [__name__]
    regex: go_gc_.*
    action: drop
  - regex: 'mode'
    replacement: 'cpu_$0'
    action: labelmap
- job_name: pushgateway
  honor_labels: true
  static_configs: [{{targets: ['{pushgateway}']}}]
- job_name: pushgateway-exported
  static_configs: [{{targets: ['{pushgateway}']}}]
- job_name: redis
  static_configs: [{{targets: ['{redis}']}}]
- job_name: nobody
  static_configs: [{{targets: ['127.0.0.1:1']}}]
"#
        )
    }
}

/// All series that a Prometheus holds, without their values.
fn series(base: &str) -> Result<Vec<String>, String> {
    let url = format!(
        "{base}/api/v1/series?match[]={}",
        http::encode(r#"{job=~".+"}"#)
    );
    let data = http::api(&url)?;
    let mut series: Vec<String> = data
        .as_array()
        .ok_or("no array")?
        .iter()
        .map(sorted)
        .collect();
    series.sort();
    Ok(series)
}

/// What one has and the other has not, in a form that a failing test can print.
fn difference(ours: &[String], theirs: &[String]) -> String {
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter()
            .filter(|series| b.binary_search(series).is_err())
            .take(20)
            .cloned()
            .collect()
    };
    format!(
        "only ours: {:#?}\nonly Prometheus': {:#?}",
        only(ours, theirs),
        only(theirs, ours)
    )
}

#[test]
fn live_targets_give_the_same_series() {
    let folder = tempfile::tempdir().unwrap();
    let exporters = Exporters::start(folder.path());
    let (node, redis) = (exporters.node.address(), exporters.redis_exporter.address());
    let config = exporters.config(&node, &exporters.pushgateway.address(), &redis);
    let prometheus = peers::prometheus(folder.path(), &config);
    let narthex = Narthex::builder().config(config).start();
    let held = until(120, "the same series in both", || {
        let (ours, theirs) = (series(&narthex.url())?, series(&prometheus.url())?);
        if ours == theirs && ours.len() > 300 {
            Ok(ours)
        } else {
            Err(difference(&ours, &theirs))
        }
    });
    for name in [
        "node_cpu_seconds_total",
        "push_time_seconds",
        "backup_seconds_bucket",
        "redis_up",
        "up",
    ] {
        assert!(
            held.iter()
                .any(|labels| labels.contains(&format!("\"{name}\""))),
            "no {name}"
        );
    }
}

#[test]
fn the_same_bytes_give_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let exporters = Exporters::start(folder.path());
    let urls = [
        &exporters.node,
        &exporters.pushgateway,
        &exporters.redis_exporter,
    ];
    let frozen: Vec<Target> = urls
        .map(|exporter| http::get(&format!("{}/metrics", exporter.url())).unwrap().1)
        .map(|page| Target::serve_text(move || page.clone()))
        .into();
    let config = exporters.config(
        &frozen[0].address(),
        &frozen[1].address(),
        &frozen[2].address(),
    );
    let prometheus = peers::prometheus(folder.path(), &config);
    let narthex = Narthex::builder().config(config).start();
    // How long a scrape took is each server's own.
    let all = r#"{job=~".+", __name__!="scrape_duration_seconds"}"#;
    let held = until(120, "the same values in both", || {
        let (ours, theirs) = (narthex.query(all)?, instant(&prometheus.url(), all)?);
        let differ: Vec<_> = ours
            .keys()
            .chain(theirs.keys())
            .filter(|labels| ours.get(*labels) != theirs.get(*labels))
            .map(|labels| (labels, ours.get(labels), theirs.get(labels)))
            .take(20)
            .collect();
        if differ.is_empty() && ours.len() > 300 {
            Ok(ours.clone())
        } else {
            Err(format!("{differ:#?}"))
        }
    });
    assert!(
        held.values().any(|value| value == "NaN") && held.values().any(|value| value == "+Inf")
    );
}

#[test]
fn a_failing_target_has_the_same_error_text() {
    let folder = tempfile::tempdir().unwrap();
    let pushgateway = peers::pushgateway(folder.path());
    let two_samples = Target::serve_text(|| "a 1\nb{l=\"long\"} 2\n".to_owned());
    let job = |name: &str, settings: &str, address: &str| {
        format!(
            "- job_name: {name}\n  static_configs: [{{targets: ['{address}']}}]\n  {settings}\n"
        )
    };
    let two = two_samples.address();
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}{}{}{}{}",
        job("refused", "", "127.0.0.1:1"),
        job("missing", "metrics_path: /nope", &pushgateway.address()),
        job("samples", "sample_limit: 1", &two),
        job("body", "body_size_limit: 10B", &two),
        job("https", "scheme: https", &two),
    );
    let prometheus = peers::prometheus(folder.path(), &config);
    let narthex = Narthex::builder().config(config).start();
    until(120, "the same errors in both", || {
        let (ours, theirs) = (errors(&narthex.url())?, errors(&prometheus.url())?);
        if ours == theirs && ours.values().all(|error| !error.is_empty()) {
            Ok(())
        } else {
            Err(format!("ours: {ours:#?}\nPrometheus': {theirs:#?}"))
        }
    });
}

/// The last error of each job's only target.
fn errors(base: &str) -> Result<BTreeMap<String, String>, String> {
    let data = http::api(&format!("{base}/api/v1/targets"))?;
    let targets = data["activeTargets"].as_array().ok_or("no targets")?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    Ok(targets
        .iter()
        .map(|t| (text(&t["scrapePool"]), text(&t["lastError"])))
        .collect())
}
