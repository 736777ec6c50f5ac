//! `narthex tsdb create-blocks-from`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use narthex_model::{ByteSize, Labels, PromDuration, SystemClock};
use narthex_tsdb::{BlockList, OpenMetricsProgress, Tsdb, TsdbOptions};
use prometheus_client::registry::Registry;

use super::backfill::Backfill;
use super::progress::Progress;
use super::{print, runtime};
use crate::push::own_labels;

/// Make blocks of samples that lie elsewhere.
#[derive(Debug, Clone, Args)]
pub(crate) struct CreateBlocks {
    #[command(subcommand)]
    from: Source,
    /// Longest duration of a block, in whole multiples of 2h.
    #[arg(long, value_name = "DURATION", default_value = "2h", global = true)]
    max_block_duration: PromDuration,
    /// Print times as dates and sizes with units.
    #[arg(long, short = 'r', global = true)]
    human_readable: bool,
    /// Do not print the blocks.
    #[arg(long, short, global = true)]
    quiet: bool,
}

/// Where the samples lie.
#[derive(Debug, Clone, Subcommand)]
enum Source {
    /// A file of OpenMetrics in which every sample has a timestamp.
    Openmetrics {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The store that takes the blocks; no server has it open.
        #[arg(value_name = "DIR", default_value = "data/")]
        into: PathBuf,
        /// Label to attach to metrics, as name=value; it counts before one of the file. Can be
        /// specified multiple times.
        #[arg(long = "label", value_name = "LABEL")]
        labels: Vec<String>,
    },
    /// Create blocks of data for new recording rules.
    Rules(Box<Backfill>),
}

impl CreateBlocks {
    /// Makes the blocks and prints them.
    ///
    /// # Errors
    /// The store is in use, or the file cannot be read, or a block cannot be written. Blocks that
    /// were made before stay.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.from {
            Source::Openmetrics { file, into, labels } => {
                self.make(file, &Labels::from_pairs(own_labels(labels)?), into)
            }
            Source::Rules(rules) => {
                let gathered = rules.gather()?;
                self.make(gathered.path(), &Labels::empty(), rules.store())
            }
        }
    }

    fn make(&self, file: &Path, labels: &Labels, into: &Path) -> anyhow::Result<ExitCode> {
        let runtime = runtime()?;
        let options = TsdbOptions {
            snapshot_on_close: false,
            ..TsdbOptions::new(into, Arc::new(SystemClock))
        };
        let tsdb = Tsdb::open(options, &mut Registry::default());
        let tsdb =
            tsdb.with_context(|| format!("the store {} cannot be opened", into.display()))?;
        let bytes = std::fs::metadata(file).map_or(0, |file| file.len());
        let mut line = Progress::new();
        let tell = |progress: OpenMetricsProgress| {
            line.tell_part(progress.bytes, bytes, &text(progress, bytes));
        };
        let longest = self.max_block_duration;
        let made = tsdb.create_labelled_blocks(file, labels, longest, tell);
        let made = runtime.block_on(made);
        line.end();
        runtime.block_on(tsdb.close())?;
        let blocks = made?;
        if !self.quiet {
            let list = BlockList {
                blocks: &blocks,
                is_human_readable: self.human_readable,
            };
            print(&list);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(progress: OpenMetricsProgress, bytes: u64) -> String {
    let OpenMetricsProgress { pass, passes, .. } = progress;
    let size = ByteSize::from_bytes(bytes >> 20 << 20);
    match passes {
        Some(passes) => format!("reading {size} for the {pass}. of {passes} times"),
        None => format!("reading {size} to see what is there"),
    }
}
