//! Debian's `amtool` 0.25 against the Alertmanager inside: all its commands on alerts, silences and
//! configs, below a path prefix as well.

mod session;
mod status;

use std::path::Path;
use std::process::Command;

use narthex_tests::{Hook, Narthex, binary, run, until};

const CONFIG: &str = r#"
global: {slack_api_url: 'http://slack/SECRET', smtp_auth_password: SECRET, smtp_smarthost: 'mail:25', smtp_from: me}
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 1s
  routes:
  - {matchers: [team="x", 'env!~"dev|test"'], receiver: other, continue: true}
  - {match: {team: x}, match_re: {env: p.*}, receiver: hook, mute_time_intervals: [nights]}
receivers:
- name: hook
  webhook_configs: [{url: '@/SECRET', http_config: {bearer_token: SECRET}}]
- name: other
inhibit_rules:
- {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname]}
time_intervals:
- name: nights
  time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], location: Europe/Berlin}]
templates: []
"#;

struct Tool {
    url: String,
}

impl Tool {
    /// What a command prints; it must succeed.
    fn run(&self, args: &[&str]) -> String {
        let url = format!("--alertmanager.url={}", self.url);
        run(Command::new("amtool").arg(url).args(args))
    }
}

fn start(folder: &Path, hook: &Hook) -> Narthex {
    let file = folder.join("alertmanager.yml");
    std::fs::write(&file, CONFIG.replace('@', &hook.url())).unwrap();
    Narthex::builder()
        .config("global: {}\n")
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .start()
}

#[test]
fn amtool_runs_all_its_commands() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let narthex = start(folder.path(), &hook);
    let tool = Tool { url: narthex.url() };

    // Alerts.
    assert!(tool.run(&["alert", "query"]).trim().lines().count() <= 1);
    tool.run(&[
        "alert",
        "add",
        "alertname=a",
        "team=x",
        "env=prod",
        "--annotation=summary=s",
    ]);
    tool.run(&["alert", "add", "b", "severity=critical"]);
    tool.run(&["alert", "add", "b", "severity=warning"]);
    let all = tool.run(&["alert", "query", "-o", "simple"]);
    assert_eq!(all.lines().count(), 3, "{all}");
    assert!(
        tool.run(&["alert", "query", "a", "-o", "extended"])
            .contains("summary=\"s\"")
    );
    assert_eq!(
        tool.run(&["alert", "query", "team=~x|y", "-o", "simple"])
            .lines()
            .count(),
        2
    );
    assert_eq!(
        tool.run(&["alert", "query", "--receiver=other", "-o", "simple"])
            .lines()
            .count(),
        2
    );
    let inhibited = tool.run(&["alert", "query", "--inhibited", "-o", "json"]);
    assert!(
        inhibited.contains("\"suppressed\"") && inhibited.contains("warning"),
        "{inhibited}"
    );
    // Silences.
    let add = [
        "silence",
        "add",
        "alertname=a",
        "env!=dev",
        "--comment=why",
        "--author=me",
        "-d",
        "1h",
    ];
    let id = tool.run(&add).trim().to_owned();
    assert_eq!(tool.run(&["silence", "query", "-q"]).trim(), id);
    assert!(
        tool.run(&["silence", "query", "alertname=a", "-o", "extended"])
            .contains("why")
    );
    assert_eq!(
        tool.run(&["silence", "query", "alertname=b", "-q"]).trim(),
        ""
    );
    let silenced = tool.run(&["alert", "query", "--silenced", "-o", "simple"]);
    assert!(
        silenced.contains('a') && silenced.lines().count() == 2,
        "{silenced}"
    );
    // It prints no name: Debian's version shows an address of its own memory.
    tool.run(&["silence", "update", &id, "--comment=new", "-d", "2h", "-q"]);
    let shown = tool.run(&["silence", "query", "-o", "json"]);
    assert!(shown.contains("\"new\"") && shown.contains(&id), "{shown}");
    let file = folder.path().join("silences.json");
    std::fs::write(&file, &shown).unwrap();
    tool.run(&["silence", "expire", &id]);
    assert_eq!(tool.run(&["silence", "query", "-q"]).trim(), "");
    let expired = tool.run(&["silence", "query", "--expired", "-q"]);
    assert!(expired.contains(&id), "{expired}");
    // What is imported has another name.
    let imported = tool.run(&["silence", "import", &file.display().to_string(), "--force"]);
    let found = tool.run(&["silence", "query", "-q"]);
    assert_eq!(found.trim(), imported.trim());
    assert!(found.trim().len() == 36 && found.trim() != id, "{found}");
    tool.run(&["silence", "expire", found.trim()]);

    // Configs.
    let shown = tool.run(&["config", "show"]);
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("team=\"x\""), "{shown}");
    let routes = tool.run(&["config", "routes", "show"]);
    assert!(
        routes.contains("receiver: other") && routes.contains("continue: true"),
        "{routes}"
    );
    for (labels, expected) in [
        (vec!["team=y"], "hook"),
        (vec!["team=x", "env=prod"], "other,hook"),
        (vec!["team=x", "env=test"], "hook"),
        (vec!["team=x", "env=x"], "other"),
    ] {
        let mut args = vec!["config", "routes", "test"];
        args.extend(&labels);
        assert_eq!(tool.run(&args).trim(), expected, "{labels:?}");
    }
    let file = folder.path().join("shown.yml");
    let raw = narthex_tests::http::get(&format!("{}/api/v2/status", narthex.url()))
        .unwrap()
        .1;
    let status: serde_json::Value = serde_json::from_str(&raw).unwrap();
    std::fs::write(&file, status["config"]["original"].as_str().unwrap()).unwrap();
    let checked = tool.run(&["check-config", &file.display().to_string()]);
    assert!(checked.contains("SUCCESS"), "{checked}");
    assert!(tool.run(&["cluster", "show"]).contains("disabled"));
}

#[test]
fn amtool_finds_the_api_below_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let narthex = start(folder.path(), &hook);
    let tool = Tool {
        url: format!("{}/alertmanager", narthex.url()),
    };
    tool.run(&["alert", "add", "a", "team=y"]);
    assert_eq!(
        tool.run(&["alert", "query", "-o", "simple"])
            .lines()
            .count(),
        2
    );
    until(60, "a notification", || match hook.posts().first() {
        Some((_, told)) if told["groupLabels"]["alertname"] == "a" => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// A tree whose nodes have no matchers, matchers that need quotes, and receivers of their own.
const TREE: &str = r#"
route:
  receiver: the root
  routes:
  - match: {team: 'x"y'}
    match_re: {env: 'c|d'}
    continue: true
    receiver: other
    routes:
    - routes: [{receiver: hook}]
    - matchers: [z="1", team!~"q"]
      routes: [{continue: true}, {receiver: other}]
  - matchers: [team=a]
    receiver: hook
    continue: true
  - matchers: [team=~"a|b", env!=""]
receivers: [{name: the root}, {name: other}, {name: hook}]
"#;

/// What both programs print of routes, and what they exit with.
#[test]
fn routes_are_shown_and_tested_as_amtool_does() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let narthex = start(folder.path(), &hook);
    let (tree, bad) = (
        folder.path().join("tree.yml"),
        folder.path().join("bad.yml"),
    );
    std::fs::write(&tree, TREE).unwrap();
    std::fs::write(&bad, "route: {}\n").unwrap();
    let of_tree = format!("--config.file={}", tree.display());
    let of_bad = format!("--config.file={}", bad.display());
    let of_host = format!("--alertmanager.url={}", narthex.url());
    let of_nobody = "--alertmanager.url=http://127.0.0.1:1".to_owned();
    let both = |args: &[&str]| {
        let said = |command: &mut Command| {
            let output = command.args(args).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            (said, output.status.code())
        };
        let ours = said(Command::new(binary()).args(["alerts", "route"]));
        let theirs = said(Command::new("amtool").args(["config", "routes"]));
        assert_eq!(ours, theirs, "{args:?}");
        ours
    };
    for source in [&of_tree, &of_host] {
        let (drawn, code) = both(&["show", source]);
        assert!(drawn.lines().count() > 4 && code == Some(0), "{drawn}");
        for labels in [
            &[][..],
            &["team=a"],
            &["team=a", "env=prod"],
            &["team=b", "env=c"],
            &["team=x\\\"y", "env=d"],
            &["team=x\\\"y", "env=d", "z=1"],
            &["team=x", "env=prod"],
            &["team=x", "env=test"],
            &["team=x", "team=y"],
            &["team=\"x\"", "env="],
            &["team=x,env=prod"],
        ] {
            for more in [
                &[][..],
                &["--tree"],
                &["--verify.receivers=hook"],
                &["--verify.receivers=other,hook", "--tree"],
                &["--verify.receivers=the root"],
            ] {
                both(&[&["test", source], more, labels].concat());
            }
        }
        for wrong in ["team", "team!=x", "team=~x", "te am=x", "team=a\"b"] {
            assert_eq!(both(&["test", source, wrong]), (String::new(), Some(1)));
        }
    }
    for source in [&of_bad, &of_nobody] {
        for what in ["show", "test"] {
            assert_eq!(both(&[what, source]), (String::new(), Some(1)));
        }
    }
}

/// What both programs print and exit with where they ask the same host.
struct Both {
    url: String,
}

impl Both {
    fn said(&self, command: &mut Command, args: &[&str]) -> (String, Option<i32>) {
        let url = format!("--alertmanager.url={}", self.url);
        let output = command.args(args).arg(url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (said, output.status.code())
    }

    /// Ours alone: it must succeed.
    fn ours(&self, args: &[&str]) -> String {
        let (said, code) = self.said(&mut Command::new(binary()), args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said.trim().to_owned()
    }

    /// The same of both; `what` is a command of ours and that of amtool.
    fn same(&self, what: (&str, &str), args: &[&str]) -> String {
        let ours = self.said(Command::new(binary()).arg(what.0), args);
        let theirs = self.said(Command::new("amtool").arg(what.1), args);
        assert_eq!(ours, theirs, "{what:?} {args:?}");
        ours.0
    }

    fn same_json(&self, what: (&str, &str), args: &[&str]) {
        let ours = self.said(Command::new(binary()).arg(what.0), args);
        let theirs = self.said(Command::new("amtool").arg(what.1), args);
        // What mutes an alert is said since 0.28; Debian's leaves out what it does not know.
        let read = |text: &str| -> serde_json::Value {
            let mut read: serde_json::Value = serde_json::from_str(text).unwrap();
            for entry in read.as_array_mut().unwrap() {
                entry["status"].as_object_mut().unwrap().remove("mutedBy");
            }
            read
        };
        assert_eq!(read(&ours.0), read(&theirs.0), "{what:?} {args:?}");
    }
}

#[test]
fn alerts_and_silences_are_shown_and_changed_as_amtool_does() {
    const ALERTS: (&str, &str) = ("alerts", "alert");
    const SILENCES: (&str, &str) = ("silence", "silence");
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let narthex = start(folder.path(), &hook);
    let both = Both { url: narthex.url() };
    both.ours(&[
        "alerts",
        "add",
        "alertname=a",
        "team=x",
        "env=prod",
        "--annotation=summary=s t",
        "--start=2026-01-01T00:00:00Z",
        "--end=2190-01-01T00:00:00Z",
    ]);
    let add = ["alerts", "add", "b", "severity=\"critical\""];
    both.ours(&[&add[..], &["--generator-url=http://g.example"]].concat());
    both.ours(&["alerts", "add", "b", "severity=warning"]);
    let add = [
        "silence",
        "add",
        "a",
        "env!~\"dev|x\"",
        "--comment=why",
        "--author=me",
        "-d",
        "1h",
    ];
    let id = both.ours(&add);
    let later = [
        "silence",
        "add",
        "alertname=~b.*",
        "-c",
        "racks \"moved\"",
        "-a",
        "you",
        "--start=2190-01-01T00:00:00Z",
        "--end=2190-01-02T00:00:00+02:00",
    ];
    let other = both.ours(&later);
    assert!(id.len() == 36 && other.len() == 36, "{id} {other}");
    for output in ["simple", "extended"] {
        let output = ["query", "-o", output];
        for args in [
            &[][..],
            &["b"],
            &["team=~x|y"],
            &["--silenced"],
            &["-i"],
            &["-a", "-s", "-i"],
            &["-r", "oth.*"],
            &["nobody"],
            &["severity=~\"(\""],
        ] {
            both.same(ALERTS, &[&output[..], args].concat());
        }
        // A time that another wrote is shown as it was written by amtool, and in UTC by us; the
        // host answers in UTC.
        for args in [
            &[][..],
            &["a"],
            &["alertname=~b.*"],
            &["-q"],
            &["--expired"],
            &["--created-by=me"],
            &["--created-by=nobody"],
            &["--within=2h"],
        ] {
            both.same(SILENCES, &[&output[..], args].concat());
        }
    }
    for what in [ALERTS, SILENCES] {
        both.same_json(what, &["query", "-o", "json"]);
    }
    // Changes.
    let update = [
        "silence",
        "update",
        "-q",
        id.as_str(),
        "--comment=new",
        "-d",
    ];
    assert_eq!(both.ours(&[&update[..], &["2h"]].concat()), id);
    let shown = both.ours(&["silence", "query", "a", "-o", "json"]);
    let silences: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(silences[0]["comment"], "new");
    let file = folder.path().join("silences.json");
    std::fs::write(&file, &shown).unwrap();
    both.ours(&["silence", "expire", &id, &other]);
    assert_eq!(both.same(SILENCES, &["query", "-q"]), "");
    assert_eq!(
        both.same(SILENCES, &["query", "-q", "--expired"])
            .lines()
            .count(),
        2
    );
    let file = file.display().to_string();
    let imported = both.ours(&["silence", "import", "--force", &file]);
    assert_eq!(both.same(SILENCES, &["query", "-q"]).trim(), imported);
    assert!(imported.len() == 36 && imported != id, "{imported}");
    // What is refused.
    for args in [
        &["silence", "expire", "00000000-0000-4000-8000-000000000000"][..],
        &["silence", "update", &id, "--end=2020-01-01T00:00:00Z"],
        &["silence", "add", "a=1", "--comment=", "--author=me"],
        &["alerts", "add"],
        &["alerts", "query", "a=1", "b=~("],
    ] {
        let (said, code) = both.said(&mut Command::new(binary()), args);
        assert_eq!(code, Some(1), "{args:?}: {said}");
    }
    let config = folder.path().join("alertmanager.yml");
    let config = config.display().to_string();
    let ours = run(Command::new(binary()).args(["alerts", "check-config", &config]));
    assert_eq!(
        ours,
        run(Command::new("amtool").args(["check-config", &config]))
    );
    // One file of defaults serves both.
    let kept = folder.path().join(".config/prometheus");
    std::fs::create_dir_all(&kept).unwrap();
    let text = format!("alertmanager.url: {}\noutput: extended\n", narthex.url());
    std::fs::write(kept.join("amtool.yml"), text).unwrap();
    let of = |program: &mut Command| {
        let asked = program
            .args(["silence", "query"])
            .env("HOME", folder.path());
        run(asked)
    };
    let ours = of(&mut Command::new(binary()));
    assert_eq!(ours, of(&mut Command::new("amtool")));
    let extended = both.same(SILENCES, &["query", "-o", "extended"]);
    assert!(format!("{ours:?}").contains(extended.lines().next().unwrap().trim()));
}
