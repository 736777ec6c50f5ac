//! `narthex alerts route`: the routing tree of a config, as `amtool config routes` shows and tests it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use narthex_alertmanager::{MatcherMode, RouteTree};
use narthex_model::Labels;

use super::connection::{Connection, ConnectionArgs};
use super::labels;
use crate::{alertmanager, yaml};

/// What to do with the tree.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RouteCommand {
    /// Print the whole tree.
    Show {
        /// Whose tree.
        #[command(flatten)]
        source: RouteSource,
    },
    /// Print the receivers that an alert with these labels goes to.
    Test {
        /// Whose tree.
        #[command(flatten)]
        source: RouteSource,
        /// The names of receivers, comma-separated, that must be those that are found, in this
        /// order; the command fails otherwise.
        #[arg(long = "verify.receivers", value_name = "NAMES", default_value = "")]
        expected: String,
        /// Print the routes that match as a tree too.
        #[arg(long)]
        tree: bool,
        /// The labels of the alert, each as name=value.
        #[arg(value_name = "LABEL")]
        labels: Vec<String>,
    },
}

/// Where a config is taken from.
#[derive(Debug, Clone, Args)]
pub(crate) struct RouteSource {
    /// Config file to be tested. It counts before --alertmanager.url.
    #[arg(id = "route_config_file", long = "config.file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Whose running config is taken.
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Does it.
///
/// # Errors
/// There is no config, or the labels are none.
pub(super) fn run(command: &RouteCommand) -> anyhow::Result<ExitCode> {
    match command {
        RouteCommand::Show { source } => {
            println!("Routing tree:\n{}", source.tree()?.drawn());
        }
        RouteCommand::Test {
            source,
            expected,
            tree,
            labels,
        } => {
            let routes = source.tree()?;
            let labels = Labels::from_pairs(labels::read(labels)?);
            if *tree {
                println!("Matching routes:\n{}\n", routes.drawn_for(&labels));
            }
            let receivers = routes.receivers(&labels).join(",");
            println!("{receivers}");
            if !expected.is_empty() && *expected != receivers {
                println!("WARNING: Expected receivers did not match resolved receivers.");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl RouteSource {
    fn tree(&self) -> anyhow::Result<RouteTree> {
        let mode = MatcherMode::default();
        let (text, name) = match &self.file {
            Some(file) => (read_file(file)?, file.display().to_string()),
            None => self.running()?,
        };
        let config = alertmanager::read(&text, &name, mode)?;
        match config.route_tree(mode) {
            Ok(tree) => Ok(tree),
            Err(faults) => {
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                bail!("{name}: {}", faults.join("; "))
            }
        }
    }

    /// The config that an Alertmanager runs with, and where it came from.
    fn running(&self) -> anyhow::Result<(String, String)> {
        let status = Connection::new(&self.connection)?.get("status", &[])?;
        let text = status.pointer("/config/original");
        let text = text.and_then(|text| text.as_str());
        let text = text.context("the Alertmanager does not say what its config is")?;
        Ok((text.to_owned(), "the running config".to_owned()))
    }
}

fn read_file(file: &Path) -> anyhow::Result<String> {
    yaml::read_text(file).with_context(|| format!("couldn't load {}", file.display()))
}
