//! The last log lines of each plugin, for those who ask and those who follow.
//!
//! It is not: the way into the host's own log, nor the bound on what one call may write (`log`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::limits::{LOG_FOLLOWER_LINES_MAX, LOG_LINES_PER_SECOND_MAX, LOG_RING_LINES_MAX};

/// A line that a plugin logged, or that the host has to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The job that it worked for; empty where it was for none.
    pub job: String,
    /// What it said, without line breaks.
    pub message: String,
}

/// The lines of one plugin: the last [`LOG_RING_LINES_MAX`], at most
/// [`LOG_LINES_PER_SECOND_MAX`] of each second. A follower that is slower than
/// [`LOG_FOLLOWER_LINES_MAX`] lines misses the oldest and is told so by its receiver.
#[derive(Debug, Clone)]
pub(crate) struct LogRing(Arc<Ring>);

#[derive(Debug)]
struct Ring {
    state: Mutex<State>,
    followers: broadcast::Sender<LogLine>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<LogLine>,
    second: i64,
    lines_in_second: u32,
}

impl Default for LogRing {
    fn default() -> Self {
        let (followers, _) = broadcast::channel(LOG_FOLLOWER_LINES_MAX);
        Self(Arc::new(Ring {
            state: Mutex::default(),
            followers,
        }))
    }
}

impl LogRing {
    /// Takes a line; false where it is one too many in its second.
    pub(crate) fn push(&self, line: LogLine) -> bool {
        let mut state = self.lock();
        let second = line.time_ms.div_euclid(1000);
        if state.second != second {
            state.second = second;
            state.lines_in_second = 0;
        }
        if state.lines_in_second >= LOG_LINES_PER_SECOND_MAX {
            return false;
        }
        state.lines_in_second += 1;
        if state.lines.len() >= LOG_RING_LINES_MAX {
            state.lines.pop_front();
        }
        state.lines.push_back(line.clone());
        // Sent under the lock, so that a new follower misses no line and sees none twice.
        let _ = self.0.followers.send(line);
        true
    }

    /// The lines so far, and those to come.
    pub(crate) fn follow(&self) -> (Vec<LogLine>, broadcast::Receiver<LogLine>) {
        let state = self.lock();
        let lines = state.lines.iter().cloned().collect();
        (lines, self.0.followers.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time_ms: i64, message: impl ToString) -> LogLine {
        LogLine {
            time_ms,
            level: "info",
            job: "a".to_owned(),
            message: message.to_string(),
        }
    }

    #[test]
    fn the_oldest_lines_make_room() {
        let ring = LogRing::default();
        let count = LOG_RING_LINES_MAX as i64 + 3;
        for number in 0..count {
            assert!(ring.push(line(number * 1000, number)));
        }
        let (lines, _) = ring.follow();
        assert_eq!(lines.len(), LOG_RING_LINES_MAX);
        assert_eq!(lines[0].message, "3");
    }

    #[test]
    fn a_flood_is_cut_to_so_many_lines_a_second() {
        let ring = LogRing::default();
        let taken = (0..1000).filter(|n| ring.push(line(5000, n))).count();
        assert_eq!(taken, LOG_LINES_PER_SECOND_MAX as usize);
        assert!(ring.push(line(6000, "next")));
    }

    #[test]
    fn followers_get_what_comes_after_the_lines_so_far() {
        let ring = LogRing::default();
        ring.push(line(0, "before"));
        let (lines, mut following) = ring.follow();
        ring.push(line(1, "after"));
        assert_eq!(lines[0].message, "before");
        assert_eq!(following.try_recv().unwrap().message, "after");
        assert!(following.try_recv().is_err());
    }
}
