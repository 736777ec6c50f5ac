//! What waits to be sent to one Alertmanager.
//!
//! It is not: what sends it.

use std::collections::VecDeque;

use narthex_rules::Notification;

/// So many notifications wait for each Alertmanager (Prometheus' default of
/// `--alertmanager.notification-queue-capacity`); of more the oldest are dropped.
pub const QUEUE_CAPACITY_DEFAULT: usize = 10_000;

/// So many are sent at once (Prometheus `DefaultMaxBatchSize`).
pub const BATCH_SIZE_DEFAULT: usize = 256;

/// Notifications, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Notification>,
}

impl Queue {
    /// Adds some, and says how many were dropped: the oldest, whether they waited or are new.
    pub(crate) fn push(&mut self, new: Vec<Notification>, capacity: usize) -> usize {
        self.waiting.extend(new);
        let dropped = self.waiting.len().saturating_sub(capacity);
        self.waiting.drain(..dropped);
        dropped
    }

    /// The oldest, at most so many.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Notification> {
        let count = self.waiting.len().min(most.max(1));
        self.waiting.drain(..count).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::notification;

    fn numbered(numbers: std::ops::Range<usize>) -> Vec<Notification> {
        numbers.map(|n| notification(&n.to_string())).collect()
    }

    #[test]
    fn the_oldest_are_dropped_where_there_is_no_room() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(numbered(0..3), 4), 0);
        assert_eq!(queue.push(numbered(3..6), 4), 2);
        assert_eq!(queue.take(3), numbered(2..5));
        assert_eq!(queue.push(numbered(10..20), 4), 7);
        assert_eq!((queue.len(), queue.take(10)), (4, numbered(16..20)));
        assert!(queue.take(10).is_empty());
        assert_eq!(queue.push(numbered(0..1), 0), 1);
    }

    #[test]
    fn a_batch_has_one_at_least() {
        let mut queue = Queue::default();
        queue.push(numbered(0..2), 10);
        assert_eq!(queue.take(0).len(), 1);
    }
}
