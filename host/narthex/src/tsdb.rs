//! `narthex tsdb`: what an operator does with a store outside of a running server.
//!
//! It is not: the work itself, which is in `narthex-tsdb`. A file of this module has the
//! arguments of its command and prints what came of it.

mod analyze;
mod backfill;
mod bench;
mod create_blocks;
mod dump;
mod export;
mod import;
mod list;
mod progress;
mod verify;

use std::error::Error;
use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use narthex_tsdb::DumpFormat;
use tokio::runtime::Runtime;

pub(crate) use progress::Progress;

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people, as promtool does.
    Text,
    /// For programs.
    Json,
}

/// What can be done with a store.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TsdbCommand {
    /// Take over the blocks of a Prometheus that does not run. A second import skips what is
    /// there, and one that was stopped goes on where it was.
    Import(import::Import),
    /// Write the blocks of a store as blocks of Prometheus. A server may run on it.
    Export(export::Export),
    /// Make blocks of samples that lie elsewhere.
    CreateBlocksFrom(create_blocks::CreateBlocks),
    /// Run tsdb benchmarks.
    Bench {
        /// Of what.
        #[command(subcommand)]
        what: bench::BenchCommand,
    },
    /// List the blocks of a store. A server may run on it.
    List(list::List),
    /// Show the labels of a block, how many series have them, and what a sample takes. A server
    /// may run on the store.
    Analyze(analyze::Analyze),
    /// Check every byte and every sample of the blocks of a store. A server may run on it.
    Verify(verify::Verify),
    /// Write the samples of the blocks of a store as text. A server may run on it.
    Dump(dump::FormattedDump),
    /// Write the samples of the blocks of a store as OpenMetrics. A server may run on it.
    DumpOpenmetrics(dump::Dump),
}

/// Does it.
///
/// # Errors
/// What went wrong, for the terminal.
pub(crate) fn run(command: &TsdbCommand) -> anyhow::Result<ExitCode> {
    match command {
        TsdbCommand::Import(import) => import.run(),
        TsdbCommand::Export(export) => export.run(),
        TsdbCommand::CreateBlocksFrom(create) => create.run(),
        TsdbCommand::Bench { what } => what.run(),
        TsdbCommand::List(list) => list.run(),
        TsdbCommand::Analyze(analyze) => analyze.run(),
        TsdbCommand::Verify(verify) => verify.run(),
        TsdbCommand::Dump(dump) => dump.run(),
        TsdbCommand::DumpOpenmetrics(dump) => dump.run(DumpFormat::OpenMetrics),
    }
}

pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// Names the blocks that cannot be opened on the standard error: what is printed is without them.
fn tell_damaged<E: Error>(damaged: &[E]) {
    for error in damaged {
        match error.source() {
            Some(fault) => eprintln!("{error}: {fault}"),
            None => eprintln!("{error}"),
        }
    }
    match damaged.len() {
        0 => {}
        1 => eprintln!("1 block is damaged and left out"),
        count => eprintln!("{count} blocks are damaged and left out"),
    }
}

/// Prints to the standard output. Whoever reads may have enough before the end.
fn print(text: &dyn Display) {
    let _ = write!(std::io::stdout().lock(), "{text}");
}
