//! `narthex tsdb analyze`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use narthex_promql::parse_metric_selector;
use narthex_tsdb::{ANALYSIS_LIMIT, Analysis, AnalysisOptions, StoredBlocks};

use super::{Output, print, runtime, tell_damaged};

/// Show the labels of a block, how many series have them, and what a sample takes. A server may
/// run on the store.
#[derive(Debug, Clone, Args)]
pub(crate) struct Analyze {
    /// The store.
    #[arg(value_name = "DIR", default_value = "data/")]
    store: PathBuf,
    /// The block; without it, the newest one that can be opened and is not downsampled.
    #[arg(value_name = "BLOCK")]
    block: Option<String>,
    /// How many items each list has.
    #[arg(long, value_name = "N", default_value_t = ANALYSIS_LIMIT)]
    limit: usize,
    /// Only series that match this selector.
    #[arg(long = "match", value_name = "SELECTOR")]
    selector: Option<String>,
    /// Tell how full the chunks are as well.
    #[arg(long)]
    extended: bool,
    /// Output formatter.
    #[arg(short = 'o', long, value_enum, default_value = "text")]
    output: Output,
}

impl Analyze {
    /// Prints the analysis.
    ///
    /// # Errors
    /// The selector is none, there is no such block, or it is damaged.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let selector = match &self.selector {
            Some(text) => Some((text.clone(), parse_metric_selector(text)?)),
            None => None,
        };
        let options = AnalysisOptions {
            limit: self.limit,
            selector,
            is_extended: self.extended,
        };
        let stored = StoredBlocks::find(&self.store)?;
        let analysis = runtime()?.block_on(async {
            let block = match &self.block {
                Some(name) => Arc::new(stored.open(name).await?),
                None => {
                    let opened = stored.open_all().await;
                    tell_damaged(&opened.damaged);
                    // One that is downsampled is looked at when it is named.
                    let mut blocks = opened.blocks.into_iter();
                    let newest = blocks.rfind(|block| block.meta().is_raw());
                    newest.with_context(|| format!("no block in {}", self.store.display()))?
                }
            };
            anyhow::Ok(Analysis::of(&block, &options).await?)
        })?;
        match self.output {
            Output::Text => print(&analysis),
            Output::Json => print(&format_args!("{}\n", serde_json::to_string(&analysis)?)),
        }
        Ok(ExitCode::SUCCESS)
    }
}
