//! The store: opening, appending, closing.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use narthex_disk::{Disk, SystemDisk, Within};
use narthex_head::{Head, HeadOptions, LogPlace, LogTail, ReplayReport};
use narthex_model::{AppendReport, WriteBatch};
use narthex_storage::{AppendError, Appendable};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::catalog::Catalog;
use crate::lock::Lock;
use crate::metrics::{Metrics, StateCollector};
use crate::retention::CurrentRetention;
use crate::room::Room;
use crate::snapshot::remove_unfinished;
use crate::stale::StaleShare;
use crate::{RemoteBlocks, Retention, TsdbError, TsdbOptions};

/// The folder of the log.
pub(crate) const WAL_FOLDER: &str = "wal";

/// Head and blocks. See the crate's documentation.
#[derive(Debug)]
pub struct Tsdb {
    pub(crate) options: TsdbOptions,
    pub(crate) head: Arc<Head>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) metrics: Metrics,
    pub(crate) retention: Arc<CurrentRetention>,
    pub(crate) room: Room,
    pub(crate) stale_share: StaleShare,
    /// Where blocks are kept too.
    pub(crate) remote: OnceLock<Arc<dyn RemoteBlocks>>,
    /// Whether compactions are to end early.
    pub(crate) stopping: watch::Sender<bool>,
    /// One cut or compaction at a time; holds whether the store is closed.
    pub(crate) closed: tokio::sync::Mutex<bool>,
    lock: Mutex<Option<Lock>>,
}

impl Tsdb {
    /// Opens the store: blocks first, then the log, from which it takes what no block answers
    /// for. It reads the whole log and blocks the thread as long; inside an async runtime, call
    /// it where that is allowed.
    ///
    /// # Errors
    /// The folder is in use or cannot be read or written, or holds a block of a later version.
    /// Damage to a block or to the log is no error: it is reported in the log of the program and
    /// in metrics, and what can be read is there.
    pub fn open(options: TsdbOptions, registry: &mut Registry) -> Result<Arc<Self>, TsdbError> {
        let disk = Arc::new(SystemDisk::new(&options.path));
        Self::open_on(disk, options, registry)
    }

    /// As [`Self::open`], on a disk of the caller's; the path of the options is not looked at.
    ///
    /// # Errors
    /// As of [`Self::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        options: TsdbOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, TsdbError> {
        options.check()?;
        let created = disk.create_folder("");
        created.map_err(TsdbError::io("create", disk.show("")))?;
        let lock = Lock::take(&disk)?;
        // What is forced in this folder is there after a power cut only if the folder is.
        let made = disk
            .create_folder(WAL_FOLDER)
            .and_then(|()| disk.sync_folder(""));
        made.map_err(TsdbError::io("create", disk.show(WAL_FOLDER)))?;
        remove_unfinished(disk.as_ref())?;
        let catalog = apart(|| {
            let opened = Catalog::open(&disk, options.page_cache_bytes);
            futures::executor::block_on(opened)
        });
        let catalog = Arc::new(catalog?);
        let (head, report) = Head::open(HeadOptions {
            min_valid_time_ms: catalog.end_ms().unwrap_or(i64::MIN),
            segment_bytes: options.wal_segment_bytes,
            sync: options.wal_sync,
            exemplars_max: options.exemplars_max,
            snapshot_on_close: options.snapshot_on_close,
            replay: Arc::clone(&options.replay),
            ..HeadOptions::on(Arc::new(Within::new(disk, WAL_FOLDER)))
        })?;
        let head = Arc::new(head);
        let metrics = Metrics::register(registry);
        metrics.wal_corruptions.inc_by(report.damage.len() as u64);
        let snapshot_errors = u64::from(report.snapshot_error.is_some());
        metrics.snapshot_errors.inc_by(snapshot_errors);
        let retention = Arc::new(CurrentRetention::new(options.retention));
        registry.register_collector(Box::new(StateCollector {
            head: Arc::clone(&head),
            catalog: Arc::clone(&catalog),
            retention: Arc::clone(&retention),
            is_clean_start: lock.is_clean_start,
        }));
        let window = options.out_of_order_window;
        head.set_out_of_order_window(window.as_millis_i64());
        metrics.set_takes_late(!window.is_zero());
        let delta = metrics.late_delta.clone();
        head.observe_late(move |behind_ms| delta.observe(behind_ms as f64 / 1_000.0));
        let stale_share = StaleShare::new(options.stale_series_threshold);
        tell(&report, catalog.blocks().len());
        Ok(Arc::new(Self {
            options,
            head,
            catalog,
            metrics,
            retention,
            room: Room::default(),
            stale_share,
            remote: OnceLock::new(),
            stopping: watch::Sender::new(false),
            closed: tokio::sync::Mutex::new(false),
            lock: Mutex::new(Some(lock)),
        }))
    }

    /// Changes how long and how much is kept, from the next [`Self::maintain`] on. The longest
    /// time of a block stays as it was when the store was opened.
    ///
    /// # Errors
    /// The retention is none; what was valid before stays.
    pub fn set_retention(&self, retention: Retention) -> Result<(), TsdbError> {
        retention.check()?;
        self.retention.set(retention);
        Ok(())
    }

    /// Keeps so many exemplars from now on; of those that are there the oldest go.
    pub fn set_exemplars_max(&self, count_max: usize) {
        self.head.set_exemplars_max(count_max);
    }

    /// A reader of the log as it grows, see [`Head::log_tail`].
    pub fn log_tail(&self, from: Option<LogPlace>) -> LogTail {
        self.head.log_tail(from)
    }

    /// Keeps what a reader of the log has not seen yet, see [`Head::hold_log_from`].
    pub fn hold_log_from(&self, segment: Option<u32>) {
        self.head.hold_log_from(segment);
    }

    /// The newest sample that is not in blocks alone; `None` where there is none.
    pub fn newest_ms(&self) -> Option<i64> {
        self.head.max_time()
    }

    /// Ends a compaction that is under way, and starts none any more; cuts go on. What was
    /// written of the block is removed, its parents stay.
    pub fn stop_compactions(&self) {
        self.stopping.send_replace(true);
    }

    /// Takes no more samples, forces the log to the disk, leaves a snapshot of what is in memory for
    /// the next start, and lets another process open the store. A cut that is under way is finished
    /// first, a compaction ends early. What is there can still be read.
    ///
    /// # Errors
    /// The log failed, now or earlier. The store is closed all the same.
    pub async fn close(self: &Arc<Self>) -> Result<(), TsdbError> {
        self.stop_compactions();
        let mut closed = self.closed.lock().await;
        if std::mem::replace(&mut *closed, true) {
            return Ok(());
        }
        let this = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            this.catalog.sweep();
            this.head.close()
        });
        let result = task.await.map_err(|error| TsdbError::Task(error.into()))?;
        let lock = self
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        result?;
        lock.map_or(Ok(()), Lock::give_back)
    }
}

/// Runs a job on a thread of its own, where no async runtime minds that it waits.
fn apart<T: Send>(job: impl FnOnce() -> Result<T, TsdbError> + Send) -> Result<T, TsdbError> {
    std::thread::scope(|scope| {
        let joined = scope.spawn(job).join();
        joined.unwrap_or_else(|_| Err(TsdbError::Task("opening the blocks panicked".into())))
    })
}

fn tell(report: &ReplayReport, blocks: usize) {
    let ReplayReport {
        segments,
        samples,
        samples_of_snapshot,
        series,
        torn_bytes,
        ..
    } = report;
    tracing::info!(
        blocks,
        segments,
        series,
        samples,
        samples_of_snapshot,
        torn_bytes,
        "store is open"
    );
}

impl Appendable for Tsdb {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let appended = self.head.append(batch);
        self.catalog.changes.note_batch(batch);
        let report = appended?;
        let keeps_exemplars = self.head.exemplar_stats().exemplars_max > 0;
        self.metrics.count(batch, &report, keeps_exemplars);
        Ok(report)
    }
}
