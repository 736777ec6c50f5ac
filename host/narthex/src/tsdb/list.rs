//! `narthex tsdb list`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_tsdb::{BlockList, StoredBlocks};

use super::{print, runtime};

/// List the blocks of a store. A server may run on it.
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
    /// The folder cannot be read, or a block of it is damaged.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let blocks = runtime()?.block_on(StoredBlocks::find(&self.store)?.open_all())?;
        let blocks: Vec<_> = blocks.iter().map(|block| block.meta().clone()).collect();
        print(&BlockList {
            blocks: &blocks,
            is_human_readable: self.human_readable,
        });
        Ok(ExitCode::SUCCESS)
    }
}
