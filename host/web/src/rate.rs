//! A bucket of tokens: one comes back each interval, a request takes one.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::RateLimit;

/// Says of each request whether it is one too many.
#[derive(Debug)]
pub(crate) struct Bucket {
    limit: RateLimit,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full one; none where the limit takes every request.
    pub(crate) fn new(limit: RateLimit, now: Instant) -> Option<Self> {
        (!limit.interval.is_zero()).then(|| Self {
            limit,
            state: Mutex::new((f64::from(limit.burst), now)),
        })
    }

    /// Takes a token, where there is one.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, at) = &mut *state;
        let since = now.saturating_duration_since(*at);
        *at = now;
        let grown = *tokens + since.as_secs_f64() / self.limit.interval.as_secs_f64();
        *tokens = grown.min(f64::from(self.limit.burst));
        let there = *tokens >= 1.0;
        if there {
            *tokens -= 1.0;
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_one_an_interval() {
        let limit = RateLimit {
            interval: Duration::from_secs(1),
            burst: 2,
        };
        let start = Instant::now();
        let bucket = Bucket::new(limit, start).unwrap();
        let table = [
            (0, true),
            (0, true),
            (0, false),
            (500, false),
            (1_000, true),
            (1_500, false),
            (60_000, true),
            (60_000, true),
            (60_000, false),
        ];
        for (ms, taken) in table {
            let now = start + Duration::from_millis(ms);
            assert_eq!(bucket.take(now), taken, "after {ms} ms");
        }
    }

    #[test]
    fn no_interval_takes_all_and_no_burst_takes_none() {
        let now = Instant::now();
        assert!(Bucket::new(RateLimit::default(), now).is_none());
        let none = RateLimit {
            interval: Duration::from_secs(1),
            burst: 0,
        };
        let bucket = Bucket::new(none, now).unwrap();
        assert!(!bucket.take(now + Duration::from_secs(9)));
    }
}
