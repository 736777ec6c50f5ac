//! Writes the notification log down while an Alertmanager runs.
//!
//! What was told is in the journal at once, so that who is killed does not tell it again, and is
//! forced to the disk once a second. What a power cut loses of it is told once more.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Alertmanager;
use crate::notification_log::store::LogStore;

/// Once in this time the notification log is forced to the disk, where something was told; and where
/// the disk failed, it is tried again.
const FORCE_INTERVAL: Duration = Duration::from_secs(1);

/// How much of the notification log is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// What was told, to the journal.
    Told,
    /// As that, and the journal is forced to the disk.
    Forced,
    /// All, so that the next process finds one file.
    Last,
}

fn lock(store: &Mutex<LogStore>) -> MutexGuard<'_, LogStore> {
    // A store that a panic left in the middle of something knows that it is incomplete.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Alertmanager {
    /// The notification log has something new, which is to be written.
    pub(crate) fn log_changed(&self) {
        self.log_changes.notify_one();
    }

    /// Writes down what is told, until nobody is told any more.
    pub(super) async fn keep_log(self: Arc<Self>) {
        let mut ending = self.has_told_all.subscribe();
        let mut force = tokio::time::interval(FORCE_INTERVAL);
        force.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        while !*ending.borrow() {
            let writing = tokio::select! {
                _ = force.tick() => Writing::Forced,
                // A disk that failed is not asked for each entry.
                () = self.log_changes.notified(), if !is_failing => Writing::Told,
                _ = ending.changed() => break,
            };
            let written = self.write_log(writing).await;
            match &written {
                Err(error) if !is_failing => {
                    tracing::error!(%error, "the notification log cannot be written to disk");
                }
                Ok(()) if is_failing => {
                    tracing::info!("the notification log is written to disk again");
                }
                _ => {}
            }
            is_failing = written.is_err();
        }
    }

    /// Writes all of it down, after the last was told.
    pub(super) async fn close_log(&self) {
        if let Err(error) = self.write_log(Writing::Last).await {
            tracing::error!(%error, "the notification log cannot be written to disk");
        }
    }

    async fn write_log(&self, writing: Writing) -> io::Result<()> {
        let store = Arc::clone(&self.log_store);
        let (is_due, is_unforced, has_journal) = {
            let store = lock(&store);
            let is_due = store.is_snapshot_due();
            (is_due, store.is_unforced(), store.has_journal())
        };
        let (entries, is_whole) = self.with_state(|state| {
            let log = &mut state.pipeline.log;
            let changed = log.take_changed();
            let is_last = writing == Writing::Last && (has_journal || !changed.is_empty());
            match is_due || is_last {
                true => (log.all(), true),
                false => (changed, false),
            }
        });
        let is_forced = writing == Writing::Forced;
        if entries.is_empty() && !is_whole && !(is_forced && is_unforced) {
            return Ok(());
        }
        let written = tokio::task::spawn_blocking(move || {
            let mut store = lock(&store);
            if is_whole {
                return store.replace(&entries);
            }
            store.add(&entries)?;
            match is_forced {
                true => store.force(),
                false => Ok(()),
            }
        });
        let written = written.await.map_err(io::Error::other);
        let written = written.and_then(|written| written);
        if written.is_err() {
            self.metrics.snapshots_failed.inc();
        }
        written
    }
}
