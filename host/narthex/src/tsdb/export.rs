//! `narthex tsdb export`

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use narthex_model::{Labels, PromDuration, SystemClock};
use narthex_promql::parse_metric_selector;
use narthex_storage::TimeRange;
use narthex_tsdb::{ExportOptions, ExportProgress, StoredBlocks, export_blocks};

use super::progress::Progress;
use super::{runtime, tell_damaged};

/// Blocks of Prometheus begin at multiples of it.
const BLOCK_STEP_MS: i64 = 2 * 3_600 * 1_000;

/// Write the blocks of a store as blocks of Prometheus, for a Prometheus, or a Thanos that has
/// them in its bucket. A server may run on the store: its newest samples, which are in no block yet, are
/// not written. Blocks that cannot be opened are named and left out.
#[derive(Debug, Clone, Args)]
pub(crate) struct Export {
    /// The store.
    #[arg(value_name = "DIR")]
    store: PathBuf,
    /// The folder that takes the blocks. What is there stays.
    #[arg(value_name = "INTO")]
    into: PathBuf,
    /// The oldest sample, in milliseconds since the epoch.
    #[arg(long, value_name = "MS", default_value_t = i64::MIN, allow_negative_numbers = true)]
    min_time: i64,
    /// The newest sample, in milliseconds since the epoch.
    #[arg(long, value_name = "MS", default_value_t = i64::MAX, allow_negative_numbers = true)]
    max_time: i64,
    /// Which series.
    #[arg(
        long = "match",
        value_name = "SELECTOR",
        default_value = "{__name__=~'(?s:.*)'}"
    )]
    selector: String,
    /// How long a block is: a multiple of 2h. Who takes the blocks compacts them.
    #[arg(long, value_name = "DURATION", default_value = "2h")]
    block_duration: PromDuration,
    /// An external label, for Thanos: it tells blocks of several sources apart by them. May be given
    /// several times.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
}

impl Export {
    /// Writes the blocks and prints what was written.
    ///
    /// # Errors
    /// An argument is none, a block cannot be read, or one cannot be written.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let block_ms = self.block_duration.as_millis_i64();
        if block_ms == 0 || block_ms % BLOCK_STEP_MS != 0 {
            bail!(
                "--block-duration: {} is no multiple of 2h",
                self.block_duration
            );
        }
        let pairs = self.labels.iter().map(|label| {
            let pair = label.split_once('=');
            pair.ok_or_else(|| anyhow!("--label: {label:?} is not NAME=VALUE"))
        });
        let pairs: Vec<(&str, &str)> = pairs.collect::<anyhow::Result<_>>()?;
        let options = ExportOptions {
            matchers: parse_metric_selector(&self.selector)?,
            range: TimeRange {
                start_ms: self.min_time,
                end_ms: self.max_time,
            },
            block_ms,
            external_labels: Labels::from_pairs(pairs),
        };
        let stored = StoredBlocks::find(&self.store)?;
        std::fs::create_dir_all(&self.into)
            .with_context(|| format!("{} cannot be made", self.into.display()))?;
        let mut line = Progress::new();
        let tell = |progress: ExportProgress| {
            let ExportProgress { done, cuts, .. } = progress;
            line.tell_part(done, cuts, &format!("{done} of {cuts} cuts"));
            ControlFlow::Continue(())
        };
        let exported = runtime()?.block_on(async {
            let opened = stored.open_all().await;
            tell_damaged(&opened.damaged);
            export_blocks(&opened.blocks, &options, &self.into, &SystemClock, tell).await
        });
        line.end();
        let progress = exported?;
        println!("{} blocks, {} samples", progress.blocks, progress.samples);
        Ok(ExitCode::SUCCESS)
    }
}
