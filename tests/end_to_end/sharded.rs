//! The overlay `sharded` of `deploy/kubernetes`, with its configs and flags: three shards that share the
//! targets out, and two queriers that show them, and what their rules give, as one server would.
//!
//! It is not: whether pods find each other by names, for which there has to be a cluster.

use std::collections::BTreeSet;
use std::fs;

use narthex_tests::{Narthex, Target, free_port, repository, until};

/// How many shards the overlay has.
const SHARDS: usize = 3;

/// Targets that are shared out.
const TARGETS: usize = 9;

/// What both queriers evaluate.
const RULES: &str = "groups:\n\
                     - name: all\n\
                     \x20 rules:\n\
                     \x20 - {record: 'job:up:sum', expr: sum by (job) (up)}\n\
                     \x20 - {record: 'instance:up:copy', expr: up}\n\
                     \x20 - {alert: AllAreThere, expr: sum(up) > 0}\n";

/// A config of the overlay, as a pod reads it, with intervals of a test.
fn config(file: &str, pod: &str) -> String {
    let path = repository().join("deploy/kubernetes/overlays/sharded");
    let text = fs::read_to_string(path.join(file)).unwrap();
    text.replace("${POD_NAME}", pod)
        .replace(": 30s", ": 1s")
        .replace(": 10s", ": 1s")
}

/// The flags of a manifest of the overlay that begin with one of these.
fn flags(file: &str, starts: &[&str], pod: &str) -> Vec<String> {
    let path = repository().join("deploy/kubernetes/overlays/sharded");
    let text = fs::read_to_string(path.join(file)).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once("--"));
    let flags = lines.map(|(_, flag)| format!("--{flag}").replace("$(POD_NAME)", pod));
    let is_one = |flag: &String| starts.iter().any(|start| flag.starts_with(start));
    flags.filter(is_one).collect()
}

#[test]
fn shards_have_each_target_once_and_queriers_show_what_one_server_would() {
    let targets: Vec<Target> = (0..TARGETS)
        .map(|_| Target::serve_text(|| "here 1\n".to_owned()))
        .collect();
    let addresses: Vec<String> = targets.iter().map(Target::address).collect();
    let jobs = format!(
        "scrape_configs:\n- job_name: all\n  static_configs: [{{targets: {addresses:?}}}]\n"
    );
    let mut endpoints = Vec::new();
    let shards: Vec<Narthex> = (0..SHARDS)
        .map(|number| {
            let pod = format!("narthex-{number}");
            let text = config("prometheus.yml", &pod);
            // There is no cluster to find pods in.
            let (common, _) = text.split_once("scrape_configs:\n").unwrap();
            let endpoint = format!("127.0.0.1:{}", free_port());
            let mut builder = Narthex::builder().config(format!("{common}{jobs}"));
            let own = flags(
                "statefulset.yaml",
                &["--scrape.", "--web.enable-remote"],
                &pod,
            );
            assert_eq!(own.len(), 2, "{own:?}");
            for flag in own {
                builder = builder.flag(flag);
            }
            builder = builder.flag(format!("--grpc.listen-address={endpoint}"));
            endpoints.push(endpoint);
            builder.start()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules-all.yml"), RULES).unwrap();
    let queriers: Vec<Narthex> = (0..2)
        .map(|number| {
            let pod = format!("narthex-query-{number}");
            let rules = folder.path().join("rules-*.yml").display().to_string();
            let text = config("query.yml", &pod)
                .replace("http://narthex-0.narthex-headless:9090", &shards[0].url())
                .replace("[rules-*.yml]", &format!("[{rules:?}]"));
            let mut builder = Narthex::builder().querier().config(text);
            for flag in flags("query.yaml", &["--query.replica-label"], &pod) {
                builder = builder.flag(flag);
            }
            for endpoint in &endpoints {
                builder = builder.flag(format!("--endpoint={endpoint}"));
            }
            builder.start()
        })
        .collect();
    let expected: BTreeSet<String> = addresses
        .iter()
        .map(|address| format!(r#"{{"__name__":"up","instance":"{address}","job":"all"}}"#))
        .collect();
    for querier in &queriers {
        until(60, "every target, once and without a shard's label", || {
            let found: BTreeSet<String> = querier.query("up")?.into_keys().collect();
            (found == expected)
                .then_some(())
                .ok_or(format!("{found:?}"))
        });
    }
    // Each target is one shard's.
    let own = shards.iter().map(|shard| shard.query("up").unwrap().len());
    assert_eq!(own.sum::<usize>(), TARGETS);
    // Both queriers have sent what their rules gave, and each shows it once.
    until(60, "the results of both queriers", || {
        let found = shards[0].query("job:up:sum")?;
        let is_all = found.len() == 2 && found.values().all(|sum| *sum == TARGETS.to_string());
        is_all.then_some(()).ok_or(format!("{found:?}"))
    });
    for querier in &queriers {
        for (query, count) in [
            ("job:up:sum", 1),
            ("ALERTS{alertstate=\"firing\"}", 1),
            ("instance:up:copy", TARGETS),
            // What was recorded goes with what it was recorded of.
            ("instance:up:copy == up", TARGETS),
        ] {
            let found = until(60, query, || {
                let found = querier.query(query)?;
                let is_all = found.len() == count;
                is_all.then_some(()).ok_or(format!("{found:?}"))?;
                Ok(found)
            });
            let is_told =
                |labels: &String| labels.contains("replica") || labels.contains("querier");
            assert!(!found.keys().any(is_told), "{query}: {found:?}");
        }
    }
}
