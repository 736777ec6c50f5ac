//! What one query may take: samples and bytes in memory, and time.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use narthex_model::Labels;

use crate::error::QueryError;

/// What a sample in a column takes; its time is the column's place.
const BYTES_A_VALUE: usize = size_of::<f64>();

/// What a series takes beside its labels and its samples.
const SERIES_BYTES: usize = 64;

/// So many samples may be looked at between two questions whether the query is to stop: well
/// below a millisecond of work.
const SAMPLES_BETWEEN_CHECKS: usize = 1 << 16;

/// Counts what a query holds and tells its threads when to stop.
#[derive(Debug)]
pub(crate) struct Budget {
    samples_max: usize,
    samples: AtomicUsize,
    samples_peak: AtomicUsize,
    bytes_max: usize,
    bytes: AtomicUsize,
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
    /// A budget of so many samples in memory, and so many bytes.
    pub(crate) fn new(samples_max: usize, bytes_max: usize) -> Self {
        Self {
            samples_max,
            samples: AtomicUsize::new(0),
            samples_peak: AtomicUsize::new(0),
            bytes_max,
            bytes: AtomicUsize::new(0),
            stop: AtomicU8::new(0),
        }
    }

    /// Counts samples that are now in memory, and the bytes of their values.
    pub(crate) fn charge(&self, samples: usize) -> Result<(), QueryError> {
        let before = self.samples.fetch_add(samples, Ordering::Relaxed);
        let samples_now = before.saturating_add(samples);
        self.samples_peak.fetch_max(samples_now, Ordering::Relaxed);
        let charged = self.charge_bytes(samples.saturating_mul(BYTES_A_VALUE));
        if samples_now > self.samples_max {
            return Err(too_many_samples());
        }
        charged
    }

    /// Counts samples that have left memory.
    pub(crate) fn release(&self, samples: usize) {
        self.samples.fetch_sub(samples, Ordering::Relaxed);
        let bytes = samples.saturating_mul(BYTES_A_VALUE);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that are kept until the query is done: what the store gave, labels that
    /// functions made, timestamps of an answer.
    pub(crate) fn charge_bytes(&self, bytes: usize) -> Result<(), QueryError> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.fits(before, bytes)
    }

    /// Refuses what would be too much before it is made. It is not counted.
    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<(), QueryError> {
        self.fits(self.bytes.load(Ordering::Relaxed), bytes)
    }

    fn fits(&self, held: usize, bytes: usize) -> Result<(), QueryError> {
        if held.saturating_add(bytes) > self.bytes_max {
            return Err(QueryError::Execution(format!(
                "query processing would load more than {} bytes into memory in query execution",
                self.bytes_max
            )));
        }
        Ok(())
    }

    /// Counts bytes that are kept no longer.
    pub(crate) fn release_bytes(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts a label set that was made for the query.
    pub(crate) fn charge_labels(&self, labels: &Labels) -> Result<(), QueryError> {
        self.check()?;
        self.charge_bytes(labels.encoded_len() + SERIES_BYTES)
    }

    /// The most samples that were in memory at a time.
    pub(crate) fn samples_peak(&self) -> usize {
        self.samples_peak.load(Ordering::Relaxed)
    }

    /// Refuses what could only end above the bound.
    pub(crate) fn check_steps(&self, steps: usize) -> Result<(), QueryError> {
        if steps > self.samples_max {
            return Err(too_many_samples());
        }
        Ok(())
    }

    /// Makes [`Budget::check`] fail from now on. The first reason stays.
    pub(crate) fn stop(&self, why: Stop) {
        let (running, relaxed) = (0, Ordering::Relaxed);
        // It fails where the query was told to stop before.
        let _ = self
            .stop
            .compare_exchange(running, why as u8, relaxed, relaxed);
    }

    /// Asked at least once a series: fails where the query is to stop.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        const EVALUATION: &str = "expression evaluation";
        match self.stop.load(Ordering::Relaxed) {
            0 => Ok(()),
            1 => Err(QueryError::Timeout(EVALUATION.to_owned())),
            _ => Err(QueryError::Canceled(EVALUATION.to_owned())),
        }
    }

    /// For work on one series that may take long.
    pub(crate) fn pulse(&self) -> Pulse<'_> {
        Pulse {
            budget: self,
            samples: 0,
            is_stopped: false,
        }
    }
}

/// Asks now and then, while work on one series goes on, whether the query is to stop.
#[derive(Debug)]
pub(crate) struct Pulse<'a> {
    budget: &'a Budget,
    samples: usize,
    is_stopped: bool,
}

impl Pulse<'_> {
    /// Counts samples that are about to be looked at; `false` where there is no use in it any
    /// more. What is left undone then is seen by nobody: [`Budget::check`] fails behind it.
    #[inline]
    pub(crate) fn goes_on(&mut self, samples: usize) -> bool {
        self.samples += samples;
        if self.samples >= SAMPLES_BETWEEN_CHECKS {
            self.samples = 0;
            self.is_stopped = self.budget.check().is_err();
        }
        !self.is_stopped
    }
}

fn too_many_samples() -> QueryError {
    QueryError::Execution(
        "query processing would load too many samples into memory in query execution".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_released_may_be_taken_again() {
        let budget = Budget::new(10, 160);
        for _ in 0..5 {
            budget.charge(10).unwrap();
            assert!(budget.charge(1).is_err());
            budget.release(11);
        }
        assert_eq!(budget.samples_peak(), 11);
        budget.charge_bytes(100).unwrap();
        let refused = budget.charge(8).unwrap_err().to_string();
        assert_eq!(
            refused,
            "query processing would load more than 160 bytes into memory in query execution"
        );
    }

    #[test]
    fn what_is_only_asked_for_is_not_held() {
        let budget = Budget::new(1, 100);
        for _ in 0..3 {
            budget.check_bytes(100).unwrap();
            assert!(budget.check_bytes(101).is_err());
        }
        budget.charge_bytes(60).unwrap();
        budget.check_bytes(40).unwrap();
        assert!(budget.check_bytes(41).is_err());
        assert!(budget.check_bytes(usize::MAX).is_err());
    }

    #[test]
    fn a_query_stops_for_its_first_reason() {
        let budget = Budget::new(1, 1);
        assert!(budget.check().is_ok());
        budget.stop(Stop::Timeout);
        budget.stop(Stop::Canceled);
        assert!(matches!(budget.check(), Err(QueryError::Timeout(_))));
    }

    #[test]
    fn long_work_on_one_series_notices_within_its_bound() {
        let budget = Budget::new(1, 1);
        let mut pulse = budget.pulse();
        assert!(pulse.goes_on(SAMPLES_BETWEEN_CHECKS));
        budget.stop(Stop::Canceled);
        let looked_at = (1..)
            .take_while(|_| pulse.goes_on(100))
            .last()
            .unwrap_or_default();
        assert!(looked_at * 100 <= SAMPLES_BETWEEN_CHECKS, "{looked_at}");
        assert!(!pulse.goes_on(0));
    }
}
