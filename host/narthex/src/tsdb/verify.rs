//! `narthex tsdb verify`

use std::error::Error as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_tsdb::StoredBlocks;
use serde_json::json;

use super::progress::Progress;
use super::{Output, runtime};

/// Check every byte and every sample of the blocks of a store. A server may run on it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Verify {
    /// The store.
    #[arg(value_name = "DIR", default_value = "data/")]
    store: PathBuf,
    /// The blocks; without one, all of them.
    #[arg(value_name = "BLOCK")]
    blocks: Vec<String>,
    /// Output formatter.
    #[arg(short = 'o', long, value_enum, default_value = "text")]
    output: Output,
}

impl Verify {
    /// Prints a line for each thing that is wrong, or all of them as JSON, and fails where there is
    /// one. Damage to a block does not keep the others from being checked.
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
        let mut damaged = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let text = format!("block {} of {}, {name}", at + 1, names.len());
            line.tell_part(at as u64, names.len() as u64, &text);
            let errors = runtime.block_on(stored.verify(name));
            line.end();
            let faults = errors.iter().map(|error| match error.source() {
                Some(fault) => format!("{error}: {fault}"),
                None => error.to_string(),
            });
            let faults: Vec<String> = faults.collect();
            if self.output == Output::Text {
                faults.iter().for_each(|fault| println!("{fault}"));
            }
            if !faults.is_empty() {
                damaged.push(json!({"block": name, "faults": faults}));
            }
        }
        let count = damaged.len();
        match self.output {
            Output::Text => println!("{} blocks, {count} of them damaged", names.len()),
            Output::Json => println!("{}", json!({"blocks": names.len(), "damaged": damaged})),
        }
        Ok(match count {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}
