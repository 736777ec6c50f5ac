//! `narthex check config`

use std::path::Path;

use narthex_model::PromDuration;

use super::{LintArgs, Outcome, plugins, rules};
use crate::config::{Checks, Config};
use crate::yaml::Fault;

/// Checks a file, and the files of rules that it names. A server with this `lookback_delta` does not
/// see older samples.
pub(super) fn check(
    file: &Path,
    checks: Checks,
    lookback_delta: PromDuration,
    lint: &LintArgs,
) -> Outcome {
    let name = file.display().to_string();
    println!("Checking {name}");
    let mut outcome = Outcome::default();
    let config = match load(file, checks) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("  FAILED: {error:#}\n");
            outcome.failed = true;
            return outcome;
        }
    };
    for warning in &config.warnings {
        outcome.linted |= lint.asks_for("all");
        println!("  WARNING: {}", warning.show(&name));
    }
    for missing in &config.missing {
        let fault = Fault {
            message: format!("{}; a server does not start with it", missing.message),
            ..missing.clone()
        };
        println!("  WARNING: {}", fault.show(&name));
    }
    if lint.asks_for("too-long-scrape-interval") {
        outcome.linted |= lint_intervals(&config, lookback_delta);
    }
    if !config.rule_files.is_empty() {
        println!("  SUCCESS: {} rule files found", config.rule_files.len());
    }
    println!(" SUCCESS: {name} is valid prometheus config file syntax\n");
    outcome.add(rules::check_files(&config.rule_files, lint));
    outcome
}

/// Reads the file and, unless only its syntax counts, asks the plugins that it names.
pub(super) fn load(file: &Path, checks: Checks) -> anyhow::Result<Config> {
    let config = Config::check(file, checks)?;
    if checks.files {
        plugins::check(&config)?;
    }
    Ok(config)
}

fn lint_intervals(config: &Config, lookback_delta: PromDuration) -> bool {
    let long = long_intervals(config, lookback_delta);
    for text in &long {
        eprintln!("  FAILED: [lint] {text}");
    }
    !long.is_empty()
}

/// What is said of each job whose samples are not seen for as long as they are the last.
pub(super) fn long_intervals(config: &Config, lookback_delta: PromDuration) -> Vec<String> {
    let jobs = config.scrape.jobs.iter();
    let long = jobs.filter(|job| job.scrape_interval >= lookback_delta);
    let texts = long.map(|job| {
        format!(
            "long scrape interval found. Data point will be marked as stale. Job: {}. Interval: {}",
            job.job_name, job.scrape_interval
        )
    });
    texts.collect()
}
