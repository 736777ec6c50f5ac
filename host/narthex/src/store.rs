//! Where samples go: the store of a server, or the log of who keeps none: an agent, and a querier,
//! whose rules have results that are sent on. A store of a bucket takes none.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use narthex_bucket::Archive;
use narthex_disk::SystemDisk;
use narthex_model::Clock;
use narthex_remote::LogSource;
use narthex_storage::{Appendable, Queryable, StorageAdmin};
use narthex_tsdb::{
    Agent, AgentOptions, LogPlace, LogTail, ReplayProgress, StorageConfig, Tsdb, TsdbError,
    TsdbOptions,
};
use prometheus_client::registry::Registry;

use crate::bucket_store::BucketStore;
use crate::flags::CommandLine;

/// How often a store is asked for its work at least. Prometheus looks once a minute too.
const PERIOD_MAX: Duration = Duration::from_secs(60);

/// How often it is asked in the time of one block, where blocks are short.
const LOOKS_PER_BLOCK: u32 = 4;

/// What keeps samples.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// Head and blocks.
    Server(Arc<Tsdb>),
    /// The log alone.
    Agent(Arc<Agent>),
    /// Blocks of a bucket, which are only read.
    Bucket(Arc<BucketStore>),
}

impl Store {
    /// Opens what the mode of the command line asks for. It reads files for as long as it takes.
    ///
    /// # Errors
    /// The folder cannot be used, or is in use.
    pub(crate) async fn open(
        line: &CommandLine,
        config: &StorageConfig,
        replay: Arc<ReplayProgress>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<(Self, Registry)> {
        let exemplars_max = exemplars_max(line, config);
        let flags = &line.flags;
        let mut registry = Registry::default();
        if flags.bucket_store.is_on {
            let store = BucketStore::start(flags, clock, &mut registry).await?;
            return Ok((Self::Bucket(store), registry));
        }
        let opening = if flags.is_agent || flags.querier.is_on {
            let options = AgentOptions {
                disk: Arc::new(SystemDisk::new(flags.data_path())),
                min_wal_time: flags.min_wal_time,
                max_wal_time: flags.max_wal_time,
                out_of_order_window: config.out_of_order_window(),
                exemplars_max,
                replay,
                ..AgentOptions::new(flags.data_path(), clock)
            };
            tokio::task::spawn_blocking(move || {
                let opened = Agent::open(options, &mut registry);
                opened.map(|agent| (Self::Agent(agent), registry))
            })
        } else {
            let options = TsdbOptions {
                min_block_duration: flags.min_block_duration,
                max_block_duration: flags.max_block_duration,
                retention: flags.retention(config),
                replay,
                out_of_order_window: config.out_of_order_window(),
                stale_series_threshold: config.stale_series_threshold(),
                page_cache_bytes: flags.page_cache_size.as_bytes(),
                exemplars_max,
                ..TsdbOptions::new(flags.data_path(), clock)
            };
            tokio::task::spawn_blocking(move || {
                let opened = Tsdb::open(options, &mut registry);
                opened.map(|tsdb| (Self::Server(tsdb), registry))
            })
        };
        let opened = opening.await.context("opening the store")?;
        opened.context("the store cannot be opened")
    }

    /// Follows a new config.
    ///
    /// # Errors
    /// A value cannot be used; what was valid before stays.
    pub(crate) fn follow(
        &self,
        line: &CommandLine,
        config: &StorageConfig,
    ) -> Result<(), TsdbError> {
        let window = config.out_of_order_window();
        match self {
            Self::Agent(agent) => agent.set_out_of_order_window(window),
            Self::Server(tsdb) => {
                tsdb.set_out_of_order_window(window);
                if line.features.exemplar_storage {
                    tsdb.set_exemplars_max(config.exemplars_max());
                }
                // Both were checked when they were read.
                tsdb.set_stale_series_threshold(config.stale_series_threshold())?;
                tsdb.set_retention(line.flags.retention(config))?;
            }
            Self::Bucket(_) => {}
        }
        Ok(())
    }

    /// The store of a server.
    pub(crate) fn server(&self) -> Option<&Arc<Tsdb>> {
        match self {
            Self::Server(tsdb) => Some(tsdb),
            Self::Agent(_) | Self::Bucket(_) => None,
        }
    }

    /// The bucket of a store that reads one.
    pub(crate) fn archive(&self) -> Option<&Arc<Archive>> {
        match self {
            Self::Bucket(store) => Some(store.archive()),
            Self::Server(_) | Self::Agent(_) => None,
        }
    }

    /// Waits until it knows what it has.
    pub(crate) async fn ready(&self) {
        if let Some(archive) = self.archive() {
            archive.synced().await;
        }
    }

    /// Takes samples.
    pub(crate) fn appendable(&self) -> Arc<dyn Appendable> {
        match self {
            Self::Server(tsdb) => tsdb.clone(),
            Self::Agent(agent) => agent.clone(),
            Self::Bucket(store) => store.clone(),
        }
    }

    /// Answers queries, or refuses them.
    pub(crate) fn queryable(&self) -> Arc<dyn Queryable> {
        match self {
            Self::Server(tsdb) => tsdb.clone(),
            Self::Agent(agent) => agent.clone(),
            Self::Bucket(store) => store.archive().clone(),
        }
    }

    /// As its operator sees it.
    pub(crate) fn admin(&self) -> Arc<dyn StorageAdmin> {
        match self {
            Self::Server(tsdb) => tsdb.clone(),
            Self::Agent(agent) => agent.clone(),
            Self::Bucket(store) => store.archive().clone(),
        }
    }

    /// How long to wait between one [`Self::maintain`] and the next.
    pub(crate) fn maintenance_interval(&self, min_block_duration: Duration) -> Duration {
        match self {
            Self::Server(_) => PERIOD_MAX.min(min_block_duration / LOOKS_PER_BLOCK),
            Self::Agent(agent) => agent.truncate_interval().as_std(),
            Self::Bucket(_) => PERIOD_MAX,
        }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// Some of it failed; it is tried again the next time.
    pub(crate) async fn maintain(&self) -> Result<(), TsdbError> {
        match self {
            Self::Server(tsdb) => tsdb.maintain().await,
            Self::Agent(agent) => {
                let agent = Arc::clone(agent);
                let task = tokio::task::spawn_blocking(move || agent.truncate());
                task.await.map_err(|error| TsdbError::Task(error.into()))?
            }
            // The task of the bucket has a time of its own.
            Self::Bucket(_) => Ok(()),
        }
    }

    /// Ends a compaction that is under way, and starts none any more.
    pub(crate) fn stop_compactions(&self) {
        if let Self::Server(tsdb) = self {
            tsdb.stop_compactions();
        }
    }

    /// Takes no more samples and lets another process open it.
    ///
    /// # Errors
    /// The log failed, now or earlier. It is closed all the same.
    pub(crate) async fn close(&self) -> Result<(), TsdbError> {
        match self {
            Self::Server(tsdb) => tsdb.close().await,
            Self::Agent(agent) => agent.close().await,
            Self::Bucket(store) => {
                store.close().await;
                Ok(())
            }
        }
    }
}

/// A server keeps exemplars where it is asked to; an agent sends them on.
fn exemplars_max(line: &CommandLine, config: &StorageConfig) -> usize {
    match line.features.exemplar_storage || line.flags.is_agent {
        true => config.exemplars_max(),
        false => 0,
    }
}

impl LogSource for Store {
    fn tail(&self, from: Option<LogPlace>) -> LogTail {
        match self {
            Self::Server(tsdb) => tsdb.log_tail(from),
            Self::Agent(agent) => agent.log_tail(from),
            Self::Bucket(store) => store.log_tail(from),
        }
    }

    fn hold(&self, segment: Option<u32>) {
        match self {
            Self::Server(tsdb) => tsdb.hold_log_from(segment),
            Self::Agent(agent) => agent.hold_log_from(segment),
            Self::Bucket(_) => {}
        }
    }

    fn newest_ms(&self) -> Option<i64> {
        match self {
            Self::Server(tsdb) => tsdb.newest_ms(),
            Self::Agent(agent) => agent.newest_ms(),
            Self::Bucket(_) => None,
        }
    }
}
