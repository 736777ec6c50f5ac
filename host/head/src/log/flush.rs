//! Forces the log to the disk behind the writer's back, so that one fsync serves many batches.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::log::file::LogFile;

/// The first failure of the log. It is told to every later batch.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    kind: io::ErrorKind,
    text: String,
}

impl Failure {
    pub(crate) fn new(error: &io::Error) -> Self {
        Self {
            kind: error.kind(),
            text: error.to_string(),
        }
    }

    pub(crate) fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.text.clone())
    }
}

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
    /// Files with bytes that may not be on the disk, oldest first. A file that grows while it is
    /// forced comes back.
    waiting: Vec<Arc<dyn LogFile>>,
    stopped: bool,
    failure: Option<Failure>,
}

impl Flusher {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What broke the log, if it is broken.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.state().failure.clone()
    }

    /// Breaks the log.
    pub(crate) fn fail(&self, error: &io::Error) {
        self.state().failure.get_or_insert(Failure::new(error));
    }

    /// Notes that a file has new bytes.
    pub(crate) fn written(&self, file: &Arc<dyn LogFile>) {
        let mut state = self.state();
        let is_known = state
            .waiting
            .last()
            .is_some_and(|last| Arc::ptr_eq(last, file));
        if !is_known {
            state.waiting.push(Arc::clone(file));
            self.wake.notify_all();
        }
    }

    /// Forces everything written so far to the disk. A file whose fsync failed is never believed
    /// again: the log is broken from then on.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let _one_at_a_time = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = std::mem::take(&mut self.state().waiting);
        for file in waiting {
            if let Err(error) = file.sync() {
                self.fail(&error);
                return Err(error);
            }
        }
        self.failure()
            .map_or(Ok(()), |failure| Err(failure.error()))
    }

    /// Starts the thread that flushes at most `interval` after a write.
    pub(crate) fn start(self: &Arc<Self>, interval: Duration) -> io::Result<JoinHandle<()>> {
        let flusher = Arc::clone(self);
        std::thread::Builder::new()
            .name("wal-flush".to_owned())
            .spawn(move || flusher.run(interval))
    }

    fn run(&self, interval: Duration) {
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() && !state.stopped {
                state = self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if !state.stopped {
                state = self.wait_for_stop(state, interval);
            }
            let stopped = state.stopped;
            drop(state);
            if let Err(error) = self.flush() {
                tracing::error!(%error, "the write-ahead log failed and takes no more batches");
                return;
            }
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
