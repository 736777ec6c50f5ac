//! `narthex block export`

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use narthex_tsdb::{StoredBlocks, export};

use crate::tsdb::{Progress, runtime};

/// Write the samples of a block as a Parquet file with a row for each.
#[derive(Debug, Clone, Args)]
pub(crate) struct Export {
    /// The folder of the block.
    #[arg(value_name = "BLOCK")]
    block: PathBuf,
    /// The file; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl Export {
    /// Writes the file and says how many rows it has.
    ///
    /// # Errors
    /// The block is damaged or is none, or the file cannot be written; then it is removed.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let path = self.block.display();
        let name = self.block.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("{path} is not the folder of a block"))?;
        let store = match self.block.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let stored = StoredBlocks::find(store)?;
        let file = File::create_new(&self.to);
        let file = file.with_context(|| format!("cannot create {}", self.to.display()))?;
        let mut line = Progress::new();
        let written = runtime()?.block_on(async {
            let block = Arc::new(stored.open(name).await?);
            let all = block.meta().stats.samples;
            let tell = |rows| line.tell_part(rows, all, &format!("{rows} of {all} samples"));
            let rows = export(&block, &file, tell).await?;
            file.sync_all()?;
            anyhow::Ok(rows)
        });
        line.end();
        match written {
            Ok(rows) => println!("{rows} rows"),
            Err(error) => {
                // Half a file would be taken for a whole one.
                let _ = std::fs::remove_file(&self.to);
                return Err(error);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
