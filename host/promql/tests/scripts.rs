//! Our own scripts, and those of the reference where they are beside the checkout.

#![allow(clippy::unwrap_used, reason = "a test stops where its data is broken")]

use std::path::{Path, PathBuf};

use narthex_promql::script::{Report, Summary, run};

/// How many evaluations the scripts of the reference have. All of them pass.
const REFERENCE_EVALUATIONS: usize = 1659;

fn reports(folder: &Path, keep: impl Fn(&str) -> bool) -> Vec<Report> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut reports = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.strip_suffix(".test").is_some_and(&keep) {
            reports.push(run(&std::fs::read_to_string(&path).unwrap(), &name));
        }
    }
    reports
}

fn manifest_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn our_scripts_pass() {
    let summary = Summary {
        reports: reports(&manifest_dir().join("tests/scripts"), |_| true),
    };
    assert!(summary.passed() > 0 && summary.failed() == 0, "{summary}");
}

#[test]
fn the_scripts_of_the_reference_pass() {
    let folder = manifest_dir().join("../../../shared/promqltest");
    let summary = Summary {
        reports: reports(&folder, |_| true),
    };
    println!("{summary}");
    if summary.reports.is_empty() {
        return;
    }
    assert_eq!(summary.failed(), 0, "{summary}");
    assert!(summary.passed() >= REFERENCE_EVALUATIONS, "{summary}");
}
