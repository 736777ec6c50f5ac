//! `--agent`: what is scraped is sent on, whoever is killed in between, and nothing else is there.

use std::collections::BTreeSet;
use std::process::Command;

use narthex_tests::{Narthex, Ticking, binary, free_port, http, instant, peers, until};
use serde_json::Value;

/// How many scrapes come between one kill and the next.
const TICKS: u64 = 20;

fn config(ticking: &Ticking, receivers: &[&str]) -> String {
    let mut text = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms, external_labels: {{sender: x}}}}\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: [\"{}\"]}}]}}]\n\
         remote_write:\n",
        ticking.address()
    );
    for url in receivers {
        text.push_str(&format!(
            "- url: {url}/api/v1/write\n  queue_config: {{batch_send_deadline: 1s, max_backoff: 1s}}\n"
        ));
    }
    text
}

/// The numbers that a server has, in the order of time.
fn numbers(url: &str) -> Result<Vec<u64>, String> {
    let query = http::encode("ticks_total{sender=\"x\"}[1h]");
    let data = http::api(&format!("{url}/api/v1/query?query={query}"))?;
    let values = data["result"][0]["values"].as_array().ok_or("no series")?;
    let number = |value: &Value| value[1].as_str()?.parse().ok();
    let numbers: Option<Vec<u64>> = values.iter().map(number).collect();
    numbers.ok_or_else(|| data.to_string())
}

/// How many scrapes failed, as a server was told.
fn late(url: &str) -> u64 {
    let found = instant(
        url,
        "count_over_time(up{sender=\"x\"}[1h]) - sum_over_time(up{sender=\"x\"}[1h])",
    );
    let late = found.unwrap().into_values().next().unwrap();
    late.parse().unwrap()
}

#[test]
fn an_agent_sends_on_what_it_scraped_whoever_is_killed() {
    let ticking = Ticking::start();
    let mut narthex = Narthex::builder()
        .config("global: {}\n")
        .flag("--web.enable-remote-write-receiver")
        .start();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let start = || peers::prometheus_receiving(folder.path(), port);
    let prometheus = start();
    let urls = [narthex.url(), prometheus.url()];
    let receivers = urls.each_ref().map(String::as_str);
    let mut agent = Narthex::builder()
        .agent()
        .config(config(&ticking, &receivers))
        .start();
    ticking.wait_for(TICKS);
    // Who receives is away, while who sends is killed.
    narthex.process().kill();
    drop(prometheus);
    ticking.wait_for(2 * TICKS);
    agent.process().kill();
    agent.restart();
    ticking.wait_for(ticking.now() + TICKS);
    narthex.restart();
    let prometheus = start();
    ticking.wait_for(ticking.now() + TICKS);
    agent.process().kill();
    agent.restart();
    let last = ticking.now() + TICKS;
    ticking.wait_for(last);
    for url in [narthex.url(), prometheus.url()] {
        until(120, "the last of what was sent", || {
            let numbers = numbers(&url)?;
            match numbers.last() {
                Some(newest) if *newest >= last => Ok(()),
                newest => Err(format!("{newest:?} of {last}")),
            }
        });
        let found = numbers(&url).unwrap();
        assert!(found.is_sorted_by(|a, b| a < b), "{url}: {found:?}");
        // A scrape may have been under way at each of the two kills. And what was sent just before
        // a kill is sent again: Prometheus refuses a whole request for one sample that it has.
        let kept: BTreeSet<_> = found.iter().filter(|number| **number <= last).collect();
        let missing = last - found[0] + 1 - kept.len() as u64;
        // Nor is a scrape that came too late, which the agent knows and sends as well.
        let late = late(&url);
        assert!(
            missing <= 8 + late,
            "{url}: {missing} are missing, {late} were late: {found:?}"
        );
        assert!(
            found[0] <= 3 + late,
            "{url}: the first ones are missing: {found:?}"
        );
    }
    let blocks = std::fs::read_dir(agent.data()).unwrap();
    let names = blocks.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = names.collect();
    let expected = ["lock", "plugin-cache", "plugin-state", "remote", "wal"];
    for name in &names {
        assert!(expected.contains(&name.as_str()), "{names:?}");
    }
    assert!(names.contains("wal"), "{names:?}");
}

#[test]
fn an_agent_answers_no_queries_and_shows_its_targets() {
    let ticking = Ticking::start();
    let closed = format!("http://127.0.0.1:{}", free_port());
    let mut agent = Narthex::builder()
        .agent()
        .config(config(&ticking, &[&closed]))
        .flag("--storage.remote.flush-deadline=1s")
        .start();
    ticking.wait_for(3);
    let url = agent.url();
    let get = |path: &str| http::get(&format!("{url}{path}")).unwrap();
    for path in [
        "query?query=up",
        "query_range?query=up",
        "query_exemplars?query=up",
        "format_query?query=up",
        "labels",
        "label/job/values",
        "series?match%5B%5D=up",
        "rules",
        "alerts",
        "alertmanagers",
        "status/tsdb",
    ] {
        let (status, body) = get(&format!("/api/v1/{path}"));
        let expected = r#"{"status":"error","errorType":"execution","error":"unavailable with Prometheus Agent"}"#;
        assert_eq!((status, body.trim()), (422, expected), "{path}");
    }
    let (status, body) = get("/federate?match%5B%5D=up");
    assert_eq!(
        (status, body.trim()),
        (500, "unsupported operation with WAL-only storage")
    );
    assert_eq!(
        get("/-/ready"),
        (200, "Prometheus Agent is Ready.\n".to_owned())
    );
    until(60, "a target that is up", || {
        let targets = agent.api("targets")?;
        match targets["activeTargets"][0]["health"] == "up" {
            true => Ok(()),
            false => Err(targets.to_string()),
        }
    });
    let info = agent.api("status/runtimeinfo").unwrap();
    assert_eq!(info["storageRetention"], "");
    for line in [
        "prometheus_agent_active_series ",
        "prometheus_agent_samples_appended_total{type=\"float\"} ",
        "prometheus_remote_storage_samples_pending{",
    ] {
        until(60, line, || {
            let (_, metrics) = get("/metrics");
            metrics.contains(line).then_some(()).ok_or(metrics)
        });
    }
    let sound = config(&ticking, &[&closed]);
    for (section, field) in [
        ("rule_files: ['*.yml']\n", "rule_files"),
        ("remote_read: [{url: 'http://a'}]\n", "remote_read"),
        (
            "alerting: {alertmanagers: [{static_configs: [{targets: ['a:1']}]}]}\n",
            "alerting",
        ),
    ] {
        agent.write_config(&format!("{sound}{section}"));
        let (status, body) = http::post(&format!("{url}/-/reload")).unwrap();
        let expected = format!("field {field} is not allowed in agent mode");
        assert!(status == 500 && body.contains(&expected), "{status} {body}");
    }
    // It ends as a server does, although nobody takes what waits.
    agent.write_config(&sound);
    assert!(agent.process().terminate().success());
}

#[test]
fn flags_of_servers_and_of_agents_are_told_apart() {
    for (args, expected) in [
        (
            ["--agent", "--query.timeout=1m"],
            "The following flag(s) can not be used in agent mode: [\"--query.timeout\"]",
        ),
        (
            ["--web.enable-lifecycle", "--storage.agent.path=x"],
            "The following flag(s) can only be used in agent mode: [\"--storage.agent.path\"]",
        ),
    ] {
        let output = Command::new(binary()).args(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(text.contains(expected), "{text}");
    }
}
