//! `narthex compact`: one worker on a bucket, for one pass or for ever.
//!
//! It is not: the work, which `narthex-bucket` knows.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use narthex_api::{ServerOptions, WorkerPages, worker_router};
use narthex_bucket::{BucketConfig, Compactor, CompactorOptions, Report, open_store};
use narthex_model::{Clock, PromDuration, SystemClock};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::sync::watch;

use crate::bucket_source::BucketFlags;
use crate::flags::{LogFormat, LogLevel};
use crate::process::ProcessCollector;
use crate::signals::Signals;
use crate::web::Web;
use crate::{build_info, listen, logging, web_config};

/// What it calls itself.
const NAME: &str = "Narthex Compactor";

/// A connection of its pages may be idle for so long, and there may be so many.
const READ_TIMEOUT: Duration = Duration::from_secs(5 * 60);
const CONNECTIONS_MAX: usize = 64;

/// One worker on a bucket. Flags have the names and the defaults of Thanos'.
#[derive(Debug, Clone, Args)]
pub(crate) struct Compact {
    #[command(flatten)]
    bucket: BucketFlags,

    /// Folder for blocks that are being made; it can be empty at each start. Twice the bytes of the
    /// blocks that become one must fit.
    #[arg(long = "data-dir", value_name = "DIR", default_value = "./data")]
    data_dir: PathBuf,

    /// Address for metrics and health.
    #[arg(
        long = "http-address",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:10902"
    )]
    http_address: String,

    /// File with the TLS, the users and the like of that address, as --web.config.file of a server.
    #[arg(long = "http.config", value_name = "FILE")]
    http_config: Option<PathBuf>,

    /// Go on for ever, one pass after the other, instead of ending after one.
    #[arg(short = 'w', long)]
    wait: bool,

    /// How long to rest between two passes.
    #[arg(long = "wait-interval", value_name = "DURATION", default_value = "5m")]
    wait_interval: PromDuration,

    /// Blocks that are younger are left alone.
    #[arg(
        long = "consistency-delay",
        value_name = "DURATION",
        default_value = "30m"
    )]
    consistency_delay: PromDuration,

    /// How long blocks of samples stay; 0s is for ever. Without it, retention of the object store's
    /// configuration.
    #[arg(long = "retention.resolution-raw", value_name = "DURATION")]
    retention_raw: Option<PromDuration>,

    /// How long blocks of windows of five minutes stay; 0s is for ever.
    #[arg(
        long = "retention.resolution-5m",
        value_name = "DURATION",
        default_value = "0s"
    )]
    retention_five_minutes: PromDuration,

    /// How long blocks of windows of an hour stay; 0s is for ever.
    #[arg(
        long = "retention.resolution-1h",
        value_name = "DURATION",
        default_value = "0s"
    )]
    retention_hour: PromDuration,

    /// How long a block stays after it was marked for deletion, so that whoever reads it can
    /// finish. Without it, delete_delay of the object store's configuration, and that is 48h where
    /// it says nothing.
    #[arg(long = "delete-delay", value_name = "DURATION")]
    delete_delay: Option<PromDuration>,

    /// How many blocks are compacted at once.
    #[arg(
        long = "compact.concurrency",
        value_name = "COUNT",
        default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    compactions: u16,

    /// How many blocks are made coarser at once.
    #[arg(
        long = "downsample.concurrency",
        value_name = "COUNT",
        default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    downsamplings: u16,

    /// Make no coarser blocks.
    #[arg(long = "downsampling.disable")]
    is_not_downsampled: bool,

    /// Accepted as of Thanos: overlapping blocks of one server always become one.
    #[arg(long = "compact.enable-vertical-compaction", hide = true)]
    vertical: bool,

    /// Work also where the store overwrites what it is told not to overwrite. Nothing keeps a second
    /// worker apart then: there must be none.
    #[arg(long = "compact.single-worker")]
    is_only_worker: bool,

    /// Only log messages with the given severity or above.
    #[arg(long = "log.level", value_enum, default_value = "info")]
    log_level: LogLevel,

    /// Output format of log messages.
    #[arg(long = "log.format", value_enum, default_value = "logfmt")]
    log_format: LogFormat,
}

impl Compact {
    /// Works until it is done, or told to stop.
    ///
    /// # Errors
    /// A flag says what cannot be used, or not all that was due could be done.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        logging::start(self.log_level, self.log_format)?;
        narthex_http::install_tls_provider();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        let worked = runtime.block_on(self.work());
        // A block that is written on another thread is given up.
        runtime.shutdown_background();
        worked.map(|()| ExitCode::SUCCESS)
    }

    async fn work(&self) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
        if self.vertical {
            tracing::info!("overlapping blocks of one server always become one");
        }
        let config = self.bucket.read(None)?;
        let options = self.options(&config)?;
        let addresses = std::slice::from_ref(&self.http_address);
        let listeners = listen::bind(addresses).await?;
        let entrance = web_config::load(self.http_config.as_deref(), None)
            .context("--http.config cannot be used")?;
        let mut registry = Registry::default();
        build_info::register(&mut registry);
        registry.register_collector(Box::new(ProcessCollector));
        narthex_http::CredentialMetrics::of_process().register(&mut registry);
        let opened = tokio::select! {
            opened = Compactor::open(options, &mut registry) => opened,
            () = signals.stop() => return Ok(()),
        };
        let compactor = opened.context("the object store cannot be compacted")?;
        let is_ready = Arc::new(AtomicBool::new(true));
        let last: Arc<Mutex<Option<Report>>> = Arc::default();
        let shown = Arc::clone(&last);
        let pages = WorkerPages {
            name: NAME,
            registry: Arc::new(registry),
            is_ready: Arc::clone(&is_ready),
            status: Arc::new(move || {
                let report = shown.lock().unwrap_or_else(PoisonError::into_inner);
                report.as_ref().map_or(json!(null), status)
            }),
        };
        let options = ServerOptions {
            read_timeout: READ_TIMEOUT,
            connections_max: CONNECTIONS_MAX,
        };
        let web = Web::start(listeners, worker_router(pages), options, Arc::new(entrance));
        let (stop, stopping) = watch::channel(false);
        let worked = tokio::select! {
            worked = self.passes(&compactor, &last, stopping) => worked,
            () = signals.stop() => Ok(()),
        };
        is_ready.store(false, Ordering::Relaxed);
        // What is under way is given up; whoever works next finds out what became of it.
        stop.send_replace(true);
        web.stop().await;
        worked
    }

    /// One pass, or one after the other.
    async fn passes(
        &self,
        compactor: &Compactor,
        last: &Mutex<Option<Report>>,
        stopping: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let keep = |report: &Report| {
            tell(report);
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.clone());
        };
        if self.wait {
            let interval = self.wait_interval.as_std();
            compactor.run(interval, stopping, keep).await;
            return Ok(());
        }
        let report = compactor.pass(&stopping).await;
        let report = report.context("not all that was due could be done")?;
        for block in &report.quarantined {
            tracing::warn!(block, "block is marked to be left alone");
        }
        for (block, reason) in &report.damaged {
            tracing::warn!(block, reason, "block cannot be used");
        }
        keep(&report);
        Ok(())
    }

    fn options(&self, config: &BucketConfig) -> anyhow::Result<CompactorOptions> {
        if self.wait && self.wait_interval.is_zero() {
            bail!("--wait-interval is zero");
        }
        let store = open_store(config).context("the object store cannot be used")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(CompactorOptions {
            consistency_delay: self.consistency_delay,
            retention: [
                self.retention_raw.unwrap_or(config.retention),
                self.retention_five_minutes,
                self.retention_hour,
            ],
            delete_delay: self.delete_delay.unwrap_or(config.delete_delay),
            compactions_max: usize::from(self.compactions),
            downsamplings_max: usize::from(self.downsamplings),
            downsamples: !self.is_not_downsampled,
            is_only_worker: self.is_only_worker,
            ..CompactorOptions::new(store, &self.data_dir, clock)
        })
    }
}

/// Says what a pass found.
fn tell(report: &Report) {
    tracing::info!(
        made = report.made,
        groups_of_others = report.busy,
        compactions_left = report.compactions_left,
        downsamplings_left = report.downsamplings_left,
        marked_for_deletion = report.deletions_left,
        quarantined = report.quarantined.len(),
        damaged = report.damaged.len(),
        "the bucket was looked through"
    );
}

/// What a pass found, for programs.
fn status(report: &Report) -> serde_json::Value {
    let damaged = report.damaged.iter();
    let damaged: Vec<_> = damaged
        .map(|(block, reason)| json!({"block": block, "reason": reason}))
        .collect();
    json!({
        "made": report.made,
        "groupsOfOthers": report.busy,
        "compactionsLeft": report.compactions_left,
        "downsamplingsLeft": report.downsamplings_left,
        "markedForDeletion": report.deletions_left,
        "quarantined": report.quarantined,
        "damaged": damaged,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        compact: Compact,
    }

    fn parse(args: &[&str]) -> Compact {
        let args = ["compact"].iter().chain(args);
        Line::try_parse_from(args).unwrap().compact
    }

    fn filesystem(folder: &tempfile::TempDir, more: &str) -> String {
        let folder = folder.path().display();
        format!("{{type: FILESYSTEM, config: {{directory: {folder}}}{more}}}")
    }

    #[test]
    fn what_flags_do_not_say_the_config_of_the_bucket_says() {
        let folder = tempfile::TempDir::new().unwrap();
        let text = filesystem(&folder, ", retention: 90d, delete_delay: 5h");
        let durations = |flags: &[&str]| {
            let mut args = vec!["--objstore.config", text.as_str()];
            args.extend(flags);
            let compact = parse(&args);
            let options = compact
                .options(&compact.bucket.read(None).unwrap())
                .unwrap();
            (
                options.retention[0].to_string(),
                options.delete_delay.to_string(),
            )
        };
        assert_eq!(durations(&[]), ("90d".to_owned(), "5h".to_owned()));
        let flags = ["--retention.resolution-raw=2d", "--delete-delay=1h"];
        assert_eq!(durations(&flags), ("2d".to_owned(), "1h".to_owned()));
    }

    #[test]
    fn the_defaults_are_those_of_thanos() {
        let compact = parse(&[]);
        assert!(!compact.wait && !compact.is_not_downsampled);
        assert_eq!(compact.consistency_delay.to_string(), "30m");
        assert_eq!(compact.wait_interval.to_string(), "5m");
        assert_eq!(compact.http_address, "0.0.0.0:10902");
        assert_eq!((compact.compactions, compact.downsamplings), (1, 1));
        let error = compact.bucket.read(None).unwrap_err();
        assert!(
            error.to_string().contains("--objstore.config-file"),
            "{error}"
        );
    }
}
