//! `narthex test rules`: unit tests of rules. The files, the words and the exit codes are promtool's.
//!
//! It is not: what runs a test, which is `narthex-rules`'.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use narthex_promql::ParseOptions;
use narthex_rules::RuleFile;
use narthex_rules::unit_tests::{RuleTest, RuleTestFile};
use regex::Regex;

use crate::{config, rule_file, yaml};

/// What to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct RuleTests {
    /// If set, will only run test groups whose names match the regular expression. Can be
    /// repeated.
    #[arg(long = "run", value_name = "REGEX")]
    run: Vec<Regex>,
    /// The unit test files.
    #[arg(required = true, value_name = "TEST-RULE-FILE")]
    files: Vec<PathBuf>,
}

/// Runs the tests of each file, and says of each how it went.
pub(crate) fn run(tests: &RuleTests) -> ExitCode {
    let mut has_failed = false;
    for file in &tests.files {
        println!("Unit Testing:  {}", file.display());
        let failures = run_file(file, &tests.run);
        if failures.is_empty() {
            println!("  SUCCESS");
        } else {
            eprintln!("  FAILED:");
            for failure in &failures {
                eprintln!("{failure}");
            }
            has_failed = true;
        }
        println!();
    }
    match has_failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// What failed.
fn run_file(path: &Path, wanted: &[Regex]) -> Vec<String> {
    let file = match read(path) {
        Ok(file) => file,
        Err(error) => return vec![error],
    };
    let faults = file.faults();
    if !faults.is_empty() {
        return faults;
    }
    let rules = match rules(&file, path.parent().unwrap_or(Path::new(""))) {
        Ok(rules) => rules,
        Err(errors) => return errors,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return vec![format!("the runtime cannot be started: {error}")],
    };
    let is_wanted = |test: &&RuleTest| {
        wanted.is_empty() || wanted.iter().any(|regex| regex.is_match(&test.name))
    };
    let tests = file.tests.iter().filter(is_wanted);
    tests
        .flat_map(|test| runtime.block_on(file.run(test, &rules)))
        .collect()
}

fn read(path: &Path) -> Result<RuleTestFile, String> {
    let name = path.display().to_string();
    let text = yaml::read_text(path).map_err(|error| format!("{name}: {error}"))?;
    let read = yaml::read::<Option<RuleTestFile>>(&text, &name);
    read.map(Option::unwrap_or_default)
        .map_err(|error| error.to_string())
}

/// The files of rules that the patterns find from a folder on.
fn rules(file: &RuleTestFile, folder: &Path) -> Result<Vec<RuleFile>, Vec<String>> {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for pattern in &file.rule_files {
        let found = match config::matching(&folder.join(pattern)) {
            Ok(found) => found,
            Err(error) => {
                errors.push(format!("{pattern}: {error}"));
                continue;
            }
        };
        if found.is_empty() {
            eprintln!("  WARNING: no file match pattern {pattern}");
        }
        for path in found {
            match rule_file::load(&path, &ParseOptions::all()) {
                Ok(checked) => rules.push(RuleFile {
                    path: path.display().to_string(),
                    groups: checked.groups,
                }),
                Err(error) => errors.push(error),
            }
        }
    }
    match errors.is_empty() {
        true => Ok(rules),
        false => Err(errors),
    }
}
