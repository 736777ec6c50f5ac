//! `narthex check alertmanager-config`, which prints what amtool's `check-config` does.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use narthex_alertmanager::MatcherMode;

use super::Outcome;
use crate::alertmanager;

/// What is checked where no file is named, by the name that amtool has for it.
const STANDARD_INPUT: &str = "/dev/stdin";

/// Checks each file, or the standard input where there is none.
pub(super) fn run(files: &[PathBuf]) -> Outcome {
    let mut outcome = Outcome::default();
    if files.is_empty() {
        if std::io::stdin().is_terminal() {
            eprintln!("name the files to check, or write one to the standard input");
            outcome.failed = true;
            return outcome;
        }
        outcome.failed |= !check(Path::new(STANDARD_INPUT));
    }
    for file in files {
        outcome.failed |= !check(file);
    }
    outcome
}

fn check(file: &Path) -> bool {
    let config = match alertmanager::load(file, MatcherMode::default()) {
        Ok((config, _)) => config,
        Err(error) => {
            println!("Checking '{}'  FAILED", file.display());
            println!();
            eprintln!("{error:#}");
            return false;
        }
    };
    println!("Checking '{}'  SUCCESS", file.display());
    println!("Found:");
    println!(" - global config");
    println!(" - route");
    println!(" - {} inhibit rules", config.inhibit_rules.len());
    println!(" - {} receivers", config.receivers.len());
    println!(" - {} templates", config.templates.len());
    println!();
    true
}
