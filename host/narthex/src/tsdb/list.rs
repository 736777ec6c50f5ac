//! `narthex tsdb list`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_tsdb::{BlockList, StoredBlocks};

use super::{print, runtime, tell_damaged};

/// List the blocks of a store. A server may run on it. Blocks that cannot be opened are named and
/// left out.
#[derive(Debug, Clone, Args)]
pub(crate) struct List {
    /// The store.
    #[arg(value_name = "DIR", default_value = "data/")]
    store: PathBuf,
    /// Print times as dates and sizes with units.
    #[arg(long, short = 'r')]
    human_readable: bool,
}

impl List {
    /// Prints a table.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let opened = runtime()?.block_on(StoredBlocks::find(&self.store)?.open_all());
        tell_damaged(&opened.damaged);
        let blocks: Vec<_> = opened
            .blocks
            .iter()
            .map(|block| block.meta().clone())
            .collect();
        print(&BlockList {
            blocks: &blocks,
            is_human_readable: self.human_readable,
        });
        Ok(ExitCode::SUCCESS)
    }
}
