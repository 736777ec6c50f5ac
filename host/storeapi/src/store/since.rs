//! The past that an endpoint leaves to others, who have it too.

use narthex_storage::TimeRange;

use super::StoreApi;

/// Tells the time before which nothing is answered, in milliseconds since the epoch.
pub type SinceOf = dyn Fn() -> i64 + Send + Sync;

impl StoreApi {
    /// The same, and samples from before a time are neither told of nor answered for: where a store
    /// has them as well, they would be read twice, and nobody could aggregate them alone.
    #[must_use]
    pub fn since(self, since: Box<SinceOf>) -> Self {
        Self {
            since: Some(since),
            ..self
        }
    }

    /// Nothing before that is answered for.
    pub(super) fn since_ms(&self) -> i64 {
        self.since.as_ref().map_or(i64::MIN, |since| since())
    }

    /// As much of a range, from its first to its last time, as is answered for.
    pub(super) fn answered(&self, (start_ms, end_ms): (i64, i64)) -> (i64, i64) {
        (start_ms.max(self.since_ms()), end_ms)
    }
}

/// As much of a range as lies from that time on.
pub(super) fn from(since_ms: i64, range: TimeRange) -> TimeRange {
    TimeRange {
        start_ms: range.start_ms.max(since_ms),
        ..range
    }
}
