//! `narthex tsdb import`

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use narthex_model::SystemClock;
use narthex_tsdb::{ImportProgress, Tsdb, TsdbOptions};
use prometheus_client::registry::Registry;

use super::progress::Progress;
use super::runtime;

/// Take over the blocks of a Prometheus that does not run. A second import skips what is there,
/// and one that was stopped goes on where it was.
#[derive(Debug, Clone, Args)]
pub(crate) struct Import {
    /// The data folder of the Prometheus. It is not changed.
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// The store that takes them; no server has it open.
    #[arg(
        long = "storage.tsdb.path",
        value_name = "DIR",
        default_value = "data/"
    )]
    into: PathBuf,
}

impl Import {
    /// Imports the blocks and prints what came.
    ///
    /// # Errors
    /// The store is in use, a block cannot be read or written, or what is to come does not go
    /// with what is there. What came before is there, and the next import goes on after it.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = runtime()?;
        let options = TsdbOptions {
            snapshot_on_close: false,
            ..TsdbOptions::new(&self.into, Arc::new(SystemClock))
        };
        let tsdb = Tsdb::open(options, &mut Registry::default())
            .with_context(|| format!("the store {} cannot be opened", self.into.display()))?;
        let mut line = Progress::new();
        let progress = |progress: ImportProgress<'_>| {
            let (done, all) = thousandths(&progress);
            line.tell_part(done, all, &text(progress));
            ControlFlow::Continue(())
        };
        let imported = runtime.block_on(tsdb.import(&self.from, progress));
        line.end();
        runtime.block_on(tsdb.close())?;
        let report = imported?;
        println!(
            "{} blocks, {} of them were here before; {} samples came",
            report.blocks, report.skipped, report.samples
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// How much is done, and of how much, in thousandths of a block.
fn thousandths(progress: &ImportProgress<'_>) -> (u64, u64) {
    let of_block = progress.slices_done * 1000 / progress.slices.max(1);
    let done = progress.number.saturating_sub(1) * 1000 + of_block;
    (done as u64, progress.blocks as u64 * 1000)
}

fn text(progress: ImportProgress<'_>) -> String {
    let ImportProgress {
        block,
        number,
        blocks,
        slices_done,
        slices,
    } = progress;
    format!("block {number} of {blocks}, {block}: {slices_done} of {slices} slices")
}
