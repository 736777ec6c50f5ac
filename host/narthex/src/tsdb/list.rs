//! `narthex tsdb list`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_tsdb::{BlockList, StoredBlocks};
use serde_json::{Value, json};

use super::{Output, print, runtime, tell_damaged};

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
    /// Output formatter. In JSON times are milliseconds and sizes bytes.
    #[arg(short = 'o', long, value_enum, default_value = "text")]
    output: Output,
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
        match self.output {
            Output::Text => print(&BlockList {
                blocks: &blocks,
                is_human_readable: self.human_readable,
            }),
            Output::Json => {
                let blocks = blocks.iter().map(|meta| {
                    json!({
                        "ulid": meta.ulid,
                        "minTime": meta.min_time_ms,
                        "maxTime": meta.max_time_ms,
                        "samples": meta.stats.samples,
                        "series": meta.stats.series,
                        "slices": meta.slices_ms.len(),
                        "bytes": meta.size(),
                        "resolutionMs": meta.resolution_ms,
                    })
                });
                let list: Vec<Value> = blocks.collect();
                print(&format_args!("{}\n", Value::Array(list)));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
