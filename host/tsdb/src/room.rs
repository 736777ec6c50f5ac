//! Whether there is room for a block, so that a full disk is not filled again and again with what
//! must be removed right after.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long nothing is written after a block found no room: first this, then twice as long.
const WAIT_MIN_MS: i64 = 10_000;

/// The longest wait.
const WAIT_MAX_MS: i64 = 300_000;

/// What is known of the room on the disk.
#[derive(Debug, Default)]
pub(crate) struct Room {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A block was cut, and found no room.
    failed: Option<Failed>,
    /// A compaction is due and would find none.
    is_compaction_waiting: bool,
}

#[derive(Debug, Clone, Copy)]
struct Failed {
    at_ms: i64,
    wait_ms: i64,
    free_bytes: u64,
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it makes sense to cut a block: there was room the last time, or there is twice as
    /// much now, or the wait is over. A clock that steps back ends it.
    pub(crate) fn allows_cut(&self, now_ms: i64, free_bytes: u64) -> bool {
        self.state().failed.is_none_or(|failed| {
            let waited_ms = now_ms.saturating_sub(failed.at_ms);
            let is_over = !(0..failed.wait_ms).contains(&waited_ms);
            is_over || free_bytes / 2 > failed.free_bytes
        })
    }

    /// Notes that a block found no room.
    pub(crate) fn cut_failed(&self, now_ms: i64, free_bytes: u64) {
        let mut state = self.state();
        let wait_ms = state.failed.map_or(WAIT_MIN_MS, |failed| {
            failed.wait_ms.saturating_mul(2).min(WAIT_MAX_MS)
        });
        state.failed = Some(Failed {
            at_ms: now_ms,
            wait_ms,
            free_bytes,
        });
    }

    /// Notes that there is room again: a block was cut, or some have gone.
    pub(crate) fn is_there(&self) {
        self.state().failed = None;
    }

    /// Notes whether a compaction waits for room; whether that is news.
    pub(crate) fn compaction_waits(&self, waits: bool) -> bool {
        let mut state = self.state();
        std::mem::replace(&mut state.is_compaction_waiting, waits) != waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_minutes_and_ends_with_room() {
        let room = Room::default();
        let mut now_ms = 1_000;
        assert!(room.allows_cut(now_ms, 0));
        for wait_s in [10, 20, 40, 80, 160, 300, 300] {
            room.cut_failed(now_ms, 100);
            assert!(!room.allows_cut(now_ms, 100));
            assert!(!room.allows_cut(now_ms + wait_s * 1_000 - 1, 200));
            assert!(room.allows_cut(now_ms + wait_s * 1_000, 100));
            assert!(room.allows_cut(now_ms, 202), "there is twice as much room");
            assert!(room.allows_cut(now_ms - 1, 100), "the clock stepped back");
            now_ms += wait_s * 1_000;
        }
        room.is_there();
        assert!(room.allows_cut(now_ms, 0));
        room.cut_failed(now_ms, 0);
        assert!(room.allows_cut(now_ms + 10_000, 0));
    }

    #[test]
    fn that_a_compaction_waits_is_news_once() {
        let room = Room::default();
        let told = [true, true, false, false, true].map(|waits| room.compaction_waits(waits));
        assert_eq!(told, [true, false, true, false, true]);
    }
}
