//! `narthex check alertmanager-config`, which prints what amtool's `check-config` does.

use std::path::{Path, PathBuf};

use narthex_alertmanager::MatcherMode;

use super::Outcome;
use crate::alertmanager;

/// Checks each file.
pub(super) fn run(files: &[PathBuf]) -> Outcome {
    let mut outcome = Outcome::default();
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
