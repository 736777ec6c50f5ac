//! `narthex alerts`: what amtool does with alerts and configs, by its words and exit codes.
//!
//! It is not: the Alertmanager itself, nor the check of its config (`narthex check
//! alertmanager-config`).

mod connection;
mod route;

use std::process::ExitCode;

use clap::Subcommand;

use self::route::RouteCommand;

/// What can be done.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Show the routing tree of a config, or where an alert goes in it.
    Route {
        /// What to do with the tree.
        #[command(subcommand)]
        what: RouteCommand,
    },
}

/// Does it.
///
/// # Errors
/// What hindered it; the exit code is 1 then.
pub(crate) fn run(command: &AlertsCommand) -> anyhow::Result<ExitCode> {
    match command {
        AlertsCommand::Route { what } => route::run(what),
    }
}
