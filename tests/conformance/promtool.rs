//! Debian's promtool 2.42 and `narthex`, given the same: output and exit code of each command.
//!
//! It is not: configs and lints, of which `check.rs` has a corpus, nor unit tests of rules, which are
//! in `rules.rs`. What the two do not agree on is in one table here, with its reason.

mod cases;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use narthex_tests::{Narthex, binary, http, peers, run, until};

use crate::link::linked;
use cases::{FILES, QUESTIONS, Shape, TEXTS};

/// 2025-01-01 00:00 UTC.
const START_S: i64 = 1_735_689_600;

/// All commands of promtool 3, those that Debian's does not have among them.
const COMMANDS: &[&str] = &[
    "check service-discovery",
    "check config",
    "check web-config",
    "check healthy",
    "check ready",
    "check rules",
    "check metrics",
    "query instant",
    "query range",
    "query series",
    "query labels",
    "query analyze",
    "debug pprof",
    "debug metrics",
    "debug all",
    "push metrics",
    "test rules",
    "tsdb bench write",
    "tsdb analyze",
    "tsdb list",
    "tsdb dump",
    "tsdb dump-openmetrics",
    "tsdb create-blocks-from openmetrics",
    "tsdb create-blocks-from rules",
    "promql format",
    "promql label-matchers set",
    "promql label-matchers delete",
];

/// What differs on purpose, by the arguments of the case: `@` is the server.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "query instant @ \"a\" --time=1735693200",
        "the client of 2.42 cannot read a string, which the API answers",
    ),
    (
        "query instant @ \"a\" -o json --time=1735693200",
        "the client of 2.42 cannot read a string, which the API answers",
    ),
];

fn open_metrics() -> String {
    let mut text = String::from("# TYPE heat gauge\n");
    for room in 0..3 {
        for minute in 0..150 {
            let (value, time_s) = (room * 1_000 + minute, START_S + minute * 60);
            writeln!(
                text,
                "heat{{a=\"x\\\"y\",room=\"{room}\"}} {value}.5 {time_s}"
            )
            .unwrap();
        }
    }
    for minute in 0..150 {
        let time_s = START_S + minute * 60;
        writeln!(text, "cold{{room=\"cellar\"}} {minute} {time_s}").unwrap();
    }
    text + "# EOF\n"
}

/// Exit code and standard output.
type Said = (Option<i32>, String);

fn said(output: &Output) -> Said {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

fn run_in(program: &Path, folder: &Path, args: &[&str], place: &str) -> Output {
    let args = args.iter().map(|arg| arg.replace('@', place));
    let mut command = Command::new(program);
    command.current_dir(folder).args(args).output().unwrap()
}

/// Blocks of the same samples, of each one's kind: ours and Debian's.
fn stores(folder: &Path) -> [String; 2] {
    let text = folder.join("series.txt");
    std::fs::write(&text, open_metrics()).unwrap();
    let (ours, theirs) = (folder.join("ours"), folder.join("theirs"));
    run(Command::new(binary())
        .args(["tsdb", "create-blocks-from", "openmetrics", "-q"])
        .args([&text, &ours]));
    peers::promtool_blocks(&text, &theirs, "2h");
    // It looks for a log where it dumps.
    std::fs::create_dir(theirs.join("wal")).unwrap();
    [ours, theirs].map(|store| store.display().to_string())
}

#[test]
fn each_command_of_promtool_is_there() {
    let missing: Vec<&str> = COMMANDS
        .iter()
        .filter(|command| {
            let help = Command::new(binary())
                .args(command.split(' '))
                .arg("--help")
                .output();
            !help.unwrap().status.success()
        })
        .copied()
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Both programs ask both servers: four times the same.
#[test]
fn questions_are_answered_as_by_promtool() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = stores(folder.path());
    let prometheus = peers::prometheus_on(folder.path(), Path::new(&theirs));
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag("--storage.tsdb.retention.time=100y")
        .data(&ours)
        .start();
    let servers = [prometheus.url(), narthex.url()];
    let tool = linked(folder.path(), "promtool");
    let mut wrong = String::new();
    let mut differ = Vec::new();
    for args in QUESTIONS {
        let name = args.join(" ");
        let is_listed = DIFFERENCES.iter().any(|(args, _)| *args == name);
        let mut all = Vec::new();
        for (program, title) in [
            (Path::new("promtool"), "promtool"),
            (tool.as_path(), "narthex"),
        ] {
            for (server, whose) in servers.iter().zip(["Prometheus", "Narthex"]) {
                let output = run_in(program, folder.path(), args, server);
                all.push((format!("{title} asks {whose}"), said(&output)));
            }
        }
        let first = &all[0].1;
        let is_same = all.iter().all(|(_, said)| said == first);
        match (is_same, is_listed) {
            (false, true) => differ.push(name),
            (true, true) => writeln!(wrong, "{name}: agrees, and is listed").unwrap(),
            (false, false) => writeln!(wrong, "{name}: {all:#?}").unwrap(),
            (true, false) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(differ.len(), DIFFERENCES.len());
}

/// Lines in their order, without what names a block and without what only ours says.
fn lines(text: &str) -> Vec<String> {
    let text = text.split("\nBytes per sample").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with("Block ID: "));
    let mut lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    lines.retain(|line| !line.is_empty());
    lines.sort();
    lines
}

#[test]
fn files_and_blocks_are_worked_on_as_by_promtool() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = stores(folder.path());
    for (name, text) in TEXTS {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut wrong = String::new();
    let tool = linked(folder.path(), "promtool");
    for (args, shape) in FILES {
        let ours = said(&run_in(&tool, folder.path(), args, &ours));
        let theirs = said(&run_in(Path::new("promtool"), folder.path(), args, &theirs));
        let is_same = ours.0 == theirs.0
            && match shape {
                Shape::Same => ours.1 == theirs.1,
                Shape::Lines => lines(&ours.1) == lines(&theirs.1),
                Shape::Exit => true,
            };
        if !is_same {
            writeln!(wrong, "{args:?}\nours {ours:#?}\ntheirs {theirs:#?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What Debian's promtool does not have yet, against Debian's Prometheus.
#[test]
fn newer_commands_work_with_a_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--web.enable-remote-write-receiver"];
    let prometheus = peers::prometheus_with_flags(folder.path(), "global: {}\n", &flags);
    let url = prometheus.url();
    let of = |args: &[&str]| {
        let output = run_in(&binary(), folder.path(), args, &url);
        let (code, out) = said(&output);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (code, out, errors)
    };
    for what in ["healthy", "ready"] {
        let (code, _, errors) = of(&["check", what, "--url=@"]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(errors.contains("  SUCCESS: "), "{errors}");
        let (code, ..) = of(&["check", what, "--url=http://127.0.0.1:1"]);
        assert_eq!(code, Some(1));
    }
    // A page is pushed, and found again.
    let page = folder.path().join("page.txt");
    let mut text =
        String::from("# TYPE pushed counter\n# HELP pushed By hand.\npushed{job=\"x\"} 7\n");
    for bound in ["1", "2", "+Inf"] {
        writeln!(text, "took_bucket{{le=\"{bound}\"}} 3").unwrap();
    }
    std::fs::write(&page, text).unwrap();
    let receiver = "@/api/v1/write";
    let args = ["push", "metrics", "--label=env=dev", receiver, "page.txt"];
    for _ in 0..2 {
        let (code, out, errors) = of(&args);
        assert_eq!(code, Some(0), "{out}{errors}");
        let expected = "Parsing metrics file page.txt\n  \
                        SUCCESS: metrics file page.txt pushed to remote write.\n";
        assert_eq!(out, expected);
    }
    let (code, out, _) = of(&["query", "series", "@", "--match=pushed"]);
    let expected = "{__name__=\"pushed\", env=\"dev\", exported_job=\"x\"}\n";
    assert_eq!((code, out.as_str()), (Some(0), expected));
    let (code, ..) = of(&["push", "metrics", receiver, "gone.txt"]);
    assert_eq!(code, Some(1));
    // Two samples of each bucket are there.
    let analyze = [
        "query",
        "analyze",
        "--server=@",
        "--type=histogram",
        "--match=took_bucket",
    ];
    let told = until(60, "two samples", || {
        let (code, out, errors) = of(&analyze);
        match out.contains("(classic)") {
            true => Ok((code, out)),
            false => Err(format!("{out}{errors}")),
        }
    });
    assert!(
        told.1
            .contains("- took_bucket{env=\"dev\"} (classic): 1/1.000/1/3"),
        "{told:?}"
    );
    let other = folder.path().join("other.txt");
    std::fs::write(other, "pushed_by_path 1\n").unwrap();
    let by_path = ["push", "metrics", "--remote-write.path=/api/v1/write"];
    let (code, _, errors) = of(&[&by_path[..], &["@/nowhere", "other.txt"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    // What the server tells of itself, in a file that others read.
    let args = ["debug", "metrics", "@"];
    let theirs = said(&run_in(Path::new("promtool"), folder.path(), &args, &url));
    let (code, out, errors) = of(&args);
    assert_eq!((code, &out), (theirs.0, &theirs.1), "{errors}");
    assert_eq!(code, Some(0), "{errors}");
    let expected = format!(
        "collecting: {url}/metrics\nCompiling debug information complete, all files written in \
         \"debug.tar.gz\".\n"
    );
    assert_eq!(out, expected);
    let mut tar = Command::new("tar");
    let tar = tar.current_dir(folder.path()).args(["xzf", "debug.tar.gz"]);
    run(tar);
    let metrics = std::fs::read_to_string(folder.path().join("metrics.txt")).unwrap();
    assert!(metrics.contains("prometheus_build_info"), "{metrics}");
    // Our host has no profiles, and says so.
    let narthex = Narthex::builder().config("global: {}\n").start();
    assert!(http::get(&format!("{}/-/healthy", narthex.url())).is_ok());
    let output = run_in(
        &binary(),
        folder.path(),
        &["debug", "pprof", "@"],
        &narthex.url(),
    );
    assert_eq!(output.status.code(), Some(1));
}

/// What Debian's promtool has no flag for yet, on files and blocks.
#[test]
fn newer_flags_are_there() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in TEXTS {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let newer = "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'limitk(1, heat)'}\n";
    std::fs::write(folder.path().join("newer.yml"), newer).unwrap();
    let store = folder.path().join("store").display().to_string();
    let series = format!("cold{{room=\"cellar\"}} 1 {START_S}\n# EOF\n");
    std::fs::write(folder.path().join("series.txt"), series).unwrap();
    let of = |args: &[&str]| said(&run_in(&binary(), folder.path(), args, &store));
    let create = [
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "-q",
        "--label=zone=<z>",
        "--label=room=any",
        "series.txt",
        "@",
    ];
    assert_eq!(of(&create), (Some(0), String::new()));
    let dump = ["tsdb", "dump", "--format=seriesjson"];
    let dump = [&dump[..], &["--sandbox-dir-root=/tmp", "--match=cold", "@"]].concat();
    let expected = "{\"__name__\":\"cold\",\"room\":\"any\",\"zone\":\"\\u003cz\\u003e\"}\n";
    assert_eq!(of(&dump), (Some(0), expected.to_owned()));
    for (args, code) in [
        (&["test", "rules", "--coverage", "test.yml"][..], 0),
        (&["test", "rules", "--coverage-threshold=50", "test.yml"], 0),
        (
            &["test", "rules", "--coverage-threshold=50.1", "test.yml"],
            1,
        ),
        (
            &["test", "rules", "--coverage-threshold=101", "test.yml"],
            1,
        ),
        (
            &[
                "check",
                "config",
                "--lint=too-long-scrape-interval",
                "--lint-fatal",
                "prometheus.yml",
            ],
            0,
        ),
        (
            &[
                "check",
                "config",
                "--lint=too-long-scrape-interval",
                "--lint-fatal",
                "--query.lookback-delta=1m",
                "prometheus.yml",
            ],
            3,
        ),
        (&["promql", "format", "sum("], 1),
        (&["check", "rules", "newer.yml"], 1),
        (
            &[
                "check",
                "rules",
                "--enable-feature=promql-experimental-functions",
                "newer.yml",
            ],
            0,
        ),
    ] {
        let (found, out) = of(args);
        assert_eq!(found, Some(code), "{args:?}: {out}");
    }
}

/// What a rule would have given is in blocks, and no alert.
#[test]
fn rules_are_filled_in_from_a_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let [_, theirs] = stores(folder.path());
    let prometheus = peers::prometheus_on(folder.path(), Path::new(&theirs));
    for (name, text) in TEXTS {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let of = |args: &[&str]| run_in(&binary(), folder.path(), args, &prometheus.url());
    let fill = [
        "tsdb",
        "create-blocks-from",
        "rules",
        "--url=@",
        "--start=2025-01-01T00:00:00Z",
        "--end=2025-01-01T02:10:00Z",
        "--eval-interval=5m",
        "--output-dir=filled",
        "rules.yml",
    ];
    let output = of(&fill);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let (code, dumped) = said(&of(&["tsdb", "dump", "filled"]));
    assert_eq!(code, Some(0));
    let expected: Vec<String> = (0..27)
        .map(|step| {
            let (minute, time_ms) = (step * 5, (START_S + step * 300) * 1_000);
            // Three rooms, each half a degree above its number.
            let sum = 3_001 + 3 * minute;
            format!("{{__name__=\"a\"}} {sum}.5 {time_ms}")
        })
        .collect();
    assert_eq!(dumped.lines().collect::<Vec<_>>(), expected);
    // What was gathered is gone.
    let left = std::fs::read_dir(folder.path().join("filled")).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let gathered: Vec<String> = names.filter(|name| name.contains("backfill")).collect();
    assert!(gathered.is_empty(), "{gathered:?}");
    // Debian's takes the same arguments, and refuses the same.
    for (start, code) in [
        (fill[4], Some(0)),
        ("--start=soon", Some(1)),
        ("--start=2026-01-01T00:00:00Z", Some(1)),
    ] {
        let mut args = fill;
        (args[4], args[7]) = (start, "--output-dir=again");
        let theirs = run_in(
            Path::new("promtool"),
            folder.path(),
            &args,
            &prometheus.url(),
        );
        assert_eq!(theirs.status.code(), code, "{start}");
        args[7] = "--output-dir=ours-again";
        assert_eq!(of(&args).status.code(), code, "{start}");
    }
}

#[test]
fn expressions_are_formatted_and_changed() {
    for (args, expected) in [
        (&["format", "sum(a)by(b)"][..], "sum by (b) (a)\n"),
        (
            &["label-matchers", "set", "a/b", "c", "d"],
            "a{c=\"d\"} / b{c=\"d\"}\n",
        ),
        (
            &["label-matchers", "set", "-t", "=~", "a", "c", "d.*"],
            "a{c=~\"d.*\"}\n",
        ),
        (&["label-matchers", "delete", "a{b=\"c\"}", "b"], "a\n"),
    ] {
        let mut command = Command::new(binary());
        assert_eq!(run(command.arg("promql").args(args)), expected, "{args:?}");
    }
    for args in [
        &["format", "sum("][..],
        &["label-matchers", "set", "-t", "==", "a", "b", "c"],
        &["label-matchers", "delete", "{a=\"b\"}", "a"],
    ] {
        let mut command = Command::new(binary());
        let output = command.arg("promql").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
    }
}

/// A reader that has enough is no fault: nothing is said, and nothing goes on.
#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, _] = stores(folder.path());
    for args in [
        &["tsdb", "dump", &*ours][..],
        &["tsdb", "analyze", &*ours],
        &["tsdb", "list", &*ours],
        &["completion", "bash"],
        &["promql", "format", "up"],
        &["check", "config", "gone.yml"],
        &["--help"],
        &["query", "--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(binary());
        let output = command.args(args).stdout(writer).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_quiet = matches!(output.status.code(), Some(0 | 141)) && errors.is_empty();
        assert!(is_quiet, "{args:?}: {:?} {errors}", output.status);
    }
}
