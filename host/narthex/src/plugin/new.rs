//! `narthex plugin new`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_author::{Language, Scaffold, World};

/// Write a small plugin to begin with.
#[derive(Debug, Clone, Args)]
pub(crate) struct New {
    /// The plugin's name: lower-case letters, digits and '-'.
    name: String,
    /// The language: rust, go, python, javascript or c.
    #[arg(long = "lang")]
    language: Language,
    /// What it does: exporter, discovery or receiver.
    #[arg(long, default_value = "exporter")]
    world: World,
    /// The folder to write. Without it, one named as the plugin in the current folder.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl New {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let scaffold = Scaffold {
            name: self.name.clone(),
            language: self.language,
            world: self.world,
        };
        let folder = self.folder.clone();
        let folder = folder.unwrap_or_else(|| PathBuf::from(&self.name));
        scaffold.write(&folder)?;
        println!(
            "{} is there; its README.md says how to go on",
            folder.display()
        );
        Ok(ExitCode::SUCCESS)
    }
}
