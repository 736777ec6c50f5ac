//! Scripts of loads and evaluations: Prometheus' `promqltest` language.
//!
//! A script loads series into a store of its own and says what queries give. Each instant
//! evaluation is also made at other times with `@`, and as the middle step of a range.

mod command;
mod compare;
mod evaluation;
mod expect;
mod histograms;
mod load;

pub use histograms::HistogramSequence;

use std::fmt;

use crate::engine::{Engine, EngineOptions};
use crate::parser::ParseOptions;
use command::{Block, Command};
use load::Loaded;
use narthex_model::PromDuration;

/// What became of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The script's name, as the caller gave it.
    pub name: String,
    /// How many evaluations gave what they should.
    pub passed: usize,
    /// The evaluations that did not, and the commands that are none.
    pub failed: Vec<Failure>,
}

/// An evaluation that did not give what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The line of the command, from 1.
    pub line: usize,
    /// The query; of a command without one, the command.
    pub query: String,
    /// What went wrong.
    pub reason: String,
}

/// The reports of several scripts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// One a script.
    pub reports: Vec<Report>,
}

impl Summary {
    /// How many evaluations passed in all.
    pub fn passed(&self) -> usize {
        self.reports.iter().map(|report| report.passed).sum()
    }

    /// How many failed in all.
    pub fn failed(&self) -> usize {
        self.reports.iter().map(|report| report.failed.len()).sum()
    }
}

/// Runs a script from an empty store. A command that cannot be read is a failure, and the next
/// one is tried.
pub fn run(text: &str, name: &str) -> Report {
    run_with(engine_options(), text, name)
}

fn run_with(options: EngineOptions, text: &str, name: &str) -> Report {
    let mut report = Report {
        name: name.to_owned(),
        passed: 0,
        failed: Vec::new(),
    };
    // A thread of its own: the engine evaluates in place where there is no runtime around it.
    let outcome = std::thread::scope(|scope| {
        scope
            .spawn(|| run_blocks(options, text, &mut report))
            .join()
    });
    if outcome.is_err() {
        report.failed.push(Failure {
            line: 0,
            query: String::new(),
            reason: "the evaluation panicked".to_owned(),
        });
    }
    report
}

fn run_blocks(options: EngineOptions, text: &str, report: &mut Report) {
    let engine = Engine::new(options);
    let mut loaded = Loaded::default();
    for Block { line, command } in command::blocks(text) {
        let failure = match command {
            Ok(Command::Clear) => {
                loaded = Loaded::default();
                None
            }
            Ok(Command::Load(load)) => loaded.load(&load).err().map(|reason| Failure {
                line,
                query: "load".to_owned(),
                reason,
            }),
            Ok(Command::Evaluate(evaluation)) => match evaluation.run(&engine, &loaded) {
                Ok(()) => {
                    report.passed += 1;
                    None
                }
                Err(reason) => Some(Failure {
                    line,
                    query: evaluation.query.clone(),
                    reason,
                }),
            },
            Err(fault) => Some(Failure {
                line: fault.line,
                query: fault.text,
                reason: fault.reason,
            }),
        };
        report.failed.extend(failure);
    }
}

/// What the reference runs its scripts with.
fn engine_options() -> EngineOptions {
    EngineOptions {
        lookback_delta: PromDuration::from_secs(300),
        timeout: PromDuration::from_secs(100),
        max_samples: 10_000,
        max_concurrency: 1,
        threads_per_query: 1,
        parse: ParseOptions::all(),
        default_subquery_step: PromDuration::from_secs(60),
        delayed_name_removal: true,
        use_start_timestamps: true,
        ..EngineOptions::default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failed {
            writeln!(f, "{}:{failure}", self.name)?;
        }
        let failed = self.failed.len();
        writeln!(f, "{}: {} passed, {failed} failed", self.name, self.passed)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.line, self.query, self.reason)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.reports {
            report.fmt(f)?;
        }
        writeln!(f, "{} passed, {} failed", self.passed(), self.failed())
    }
}

#[cfg(test)]
mod tests;
