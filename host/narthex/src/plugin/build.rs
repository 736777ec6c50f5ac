//! `narthex plugin build`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Compile a plugin to build/NAME.wasm, with its manifest beside it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Build {
    /// The plugin's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

impl Build {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("{} cannot be built yet", self.folder.display())
    }
}
