//! How long to wait after something failed.

use std::time::Duration;

use rand::RngExt as _;

use crate::cluster::Pace;
use crate::limits::RETRY_AFTER_MAX;

/// Waits that grow with each failure, and are never the same for two who failed together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(pace: &Pace) -> Self {
        Self {
            first: pace.backoff_first,
            longest: pace.backoff_longest,
            next: pace.backoff_first,
        }
    }

    /// All went well.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The wait after a failure, and no less than the server asked for: between half of what its
    /// turn is and all of it.
    pub(crate) fn after_failure(&mut self, retry_after: Option<Duration>) -> Duration {
        let part = rand::rng().random_range(0.5..=1.0);
        let wait = self.next.mul_f64(part);
        self.next = (self.next * 2).min(self.longest);
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        wait.max(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let pace = Pace {
            backoff_first: Duration::from_secs(1),
            backoff_longest: Duration::from_secs(5),
            ..Pace::default()
        };
        let mut backoff = Backoff::new(&pace);
        for most in [1, 2, 4, 5, 5] {
            let most = Duration::from_secs(most);
            let wait = backoff.after_failure(None);
            assert!(wait >= most / 2 && wait <= most, "{wait:?} {most:?}");
        }
        let asked = Duration::from_secs(7);
        assert_eq!(backoff.after_failure(Some(asked)), asked);
        let absurd = Duration::from_secs(1_000_000);
        assert_eq!(backoff.after_failure(Some(absurd)), RETRY_AFTER_MAX);
        backoff.reset();
        assert!(backoff.after_failure(None) <= Duration::from_secs(1));
    }
}
