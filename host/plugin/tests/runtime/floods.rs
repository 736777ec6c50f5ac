//! A plugin that uses too much of the outside: each flood ends at its bound, by name.

use serde_json::{Value, json};

use crate::harness::{Bench, collect};
use crate::peers::{bench, echo, keep_log, logged, steps, udp_echo};

fn repeat(times: u32, step: Value) -> Value {
    json!([{"op": "repeat", "times": times, "step": step}])
}

#[tokio::test]
async fn every_flood_is_stopped_at_its_bound_and_named() {
    keep_log();
    let (port, udp_port) = (echo().await, udp_echo().await);
    let grants = r#"{"grants": {"guest": {"tcp": ["localhost:*"], "http": ["localhost:*"],
        "udp": ["127.0.0.1:*"], "names": ["*"], "state": true}}}"#;
    let state = tempfile::tempdir().unwrap();
    let options = narthex_plugin::PluginOptions {
        state: Some(state.path().to_owned()),
        ..Bench::options()
    };
    let bench = bench("", grants, options).await;
    let address = format!("localhost:{port}");
    let udp_address = format!("127.0.0.1:{udp_port}");
    let url = format!("http://{address}/");
    for (name, step, times, expected, capability) in [
        (
            "held",
            json!({"op": "connect", "address": address, "hold": true}),
            20,
            "after 16: denied: more than 16 open connections in one call",
            "connections",
        ),
        (
            "connects",
            json!({"op": "connect", "address": address}),
            300,
            "after 256: denied: more than 256 connections, sockets and HTTP requests in one call",
            "connections",
        ),
        (
            "requests",
            json!({"op": "http", "url": url}),
            300,
            "after 256: denied: more than 256 connections, sockets and HTTP requests in one call",
            "connections",
        ),
        (
            "names",
            json!({"op": "resolve", "host": "localhost"}),
            300,
            "after 256: denied: more than 256 look-ups of names in one call",
            "names",
        ),
        (
            "datagrams",
            json!({"op": "udp", "address": udp_address, "deaf": true, "more": 99}),
            11,
            "after 10: denied: more than 1000 datagrams in one call",
            "udp",
        ),
        (
            "writes",
            json!({"op": "set", "key": "same", "value": "x"}),
            100,
            "after 64: denied: more than 64 writes of state in one call",
            "state",
        ),
    ] {
        let before = denied(&bench, capability);
        let job = format!("flood-{name}");
        let answers = steps(&bench, &job, &repeat(times, step)).await;
        assert_eq!(answers, [expected], "{name}");
        assert_eq!(denied(&bench, capability), before + 1, "{name}");
        let log = logged();
        let mut lines = log
            .lines()
            .filter(|line| line.contains(&format!("job=\"{job}\"")));
        assert!(
            lines.any(|line| line.contains("in one call")),
            "{name}: {log}"
        );
    }
}

#[tokio::test]
async fn more_state_than_a_job_may_have_is_an_error() {
    let state = tempfile::tempdir().unwrap();
    let options = narthex_plugin::PluginOptions {
        state: Some(state.path().to_owned()),
        ..Bench::options()
    };
    let grants = r#"{"grants": {"guest": {"state": true}}}"#;
    let bench = bench("", grants, options).await;
    let full = repeat(64, json!({"op": "set", "key": "key-{n}", "value": "x"}));
    assert_eq!(steps(&bench, "full", &full).await, ["64 times"]);
    let more = json!([
        {"op": "set", "key": "one-more", "value": "x"},
        {"op": "set", "key": "key-1", "value": "x".repeat(300_000)},
        {"op": "set", "key": "k".repeat(65), "value": "x"},
        {"op": "set", "key": "key-1", "value": "y"},
        {"op": "get", "key": "key-1"},
    ]);
    let answers = steps(&bench, "full", &more).await;
    for (answer, expected) in answers.iter().zip([
        "internal: more than 64 keys of state for one job",
        "internal: a state of 300000 bytes: at most 262144 for one key",
        "internal: a key of state of 65 bytes: from 1 to 64",
        "kept",
        "y",
    ]) {
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_guest_that_does_nothing_but_ask_is_ended() {
    keep_log();
    let bench = bench("", "{}", Bench::options()).await;
    let flood = json!({"do": "script", "steps": repeat(200_000, json!({"op": "clock"}))});
    let job = bench.runtime.collector("guest", "asking", &flood).unwrap();
    let error = collect(&job).await.unwrap_err();
    assert_eq!(
        error,
        "plugin guest: trap: more than 100000 calls of the host in one call"
    );
    assert_eq!(denied(&bench, "host_calls"), 1);
    let log = logged();
    let named = |line: &&str| line.contains("job=\"asking\"") && line.contains("host_calls");
    assert!(log.lines().any(|line| named(&line)), "{log}");
    // Log lines are calls too; what is dropped of them is said once.
    let logging = json!({"do": "script", "steps": repeat(2000, json!({"op": "log"}))});
    let job = bench
        .runtime
        .collector("guest", "logging", &logging)
        .unwrap();
    assert!(collect(&job).await.is_ok());
    bench.assert_metrics(&["narthex_plugin_log_dropped_total{plugin=\"guest\"} 1950"]);
    let log = logged();
    let dropped = log.lines().filter(|line| line.contains("dropped=1950"));
    assert_eq!(dropped.count(), 1, "{log}");
}

fn denied(bench: &Bench, capability: &str) -> u64 {
    let metrics = bench.metrics();
    let start =
        format!("narthex_plugin_denied_total{{plugin=\"guest\",capability=\"{capability}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    line.map_or(0, |number| number.parse().unwrap())
}
