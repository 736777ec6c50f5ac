//! The flags of the pages: where their files, the templates of consoles and dashboards lie.

use std::path::PathBuf;

use clap::Args;
use narthex_api::ConsoleOptions;

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct PageFlags {
    /// Directory with the files of the web application, in place of those that the binary carries.
    /// For whoever works on it; Prometheus has no such flag.
    #[arg(long = "web.ui-dir", value_name = "DIR")]
    pub(crate) ui_dir: Option<PathBuf>,

    /// Directory with dashboards in the format of Perses, as JSON or YAML, which are found while the
    /// server runs. Prometheus has no such flag.
    #[arg(long = "web.dashboards-dir", value_name = "DIR")]
    pub(crate) dashboards_dir: Option<PathBuf>,

    /// Path to the console template directory, available at /consoles.
    #[arg(
        long = "web.console.templates",
        value_name = "DIR",
        default_value = "consoles"
    )]
    console_templates: PathBuf,

    /// Path to the console library directory.
    #[arg(
        long = "web.console.libraries",
        value_name = "DIR",
        default_value = "console_libraries"
    )]
    console_libraries: PathBuf,
}

impl PageFlags {
    /// Where the pages of `/consoles` lie.
    pub(crate) fn consoles(&self) -> ConsoleOptions {
        ConsoleOptions {
            templates: self.console_templates.clone(),
            libraries: self.console_libraries.clone(),
        }
    }
}
