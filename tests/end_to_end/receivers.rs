//! Receivers that plugins deliver: what an entry of the Alertmanager's config says comes out at the
//! other side, its secrets nowhere else, and nothing is lost where a receiver or the host is down.

use std::path::Path;
use std::time::{Duration, Instant};

use narthex_tests::{Hook, Narthex, component, free_port, http, until};
use serde_json::{Value, json};

/// How long a receiver is down, half of it before the host is killed and half of it after.
/// `RECEIVER_DOWN_SECONDS=600` is ten minutes; without it, until an attempt has failed each time.
fn down_for() -> Duration {
    let asked = std::env::var("RECEIVER_DOWN_SECONDS").ok();
    let seconds = asked.and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// What no log and no answer may show.
const SECRETS: [&str; 3] = ["zq-in-the-config", "zq-in-a-file", "zq-token"];

/// The manifest of a receiver that delivers nothing.
const STUCK: &str = "
name = \"stuck\"
version = \"0.1.0\"
world = \"receiver\"
wit = \"0.1\"
[config]
type = \"object\"
additionalProperties = false
[config.properties.traps]
type = \"boolean\"
";

/// With two entries of one receiver; `@` is where the chat is.
const CONFIG: &str = "
global: {http_config: {bearer_token: zq-token}}
route: {receiver: chat, group_by: [alertname], group_wait: 100ms, group_interval: 1s}
templates: ['*.tmpl']
receivers:
- name: chat
  slack_configs:
  - api_url: '@/hooks/zq-in-the-config'
    channel: '#{{ .CommonLabels.team }}'
    title: '{{ template \"mine\" . }}'
    fields: [{title: alerts, value: '{{ .Alerts.Firing | len }}'}]
  - {api_url_file: FILE, text: '{{ .CommonAnnotations.summary }} & more'}
";

fn start(folder: &Path, config: &str) -> Narthex {
    start_with(folder, config, "global: {}\n")
}

fn start_with(folder: &Path, config: &str, prometheus: &str) -> Narthex {
    let file = folder.join("alertmanager.yml");
    std::fs::write(&file, config).unwrap();
    Narthex::builder()
        .config(prometheus)
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .flag("--log.level=debug")
        // For the logs of plugins.
        .flag("--web.enable-admin-api")
        .start()
}

fn fire(narthex: &Narthex, name: &str) {
    let alert = json!([{
        "labels": {"alertname": name, "team": "ops"},
        "annotations": {"summary": "it burns"},
    }]);
    let url = format!("{}/api/v2/alerts", narthex.url());
    let body = alert.to_string();
    let (status, answer) = http::send("POST", &url, &[], body.as_bytes()).unwrap();
    assert_eq!(status, 200, "{answer}");
}

/// What was posted below a path.
fn posts(hook: &Hook, path: &str) -> Vec<Value> {
    let posts = hook.posts().into_iter().filter(|(to, _)| to == path);
    posts.map(|(_, body)| body).collect()
}

fn wait_for_post(hook: &Hook, path: &str) -> Value {
    until(60, path, || {
        let mut posts = posts(hook, path);
        match posts.is_empty() {
            true => Err(format!("{:?}", hook.posts())),
            false => Ok(posts.remove(0)),
        }
    })
}

/// A counter of the Alertmanager's; zero where it is not there.
fn counted(narthex: &Narthex, series: &str) -> f64 {
    let page = http::get(&format!("{}/metrics", narthex.url())).unwrap().1;
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0.0, |count| count.trim().parse().unwrap())
}

fn wait_for_count(narthex: &Narthex, series: &str) {
    until(60, series, || match counted(narthex, series) {
        count if count >= 1.0 => Ok(()),
        count => Err(count.to_string()),
    });
}

/// Waits until a delivery has failed and so much time has passed.
fn stay_down(narthex: &Narthex, failed: &str, time: Duration) {
    let start = Instant::now();
    until(time.as_secs() + 60, failed, || {
        let (count, passed) = (counted(narthex, failed), start.elapsed());
        match count >= 1.0 && passed >= time {
            true => Ok(()),
            false => Err(format!("{count} after {passed:?}")),
        }
    });
}

/// Looks for secrets wherever a user could find them.
fn assert_hidden(narthex: &mut Narthex) {
    let mut seen = vec![("the log".to_owned(), narthex.process().log())];
    for path in [
        "/api/v2/status",
        "/api/v2/receivers",
        "/api/v1/plugins",
        "/api/v1/plugins/slack",
        "/api/v1/plugins/slack/logs",
        "/api/v1/status/config",
        "/metrics",
    ] {
        let (status, body) = http::get(&format!("{}{path}", narthex.url())).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        seen.push((path.to_owned(), body));
    }
    for (place, text) in seen {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {place}:\n{text}");
        }
    }
}

#[test]
fn slack_gets_the_expanded_text_and_nobody_else_the_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    hook.say("ok");
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{}/hooks/zq-in-a-file\n", hook.url())).unwrap();
    let text =
        "{{ define \"mine\" }}{{ .Status | toUpper }}: {{ .GroupLabels.alertname }}{{ end }}";
    std::fs::write(folder.path().join("mine.tmpl"), text).unwrap();
    let config = CONFIG.replace('@', &hook.url());
    let config = config.replace("FILE", &file.display().to_string());
    let mut narthex = start(folder.path(), &config);

    fire(&narthex, "Fire");
    let post = wait_for_post(&hook, "/hooks/zq-in-the-config");
    assert_eq!(post["channel"], "#ops", "{post}");
    let attachment = &post["attachments"][0];
    assert_eq!(attachment["title"], "FIRING: Fire", "{post}");
    assert_eq!(attachment["fields"][0]["value"], "1", "{post}");
    // A default of Alertmanager.
    assert_eq!(attachment["color"], "danger", "{post}");
    let post = wait_for_post(&hook, "/hooks/zq-in-a-file");
    assert_eq!(post["attachments"][0]["text"], "it burns & more", "{post}");

    // The chat is at another place from now on, and refuses what comes.
    let other = Hook::listen();
    other.say("no such hook");
    other.answer_with(404);
    std::fs::write(&file, format!("{}/hooks/zq-in-a-file\n", other.url())).unwrap();
    fire(&narthex, "Flood");
    let refused = "unexpected status code 404: no such hook";
    until(60, refused, || match narthex.process().log() {
        log if log.contains(refused) => Ok(()),
        log => Err(log),
    });
    // The host saw the status, which the plugin has no word for.
    let failed = "alertmanager_notifications_failed_total{integration=\"slack\",\
                  reason=\"clientError\"}";
    wait_for_count(&narthex, failed);
    assert_hidden(&mut narthex);

    // Then nobody is there.
    std::fs::write(
        &file,
        format!("http://127.0.0.1:{}/hooks/zq-in-a-file", free_port()),
    )
    .unwrap();
    fire(&narthex, "Quake");
    let refused = "connection refused";
    until(60, refused, || match narthex.process().log() {
        log if log.contains(refused) => Ok(()),
        log => Err(log),
    });
    assert_hidden(&mut narthex);
}

#[test]
fn what_a_receiver_that_is_down_missed_is_told_after_a_kill_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there.
    let port = free_port();
    let config = format!(
        "
route: {{receiver: chat, group_by: [alertname], group_wait: 100ms, group_interval: 1s}}
receivers:
- name: chat
  slack_configs: [{{api_url: 'http://127.0.0.1:{port}/hook'}}]
"
    );
    let rules = folder.path().join("rules.yml");
    let text = "groups: [{name: g, rules: [{alert: Fire, expr: vector(1)}]}]\n";
    std::fs::write(&rules, text).unwrap();
    let prometheus = format!(
        "global: {{evaluation_interval: 1s}}\nrule_files: [{}]\n",
        rules.display()
    );
    let mut narthex = start_with(folder.path(), &config, &prometheus);
    let failed = "alertmanager_notification_requests_failed_total{integration=\"slack\"}";
    stay_down(&narthex, failed, down_for() / 2);
    // Alerts are not kept: the rule tells its own again.
    narthex.restart();
    stay_down(&narthex, failed, down_for() / 2);
    let hook = Hook::listen_at(port);
    hook.say("ok");
    let post = wait_for_post(&hook, "/hook");
    let title = post["attachments"][0]["title"].as_str().unwrap();
    assert!(title.starts_with("[FIRING:1] Fire"), "{post}");
    // Told once, and not again: another alert comes behind it.
    fire(&narthex, "Flood");
    until(60, "the next notification", || {
        match posts(&hook, "/hook").len() {
            0 | 1 => Err("it is not there".to_owned()),
            _ => Ok(()),
        }
    });
    let titles = posts(&hook, "/hook");
    let titles = titles
        .iter()
        .map(|post| post["attachments"][0]["title"].as_str().unwrap());
    let fires = titles.filter(|title| title.contains("Fire")).count();
    assert_eq!(fires, 1, "{:?}", hook.posts());
}

#[test]
fn a_template_that_fails_fails_its_notification_for_good_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    hook.say("ok");
    let config = CONFIG
        .replace("template \"mine\"", "template \"none\"")
        .replace('@', &hook.url());
    assert!(config.contains("none"), "{config}");
    let config = config.replace("FILE", "/no/such/file");
    let mut narthex = start(folder.path(), &config);
    fire(&narthex, "Fire");
    for part in ["not defined", "/no/such/file"] {
        until(60, part, || match narthex.process().log() {
            log if log.contains(part) => Ok(()),
            log => Err(log),
        });
    }
    let failed = "alertmanager_notifications_failed_total{integration=\"slack\",\
                  reason=\"clientError\"}";
    wait_for_count(&narthex, failed);
    assert!(hook.posts().is_empty(), "{:?}", hook.posts());
    assert_hidden(&mut narthex);
}

#[test]
fn a_receiver_that_traps_or_hangs_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let hook = Hook::listen();
    hook.say("ok");
    let config = format!(
        "
route: {{receiver: all, group_by: [alertname], group_wait: 100ms, group_interval: 1s}}
receivers:
- name: all
  slack_configs: [{{api_url: '{}/hook'}}]
  plugin_configs: [{{plugin: stuck, traps: false}}, {{plugin: stuck, traps: true}}]
",
        hook.url()
    );
    let stuck = component::build("narthex-plugin-stuck");
    component::install(&plugins, "stuck", &stuck, STUCK);
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, config).unwrap();
    let narthex = Narthex::builder()
        .config(format!("plugins: {{directory: {}}}\n", plugins.display()))
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .start();
    for name in ["Fire", "Flood", "Quake"] {
        fire(&narthex, name);
    }
    until(60, "three notifications", || {
        match posts(&hook, "/hook").len() {
            3 => Ok(()),
            count => Err(count.to_string()),
        }
    });
    let failed = "alertmanager_notification_requests_failed_total{integration=\"stuck\"}";
    wait_for_count(&narthex, failed);
}
