//! The queue of one shard: a few thousand samples, given out in batches.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::item::Item;

/// What waits in a shard. One task fills it and one empties it.
#[derive(Debug)]
pub(super) struct ShardQueue {
    state: Mutex<State>,
    /// Something came, or nothing will any more.
    filled: Notify,
    /// There is room again.
    drained: Notify,
    capacity: usize,
    batch_max: usize,
    deadline: Duration,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// When the oldest one came.
    since: Option<Instant>,
    /// The record of the oldest one that was given out and is not done.
    under_way: Option<u64>,
    is_closed: bool,
}

impl ShardQueue {
    pub(super) fn new(capacity: usize, batch_max: usize, deadline: Duration) -> Self {
        Self {
            state: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
            // A batch must fit, else none would ever be whole.
            capacity: capacity.max(batch_max),
            batch_max,
            deadline,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds items once there is room for one, and says whether there was none at first. It may go
    /// over its bound by those of one call.
    pub(super) async fn push(&self, items: &mut Vec<Item>) -> bool {
        let mut waited = false;
        if items.is_empty() {
            return waited;
        }
        loop {
            {
                let mut state = self.state();
                if state.items.len() < self.capacity {
                    let now = Instant::now();
                    state.since.get_or_insert(now);
                    state.items.extend(items.drain(..));
                    drop(state);
                    self.filled.notify_one();
                    return waited;
                }
            }
            waited = true;
            self.drained.notified().await;
        }
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.filled.notify_one();
    }

    /// The next batch: as large as it may be, or what there is once the oldest of it has waited
    /// long enough. Nothing at the end.
    pub(super) async fn take(&self) -> Option<Vec<Item>> {
        loop {
            let wait = {
                let mut state = self.state();
                let (len, now) = (state.items.len(), Instant::now());
                let due = state.since.map(|since| since + self.deadline);
                let is_due = due.is_some_and(|due| due <= now) || state.is_closed;
                if len >= self.batch_max || (is_due && len > 0) {
                    let batch = self.cut(&mut state, now);
                    drop(state);
                    self.drained.notify_one();
                    return Some(batch);
                }
                if state.is_closed {
                    return None;
                }
                due
            };
            match wait {
                // It comes back by itself, whether the other one is first or not.
                Some(due) => {
                    let _ = tokio::time::timeout_at(due, self.filled.notified()).await;
                }
                None => self.filled.notified().await,
            }
        }
    }

    fn cut(&self, state: &mut State, now: Instant) -> Vec<Item> {
        let count = state.items.len().min(self.batch_max);
        let batch: Vec<Item> = state.items.drain(..count).collect();
        state.under_way = batch.iter().map(|item| item.seq).min();
        state.since = (!state.items.is_empty()).then_some(now);
        batch
    }

    /// What [`Self::take`] gave out is sent, or will never be.
    pub(super) fn done(&self) {
        self.state().under_way = None;
    }

    /// The oldest record that something here is from.
    pub(super) fn oldest(&self) -> Option<u64> {
        let state = self.state();
        let waiting = state.items.front().map(|item| item.seq);
        [state.under_way, waiting].into_iter().flatten().min()
    }
}
