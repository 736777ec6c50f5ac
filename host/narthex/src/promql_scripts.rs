//! `narthex test promql FILE...`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use narthex_promql::script::{self, Summary};
use serde_json::{Value, json};

use crate::tsdb::Output;

/// Runs the scripts, prints what failed and, last, `N passed, N failed`; or all of it as JSON.
///
/// # Errors
/// A file cannot be read, or a report is asked for that only tests of rules have; then none is run.
pub(crate) fn run(
    files: &[PathBuf],
    output: Output,
    junit: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    if junit.is_some() {
        bail!("--junit is for tests of rules; scripts print what failed and how many");
    }
    let texts = files.iter().map(|file| {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| name.clone())?;
        Ok((name, text))
    });
    let texts: Vec<(String, String)> = texts.collect::<anyhow::Result<_>>()?;
    let reports = texts.iter().map(|(name, text)| script::run(text, name));
    let summary = Summary {
        reports: reports.collect(),
    };
    match output {
        Output::Text => print!("{summary}"),
        Output::Json => println!("{}", shown(&summary)),
    }
    Ok(match summary.failed() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The scripts, for programs; lines are from 1, and 0 where a failure has none.
fn shown(summary: &Summary) -> Value {
    let files = summary.reports.iter().map(|report| {
        let failures = report.failed.iter().map(|failure| {
            json!({
                "line": failure.line,
                "query": failure.query,
                "reason": failure.reason,
            })
        });
        json!({
            "file": report.name,
            "passed": report.passed,
            "failures": failures.collect::<Vec<_>>(),
        })
    });
    json!({
        "files": files.collect::<Vec<_>>(),
        "passed": summary.passed(),
        "failed": summary.failed(),
    })
}
