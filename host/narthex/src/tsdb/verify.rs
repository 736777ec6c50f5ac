//! `narthex tsdb verify`

use std::error::Error as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_tsdb::StoredBlocks;

use super::progress::Progress;
use super::runtime;

/// Check every byte and every sample of the blocks of a store. A server may run on it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Verify {
    /// The store.
    #[arg(value_name = "DIR", default_value = "data/")]
    store: PathBuf,
    /// The blocks; without one, all of them.
    #[arg(value_name = "BLOCK")]
    blocks: Vec<String>,
}

impl Verify {
    /// Prints a line for each thing that is wrong, and fails where there is one. Damage to a
    /// block does not keep the others from being checked.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let stored = StoredBlocks::find(&self.store)?;
        let names = match self.blocks.as_slice() {
            [] => stored.names(),
            named => named,
        };
        let runtime = runtime()?;
        let mut line = Progress::new();
        let mut damaged = 0;
        for (at, name) in names.iter().enumerate() {
            line.tell(&format!("block {} of {}, {name}", at + 1, names.len()));
            let errors = runtime.block_on(stored.verify(name));
            line.end();
            damaged += usize::from(!errors.is_empty());
            for error in errors {
                match error.source() {
                    Some(fault) => println!("{error}: {fault}"),
                    None => println!("{error}"),
                }
            }
        }
        println!("{} blocks, {damaged} of them damaged", names.len());
        Ok(match damaged {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}
