//! Fixtures of a plugin that misbehaves on demand, in the real runtime: what is right passes, and
//! each thing that is wrong is named.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod catalogue;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use narthex_author::fixture::{self, Fixture};
use narthex_author::record::Recording;
use narthex_author::report::{FixtureReport, Report};
use narthex_author::{BuiltPlugin, Trial, bench, live};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const MANIFEST: &str = r#"
name = "guest"
version = "1.2.3"
world = "exporter"
wit = "0.1"
[request]
tcp = ["${target.host}:${target.port}"]
[limits]
memory = "32MiB"
timeout = "60s"
"#;

/// The guest of the runtime's tests.
fn guest() -> &'static Path {
    static GUEST: OnceLock<PathBuf> = OnceLock::new();
    GUEST.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let inside_target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let workspace = here.ancestors().nth(2).unwrap();
        let packages = ["narthex-plugin-guest"];
        narthex_plugin_builder::build(workspace, inside_target, &packages)
            .unwrap()
            .remove(0)
    })
}

/// Compiled once for all tests.
fn cache() -> Option<PathBuf> {
    Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("author-cache"))
}

/// A project of the guest with one fixture.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new(fixture: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("fixtures")).unwrap();
        fs::write(folder.path().join("plugin.toml"), MANIFEST).unwrap();
        if !fixture.is_empty() {
            fs::write(folder.path().join("fixtures/one.toml"), fixture).unwrap();
        }
        Self { folder }
    }

    fn plugin(&self) -> BuiltPlugin {
        BuiltPlugin::find(self.folder.path(), Some(guest())).unwrap()
    }

    fn fixtures(&self) -> Vec<Fixture> {
        fixture::read_folder(&self.plugin().fixtures).unwrap()
    }

    async fn test(&self) -> Report {
        let plugin = self.plugin();
        let trial = Trial {
            plugin: &plugin,
            cache: cache(),
        };
        trial.run(&self.fixtures(), |_| {}).await
    }
}

async fn test(fixture: &str) -> (FixtureReport, Vec<String>) {
    let mut report = Project::new(fixture).test().await;
    (report.fixtures.remove(0), report.warnings)
}

/// The faults of a fixture, one a text.
async fn faults(fixture: &str) -> Vec<String> {
    let (report, _) = test(fixture).await;
    assert_eq!(report.passed, report.faults.is_empty());
    report.faults.iter().map(ToString::to_string).collect()
}

const GREETING: &str = r#"
[target]
address = "${server.a}"
[plugin_config]
do = "tcp"
[[tcp.a.exchange]]
receive = "hello\r\n"
send = "welcome\r\n"
[expect]
samples = 'guest_line{line="welcome"} 1'
"#;

#[tokio::test]
async fn what_is_as_expected_passes_in_200_calls_and_more() {
    let (report, warnings) = test(GREETING).await;
    assert!(report.passed, "{report:?}");
    assert_eq!((report.samples, report.calls), (1, 202));
    assert!(report.memory_bytes > 0);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[tokio::test]
async fn what_is_requested_and_not_used_is_a_warning() {
    let fixture = "[plugin_config]\ndo = \"samples\"\ncount = 2\n[expect]\nmatch = \"contains\"\n\
                   samples = '''\nguest_samples_total{shard=\"1\",tier=\"b\",zone=\"a\"} 0..2\n'''\n";
    let (report, warnings) = test(fixture).await;
    assert!(report.passed, "{report:?}");
    assert_eq!(
        warnings,
        ["plugin.toml requests `tcp`, and no fixture makes use of it"]
    );
}

#[tokio::test]
async fn each_fault_is_named() {
    for (from, to, parts) in [
        (
            "welcome\"} 1",
            "hi\"} 1",
            &["- guest_line{line=\"hi\"} 1\n  + guest_line{line=\"welcome\"} 1"][..],
        ),
        (
            "hello\\r",
            "hullo\\r",
            &["server a: expected \"hullo\\r\\n\" (line 6), the plugin sent \"hello\\r\\n\""],
        ),
        (
            "send = \"welcome\\r\\n\"",
            "send = \"welcome\\r\\n\"\ndelay = \"1m\"",
            &["the call failed: plugin guest: timeout"],
        ),
        (
            "do = \"tcp\"",
            "do = \"trap\"",
            &[
                "the plugin did not connect",
                "the call failed: plugin guest: trap",
            ],
        ),
        (
            "do = \"tcp\"",
            "do = \"tcp\"\naddress = \"127.0.0.1:1\"",
            &["denied", "add \"127.0.0.1:1\" to `tcp` under [request]"],
        ),
        ("do = \"tcp\"", "do = \"nothing\"", &["unknown variant"]),
        (
            "samples = 'guest_line{line=\"welcome\"} 1'",
            "error = \"no\"",
            &["expected an error with \"no\" in it, came 1 samples"],
        ),
        (
            "samples = 'guest_line{line=\"welcome\"} 1'",
            "outcome = \"delivered\"",
            &["is nothing that plugins of the world exporter bring"],
        ),
    ] {
        assert!(GREETING.contains(from), "{from}");
        // An answer that comes too late is not waited for: time passes as soon as nobody has
        // anything else to do.
        let is_late = to.contains("delay");
        if is_late {
            tokio::time::pause();
        }
        let found = faults(&GREETING.replace(from, to)).await.join("\n");
        if is_late {
            tokio::time::resume();
        }
        for part in parts {
            assert!(found.contains(part), "{to}: {part} is not in\n{found}");
        }
    }
}

/// A fixture that expects one sample that is always the same.
fn steady(config: &str) -> String {
    format!("[plugin_config]\n{config}\n[expect]\nsamples = \"guest_steady 1\"\n")
}

#[tokio::test]
async fn memory_that_grows_from_call_to_call_is_a_leak() {
    let found = faults(&steady("do = \"leak\"\nbytes = 4000")).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("its memory grows: by "), "{found:?}");
    assert!(faults(&steady("do = \"leak\"\nbytes = 0")).await.is_empty());
}

#[tokio::test]
async fn what_two_instances_make_of_one_dialogue_has_to_be_the_same() {
    let fixture = "[plugin_config]\ndo = \"unsteady\"\n[expect]\nsamples = \"guest_number *\"\n";
    assert!(faults(fixture).await.is_empty());
    let contains = fixture.replace(
        "samples = \"guest_number *\"",
        "match = \"contains\"\nsamples = \"\"",
    );
    let found = faults(&contains).await;
    assert!(
        found[0].starts_with("two instances answered differently"),
        "{found:?}"
    );
    let varying = contains.replace("samples", "varying = [\"guest_*\"]\nsamples");
    assert!(faults(&varying).await.is_empty());
}

#[tokio::test]
async fn errors_in_the_log_and_refusals_that_are_passed_over_are_faults() {
    let complaint = steady("do = \"complain\"\ntext = \"disk is full\"");
    assert_eq!(
        faults(&complaint).await,
        ["it logged an error: disk is full"]
    );
    let expected = format!("{complaint}log = [\"full\"]\n");
    assert!(faults(&expected).await.is_empty());
    let found = faults(&steady("do = \"try\"\naddress = \"127.0.0.1:1\"")).await;
    let advice = "it wanted what plugin.toml does not request: add \"127.0.0.1:1\" to `tcp` under \
                  [request]";
    assert_eq!(found, [advice]);
}

#[tokio::test]
async fn an_error_can_be_what_is_expected() {
    let fixture = GREETING
        .replace("welcome\\r\\n", "")
        .replace("send", "close = true\nsend");
    let (_, expect) = fixture.split_once("[expect]").unwrap();
    let fixture = fixture.replace(expect, "\nerror = \"closed\"\n");
    assert_eq!(faults(&fixture).await, Vec::<String>::new());
}

/// A server that answers each line with another number.
async fn live_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut line = [0; 7];
            stream.read_exact(&mut line).await.unwrap();
            stream.write_all(b"live\r\n").await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_live_server_becomes_a_fixture_that_passes() {
    let project = Project::new("");
    let plugin = project.plugin();
    let recording = |name: &str| Recording {
        plugin: &plugin,
        server: String::new(),
        name: name.to_owned(),
        config: json!({"do": "tcp"}),
        secrets: [("s".to_owned(), "hell".to_owned())].into(),
        cache: cache(),
    };
    let mut live = recording("live");
    live.server = live_server().await;
    let recorded = live.make().await;
    // The secret is in what the plugin says, so the recording, which has it not, does not fit.
    let error = recorded.unwrap_err().to_string();
    assert!(error.contains("expected \"xxxxo\\r\\n\""), "{error}");
    live.secrets.clear();
    let recorded = live.make().await.unwrap();
    assert_eq!((recorded.samples, recorded.varying), (1, 0));
    let report = project.test().await;
    assert!(report.passed, "{report:?}");
    let error = live.make().await.unwrap_err().to_string();
    assert!(error.contains("is there already"), "{error}");
    live.name = "No".to_owned();
    let error = live.make().await.unwrap_err().to_string();
    assert!(error.contains("is no name for a fixture"), "{error}");
}

#[tokio::test]
async fn a_live_run_shows_samples_cost_and_refusals() {
    let project = Project::new("");
    let options = live::LiveOptions {
        target: live_server().await,
        config: json!({"do": "tcp"}),
        cache: cache(),
        ..live::LiveOptions::default()
    };
    let mut run = live::Live::start(&project.plugin(), options).await.unwrap();
    let reading = run.read().await;
    let text = reading.to_string();
    assert!(
        text.contains("guest_line{line=\"live\"} 1\n# 1 samples, "),
        "{text}"
    );
    assert!(reading.memory_bytes > 0 && reading.denials.is_empty());
    let options = live::LiveOptions {
        target: "localhost:1".to_owned(),
        config: json!({"do": "try", "address": "127.0.0.1:1"}),
        cache: cache(),
        ..live::LiveOptions::default()
    };
    let mut run = live::Live::start(&project.plugin(), options).await.unwrap();
    for _ in 0..2 {
        let text = run.read().await.to_string();
        assert!(text.ends_with(", denied tcp: 1\n"), "{text}");
    }
}

#[test]
fn a_bench_prints_what_a_call_costs() {
    let project = Project::new(GREETING);
    let fixture = project.fixtures().remove(0);
    let report = bench::bench(&project.plugin(), &fixture, 20).unwrap();
    assert_eq!((report.calls, report.samples), (20, 1));
    assert!(report.wasm_bytes > 0 && report.compiled_bytes > 0 && report.memory_bytes > 0);
    assert!(report.cpu.median > 0.0 && report.wall.min <= report.wall.p99);
    assert!(report.to_string().contains("an instance's first"));
}
