//! `narthex block`: what an operator does with a single block.
//!
//! It is not: the work itself, which is in `narthex-tsdb` and the crate of the blocks.

mod export;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be done with a block.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BlockCommand {
    /// Write the samples of a block as a Parquet file with a row for each.
    Export(export::Export),
}

/// Does it.
///
/// # Errors
/// What went wrong, for the terminal.
pub(crate) fn run(command: &BlockCommand) -> anyhow::Result<ExitCode> {
    match command {
        BlockCommand::Export(export) => export.run(),
    }
}
