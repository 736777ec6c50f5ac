//! `narthex tsdb dump` and `narthex tsdb dump-openmetrics`

use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use narthex_promql::parse_metric_selector;
use narthex_storage::{SelectRequest, TimeRange};
use narthex_tsdb::{DumpError, DumpFormat, StoredBlocks};

use super::{runtime, tell_damaged};

/// Bytes of text that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// What `tsdb dump` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Samples, each behind its labels.
    Prom,
    /// The labels of each series as JSON, without samples.
    Seriesjson,
}

/// Write the samples of the blocks of a store to the standard output, or its series alone. A server
/// may run on it: its newest samples, which are in no block yet, are not written. Blocks that cannot
/// be opened are named and left out.
#[derive(Debug, Clone, Args)]
pub(crate) struct FormattedDump {
    /// Output format of the dump.
    #[arg(long, value_enum, default_value = "prom")]
    format: Format,
    /// Of what.
    #[command(flatten)]
    dump: Dump,
}

impl FormattedDump {
    /// Writes the text.
    ///
    /// # Errors
    /// As [`Dump::run`].
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.dump.run(match self.format {
            Format::Prom => DumpFormat::Labels,
            Format::Seriesjson => DumpFormat::SeriesJson,
        })
    }
}

/// Write the samples of the blocks of a store to the standard output. A server may run on it: its
/// newest samples, which are in no block yet, are not written. Blocks that cannot be opened are
/// named and left out.
#[derive(Debug, Clone, Args)]
pub(crate) struct Dump {
    /// The store.
    #[arg(value_name = "DIR", default_value = "data/")]
    store: PathBuf,
    /// The oldest sample, in milliseconds since the epoch.
    #[arg(long, value_name = "MS", default_value_t = i64::MIN, allow_negative_numbers = true)]
    min_time: i64,
    /// The newest sample, in milliseconds since the epoch.
    #[arg(long, value_name = "MS", default_value_t = i64::MAX, allow_negative_numbers = true)]
    max_time: i64,
    /// Which series. Where it is given several times, those of each selector.
    #[arg(
        long = "match",
        value_name = "SELECTOR",
        default_value = "{__name__=~'(?s:.*)'}"
    )]
    selectors: Vec<String>,
    /// promtool writes there where it reads the log; only blocks are read here, and nothing is
    /// written.
    #[arg(long, value_name = "DIR", hide = true)]
    sandbox_dir_root: Option<PathBuf>,
}

impl Dump {
    /// Writes the text.
    ///
    /// # Errors
    /// A selector is none, a block cannot be read, or the text cannot be written.
    pub(crate) fn run(&self, format: DumpFormat) -> anyhow::Result<ExitCode> {
        let requests = self.selectors.iter().map(|selector| {
            Ok(SelectRequest {
                matchers: parse_metric_selector(selector)?,
                range: TimeRange {
                    start_ms: self.min_time,
                    end_ms: self.max_time,
                },
            })
        });
        let requests: Vec<SelectRequest> = requests.collect::<anyhow::Result<_>>()?;
        let stored = StoredBlocks::find(&self.store)?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, std::io::stdout().lock());
        let dumped = runtime()?.block_on(async {
            let opened = stored.open_all().await;
            tell_damaged(&opened.damaged);
            narthex_tsdb::dump(&opened.blocks, &requests, format, &mut out).await?;
            Ok::<_, anyhow::Error>(())
        });
        let written = dumped.and_then(|()| Ok(out.flush().map_err(DumpError::from)?));
        match written {
            // Whoever reads may have enough before the end, as `head` has.
            Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
            other => other.map(|()| ExitCode::SUCCESS),
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
