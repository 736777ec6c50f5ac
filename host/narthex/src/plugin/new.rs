//! `narthex plugin new`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Write a small plugin to begin with.
#[derive(Debug, Clone, Args)]
pub(crate) struct New {
    /// The plugin's name: lower-case letters, digits and '-'.
    name: String,
    /// The language: rust, go, python, javascript or c.
    #[arg(long = "lang")]
    language: String,
    /// What it does: exporter, discovery or receiver.
    #[arg(long, default_value = "exporter")]
    world: String,
    /// The folder to write. Without it, one named as the plugin in the current folder.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl New {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("no plugin in {} can be written yet", self.language)
    }
}
