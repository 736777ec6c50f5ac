//! The log alone: what an agent has in place of a store. Samples go into it, who sends them on
//! follows it, and what all senders have is let go of.
//!
//! ```text
//! <path>/wal/...   the log
//! <path>/lock      taken while it is open, removed when it is closed
//! ```
//!
//! It is not: something that answers queries, or that makes blocks. The samples of the last hour
//! are in memory all the same: by them the log knows which sample comes too late.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{self, BoxFuture};
use narthex_disk::{Disk, SystemDisk, Within};
use narthex_head::{Head, HeadOptions, LogPlace, LogTail, SEGMENT_BYTES, SyncMode};
use narthex_model::{AppendReport, Clock, Matcher, PromDuration, WriteBatch};
use narthex_storage::{
    AdminError, AppendError, Appendable, Queryable, ReplayProgress, SelectRequest, SeriesStream,
    StorageAdmin, StorageError, StorageStats, StoredBlock, TimeRange,
};
use prometheus_client::registry::Registry;

use crate::TsdbError;
use crate::agent_metrics::{AgentMetrics, AgentState};
use crate::lock::Lock;
use crate::tsdb::WAL_FOLDER;

/// How old samples are at least that an agent lets go of (`--storage.agent.retention.min-time`).
pub const MIN_WAL_TIME: PromDuration = PromDuration::from_secs(5 * 60);

/// How old samples may become that a receiver has not taken
/// (`--storage.agent.retention.max-time`).
pub const MAX_WAL_TIME: PromDuration = PromDuration::from_secs(4 * 3_600);

/// A sample that is older than this is refused, as a server does that makes blocks of two hours.
/// So senders that were cut off for as long are taken in.
const RECENT: PromDuration = PromDuration::from_secs(3_600);

/// The log is cut into so many pieces at most while the longest time passes: a piece goes as a
/// whole, and a reader may hold twice as many.
const CUTS: u64 = 32;

/// How an agent is opened.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The folder (`--storage.agent.path`). It is made where it does not exist.
    pub disk: Arc<dyn Disk>,
    /// See [`MIN_WAL_TIME`].
    pub min_wal_time: PromDuration,
    /// See [`MAX_WAL_TIME`].
    pub max_wal_time: PromDuration,
    /// A segment of the log is closed once it is this long.
    pub wal_segment_bytes: u64,
    /// When the log is forced to the disk.
    pub wal_sync: SyncMode,
    /// How much older than the newest sample one may be that comes out of order
    /// (`storage.tsdb.out_of_order_time_window`).
    pub out_of_order_window: PromDuration,
    /// Exemplars are sent on where this is not 0; so many are kept to know which come twice.
    pub exemplars_max: usize,
    /// Is told how far the replay of the log has come.
    pub replay: Arc<ReplayProgress>,
    /// Says what is old.
    pub clock: Arc<dyn Clock>,
}

impl AgentOptions {
    /// The defaults for a folder.
    pub fn new(path: impl Into<std::path::PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            disk: Arc::new(SystemDisk::new(path)),
            min_wal_time: MIN_WAL_TIME,
            max_wal_time: MAX_WAL_TIME,
            wal_segment_bytes: SEGMENT_BYTES,
            wal_sync: SyncMode::Group(narthex_head::GROUP_COMMIT_INTERVAL),
            out_of_order_window: PromDuration::default(),
            exemplars_max: crate::EXEMPLARS_MAX,
            replay: Arc::default(),
            clock,
        }
    }

    fn check(&self) -> Result<(), TsdbError> {
        let fault = match (self.min_wal_time, self.max_wal_time) {
            (_, max) if max.is_zero() => "the maximum age of samples in the log is zero".to_owned(),
            (min, max) if min > max => {
                format!("the minimum age of samples in the log, {min}, is over the maximum, {max}")
            }
            _ => return Ok(()),
        };
        Err(TsdbError::Options(fault))
    }

    /// What is older is let go of, and not taken any more.
    fn recent(&self) -> PromDuration {
        self.min_wal_time.max(RECENT).min(self.max_wal_time)
    }
}

/// The log of an agent.
#[derive(Debug)]
pub struct Agent {
    options: AgentOptions,
    head: Arc<Head>,
    metrics: AgentMetrics,
    /// `None` once it is closed.
    lock: Mutex<Option<Lock>>,
}

impl Agent {
    /// Opens the log. It reads the whole log and blocks the thread as long.
    ///
    /// # Errors
    /// The folder is in use or cannot be read or written, or an option cannot be used. Damage to
    /// the log is no error: it is reported in the log of the program and in metrics.
    pub fn open(options: AgentOptions, registry: &mut Registry) -> Result<Arc<Self>, TsdbError> {
        options.check()?;
        let disk = Arc::clone(&options.disk);
        let created = disk.create_folder("");
        created.map_err(TsdbError::io("create", disk.show("")))?;
        let lock = Lock::take(&disk)?;
        let made = disk
            .create_folder(WAL_FOLDER)
            .and_then(|()| disk.sync_folder(""));
        made.map_err(TsdbError::io("create", disk.show(WAL_FOLDER)))?;
        let recent_ms = options.recent().as_millis_i64();
        let (head, report) = Head::open(HeadOptions {
            min_valid_time_ms: options.clock.now_ms().saturating_sub(recent_ms),
            segment_bytes: options.wal_segment_bytes,
            sync: options.wal_sync,
            exemplars_max: options.exemplars_max,
            replay: Arc::clone(&options.replay),
            ..HeadOptions::on(Arc::new(Within::new(disk, WAL_FOLDER)))
        })?;
        let head = Arc::new(head);
        head.set_out_of_order_window(options.out_of_order_window.as_millis_i64());
        let metrics = AgentMetrics::register(registry);
        metrics.corruptions.inc_by(report.damage.len() as u64);
        registry.register_collector(Box::new(AgentState {
            head: Arc::clone(&head),
            is_clean_start: lock.is_clean_start,
        }));
        tracing::info!(
            segments = report.segments,
            series = report.series,
            samples = report.samples,
            "the log is open"
        );
        Ok(Arc::new(Self {
            options,
            head,
            metrics,
            lock: Mutex::new(Some(lock)),
        }))
    }

    /// A reader of the log as it grows, see [`Head::log_tail`].
    pub fn log_tail(&self, from: Option<LogPlace>) -> LogTail {
        self.head.log_tail(from)
    }

    /// Keeps what a reader of the log has not seen yet, see [`Head::hold_log_from`].
    pub fn hold_log_from(&self, segment: Option<u32>) {
        self.head.hold_log_from(segment);
    }

    /// The newest sample; `None` where there is none.
    pub fn newest_ms(&self) -> Option<i64> {
        self.head.max_time()
    }

    /// Takes samples out of order from now on that are at most so much older than the newest one.
    pub fn set_out_of_order_window(&self, window: PromDuration) {
        self.head.set_out_of_order_window(window.as_millis_i64());
    }

    /// How long to wait between one [`Self::truncate`] and the next.
    pub fn truncate_interval(&self) -> PromDuration {
        PromDuration::from_millis((self.options.max_wal_time.as_millis() / CUTS).max(1))
    }

    /// Lets go of samples that are old: of those that all readers of the log have, and of all that
    /// are older than the maximum. It writes and removes files, and blocks the thread as long.
    ///
    /// # Errors
    /// A segment could not be removed, or the log has failed; the next call tries again.
    pub fn truncate(&self) -> Result<(), TsdbError> {
        let now_ms = self.options.clock.now_ms();
        let before = |age: PromDuration| now_ms.saturating_sub(age.as_millis_i64());
        let _taking = self.metrics.truncation();
        // Memory lets go in any case; of the log, what a reader holds stays.
        self.head.truncate(before(self.options.recent()))?;
        self.head
            .abandon_log_before(before(self.options.max_wal_time))?;
        Ok(())
    }

    /// Takes no more samples, forces the log to the disk and lets another process open it.
    ///
    /// # Errors
    /// The log failed, now or earlier. It is closed all the same.
    pub async fn close(self: &Arc<Self>) -> Result<(), TsdbError> {
        let lock = self
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(lock) = lock else {
            return Ok(());
        };
        let head = Arc::clone(&self.head);
        let task = tokio::task::spawn_blocking(move || head.close());
        task.await
            .map_err(|error| TsdbError::Task(error.into()))??;
        lock.give_back()
    }
}

impl Appendable for Agent {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let report = self.head.append(batch)?;
        self.metrics.count(batch, &report);
        Ok(report)
    }
}

impl Queryable for Agent {
    fn select<'a>(
        &'a self,
        _request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        future::ready(Err(StorageError::Unsupported)).boxed()
    }
}

/// What an agent says where it is asked for what only a server has.
const REFUSED: &str = "unavailable with Prometheus Agent";

fn refuse<T: Send + 'static>() -> BoxFuture<'static, Result<T, AdminError>> {
    future::ready(Err(AdminError::Refused(REFUSED.to_owned()))).boxed()
}

impl StorageAdmin for Agent {
    fn blocks(&self) -> Vec<StoredBlock> {
        Vec::new()
    }

    fn stats(&self, limit: usize) -> StorageStats {
        StorageStats {
            wal_corruptions: self.metrics.corruptions.get(),
            ..self.head.stats(limit)
        }
    }

    fn delete(
        self: Arc<Self>,
        _selectors: Vec<Vec<Matcher>>,
        _range: TimeRange,
    ) -> BoxFuture<'static, Result<(), AdminError>> {
        refuse()
    }

    fn clean_tombstones(self: Arc<Self>) -> BoxFuture<'static, Result<(), AdminError>> {
        refuse()
    }

    fn snapshot(
        self: Arc<Self>,
        _skips_head: bool,
    ) -> BoxFuture<'static, Result<String, AdminError>> {
        refuse()
    }
}
