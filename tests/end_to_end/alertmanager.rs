//! The Alertmanager inside, through kills, reloads and receivers that are down.

use std::path::{Path, PathBuf};

use narthex_tests::{Hook, Narthex, http, until};
use serde_json::{Value, json};

const CONFIG: &str = "
route: {receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 1s}
receivers: [{name: hook, webhook_configs: [{url: '@/hook'}]}]
";

fn write(folder: &Path, hook: &Hook) -> PathBuf {
    let file = folder.join("alertmanager.yml");
    std::fs::write(&file, CONFIG.replace('@', &hook.url())).unwrap();
    file
}

fn start(file: &Path) -> Narthex {
    Narthex::builder()
        .config("global: {}\n")
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .start()
}

fn post(narthex: &Narthex, path: &str, body: &Value) -> Value {
    let url = format!("{}/api/v2{path}", narthex.url());
    let body = body.to_string();
    let answer = http::send("POST", &url, &[], body.as_bytes()).unwrap();
    assert_eq!(answer.0, 200, "{}", answer.1);
    serde_json::from_str(&answer.1).unwrap_or_default()
}

fn fire(narthex: &Narthex, name: &str) {
    post(
        narthex,
        "/alerts",
        &json!([{"labels": {"alertname": name}}]),
    );
}

/// Which alerts the hook was told of, in this order.
fn told(hook: &Hook) -> Vec<String> {
    let posts = hook.posts().into_iter();
    posts
        .map(|(_, body)| {
            body["groupLabels"]["alertname"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn wait_for(hook: &Hook, expected: &[&str]) {
    until(60, "notifications", || match told(hook) {
        found if found == expected => Ok(()),
        found => Err(format!("{found:?}")),
    });
}

#[test]
fn what_was_answered_outlives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let mut narthex = start(&write(folder.path(), &hook));
    fire(&narthex, "a");
    wait_for(&hook, &["a"]);
    // What was told has a line there.
    let log = narthex.data().join("alertmanager/nflog.jsonl");
    until(60, "the notification log", || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        match text.contains("\\\"a\\\"") {
            true => Ok(()),
            false => Err(text),
        }
    });
    let silence = json!({
        "matchers": [{"name": "alertname", "value": "b", "isRegex": false}],
        "startsAt": "2024-01-01T00:00:00Z", "endsAt": "2199-01-01T00:00:00Z",
        "createdBy": "me", "comment": "why",
    });
    let id = post(&narthex, "/silences", &silence)["silenceID"].clone();
    // It is killed at once.
    narthex.restart();
    let url = format!("{}/api/v2/silence/{}", narthex.url(), id.as_str().unwrap());
    let (status, body) = http::get(&url).unwrap();
    assert_eq!(status, 200, "{body}");
    for name in ["a", "b", "c"] {
        fire(&narthex, name);
    }
    // The first was told before, the second is silenced.
    wait_for(&hook, &["a", "c"]);
}

#[test]
fn a_receiver_that_is_down_is_told_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    hook.answer_with(503);
    let narthex = start(&write(folder.path(), &hook));
    fire(&narthex, "a");
    let failed = "sum(alertmanager_notification_requests_failed_total{integration=\"webhook\"})";
    let page = format!("{}/metrics", narthex.url());
    until(60, failed, || {
        let page = http::get(&page)?.1;
        let name = "alertmanager_notification_requests_failed_total{integration=\"webhook\"}";
        let line = page.lines().find(|line| line.starts_with(name));
        match line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()) {
            Some(count) if count >= 1.0 => Ok(()),
            count => Err(format!("{count:?}")),
        }
    });
    assert_eq!(told(&hook), [""; 0]);
    hook.answer_with(200);
    wait_for(&hook, &["a"]);
}

#[test]
fn a_config_that_cannot_run_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let file = write(folder.path(), &hook);
    let narthex = start(&file);
    let good = std::fs::read_to_string(&file).unwrap();
    let reload = format!("{}/-/reload", narthex.url());
    for (from, to, expected) in [
        (
            "receiver: hook",
            "receiver: nobody",
            "undefined receiver \"nobody\" used in route",
        ),
        (
            "webhook_configs: [{url",
            "victorops_configs: [{api_key: k, routing_key: r, api_url",
            "there is no plugin",
        ),
        ("group_wait: 100ms", "group_wait: soon", "soon"),
    ] {
        std::fs::write(&file, good.replace(from, to)).unwrap();
        let (status, body) = http::post(&reload).unwrap();
        assert!(status == 500 && body.contains(expected), "{status} {body}");
        let (_, status) = http::get(&format!("{}/api/v2/status", narthex.url())).unwrap();
        assert!(status.contains("receiver: hook"), "{status}");
    }
    std::fs::write(&file, good.replace("[alertname]", "['...']")).unwrap();
    assert_eq!(http::post(&reload).unwrap().0, 200);
    let (_, status) = http::get(&format!("{}/api/v2/status", narthex.url())).unwrap();
    assert!(status.contains("..."), "{status}");
    fire(&narthex, "a");
    wait_for(&hook, &["a"]);
}

#[test]
fn without_a_config_there_is_no_alertmanager() {
    let narthex = Narthex::builder().config("global: {}\n").start();
    let url = format!("{}/api/v2/status", narthex.url());
    let (status, body) = http::get(&url).unwrap();
    assert!(
        status == 404 && body.contains("--alertmanager.config.file"),
        "{status} {body}"
    );
}
