//! `narthex check rules`

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use narthex_rules::RuleGroups;

use super::{LintArgs, Outcome};
use crate::rule_file::{self, Checked};
use crate::yaml::FILE_BYTES_MAX;

/// Checks each file, or the standard input where there is none.
pub(super) fn run(files: &[PathBuf], lint: &LintArgs) -> Outcome {
    if !files.is_empty() {
        return check_files(files, lint);
    }
    println!("Checking standard input");
    let mut text = String::new();
    let bound = FILE_BYTES_MAX as u64 + 1;
    match std::io::stdin().take(bound).read_to_string(&mut text) {
        Ok(_) => check(&text, "standard input", lint),
        Err(error) => failed(&error.to_string()),
    }
}

/// Checks each file.
pub(super) fn check_files(files: &[PathBuf], lint: &LintArgs) -> Outcome {
    let mut outcome = Outcome::default();
    for file in files {
        println!("Checking {}", file.display());
        let checked = rule_file::load(file, &lint.parse_options(), lint.unknown());
        outcome.add(match checked {
            Ok(checked) => lint_groups(&checked, &file.display().to_string(), lint),
            Err(error) => failed(&error),
        });
    }
    outcome
}

fn failed(error: &str) -> Outcome {
    eprintln!("  FAILED:\n{error}\n");
    Outcome {
        failed: true,
        linted: false,
    }
}

fn check(text: &str, file: &str, lint: &LintArgs) -> Outcome {
    match rule_file::read(text, file, &lint.parse_options(), lint.unknown()) {
        Ok(checked) => lint_groups(&checked, file, lint),
        Err(error) => failed(&error.to_string()),
    }
}

fn lint_groups(checked: &Checked, file: &str, lint: &LintArgs) -> Outcome {
    let Checked { groups, warnings } = checked;
    for warning in warnings {
        println!("  WARNING: {}", warning.show(file));
    }
    if lint.asks_for("duplicate-rules")
        && let Some(twice) = duplicates_of(groups)
    {
        eprintln!("  FAILED:\n{file}: {twice}\n");
        return Outcome {
            failed: false,
            linted: true,
        };
    }
    let count: usize = groups.groups.iter().map(|group| group.rules.len()).sum();
    println!("  SUCCESS: {count} rules found\n");
    Outcome::default()
}

/// What two rules have in common that write the same series.
type Written<'r> = (&'r str, &'r BTreeMap<String, String>);

fn duplicates(groups: &RuleGroups) -> Vec<Written<'_>> {
    let mut counts: BTreeMap<Written<'_>, usize> = BTreeMap::new();
    for rule in groups.groups.iter().flat_map(|group| &group.rules) {
        *counts.entry((rule.name(), &rule.labels)).or_default() += 1;
    }
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(written, _)| written).collect()
}

/// What is said of rules that write the same series, where there are any.
pub(super) fn duplicates_of(groups: &RuleGroups) -> Option<String> {
    let twice = duplicates(groups);
    (!twice.is_empty()).then(|| duplicates_text(&twice))
}

fn duplicates_text(twice: &[Written<'_>]) -> String {
    let mut text = format!("lint error {} duplicate rule(s) found.\n", twice.len());
    for (name, labels) in twice {
        text.push_str(&format!("Metric: {name}\nLabel(s):\n"));
        for (label, value) in *labels {
            text.push_str(&format!("\t{label}: {value}\n"));
        }
    }
    text + "Might cause inconsistency while recording expressions"
}
