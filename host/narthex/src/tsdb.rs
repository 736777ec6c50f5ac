//! `narthex tsdb`: what an operator does with a store outside of a running server.
//!
//! It is not: the work itself, which is in `narthex-tsdb`. A file of this module has the
//! arguments of its command and prints what came of it.

mod import;
mod progress;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use tokio::runtime::Runtime;

/// What can be done with a store.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TsdbCommand {
    /// Take over the blocks of a Prometheus that does not run. A second import skips what is
    /// there, and one that was stopped goes on where it was.
    Import(import::Import),
}

/// Does it.
///
/// # Errors
/// What went wrong, for the terminal.
pub(crate) fn run(command: &TsdbCommand) -> anyhow::Result<ExitCode> {
    match command {
        TsdbCommand::Import(import) => import.run(),
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}
