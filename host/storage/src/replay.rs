//! How far a store has come that reads its log back.

use std::sync::atomic::{AtomicU32, Ordering};

/// Which segment of the log is being read. The store writes it while it opens; others may look at
/// it all the while.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    first: AtomicU32,
    last: AtomicU32,
    current: AtomicU32,
}

/// A look at a [`ReplayProgress`], in numbers of segments; all are 0 before the replay starts,
/// and where the log has no segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayStatus {
    /// The first segment.
    pub first: u32,
    /// The last one.
    pub last: u32,
    /// The one that is being read, and after the replay the last.
    pub current: u32,
}

impl ReplayProgress {
    /// The replay goes from one segment to another.
    pub fn start(&self, first: u32, last: u32) {
        self.current.store(first, Ordering::Relaxed);
        self.first.store(first, Ordering::Relaxed);
        self.last.store(last, Ordering::Relaxed);
    }

    /// A segment is being read.
    pub fn reach(&self, segment: u32) {
        self.current.store(segment, Ordering::Relaxed);
    }

    /// Where the replay is.
    pub fn status(&self) -> ReplayStatus {
        ReplayStatus {
            first: self.first.load(Ordering::Relaxed),
            last: self.last.load(Ordering::Relaxed),
            current: self.current.load(Ordering::Relaxed),
        }
    }
}
