//! What one query may take: samples in memory, and time.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::error::QueryError;

/// Counts the samples that a query holds and tells its threads when to stop.
#[derive(Debug)]
pub(crate) struct Budget {
    samples_max: usize,
    samples: AtomicUsize,
    fetched_bytes_max: usize,
    fetched_bytes: AtomicUsize,
    stop: AtomicU8,
}

/// Why a query is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It took too long.
    Timeout = 1,
    /// Nobody waits for it any more.
    Canceled = 2,
}

impl Budget {
    /// A budget of so many samples, and so many bytes of what the store gives.
    pub(crate) fn new(samples_max: usize, fetched_bytes_max: usize) -> Self {
        Self {
            samples_max,
            samples: AtomicUsize::new(0),
            fetched_bytes_max,
            fetched_bytes: AtomicUsize::new(0),
            stop: AtomicU8::new(0),
        }
    }

    /// Counts samples that are now in memory.
    pub(crate) fn charge(&self, samples: usize) -> Result<(), QueryError> {
        let before = self.samples.fetch_add(samples, Ordering::Relaxed);
        if before.saturating_add(samples) > self.samples_max {
            return Err(too_many_samples());
        }
        Ok(())
    }

    /// Counts bytes that the store gave and that are kept until the query is done.
    pub(crate) fn charge_fetched(&self, bytes: usize) -> Result<(), QueryError> {
        let before = self.fetched_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.fetched_bytes_max {
            return Err(QueryError::Execution(format!(
                "query would read more than {} bytes of samples into memory",
                self.fetched_bytes_max
            )));
        }
        Ok(())
    }

    /// Counts samples that have left memory.
    pub(crate) fn release(&self, samples: usize) {
        self.samples.fetch_sub(samples, Ordering::Relaxed);
    }

    /// Refuses what could only end above the bound.
    pub(crate) fn check_steps(&self, steps: usize) -> Result<(), QueryError> {
        if steps > self.samples_max {
            return Err(too_many_samples());
        }
        Ok(())
    }

    /// Makes [`Budget::check`] fail from now on.
    pub(crate) fn stop(&self, why: Stop) {
        self.stop.store(why as u8, Ordering::Relaxed);
    }

    /// Asked once a series: fails where the query is to stop.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        const EVALUATION: &str = "expression evaluation";
        match self.stop.load(Ordering::Relaxed) {
            0 => Ok(()),
            1 => Err(QueryError::Timeout(EVALUATION.to_owned())),
            _ => Err(QueryError::Canceled(EVALUATION.to_owned())),
        }
    }
}

fn too_many_samples() -> QueryError {
    QueryError::Execution(
        "query processing would load too many samples into memory in query execution".to_owned(),
    )
}
