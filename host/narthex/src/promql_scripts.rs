//! `narthex test promql FILE...`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use narthex_promql::script::{self, Summary};

/// Runs the scripts, prints what failed and, last, `N passed, N failed`.
///
/// # Errors
/// A file cannot be read, or a report is asked for that only tests of rules have; then none is run.
pub(crate) fn run(files: &[PathBuf], junit: Option<&Path>) -> anyhow::Result<ExitCode> {
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
    print!("{summary}");
    Ok(match summary.failed() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
