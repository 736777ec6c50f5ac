//! Forces the log to the disk behind the writer's back, so that one fsync serves many batches.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::log::failure::Failure;
use crate::log::growing::GrowingSegment;

/// After a failure the disk is tried again: first after the interval of the group commit, then
/// after twice as long, and so on up to this.
const RETRY_INTERVAL_MAX: Duration = Duration::from_secs(10);

/// What waits for an fsync, and who calls it.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    state: Mutex<State>,
    wake: Condvar,
    /// Held for the length of a flush: who returns from one knows that all earlier ones ended.
    flushing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Segments with bytes that may not be on the disk, oldest first. A segment that grows while
    /// it is forced comes back.
    waiting: Vec<Arc<GrowingSegment>>,
    stopped: bool,
    /// Why the last flush failed. While it is there, acknowledged batches may not be on the
    /// disk, and nothing is acknowledged.
    failure: Option<Failure>,
}

impl Flusher {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flushing(&self) -> MutexGuard<'_, ()> {
        self.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing is acknowledged now, if so.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.state().failure.clone()
    }

    /// Notes that a segment has new bytes.
    pub(crate) fn written(&self, segment: &Arc<GrowingSegment>) {
        let mut state = self.state();
        let is_known = state
            .waiting
            .last()
            .is_some_and(|last| Arc::ptr_eq(last, segment));
        if !is_known {
            state.waiting.push(Arc::clone(segment));
            self.wake.notify_all();
        }
    }

    /// Lets go of segments that are to be removed, in case their bytes still wait.
    pub(crate) fn forget(&self, names: &[String]) {
        let _none_is_being_forced = self.flushing();
        let mut state = self.state();
        let is_named = |segment: &Arc<GrowingSegment>| names.iter().any(|n| n == segment.name());
        state.waiting.retain(|segment| !is_named(segment));
    }

    /// Forces everything written so far to the disk. What could not be forced waits on, and the
    /// next call tries again.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let _one_at_a_time = self.flushing();
        let mut waiting = std::mem::take(&mut self.state().waiting);
        for at in 0..waiting.len() {
            if let Err(error) = waiting[at].force() {
                return Err(self.fail(waiting.split_off(at), error));
            }
        }
        if self.state().failure.take().is_some() {
            tracing::info!("the write-ahead log goes on");
        }
        Ok(())
    }

    fn fail(&self, mut waiting: Vec<Arc<GrowingSegment>>, error: io::Error) -> io::Error {
        let mut state = self.state();
        for segment in std::mem::take(&mut state.waiting) {
            if !waiting.iter().any(|known| Arc::ptr_eq(known, &segment)) {
                waiting.push(segment);
            }
        }
        state.waiting = waiting;
        let failure = Failure::new(error);
        let error = failure.error();
        if state.failure.replace(failure).is_none() {
            let cause = std::error::Error::source(&error);
            tracing::error!(%error, cause, "the write-ahead log takes no batches until it is whole again");
        }
        error
    }

    /// Starts the thread that flushes at most `interval` after a write.
    pub(crate) fn start(self: &Arc<Self>, interval: Duration) -> io::Result<JoinHandle<()>> {
        let flusher = Arc::clone(self);
        std::thread::Builder::new()
            .name("wal-flush".to_owned())
            .spawn(move || flusher.run(interval))
    }

    fn run(&self, interval: Duration) {
        let mut wait = interval;
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() && !state.stopped {
                state = self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if !state.stopped {
                state = self.wait_for_stop(state, wait);
            }
            let stopped = state.stopped;
            drop(state);
            wait = match self.flush() {
                Ok(()) => interval,
                // It is in the log already.
                Err(_) => (wait * 2).min(RETRY_INTERVAL_MAX).max(interval),
            };
            if stopped {
                return;
            }
        }
    }

    fn wait_for_stop<'a>(
        &self,
        state: MutexGuard<'a, State>,
        interval: Duration,
    ) -> MutexGuard<'a, State> {
        self.wake
            .wait_timeout_while(state, interval, |state| !state.stopped)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Ends the thread after one more flush.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        self.wake.notify_all();
    }
}
