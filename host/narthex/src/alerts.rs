//! `narthex alerts` and `narthex silence`: what amtool does with alerts, silences and configs, by its
//! words and exit codes.
//!
//! It is not: the Alertmanager itself.

mod connection;
mod defaults;
mod labels;
mod listed;
mod output;
mod route;
mod silences;
mod status;
mod template;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use self::listed::{AlertQuery, NewAlert};
use self::route::RouteCommand;
pub(crate) use self::silences::{SilenceCommand, run as run_silence};
use self::status::StatusQuery;
use self::template::TemplateCommand;
use crate::check::{self, CheckCommand};
use crate::tsdb::Output;

/// What can be done with alerts.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Print the alerts of an Alertmanager.
    Query(AlertQuery),
    /// Add an alert to an Alertmanager.
    Add(NewAlert),
    /// Show the routing tree of a config, or where an alert goes in it.
    Route {
        /// What to do with the tree.
        #[command(subcommand)]
        what: RouteCommand,
    },
    /// Check if the Alertmanager's config files are valid or not, as `check alertmanager-config`.
    CheckConfig {
        /// The config files to check; without any, the standard input.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Output formatter.
        #[arg(short = 'o', long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Show who is in the cluster of an Alertmanager.
    Cluster(StatusQuery),
    /// Show the config that an Alertmanager runs with.
    Config(StatusQuery),
    /// Render notification templates.
    Template {
        /// What to do with them.
        #[command(subcommand)]
        what: TemplateCommand,
    },
}

/// Does it.
///
/// # Errors
/// What hindered it; the exit code is 1 then.
pub(crate) fn run(command: &AlertsCommand) -> anyhow::Result<ExitCode> {
    match command {
        AlertsCommand::Query(query) => listed::query(query),
        AlertsCommand::Add(alert) => listed::add(alert),
        AlertsCommand::Route { what } => route::run(what),
        AlertsCommand::CheckConfig { files, output } => {
            Ok(check::run(&CheckCommand::AlertmanagerConfig {
                server: None,
                files: files.clone(),
                output: *output,
            }))
        }
        AlertsCommand::Cluster(status) => status.cluster(),
        AlertsCommand::Config(status) => status.config(),
        AlertsCommand::Template { what } => template::run(what),
    }
}
