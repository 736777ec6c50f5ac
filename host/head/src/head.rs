//! The head itself: opening, letting go of what blocks hold, closing.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use narthex_disk::{Disk, DiskExt, Lock};

use crate::appender::Appender;
use crate::chunk_snapshot::{self, Covered};
use crate::error::HeadError;
use crate::exemplars::{ExemplarStats, Exemplars};
use crate::late::LateMark;
use crate::lateness::Lateness;
use crate::log::flush::Flusher;
use crate::log::segment;
use crate::log_tail::{LogPlace, LogTail};
use crate::memory::{Memory, Truncated};
use crate::options::HeadOptions;
use crate::replay::{self, ReplayReport};

/// The file in the log's folder that says it is in use.
const LOCK_FILE: &str = "lock";

/// How many slots a truncation looks at before it lets writers and readers through.
const TRUNCATE_SLOTS: usize = 4096;

/// The newest samples. See the crate's documentation.
#[derive(Debug)]
pub struct Head {
    pub(crate) disk: Arc<dyn Disk>,
    /// Taken before `memory` where both are needed.
    appender: Mutex<Appender>,
    memory: RwLock<Memory>,
    /// Taken behind `appender` where both are needed.
    exemplars: Mutex<Exemplars>,
    flusher: Arc<Flusher>,
    lock: Mutex<Option<Box<dyn Lock>>>,
    /// Samples taken out of order since the head was opened.
    late_taken: AtomicU64,
    snapshot_on_close: bool,
    /// Whether there may be a snapshot that was there as the head was opened.
    has_snapshot: AtomicBool,
    /// Is told how late samples are.
    pub(crate) lateness: OnceLock<Lateness>,
}

impl Head {
    /// Opens the log in a folder and brings back what it holds.
    ///
    /// # Errors
    /// The folder is in use or cannot be read or written. Damage to the log is no error: what can
    /// be read is brought back, and the report tells what could not.
    pub fn open(options: HeadOptions) -> Result<(Self, ReplayReport), HeadError> {
        let disk = Arc::clone(&options.disk);
        let folder = disk.show("");
        disk.create_folder("")
            .map_err(HeadError::io("create", folder))?;
        let lock = lock(disk.as_ref())?;
        let (appender, memory, exemplars, report) = replay::open(&options)?;
        // Also where it has no sample in order: late ones of it must not come back either.
        let has_snapshot = disk.exists(chunk_snapshot::FILE);
        let head = Self {
            disk,
            flusher: Arc::clone(appender.log.flusher()),
            appender: Mutex::new(appender),
            memory: RwLock::new(memory),
            exemplars: Mutex::new(exemplars),
            lock: Mutex::new(Some(lock)),
            late_taken: AtomicU64::new(0),
            snapshot_on_close: options.snapshot_on_close,
            has_snapshot: AtomicBool::new(has_snapshot),
            lateness: OnceLock::new(),
        };
        Ok((head, report))
    }

    pub(crate) fn appender(&self) -> MutexGuard<'_, Appender> {
        self.appender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn memory(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn memory_mut(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn exemplars_mut(&self) -> MutexGuard<'_, Exemplars> {
        let exemplars = self.exemplars.lock();
        exemplars.unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps so many exemplars from now on; of those that are there the oldest go.
    pub fn set_exemplars_max(&self, count_max: usize) {
        self.exemplars_mut().set_max(count_max);
    }

    /// How many exemplars there are.
    pub fn exemplar_stats(&self) -> ExemplarStats {
        self.exemplars_mut().stats()
    }

    /// The oldest sample; `None` where the head is empty.
    pub fn min_time(&self) -> Option<i64> {
        self.memory().span().map(|span| span.start_ms)
    }

    /// The newest sample; `None` where the head is empty.
    pub fn max_time(&self) -> Option<i64> {
        self.memory().span().map(|span| span.end_ms)
    }

    /// The oldest sample, late ones that are older than what was let go of included.
    pub fn oldest_time(&self) -> Option<i64> {
        let memory = self.memory();
        let oldest_ms = memory.span().map(|span| span.start_ms);
        oldest_ms.into_iter().chain(memory.oldest_late()).min()
    }

    /// The newest sample, as [`Self::oldest_time`].
    pub fn newest_time(&self) -> Option<i64> {
        let memory = self.memory();
        let newest_ms = memory.span().map(|span| span.end_ms);
        newest_ms.or_else(|| memory.newest_late())
    }

    /// How many series the head holds.
    pub fn series_count(&self) -> u64 {
        self.memory().index.series()
    }

    /// The time before which the head has let go of its samples; `None` where it never did, nor
    /// the one that was open before it.
    pub fn bound_ms(&self) -> Option<i64> {
        let bound_ms = self.memory().bound_ms();
        (bound_ms > i64::MIN).then_some(bound_ms)
    }

    /// How many samples the head holds that came out of order.
    pub fn late_count(&self) -> usize {
        self.memory().late()
    }

    /// How many samples were taken out of order since the head was opened.
    pub fn late_taken(&self) -> u64 {
        self.late_taken.load(Ordering::Relaxed)
    }

    pub(crate) fn count_late(&self, samples: u64) {
        if samples > 0 {
            self.late_taken.fetch_add(samples, Ordering::Relaxed);
        }
    }

    /// Takes samples out of order from now on that are at most so much older than the newest
    /// sample of the head; with 0 it takes none.
    pub fn set_out_of_order_window(&self, window_ms: i64) {
        self.appender().window_ms = window_ms.max(0);
    }

    /// A reader of the log: from a place on, or of what comes from now on.
    pub fn log_tail(&self, from: Option<LogPlace>) -> LogTail {
        let place = from.unwrap_or_else(|| {
            let appender = self.appender();
            LogPlace {
                segment: appender.log.last_segment(),
                seq: appender.log.last_seq(),
            }
        });
        LogTail::new(Arc::clone(&self.disk), place)
    }

    /// Keeps the segments of the log from a number on, whatever blocks hold, but no more than
    /// [`crate::HELD_SEGMENTS_MAX`] that would else go. `None` keeps none.
    pub fn hold_log_from(&self, segment: Option<u32>) {
        self.appender().log.hold_from(segment);
    }

    /// How many segments the log has.
    pub fn segment_count(&self) -> usize {
        self.appender().log.segments()
    }

    /// The number of the segment that is written to.
    pub fn current_segment(&self) -> u32 {
        self.appender().log.last_segment()
    }

    /// Takes no samples before `before_ms` from now on but those that are late; those that it
    /// holds stay. Once this returns, no batch with older ones is on its way, so a
    /// [`Self::cut`] up to that time and [`Self::late_cut`] have all that there will ever be, but
    /// for samples that come late from now on: those stay for the next time.
    pub fn refuse_before(&self, before_ms: i64) {
        self.appender().raise_bound(before_ms);
    }

    /// Lets go of the samples before `before_ms`, late ones included unless they came since that
    /// time was first [refused](Self::refuse_before): they are not found any more and not taken any
    /// more, their memory is freed, and so are series without samples and log segments that only
    /// hold older samples. Call it once a block holds them for good.
    ///
    /// The process may die at any point in here: memory dies with it, and the log loses only
    /// whole segments, each of which replays alone. A head opened with
    /// [`HeadOptions::min_valid_time_ms`] at `before_ms` holds the same samples in all cases.
    ///
    /// # Errors
    /// A segment could not be removed. Memory is freed all the same; the next call tries again.
    pub fn truncate(&self, before_ms: i64) -> Result<(), HeadError> {
        let closed = {
            let mut appender = self.appender();
            let mut memory = self.memory_mut();
            // Where that time is refused already, what came late since is in no block.
            if before_ms > appender.bound_ms {
                appender.raise_bound(before_ms);
            }
            if before_ms > memory.bound_ms() {
                memory.start_truncate(before_ms);
                appender.log.close_segment()
            } else {
                Ok(())
            }
        };
        let mark = self.appender().late_mark(self.memory().bound_ms());
        self.free_slots(mark);
        let mut appender = self.appender();
        let marked = appender.log.mark_late(mark);
        // Not what is refused: that may be ahead of what blocks hold.
        let bound_ms = self.memory().bound_ms();
        self.let_go_of_snapshot();
        // Also where nothing could be written: what goes makes room.
        let removed = appender.log.remove_before(bound_ms);
        closed.and(marked).map_err(HeadError::Log)?;
        removed.map_err(|failed| self.not_removed(failed))
    }

    /// Lets go of the segments of the log whose samples are all before `before_ms` and before what
    /// the head has let go of, although a reader [holds](Self::hold_log_from) them; it is told that
    /// they are gone.
    ///
    /// # Errors
    /// A segment could not be removed; the next call tries again.
    pub fn abandon_log_before(&self, before_ms: i64) -> Result<(), HeadError> {
        let bound_ms = before_ms.min(self.memory().bound_ms());
        let removed = self.appender().log.abandon_before(bound_ms);
        removed.map_err(|failed| self.not_removed(failed))
    }

    /// Removes the snapshot from which the head was opened: the next one is of other samples.
    fn let_go_of_snapshot(&self) {
        if self.has_snapshot.swap(false, Ordering::Relaxed)
            && let Err(error) = chunk_snapshot::remove(self.disk.as_ref(), chunk_snapshot::FILE)
        {
            // The next truncation tries again.
            self.has_snapshot.store(true, Ordering::Relaxed);
            tracing::warn!(%error, "the snapshot of the head stays for now");
        }
    }

    fn not_removed(&self, (number, source): (u32, io::Error)) -> HeadError {
        HeadError::Io {
            action: "remove",
            path: self.disk.show(&segment::name(number)),
            source,
        }
    }

    fn free_slots(&self, mark: LateMark) {
        let slots = self.memory().slots();
        let mut oldest_kept_ms = i64::MAX;
        for from in (0..slots).step_by(TRUNCATE_SLOTS) {
            let mut appender = self.appender();
            let mut memory = self.memory_mut();
            for slot in from..slots.min(from + TRUNCATE_SLOTS) {
                let Ok(slot) = u32::try_from(slot) else {
                    continue;
                };
                match memory.truncate_slot(slot, mark) {
                    Truncated::Nothing => {}
                    Truncated::Kept { first_ms } => oldest_kept_ms = oldest_kept_ms.min(first_ms),
                    Truncated::Gone => appender.release(slot),
                }
            }
        }
        let mut appender = self.appender();
        appender.shrink();
        self.memory_mut().end_truncate(oldest_kept_ms);
    }

    /// Forces everything acknowledged so far to the disk.
    ///
    /// # Errors
    /// The log failed, now or earlier.
    pub fn sync(&self) -> Result<(), HeadError> {
        self.flusher.flush().map_err(HeadError::Log)
    }

    /// Takes no more batches, forces the log to the disk, leaves a snapshot of what is in memory
    /// where [`HeadOptions::snapshot_on_close`] asks for one, and lets another process open it. What
    /// is in memory can still be read. A snapshot that cannot be written is missed by nobody but who
    /// waits for the next open; the reason is logged.
    ///
    /// # Errors
    /// The log failed, now or earlier. The head is closed all the same.
    pub fn close(&self) -> Result<(), HeadError> {
        let mut appender = self.appender();
        if appender.closed {
            return Ok(());
        }
        appender.closed = true;
        let stopped = appender.log.stop();
        let snapshot = (self.snapshot_on_close && stopped.is_ok()).then(|| {
            let memory = self.memory();
            let covered = appender.log.covered(memory.bound_ms())?;
            // Whoever appends from here on is to be refused at once.
            drop(appender);
            self.write_snapshot(&covered, &memory)
        });
        if let Some(Err(error)) = snapshot {
            tracing::warn!(
                %error,
                "there is no snapshot of the head; the next start reads the write-ahead log"
            );
        }
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        stopped.map_err(HeadError::Log)
    }

    fn write_snapshot(&self, covered: &Covered, memory: &Memory) -> io::Result<()> {
        let bytes = chunk_snapshot::writer::write(
            self.disk.as_ref(),
            covered,
            memory,
            &self.exemplars_mut(),
        )?;
        tracing::info!(
            bytes,
            series = memory.index.series(),
            "a snapshot of the head is written"
        );
        Ok(())
    }
}

/// Takes the folder for this process, or says that it is taken. The system lets go of it when
/// the process ends, however that happens.
fn lock(disk: &dyn Disk) -> Result<Box<dyn Lock>, HeadError> {
    disk.lock(LOCK_FILE).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => HeadError::Locked { dir: disk.show("") },
        _ => HeadError::io("lock", disk.show(LOCK_FILE))(error),
    })
}
