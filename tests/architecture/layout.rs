//! Where things lie, and what no file may do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use narthex_tests::repository;

/// What the root holds besides dot files and what a build leaves there.
const TOP_LEVEL: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "docs",
    "host",
    "plugins",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "sdk",
    "tests",
    "wit",
];

/// Left by a build or a run, and ignored by git.
const LEFT_BEHIND: &[&str] = &["target", "data"];

/// The longest file that still reads in one sitting; one that is longer holds two nouns.
const LINES_MAX: usize = 600;

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["host", "plugins", "sdk", "tests"] {
        collect(&repository().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_top_level_is_what_the_map_says() {
    let entries = std::fs::read_dir(repository()).unwrap();
    let found: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && !LEFT_BEHIND.contains(&name.as_str()))
        .collect();
    let expected: BTreeSet<String> = TOP_LEVEL.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn files_read_in_one_sitting() {
    for path in sources() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
    }
}

#[test]
fn files_say_what_they_are_for() {
    for path in sources().iter().filter(|path| !path.ends_with("tests.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.starts_with("//!"),
            "{} does not start with //!",
            path.display()
        );
    }
}

#[test]
fn only_the_system_clock_reads_the_wall_clock() {
    let clock = repository().join("host/model/src/clock.rs");
    for path in sources()
        .into_iter()
        .filter(|path| path.starts_with(repository().join("host")))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        let reads_it = text.contains("SystemTime::now");
        assert!(
            !reads_it || path == clock,
            "{} reads the clock",
            path.display()
        );
    }
}

#[test]
fn no_file_is_a_drawer() {
    for path in sources() {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let is_drawer = ["utils", "util", "common", "helpers", "misc"].contains(&stem);
        assert!(!is_drawer, "{} is named for nothing", path.display());
    }
}
