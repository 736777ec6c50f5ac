//! Plugins that are out for harm, as far as processor and memory go: each is stopped by the bound
//! that is there for it, named in error and metric, and a neighbour's scrapes go on meanwhile.
//!
//! Their time is the test's own: how fast this machine is decides neither which bound stops a guest
//! nor whether it is reached.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use narthex_plugin::PluginState;
use narthex_scrape::Collector;
use serde_json::Value;
use tokio::time::Instant;

use crate::handmade::Handmade;
use crate::harness::{Bench, collect, target_within};
use crate::peers::{keep_log, logged};

const TIMEOUT: Duration = Duration::from_millis(150);

fn place(folder: &std::path::Path, name: &str, guest: &Handmade, more: &str) {
    let manifest = guest.manifest(name, "1", more);
    fs::write(folder.join(format!("{name}.toml")), manifest).unwrap();
    fs::write(folder.join(format!("{name}.wasm")), guest.build()).unwrap();
}

/// A guest with functions, globals and tables of its own.
fn with(more: &str, call: &str) -> Handmade {
    Handmade {
        more: more.to_owned(),
        ..Handmade::collecting(call)
    }
}

/// Answers with a batch whose list of symbols is at 1024: so many texts of so many bytes each,
/// all of them the same memory. The count is a number whose bytes are text, as they are read too.
fn symbols(count: u32, bytes: u32) -> Handmade {
    with(
        "(func $answer (result i32) (local $at i32) (local $left i32)
            (i32.store8 (i32.const 72) (i32.const 0))
            (i32.store (i32.const 80) (i32.const 65536))
            (i32.store (i32.const 84) (i32.const COUNT))
            (drop (memory.grow (i32.const 64)))
            (local.set $at (i32.const 65536))
            (local.set $left (i32.const COUNT))
            (loop $more
                (i32.store (local.get $at) (i32.const 0))
                (i32.store offset=4 (local.get $at) (i32.const BYTES))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $more (local.get $left)))
            (i32.const 64))"
            .replace("COUNT", &count.to_string())
            .replace("BYTES", &bytes.to_string())
            .as_str(),
        "call $answer",
    )
}

fn guests() -> Vec<(&'static str, Handmade, &'static str, &'static str)> {
    let text = |pointer: u32, length: u32| {
        format!(
            "(i32.store (i32.const 88) (i32.const {pointer}))
             (i32.store (i32.const 92) (i32.const {length})) (i32.const 64)"
        )
    };
    vec![
        (
            "endless-loop",
            Handmade::collecting("(loop br 0) unreachable"),
            "stopped after 150ms: deadline",
            "timeout",
        ),
        (
            "endless-init",
            Handmade {
                init: "(loop br 0) unreachable".to_owned(),
                ..Handmade::exporter("")
            },
            "stopped after 150ms: deadline",
            "timeout",
        ),
        (
            "memory-bomb",
            Handmade::collecting(
                "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) \
                 unreachable",
            ),
            "memory limit of 8MiB reached",
            "memory",
        ),
        (
            "table-bomb",
            with(
                "(table $t 1 funcref)",
                "(loop $more (br_if $more (i32.ne
                    (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable",
            ),
            "trap: wasm `unreachable` instruction executed",
            "trap",
        ),
        (
            "stack-bomb",
            with(
                "(func $deep (param i32) (result i32) (if (result i32) (local.get 0)
                    (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1)))
                        (i32.const 1)))
                    (else (i32.const 0))))",
                "(drop (call $deep (i32.const 1000000))) i32.const 64",
            ),
            "trap: call stack exhausted",
            "trap",
        ),
        (
            "huge-text",
            Handmade::collecting(&text(0, 0x7fff_ffff)),
            "trap: list pointer/length out of bounds",
            "trap",
        ),
        (
            "text-at-the-end",
            Handmade::collecting(&text(0xffff_fff0, 0x20)),
            "trap: list pointer/length out of bounds",
            "trap",
        ),
        (
            "many-times-the-same",
            symbols(0x01_01_01, 60_000),
            "trap: too much data is being copied between the host and the guest",
            "trap",
        ),
        (
            "answer-from-nowhere",
            Handmade::collecting("i32.const -8"),
            "trap: ",
            "trap",
        ),
        (
            "answer-off-its-place",
            Handmade::collecting("i32.const 65"),
            "trap: ",
            "trap",
        ),
        (
            "divides-by-zero",
            Handmade::collecting("(i32.div_u (i32.const 1) (i32.const 0))"),
            "trap: integer divide by zero",
            "trap",
        ),
        (
            "traps-at-the-start",
            with("(func $start unreachable) (start $start)", "i32.const 64"),
            "trap: wasm `unreachable` instruction executed",
            "trap",
        ),
        (
            "allocates-badly",
            Handmade {
                more: "(func (export \"unused\"))".to_owned(),
                ..Handmade::collecting("(i32.store (i32.const 80) (i32.const -1)) i32.const 64")
            },
            "trap: ",
            "trap",
        ),
    ]
}

#[tokio::test]
async fn each_is_stopped_by_its_bound_while_a_neighbour_goes_on() {
    keep_log();
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), "good", &Handmade::exporter("good 1\n"), "");
    let guests = guests();
    for (name, guest, _, _) in &guests {
        place(folder.path(), name, guest, "[limits]\nmemory = \"8MiB\"");
    }
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = |name: &str| bench.runtime.collector(name, name, &Value::Null).unwrap();
    let neighbour = job("good");
    assert!(collect(&neighbour).await.is_ok());
    for (name, _, expected, result) in guests {
        let bad = job(name);
        // The time of those that would go on for ever passes when the neighbour has had its turns;
        // all others have as much of it as they need.
        tokio::time::pause();
        let (error, good) = tokio::join!(attempt(&bad), async {
            let mut good = 0;
            for _ in 0..5 {
                good += u32::from(collect(&neighbour).await.is_ok());
            }
            if result == "timeout" {
                tokio::time::advance(TIMEOUT).await;
            }
            good
        });
        tokio::time::resume();
        println!("{name}: {error}");
        let expected = format!("plugin {name}: {expected}");
        assert!(error.starts_with(&expected), "{name}: {error}");
        assert_eq!(good, 5, "{name}");
        bench.assert_metrics(&[&format!(
            "narthex_plugin_calls_total{{plugin=\"{name}\",job=\"{name}\",result=\"{result}\"}} 1"
        )]);
        let log = logged();
        let is_named = |line: &str| {
            line.contains("plugin was stopped") && line.contains(&format!("job=\"{name}\""))
        };
        assert!(log.lines().any(is_named), "{name}: {log}");
    }
}

async fn attempt(job: &Arc<dyn Collector>) -> String {
    // The runtime stops a guest a little before the scrape's own end.
    let deadline = Instant::now() + TIMEOUT;
    let answer = job
        .collect(&target_within("localhost:1", "150ms"), deadline)
        .await;
    answer.map_or_else(|error| error.to_string(), |_| "an answer".to_owned())
}

#[tokio::test]
async fn a_sleeping_guest_is_woken_for_nobody() {
    let bench = Bench::compiled().await;
    let job = bench.job("a", r#"{"do": "sleep", "milliseconds": 100000}"#);
    // Nobody else has anything to do: time passes at once until somebody has.
    tokio::time::pause();
    assert_eq!(
        attempt(&job).await,
        "plugin guest: stopped after 150ms: deadline"
    );
}

#[tokio::test]
async fn components_that_are_not_what_they_say_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_folder(folder.path(), "").await;
    let whole = Handmade::exporter("good 1\n").build();
    let text = |text: &str| wat::parse_str(text).unwrap();
    for (component, expected) in [
        (
            replaced(&whole, b"@0.1.0", b"@0.2.0"),
            "it does not fit the world exporter: ",
        ),
        (text("(component)"), "it does not fit the world exporter: "),
        (
            text("(component (import \"wasi:sockets/tcp@0.2.0\" (instance)))"),
            "it imports wasi:sockets/tcp@0.2.0, which plugins do not get",
        ),
        (
            text("(component (import \"wasi:http/outgoing-handler@0.2.0\" (instance)))"),
            "it imports wasi:http/outgoing-handler@0.2.0, which plugins do not get",
        ),
        (
            text("(component (import \"run\" (func)))"),
            "it imports run, which plugins do not get",
        ),
        (text("(module)"), "not a component: "),
    ] {
        let manifest = Handmade::exporter("").manifest("bad", "1", "");
        fs::write(folder.path().join("bad.toml"), manifest).unwrap();
        fs::write(folder.path().join("bad.wasm"), component).unwrap();
        bench.runtime.rescan().await;
        let status = bench.runtime.list().remove(0);
        assert_eq!(status.state, PluginState::Failed);
        let error = status.last_error.unwrap();
        assert!(error.starts_with(expected), "{error}");
    }
    bench.assert_metrics(&[
        "narthex_plugin_reloads_total{plugin=\"bad\",result=\"failed\"} 6",
        "narthex_plugin_up{plugin=\"bad\"} 0",
    ]);
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[tokio::test]
async fn ten_thousand_traps_leave_nothing_behind() {
    const ROUNDS: u32 = 10_000;
    let folder = tempfile::tempdir().unwrap();
    place(
        folder.path(),
        "bad",
        &Handmade::collecting("unreachable"),
        "",
    );
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = bench.runtime.collector("bad", "a", &Value::Null).unwrap();
    let open_files = || fs::read_dir("/proc/self/fd").unwrap().count();
    let (mut files, mut memory) = (0, 0);
    for round in 0..ROUNDS {
        assert!(collect(&job).await.is_err());
        // The next round is no sooner than a quarantine ends.
        bench.clock.advance(600_000);
        if round == ROUNDS / 5 {
            (files, memory) = (open_files(), resident_bytes());
        }
    }
    let (files_now, memory_now) = (open_files(), resident_bytes());
    println!("files {files} -> {files_now}, memory {memory} -> {memory_now} bytes");
    // Other tests of this process open files and take memory as well, but not a hundred and not
    // a kilobyte for each of these rounds.
    assert!(files_now < files + 100);
    assert!(memory_now < memory + 100 * 1024 * 1024);
    bench.assert_metrics(&["narthex_plugin_restarts_total{plugin=\"bad\",job=\"a\"} 10000"]);
}

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
