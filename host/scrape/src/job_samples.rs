//! How many samples the targets of a job have between them, for `job_sample_limit`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The samples of the last good scrapes of all targets of a job.
#[derive(Debug, Default)]
pub(crate) struct JobSamples(AtomicU64);

/// A target's part of them; it is given back when the target goes.
#[derive(Debug)]
pub(crate) struct Share {
    all: Arc<JobSamples>,
    own: u64,
}

impl Share {
    /// The part of a target that has not been scraped yet.
    pub(crate) fn new(all: &Arc<JobSamples>) -> Self {
        Self {
            all: Arc::clone(all),
            own: 0,
        }
    }

    /// How many samples the target may have, so that all targets have no more than the limit; 0 is
    /// no limit. Scrapes that are read at the same moment do not see each other.
    pub(crate) fn room(&self, limit: u64) -> u64 {
        match limit {
            0 => u64::MAX,
            limit => {
                let others = self.all.0.load(Ordering::Relaxed).saturating_sub(self.own);
                limit.saturating_sub(others)
            }
        }
    }

    /// The target has so many from now on.
    pub(crate) fn set(&mut self, own: u64) {
        self.all.0.fetch_add(own, Ordering::Relaxed);
        self.all.0.fetch_sub(self.own, Ordering::Relaxed);
        self.own = own;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_target_has_is_not_there_for_the_others() {
        let all = Arc::new(JobSamples::default());
        let (mut one, mut other) = (Share::new(&all), Share::new(&all));
        assert_eq!((one.room(0), one.room(10)), (u64::MAX, 10));
        one.set(7);
        assert_eq!((one.room(10), other.room(10), other.room(5)), (10, 3, 0));
        other.set(3);
        one.set(2);
        assert_eq!((one.room(10), other.room(10)), (7, 8));
        drop(one);
        assert_eq!(other.room(10), 10);
    }
}
