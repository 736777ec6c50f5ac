//! `narthex test rules`: unit tests of rules. The files, the words and the exit codes are promtool's.
//!
//! It is not: what runs a test, which is `narthex-rules`'.

mod junit;
mod report;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use narthex_model::{Clock as _, SystemClock};
use narthex_promql::ParseOptions;
use narthex_rules::RuleFile;
use narthex_rules::unit_tests::{Coverage, FailureStyle, RuleTestFile, RunOptions};
use regex::Regex;

use self::junit::{Case, Suite};
use crate::tsdb::Output;
use crate::yaml::UnknownFields;
use crate::{config, rule_file, yaml};

/// What to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct RuleTests {
    /// If set, will only run test groups whose names match the regular expression. Can be
    /// repeated.
    #[arg(long = "run", value_name = "REGEX")]
    run: Vec<Regex>,
    /// Show the lines that differ between what is expected and what is found, in colors where the
    /// standard error is a terminal.
    #[arg(long)]
    diff: bool,
    /// Show all samples of each test behind it.
    #[arg(long)]
    debug: bool,
    /// Ignore unknown fields in the test files and in the files of rules.
    #[arg(long)]
    ignore_unknown_fields: bool,
    /// Say at the end which rules no test asks for.
    #[arg(long)]
    coverage: bool,
    /// Fail where fewer percent of the rules are tested, from 0 to 100; more than 0 says which rules
    /// no test asks for, too.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    coverage_threshold: f64,
    /// Output formatter.
    #[arg(short = 'o', long, value_enum, default_value = "text")]
    output: Output,
    /// The unit test files.
    #[arg(required = true, value_name = "TEST-RULE-FILE")]
    files: Vec<PathBuf>,
}

/// Runs the tests of each file, and says of each how it went; to `junit` as well, where it is given.
///
/// # Errors
/// That file cannot be written, or there is no runtime.
pub(crate) fn run(tests: &RuleTests, junit: Option<&Path>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("the runtime cannot be started")?;
    let mut suites = Vec::new();
    let mut coverage = Coverage::default();
    let is_text = tests.output == Output::Text;
    for file in &tests.files {
        if is_text {
            println!("Unit Testing:  {}", file.display());
        }
        let suite = tests.run_file(file, &runtime, &mut coverage);
        if is_text {
            tell(&suite);
        }
        suites.push(suite);
    }
    let threshold = tests.coverage_threshold;
    let shown = (tests.coverage || threshold > 0.0).then_some(&coverage);
    match (tests.output, shown) {
        (Output::Json, shown) => println!("{}", report::json(&suites, shown)),
        (Output::Text, Some(coverage)) => eprint!("{coverage}"),
        (Output::Text, None) => {}
    }
    if let Some(path) = junit {
        let text = junit::xml(&suites);
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    let has_failed = suites.iter().any(|suite| suite.failures().next().is_some());
    let is_below = coverage.percent() < threshold;
    if is_below {
        eprintln!("fewer than {threshold} % of the rules are tested");
    }
    Ok(match has_failed || is_below {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Says how the tests of a file went, as promtool does.
fn tell(suite: &Suite) {
    let failures: Vec<&String> = suite.failures().collect();
    if failures.is_empty() {
        println!("  SUCCESS");
    } else {
        eprintln!("  FAILED:");
        for failure in &failures {
            eprintln!("{failure}");
        }
    }
    println!();
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    match (0.0..=100.0).contains(&percent) {
        true => Ok(percent),
        false => Err("it has to be between 0 and 100".to_owned()),
    }
}

impl RuleTests {
    fn options(&self) -> RunOptions {
        RunOptions {
            style: match (self.diff, self.is_colored()) {
                (false, _) => FailureStyle::Both,
                (true, false) => FailureStyle::Diff,
                (true, true) => FailureStyle::ColoredDiff,
            },
            dump: self.debug,
        }
    }

    fn is_colored(&self) -> bool {
        self.output == Output::Text && std::io::stderr().is_terminal()
    }

    /// How the tests of a file went.
    fn run_file(
        &self,
        path: &Path,
        runtime: &tokio::runtime::Runtime,
        coverage: &mut Coverage,
    ) -> Suite {
        let mut suite = Suite {
            name: path.display().to_string(),
            timestamp_ms: SystemClock.now_ms(),
            ..Suite::default()
        };
        let (file, rules) = match self.load(path) {
            Ok(loaded) => loaded,
            Err(errors) => {
                suite.errors = errors;
                return suite;
            }
        };
        coverage.add_rules(&rules);
        for (at, test) in file.tests.iter().enumerate() {
            let mut wanted = self.run.iter();
            if !self.run.is_empty() && !wanted.any(|regex| regex.is_match(&test.name)) {
                continue;
            }
            coverage.add_test(test, &rules);
            let report = runtime.block_on(file.run(test, &rules, self.options()));
            if let Some(dump) = &report.dump {
                eprintln!("{dump}");
            }
            suite.cases.push(Case {
                name: match test.name.is_empty() {
                    true => format!("unnamed#{at}"),
                    false => test.name.clone(),
                },
                failures: report.failures,
            });
        }
        suite
    }

    fn load(&self, path: &Path) -> Result<(RuleTestFile, Vec<RuleFile>), Vec<String>> {
        let unknown = UnknownFields::of_flag(self.ignore_unknown_fields);
        let file = read(path, unknown).map_err(|error| vec![error])?;
        let faults = file.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let rules = rules(&file, path.parent().unwrap_or(Path::new("")), unknown)?;
        Ok((file, rules))
    }
}

fn read(path: &Path, unknown: UnknownFields) -> Result<RuleTestFile, String> {
    let name = path.display().to_string();
    let text = yaml::read_text(path).map_err(|error| format!("{name}: {error}"))?;
    let read = yaml::read_with::<Option<RuleTestFile>>(&text, &name, unknown);
    read.map(Option::unwrap_or_default)
        .map_err(|error| error.to_string())
}

/// The files of rules that the patterns find from a folder on.
fn rules(
    file: &RuleTestFile,
    folder: &Path,
    unknown: UnknownFields,
) -> Result<Vec<RuleFile>, Vec<String>> {
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
            match rule_file::load(&path, &ParseOptions::all(), unknown) {
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
