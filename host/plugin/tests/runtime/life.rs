//! How versions come to work and leave it, and what plugins that fail are spared.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use narthex_plugin::{PluginError, PluginState, PluginStatus};
use narthex_registry::{Layout, Package};
use narthex_scrape::Collector;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::handmade::{Handmade, TEXT, TRUE};
use crate::harness::{Bench, collect, collect_from, config, folder_config, target, target_within};

/// Puts a plugin into a folder.
fn place(folder: &Path, guest: &Handmade, version: &str, more: &str) {
    fs::write(
        folder.join("made.toml"),
        guest.manifest("made", version, more),
    )
    .unwrap();
    fs::write(folder.join("made.wasm"), guest.build()).unwrap();
}

/// A guest whose page tells its version.
fn telling(version: u32) -> Handmade {
    Handmade::exporter(&format!("made_version {version}\n"))
}

fn status(bench: &Bench) -> PluginStatus {
    bench.runtime.list().remove(0)
}

fn job(bench: &Bench, name: &str, config: &Value) -> Arc<dyn Collector> {
    bench.runtime.collector("made", name, config).unwrap()
}

/// What the last line of the page says.
async fn said(job: &Arc<dyn Collector>) -> String {
    let answer = collect(job).await;
    let text = answer.unwrap_or_else(|error| error);
    text.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn failures_in_a_row_wait_longer_and_longer_until_a_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &Handmade::collecting("unreachable"), "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    let trap = "plugin made: trap: wasm `unreachable` instruction executed";
    for (seconds, expected) in [
        (0, trap),
        // The first failure costs nothing but itself.
        (0, trap),
        (
            0,
            "plugin made: not tried again until 2023-11-14T22:13:25Z after: trap: wasm \
             `unreachable` instruction executed",
        ),
        (5, trap),
        (10, trap),
        (
            19,
            "plugin made: not tried again until 2023-11-14T22:13:55Z after: trap: wasm `unreachable` instruction executed",
        ),
        (1, trap),
        (
            60,
            "plugin made: in quarantine until 2023-11-14T22:23:55Z after: trap: wasm `unreachable` instruction executed",
        ),
    ] {
        bench.clock.advance(seconds * 1000);
        assert_eq!(collect(&job).await.unwrap_err(), expected);
    }
    bench.assert_metrics(&[
        "narthex_plugin_quarantined{plugin=\"made\",job=\"a\"} 1",
        "narthex_plugin_calls_total{plugin=\"made\",job=\"a\",result=\"trap\"} 5",
        "narthex_plugin_calls_total{plugin=\"made\",job=\"a\",result=\"barred\"} 3",
        // The version is at work, for other targets.
        "narthex_plugin_up{plugin=\"made\"} 1",
    ]);
    let detail = bench.runtime.detail("made").unwrap();
    assert_eq!(detail.jobs[0].quarantined[0].target, "localhost:1");
    assert_eq!(detail.failures.len(), 5);
    assert!(!detail.failures[0].backtrace.is_empty());
    // Another target of the job is another matter.
    let other = collect_from(&job, &target("localhost:2")).await;
    assert_eq!(other.unwrap_err(), trap);

    // A new version begins with a clean sheet.
    place(folder.path(), &telling(2), "2", "");
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 2");
    bench.assert_metrics(&["narthex_plugin_quarantined{plugin=\"made\",job=\"a\"} 0"]);
}

#[tokio::test]
async fn an_operator_or_time_ends_a_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &Handmade::collecting("unreachable"), "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    for _ in 0..5 {
        assert!(said(&job).await.contains("trap"));
        bench.clock.advance(60_000);
    }
    assert!(said(&job).await.contains("in quarantine"));
    bench.runtime.reload_plugin("made").await.unwrap();
    assert!(said(&job).await.starts_with("plugin made: trap"));
    for _ in 0..4 {
        bench.clock.advance(60_000);
        said(&job).await;
    }
    assert!(said(&job).await.contains("in quarantine"));
    bench.clock.advance(600_000);
    assert!(said(&job).await.starts_with("plugin made: trap"));
}

#[tokio::test]
async fn a_quarantine_that_is_over_is_not_counted_whatever_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    // Traps for ten minutes, then answers with the error `timeout`.
    let guest = Handmade {
        imports: r#"(import "narthex:plugin/clock@0.1.0" "now" (func $now (result i64)))"#
            .to_owned(),
        ..Handmade::collecting(
            "(if (i64.lt_u (call $now) (i64.const 1700000600000)) (then unreachable))
             (i32.store8 (i32.const 64) (i32.const 1))
             (i32.store8 (i32.const 72) (i32.const 2)) i32.const 64",
        )
    };
    place(folder.path(), &guest, "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    for _ in 0..5 {
        assert!(said(&job).await.contains("trap"));
        bench.clock.advance(60_000);
    }
    bench.assert_metrics(&["narthex_plugin_quarantined{plugin=\"made\",job=\"a\"} 1"]);
    bench.clock.advance(600_000);
    assert_eq!(said(&job).await, "plugin made: timeout");
    bench.assert_metrics(&["narthex_plugin_quarantined{plugin=\"made\",job=\"a\"} 0"]);
}

#[tokio::test]
async fn a_target_that_hangs_is_no_failure_of_the_plugin() {
    let bench = Bench::compiled().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let job = bench.job("a", r#"{"do": "hang"}"#);
    tokio::time::pause();
    for _ in 0..8 {
        let deadline = Instant::now() + Duration::from_secs(20);
        let answer = job.collect(&target_within(&silent, "20s"), deadline).await;
        let error = answer.unwrap_err().to_string();
        assert!(!error.contains("until"), "{error}");
    }
}

#[tokio::test]
async fn a_version_that_asks_for_more_is_held_until_it_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let own = "[request]\ntcp = [\"${target.host}:${target.port}\", \"db:1\"]";
    place(folder.path(), &telling(1), "1", own);
    let text = folder_config(folder.path(), r#", "grants": {"made": "as-requested"}"#);
    let bench = Bench::with(Vec::new(), &text).await;
    let job = job(&bench, "a", &Value::Null);
    assert_eq!(said(&job).await, "made_version 1");

    let more = format!("{own}\nfiles = [\"/etc\"]\nstate = true\nudp = [\"${{target.host}}:*\"]");
    place(folder.path(), &telling(2), "2", &more);
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 1");
    assert_eq!(status(&bench).state, PluginState::Held);
    assert_eq!(
        status(&bench).last_error.unwrap(),
        "held: it asks for more than the version at work: files /etc; state; to let it in, write \
         all that it may reach into plugins.grants.made, or remove it"
    );
    bench.assert_metrics(&["narthex_plugin_reloads_total{plugin=\"made\",result=\"held\"} 1"]);
    let error = bench.runtime.reload_plugin("made").await.unwrap_err();
    assert!(matches!(error, PluginError::Held { .. }), "{error}");

    let granted = r#", "grants": {"made": {"tcp": ["db:1"], "files": ["/etc"], "state": true}}"#;
    let granted = config(&folder_config(folder.path(), granted));
    bench.runtime.reload(granted).await.unwrap();
    bench.runtime.rescan().await;
    assert_eq!(status(&bench).state, PluginState::Running);
    assert_eq!(said(&job).await, "made_version 2");
}

#[tokio::test]
async fn a_version_that_finds_less_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &telling(1), "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    assert_eq!(said(&job).await, "made_version 1");
    for (guest, reason) in [
        (
            Handmade::exporter("# only a comment\n"),
            "job \"a\": not ready: it finds nothing at localhost:1, where the version at work \
             finds samples",
        ),
        (
            Handmade::collecting("unreachable"),
            "job \"a\": trap: wasm `unreachable` instruction executed",
        ),
        (
            // The answer's first byte makes it the error `timeout`.
            Handmade::collecting(
                "(i32.store8 (i32.const 64) (i32.const 1))
                 (i32.store8 (i32.const 72) (i32.const 2)) i32.const 64",
            ),
            "job \"a\": timeout",
        ),
        (
            Handmade {
                init: "unreachable".to_owned(),
                ..telling(2)
            },
            "job \"a\": trap: wasm `unreachable` instruction executed",
        ),
    ] {
        place(folder.path(), &guest, "2", "");
        bench.runtime.rescan().await;
        assert_eq!(status(&bench).last_error.unwrap(), reason);
        assert_eq!(status(&bench).state, PluginState::Outdated);
        assert_eq!(said(&job).await, "made_version 1");
    }
    bench.assert_metrics(&["narthex_plugin_reloads_total{plugin=\"made\",result=\"failed\"} 4"]);
    place(folder.path(), &telling(3), "3", "");
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 3");
}

#[tokio::test]
async fn a_look_at_the_folder_goes_on_where_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &telling(1), "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    assert_eq!(said(&job).await, "made_version 1");
    place(folder.path(), &telling(2), "2", "");
    // As of a request whose client leaves.
    tokio::select! {
        biased;
        () = bench.runtime.rescan() => {}
        () = std::future::ready(()) => {}
    }
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 2");
    place(folder.path(), &telling(3), "3", "");
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 3");
}

#[tokio::test]
async fn a_trap_in_the_last_call_is_nobodys_loss() {
    let folder = tempfile::tempdir().unwrap();
    let guest = Handmade {
        shutdown: "unreachable".to_owned(),
        ..telling(1)
    };
    place(folder.path(), &guest, "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    assert_eq!(said(&job).await, "made_version 1");
    place(folder.path(), &telling(2), "2", "");
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 2");
    assert_eq!(status(&bench).last_error, None);
}

#[tokio::test]
async fn loose_files_are_rolled_back_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &telling(1), "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    let error = bench.runtime.roll_back("made").await.unwrap_err();
    assert_eq!(error, PluginError::NoPrevious("made".to_owned()));
    place(folder.path(), &telling(2), "2", "");
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 2");
    let detail = bench.runtime.detail("made").unwrap();
    assert_eq!(detail.previous_version.as_deref(), Some("1"));

    bench.runtime.roll_back("made").await.unwrap();
    assert_eq!(said(&job).await, "made_version 1");
    assert_eq!(status(&bench).state, PluginState::RolledBack);
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 1");
    bench.runtime.roll_back("made").await.unwrap();
    assert_eq!(said(&job).await, "made_version 2");
    place(folder.path(), &telling(3), "3", "");
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 3");
    assert_eq!(status(&bench).state, PluginState::Running);
}

#[tokio::test]
async fn packages_are_installed_and_rolled_back_in_their_layout() {
    let folder = tempfile::tempdir().unwrap();
    let install = |version: u32| {
        let guest = telling(version);
        let manifest = guest.manifest("made", &format!("{version}.0.0"), "");
        let package = Package::from_pair(manifest, guest.build()).unwrap();
        let layout = Layout::create(folder.path().join("made")).unwrap();
        layout.install(&package.image().unwrap(), &[]).unwrap();
    };
    install(1);
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = job(&bench, "a", &Value::Null);
    assert_eq!(said(&job).await, "made_version 1");
    install(2);
    bench.runtime.rescan().await;
    assert_eq!(said(&job).await, "made_version 2");
    bench.runtime.roll_back("made").await.unwrap();
    assert_eq!(said(&job).await, "made_version 1");
    assert_eq!(status(&bench).version, "1.0.0");
    bench.assert_metrics(&[
        "narthex_plugin_reloads_total{plugin=\"made\",result=\"rolled_back\"} 1",
    ]);

    let signed = r#", "registry": {"require_signature": true, "keys": ["no.pub"]}"#;
    let signed = config(&folder_config(folder.path(), signed));
    assert!(
        bench.runtime.reload(signed).await.is_err(),
        "the key is not there"
    );
}

#[tokio::test]
async fn a_changed_configuration_reaches_the_warm_instance() {
    let folder = tempfile::tempdir().unwrap();
    // Tells how often it was reconfigured: the digit of its page.
    let guest = Handmade {
        reconfigure: format!(
            "(i32.store8 (i32.const 1037) (i32.add (i32.load8_u (i32.const 1037)) (i32.const 1))) \
             {TRUE}"
        ),
        ..telling(0)
    };
    place(folder.path(), &guest, "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let first = job(&bench, "a", &json!({"x": 1}));
    assert_eq!(said(&first).await, "made_version 0");
    let second = job(&bench, "a", &json!({"x": 2}));
    drop(first);
    assert_eq!(said(&second).await, "made_version 1");
    // The same again is no reason to tell it.
    let third = job(&bench, "a", &json!({"x": 2}));
    assert_eq!(said(&third).await, "made_version 1");
    // One that does not take it is replaced.
    let guest = Handmade {
        reconfigure: "i32.const 16".to_owned(),
        ..telling(5)
    };
    place(folder.path(), &guest, "2", "");
    bench.runtime.rescan().await;
    assert_eq!(said(&third).await, "made_version 5");
    let fourth = job(&bench, "a", &json!({"x": 3}));
    assert_eq!(said(&fourth).await, "made_version 5");
}

#[tokio::test]
async fn a_version_refused_for_a_configuration_is_tried_again_with_another() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &telling(1), "1", "");
    let bench = Bench::with_folder(folder.path(), "").await;
    let old = job(&bench, "a", &json!({"port": "x"}));
    assert_eq!(said(&old).await, "made_version 1");
    let schema = "[config.properties.port]\ntype = \"integer\"";
    place(folder.path(), &telling(2), "2", schema);
    bench.runtime.rescan().await;
    let error = status(&bench).last_error.unwrap();
    assert!(error.starts_with("job \"a\": "), "{error}");
    let new = job(&bench, "a", &json!({"port": 1}));
    drop(old);
    bench.runtime.rescan().await;
    assert_eq!(said(&new).await, "made_version 2");
    assert!(
        bench
            .runtime
            .check_config("made", &json!({"port": 2}))
            .is_ok()
    );
    let faults = bench
        .runtime
        .check_config("made", &json!({"port": "x"}))
        .unwrap_err();
    assert_eq!(faults[0].pointer, "/port");
}

#[tokio::test]
async fn what_the_binary_carries_is_loaded_when_a_job_asks() {
    let guest = telling(1);
    let manifest: &'static str = guest.manifest("made", "1", "").leak();
    let component: &'static [u8] = guest.build().leak();
    let embedded = vec![narthex_plugin::Artifact::embedded(
        "made", component, manifest,
    )];
    let bench = Bench::with(embedded, "{}").await;
    assert_eq!(status(&bench).state, PluginState::Waiting);
    assert_eq!(status(&bench).version, "1");
    let job = job(&bench, "a", &Value::Null);
    assert_eq!(said(&job).await, "made_version 1");
    assert_eq!(status(&bench).state, PluginState::Running);
}

#[tokio::test]
async fn limits_of_one_plugin_go_before_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let guest = Handmade::collecting(&format!("(loop br 0) {TEXT}"));
    place(
        folder.path(),
        &guest,
        "1",
        "[limits]\ntimeout = \"1m\"\nconcurrency = 3",
    );
    let limits = r#", "limits": {"per_plugin": {"made": {"timeout": "30ms", "memory": "1MiB"}}}"#;
    let bench = Bench::with_folder(folder.path(), limits).await;
    let job = job(&bench, "a", &Value::Null);
    assert_eq!(
        said(&job).await,
        "plugin made: stopped after 30ms: deadline"
    );
    let detail = bench.runtime.detail("made").unwrap();
    assert_eq!(
        (detail.memory_limit_bytes, detail.concurrency),
        (1 << 20, 3)
    );
}
