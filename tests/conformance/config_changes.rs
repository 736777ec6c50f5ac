//! A config that changes while the server runs: in a ConfigMap of an API server, and in files.
//!
//! It is not: what a config may say. What nobody asks for is taken here, and what is broken is not.

use std::collections::BTreeSet;
use std::path::Path;

use narthex_tests::{ClusterServer, Narthex, http, until};
use serde_json::{Value, json};

/// So many edits follow each other without a pause.
const EDITS: u32 = 20;

/// The config of an edit: a label, a target and a rule that tell which it is.
fn files(edit: u32) -> Value {
    json!({
        "prometheus.yml": format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{edit: e{edit}}}}}\n\
             rule_files: [rules-*.yml]\nscrape_config_files: [scrape-*.yml]\n"
        ),
        "scrape-a.yml": format!(
            "scrape_configs: [{{job_name: a, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]\n",
            1000 + edit
        ),
        "rules-a.yml": format!(
            "groups: [{{name: g, rules: [{{record: answer, expr: vector({edit})}}]}}]\n"
        ),
    })
}

fn config_map(data: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": "narthex", "name": "config", "uid": "uid-config"},
        "data": data,
    })
}

/// The edit whose config is in force.
fn edit(narthex: &Narthex) -> Result<u32, String> {
    let config = narthex.api("status/config")?;
    let yaml = config["yaml"].as_str().unwrap_or_default();
    let number = yaml
        .lines()
        .find_map(|line| line.trim().strip_prefix("edit: e"));
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| yaml.to_owned())
}

fn until_edit(narthex: &Narthex, expected: u32) {
    until(60, "the config in force", || match edit(narthex)? {
        found if found == expected => Ok(()),
        found => Err(format!("edit {found} and not {expected}")),
    });
}

/// Whether the last config was taken, as the metric, the API and the notices have it.
fn until_loaded(narthex: &Narthex, expected: bool) {
    until(60, "what is said of the last config", || {
        let (_, metrics) = http::get(&format!("{}/metrics", narthex.url()))?;
        let line = format!(
            "prometheus_config_last_reload_successful {}",
            u8::from(expected)
        );
        let by_metric = metrics.lines().any(|found| found == line);
        let runtime = narthex.api("status/runtimeinfo")?;
        let by_api = runtime["reloadConfigSuccess"] == expected;
        let notices = narthex.api("notifications")?.to_string();
        let by_notice = notices.contains("Configuration reload has failed.") != expected;
        match by_metric && by_api && by_notice {
            true => Ok(()),
            false => Err(format!("{line}: {by_metric} {by_api} {by_notice}")),
        }
    });
}

fn count(narthex: &Narthex, result: &str) -> Result<u32, String> {
    let (_, metrics) = http::get(&format!("{}/metrics", narthex.url()))?;
    let name = format!("narthex_config_map_changes_total{{result=\"{result}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
    let value = value.and_then(|value| value.parse().ok());
    value.ok_or_else(|| format!("no {name}"))
}

/// The flag with a kubeconfig file of a server, which lies in a folder from here on.
fn kubeconfig(server: &ClusterServer, folder: &Path) -> String {
    let file = folder.join("kubeconfig");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url()}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::write(&file, text.to_string()).unwrap();
    format!("--kubernetes.config-map.kubeconfig={}", file.display())
}

/// The events, once there are so many.
fn until_events(server: &ClusterServer, count: usize) -> Vec<Value> {
    until(60, "the events of a cluster", || {
        let events = server.events();
        match events.len() >= count {
            true => Ok(events),
            false => Err(format!("{} and not {count}", events.len())),
        }
    })
}

#[test]
fn a_config_map_is_taken_as_it_is_edited_and_a_broken_one_is_not() {
    let server = ClusterServer::start();
    server.put(config_map(files(1)));
    let folder = tempfile::tempdir().unwrap();
    // What is mounted is older.
    let mut narthex = Narthex::builder()
        .config("global: {external_labels: {edit: e0}}\n")
        .flag("--kubernetes.config-map=narthex/config")
        .flag(kubeconfig(&server, folder.path()))
        .start();
    until_edit(&narthex, 1);

    // What is seen only goes forward, whether each edit is seen or a later one in its place.
    let mut seen = vec![1];
    for number in 2..=EDITS / 2 {
        server.put(config_map(files(number)));
        seen.push(edit(&narthex).unwrap());
    }
    until_edit(&narthex, EDITS / 2);
    let mut broken = files(99);
    broken["rules-a.yml"] =
        "groups: [{name: g, rules: [{record: answer, expr: 'vector('}]}]".into();
    server.put(config_map(broken.clone()));
    until_loaded(&narthex, false);
    assert_eq!(edit(&narthex), Ok(EDITS / 2));
    let event = &until_events(&server, 1)[0];
    assert_eq!(event["involvedObject"]["name"], "config");
    assert_eq!(event["involvedObject"]["uid"], "uid-config");
    let message = event["message"].as_str().unwrap();
    assert!(message.contains("rules-a.yml"), "{message}");
    assert_eq!(count(&narthex, "refused"), Ok(1));
    // A reload that somebody asks for finds it as broken as before.
    let (status, answer) = http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    assert!(status == 500 && answer.contains("rules-a.yml"), "{answer}");
    assert_eq!(edit(&narthex), Ok(EDITS / 2));
    until_events(&server, 2);

    for number in EDITS / 2 + 1..=EDITS {
        if number % 4 == 0 {
            server.cut_watches(true);
            server.compact();
        }
        server.put(config_map(files(number)));
        seen.push(edit(&narthex).unwrap());
    }
    until_edit(&narthex, EDITS);
    until_loaded(&narthex, true);
    assert!(seen.is_sorted(), "{seen:?}");
    let applied = count(&narthex, "applied").unwrap();
    let different = u32::try_from(seen.iter().collect::<BTreeSet<_>>().len()).unwrap();
    assert!((different..=EDITS).contains(&applied), "{applied} {seen:?}");
    until(60, "the target and the rule of the last edit", || {
        let targets = narthex.api("targets?state=active")?.to_string();
        let answer = narthex.query("answer")?;
        let is_last = answer.values().eq([&EDITS.to_string()]);
        match is_last && targets.contains(&format!("127.0.0.1:{}", 1000 + EDITS)) {
            true => Ok(()),
            false => Err(format!("{answer:?} {targets}")),
        }
    });

    // One that is gone takes nothing with it.
    server.delete(&config_map(json!({})));
    until(
        60,
        "a word on the ConfigMap that is gone",
        || match count(&narthex, "missing")? {
            1 => Ok(()),
            other => Err(other.to_string()),
        },
    );
    assert_eq!(edit(&narthex), Ok(EDITS));
    server.put(config_map(files(EDITS + 1)));
    until_edit(&narthex, EDITS + 1);

    // A server that starts while it is broken starts with what it took last.
    server.put(config_map(broken));
    until_loaded(&narthex, false);
    narthex.restart();
    until_loaded(&narthex, false);
    assert_eq!(edit(&narthex), Ok(EDITS + 1));
    server.put(config_map(files(EDITS + 2)));
    until_edit(&narthex, EDITS + 2);
    until_loaded(&narthex, true);

    // Without its cluster it has what is mounted, and a reload takes that.
    drop(server);
    narthex.restart();
    until_edit(&narthex, 0);
    narthex.write_config("global: {external_labels: {edit: e3}}\n");
    http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    until_edit(&narthex, 3);
}

#[test]
fn files_are_taken_when_their_contents_change() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.yml");
    let config = |edit: u32| {
        format!(
            "global: {{evaluation_interval: 1s, external_labels: {{edit: e{edit}}}}}\n\
             rule_files: ['{}']\n",
            rules.display()
        )
    };
    let server = ClusterServer::start();
    let mut narthex = Narthex::builder()
        .config(config(1))
        .flag("--enable-feature=auto-reload-config")
        .flag("--config.auto-reload-interval=1s")
        .flag(kubeconfig(&server, folder.path()))
        .variable("POD_NAME", "narthex-0")
        .variable("POD_NAMESPACE", "monitoring")
        .variable("POD_UID", "uid-pod")
        .start();
    until_edit(&narthex, 1);
    narthex.write_config(&config(2));
    until_edit(&narthex, 2);
    let rule = "groups: [{name: g, rules: [{record: answer, expr: vector(42)}]}]";
    std::fs::write(&rules, rule).unwrap();
    until(60, "the rule of the new file", || {
        let answer = narthex.query("answer")?;
        let is_there = answer.values().eq(["42"]);
        is_there.then_some(()).ok_or_else(|| format!("{answer:?}"))
    });
    assert_eq!(server.events(), Vec::<Value>::new());
    std::fs::write(&rules, "groups: 1").unwrap();
    until_loaded(&narthex, false);
    // The pod is told of it, and again whenever somebody has it read and it is still broken.
    until_events(&server, 1);
    let (status, _) = http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    assert_eq!(status, 500);
    until_events(&server, 2);
    narthex.process().signal("HUP");
    for event in until_events(&server, 3) {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "namespace": "monitoring", "name": "narthex-0", "uid": "uid-pod",
        });
        assert_eq!(event["involvedObject"], object);
        assert_eq!(event["metadata"]["namespace"], "monitoring");
        let message = event["message"].as_str().unwrap();
        assert!(message.contains("rules.yml"), "{message}");
    }
    std::fs::write(&rules, rule).unwrap();
    until_loaded(&narthex, true);
    let features = narthex.api("features").unwrap();
    assert_eq!(features["prometheus"]["auto_reload_config"], true);
}
