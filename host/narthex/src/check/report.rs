//! `-o json` of those `narthex check` commands that read files: what is wrong with each file, for
//! programs.
//!
//! It is not: what is wrong, which is found as for people.

use std::path::{Path, PathBuf};

use narthex_model::PromDuration;
use serde_json::{Value, json};

use super::{LintArgs, Outcome, config, rules};
use crate::config::{Checks, ConfigError};
use crate::rule_file::{self, Checked};
use crate::web_config;
use crate::yaml::{self, Fault, YamlError};

/// What is read where no file is named.
const STANDARD_INPUT: &str = "/dev/stdin";

/// What is said of a file.
#[derive(Debug, Default)]
struct Said {
    faults: Vec<Value>,
    warnings: Vec<Value>,
    /// What linting found; it makes a check fail only where that is asked for.
    lint: Vec<String>,
}

/// All files, in the order in which they were checked.
#[derive(Debug, Default)]
pub(super) struct Report {
    files: Vec<Value>,
    outcome: Outcome,
}

impl Report {
    /// Checks configs and the files of rules that they name.
    pub(super) fn of_configs(
        files: &[PathBuf],
        checks: Checks,
        lookback_delta: PromDuration,
        lint: &LintArgs,
    ) -> Self {
        let mut report = Self::default();
        for file in files {
            let name = file.display().to_string();
            let mut said = Said::default();
            let mut rule_files = Vec::new();
            match config::load(file, checks) {
                Ok(config) => {
                    said.warn(&name, &config.warnings);
                    said.warn(&name, &config.missing);
                    if lint.asks_for("all") && !config.warnings.is_empty() {
                        said.lint.push("there are warnings".to_owned());
                    }
                    if lint.asks_for("too-long-scrape-interval") {
                        let long = config::long_intervals(&config, lookback_delta);
                        said.lint.extend(long);
                    }
                    rule_files = config.rule_files;
                }
                Err(error) => said.fail(&name, &error),
            }
            report.add(&name, said);
            report.add_rules(&rule_files, lint);
        }
        report
    }

    /// Checks files of rules, or the standard input where there is none.
    pub(super) fn of_rules(files: &[PathBuf], lint: &LintArgs) -> Self {
        let mut report = Self::default();
        match files.is_empty() {
            true => report.add_rules(&[PathBuf::from(STANDARD_INPUT)], lint),
            false => report.add_rules(files, lint),
        }
        report
    }

    /// Checks files of `--web.config.file`.
    pub(super) fn of_web_configs(files: &[PathBuf]) -> Self {
        let mut report = Self::default();
        for file in files {
            let mut said = Said::default();
            let name = file.display().to_string();
            if let Err(error) = web_config::load(Some(file), None) {
                // What is known of the file behind its own reader is a sentence without places.
                let error: anyhow::Error =
                    web_config::misread(file).map_or_else(|| error.into(), Into::into);
                said.fail(&name, &error);
            }
            report.add(&name, said);
        }
        report
    }

    /// Adds a file of which this was found.
    pub(super) fn add_checked(
        &mut self,
        file: &str,
        checked: Result<(), &anyhow::Error>,
        warnings: &[String],
    ) {
        let mut said = Said::default();
        let warnings = warnings.iter().map(|warning| plain(file, warning));
        said.warnings.extend(warnings);
        if let Err(error) = checked {
            said.fail(file, error);
        }
        self.add(file, said);
    }

    fn add_rules(&mut self, files: &[PathBuf], lint: &LintArgs) {
        for file in files {
            let name = file.display().to_string();
            let mut said = Said::default();
            match read_rules(file, &name, lint) {
                Ok(checked) => {
                    said.warn(&name, &checked.warnings);
                    if lint.asks_for("duplicate-rules") {
                        said.lint.extend(rules::duplicates_of(&checked.groups));
                    }
                }
                Err(error) => said.fail(&name, &error),
            }
            self.add(&name, said);
        }
    }

    fn add(&mut self, file: &str, said: Said) {
        self.outcome.add(Outcome {
            failed: !said.faults.is_empty(),
            linted: !said.lint.is_empty(),
        });
        self.files.push(json!({
            "file": file,
            "isValid": said.faults.is_empty(),
            "faults": said.faults,
            "warnings": said.warnings,
            "lint": said.lint,
        }));
    }

    /// Prints it as one line.
    pub(super) fn print(self) -> Outcome {
        println!("{}", Value::Array(self.files));
        self.outcome
    }
}

impl Said {
    fn warn(&mut self, file: &str, warnings: &[Fault]) {
        let shown = warnings.iter().map(|fault| shown(file, fault));
        self.warnings.extend(shown);
    }

    fn fail(&mut self, file: &str, error: &anyhow::Error) {
        let found =
            error
                .downcast_ref::<YamlError>()
                .or(match error.downcast_ref::<ConfigError>() {
                    Some(ConfigError::Parse(found)) => Some(found),
                    _ => None,
                });
        match found {
            Some(found) => {
                let faults = found.faults.iter();
                self.faults
                    .extend(faults.map(|fault| shown(&found.file, fault)));
            }
            None => self.faults.push(plain(file, &format!("{error:#}"))),
        }
    }
}

/// What is said of a file without a place.
fn plain(file: &str, message: &str) -> Value {
    json!({
        "file": file,
        "line": null,
        "column": null,
        "message": message,
        "path": null,
        "hint": null,
    })
}

/// A fault; lines and columns are from 1, and null where they are not known.
fn shown(file: &str, fault: &Fault) -> Value {
    let place = fault.place;
    json!({
        "file": fault.file.as_deref().unwrap_or(file),
        "line": place.map(|(line, _)| line),
        "column": place.map(|(_, column)| column),
        "message": fault.message,
        "path": fault.path,
        "hint": fault.hint,
    })
}

fn read_rules(file: &Path, name: &str, lint: &LintArgs) -> anyhow::Result<Checked> {
    let text = yaml::read_text(file)?;
    let read = rule_file::read(&text, name, &lint.parse_options(), lint.unknown());
    Ok(read?)
}
