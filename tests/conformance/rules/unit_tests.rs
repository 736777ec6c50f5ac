//! Unit tests of rules: a corpus whose files hold or fail in Narthex as with Debian's promtool.
//!
//! The folder `unit_tests` has the rules and, in `holds`, `fails` and `not_in_debian`, the tests:
//! those that both say hold, those that both say do not, and those with fields that 2.42 does not
//! know.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use narthex_tests::{binary, repository};

/// The fewest tests that the corpus has.
const CORPUS_MIN: usize = 40;

fn corpus() -> PathBuf {
    repository().join("tests/conformance/rules/unit_tests")
}

fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(corpus().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.ends_with(".yml"))
        .collect();
    names.sort();
    names
}

fn run(program: &Path, file: &str) -> Output {
    let mut command = Command::new(program);
    command.current_dir(corpus()).args(["test", "rules", file]);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let both = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn tests_hold_or_fail_as_for_promtool() {
    let (mut wrong, mut count) = (String::new(), 0);
    for (folder, ours, theirs) in [("holds", 0, 0), ("fails", 1, 1), ("not_in_debian", 0, 1)] {
        for name in files(folder) {
            count += 1;
            let file = format!("{folder}/{name}");
            for (program, code) in [(binary().as_path(), ours), (Path::new("promtool"), theirs)] {
                let output = run(program, &file);
                if output.status.code() != Some(code) {
                    let program = program.file_name().unwrap_or_default().display();
                    writeln!(wrong, "{file}: {program}: {}", said(&output)).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= CORPUS_MIN, "{count} files");
}

/// What fails is shown with what was expected and what was found; both programs have the same
/// lines of those, but for how they print errors of queries.
#[test]
fn failures_show_what_was_expected_and_what_was_found() {
    let lines = |output: &Output| -> Vec<String> {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines = said.lines().map(str::trim_end);
        let starts = [
            "exp:",
            "got:",
            "alertname:",
            "expr:",
            "name:",
            "Labels:",
            "Annotations:",
        ];
        let is_shown = |line: &&str| starts.iter().any(|start| line.trim().starts_with(start));
        lines
            .filter(is_shown)
            .filter(|line| !line.contains("err:"))
            .map(str::to_owned)
            .collect()
    };
    for name in files("fails") {
        let file = format!("fails/{name}");
        let (ours, theirs) = (run(&binary(), &file), run(Path::new("promtool"), &file));
        assert_eq!(lines(&ours), lines(&theirs), "{file}: {}", said(&ours));
    }
}

#[test]
fn only_the_tests_that_are_asked_for_are_run() {
    let run = |regex: &str| {
        let mut command = Command::new(binary());
        command
            .current_dir(corpus())
            .args(["test", "rules", "--run", regex]);
        command.arg("fails/one_of_two.yml").output().unwrap()
    };
    assert_eq!(run("ho.ds").status.code(), Some(0));
    assert_eq!(run("fails").status.code(), Some(1));
    let without = Command::new(binary())
        .args(["test", "rules"])
        .output()
        .unwrap();
    assert_eq!(without.status.code(), Some(1));
}

/// The flags of promtool 3, which Debian's does not have.
#[test]
fn failures_are_shown_as_differences_and_in_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.xml");
    let mut command = Command::new(binary());
    command
        .current_dir(corpus())
        .args(["test", "rules", "--diff", "--debug", "--junit"])
        .arg(&report)
        .args([
            "holds/fires.yml",
            "fails/wrong_label.yml",
            "fails/not_yaml.yml",
        ]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in [
        "        diff:\n",
        "\n            - ",
        "\n            + ",
        "DEBUG: Dump of all data (input_series and rules) at ",
        " =>\n",
    ] {
        assert!(errors.contains(part), "{part:?}: {errors}");
    }
    let report = std::fs::read_to_string(report).unwrap();
    for part in [
        "<testsuite name=\"holds/fires.yml\" tests=\"1\" failures=\"0\" errors=\"0\"",
        "<testcase name=\"unnamed#0\"></testcase>",
        "<testsuite name=\"fails/wrong_label.yml\" tests=\"1\" failures=\"1\" errors=\"0\"",
        "<failure>    alertname: ",
        "<testsuite name=\"fails/not_yaml.yml\" tests=\"1\" failures=\"0\" errors=\"1\"",
    ] {
        assert!(report.contains(part), "{part:?}: {report}");
    }
}

#[test]
fn fields_that_nobody_knows_are_ignored_where_that_is_asked_for() {
    let run = |flags: &[&str]| {
        let mut command = Command::new(binary());
        command
            .current_dir(corpus())
            .args(["test", "rules"])
            .args(flags);
        let output = command.arg("fails/unknown_field.yml").output().unwrap();
        (output.status.code(), said(&output))
    };
    let (refused, said) = run(&[]);
    assert!(
        refused == Some(1) && said.contains("unknown field"),
        "{said}"
    );
    let (_, said) = run(&["--ignore-unknown-fields"]);
    assert!(!said.contains("unknown field"), "{said}");
}
