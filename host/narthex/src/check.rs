//! `narthex check`: says what is wrong with files before a server reads them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{ConfigDefaults, ConfigSource};
use crate::web_config;

/// What can be checked.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum CheckCommand {
    /// Check if the config files are valid or not.
    Config {
        /// The config files to check.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Check if the web config files are valid or not.
    WebConfig {
        /// The web config files to check.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Checks each file, and says of each what was found; one that is not valid makes it fail.
pub(crate) fn run(command: &CheckCommand) -> ExitCode {
    match command {
        CheckCommand::Config { files } => check(files, |file| {
            let source = ConfigSource::File(file.to_owned());
            match source.load(ConfigDefaults::default()) {
                Ok(_) => Ok("is valid prometheus config file syntax"),
                Err(error) => Err(error.to_string()),
            }
        }),
        CheckCommand::WebConfig { files } => {
            check(files, |file| match web_config::load(Some(file)) {
                Ok(_) => Ok("is a valid web config file"),
                Err(error) => Err(error.to_string()),
            })
        }
    }
}

fn check(files: &[PathBuf], of: impl Fn(&Path) -> Result<&'static str, String>) -> ExitCode {
    let mut exit = ExitCode::SUCCESS;
    for file in files {
        match of(file) {
            Ok(what) => println!("SUCCESS: {} {what}", file.display()),
            Err(error) => {
                eprintln!("FAILED: {}: {error}", file.display());
                exit = ExitCode::FAILURE;
            }
        }
    }
    exit
}
