//! One line of a page, and the series that it means.
//!
//! It is not: where it is found. The lines of all targets are held at all times, so each byte of an
//! entry counts.

use super::Stale;

/// A line of a page, as it is told from others: 120 bits of a hash. The lines themselves would take
/// more memory than all else that is here, and would have to be fetched to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    low: u64,
    /// Its lowest eight bits are none of the hash.
    high: u64,
}

/// The bits of an entry beside the hash of its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl Mark {
    /// There is a line; without this mark the entry is free.
    const LIVE: Self = Self(1);
    /// This scrape has the line.
    pub(super) const SEEN: Self = Self(1 << 1);
    /// The series gets a stale mark when this scrape does not have it.
    pub(super) const TRACKED: Self = Self(1 << 2);
    /// The same of the scrape after this one.
    pub(super) const TRACKS: Self = Self(1 << 3);
    const ALL: Self = Self(0xff);
}

/// What is remembered of one line.
#[derive(Debug)]
pub(super) struct Entry {
    low: u64,
    /// The rest of the hash, and the marks in its lowest eight bits.
    high_and_marks: u64,
    /// `None`: relabelling dropped it.
    pub(super) series: Option<Stale>,
}

impl Line {
    /// The line of a hash.
    pub(super) fn of(hash: u128) -> Self {
        let bytes = hash.to_le_bytes();
        let (low, high) = bytes.split_at(8);
        let half = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        Self {
            low: half(low),
            high: half(high) & !Mark::ALL.0,
        }
    }

    /// Where it stands in a table.
    pub(super) fn key(self) -> u64 {
        self.low
    }
}

impl Entry {
    /// One that a new line can have.
    pub(super) const FREE: Self = Self {
        low: 0,
        high_and_marks: 0,
        series: None,
    };

    /// A line that this scrape has.
    pub(super) fn new(line: Line, series: Option<Stale>) -> Self {
        Self {
            low: line.low,
            high_and_marks: line.high | Mark::LIVE.0 | Mark::SEEN.0,
            series,
        }
    }

    /// Whether it is that of a line.
    pub(super) fn is_of(&self, line: Line) -> bool {
        let besides_live = Mark::ALL.0 & !Mark::LIVE.0;
        self.low == line.low && (self.high_and_marks & !besides_live) == (line.high | Mark::LIVE.0)
    }

    pub(super) fn is_live(&self) -> bool {
        self.has(Mark::LIVE)
    }

    /// Where its line stands in a table.
    pub(super) fn key(&self) -> u64 {
        self.low
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        self.high_and_marks & mark.0 != 0
    }

    pub(super) fn set(&mut self, mark: Mark) {
        self.high_and_marks |= mark.0;
    }

    pub(super) fn clear(&mut self, mark: Mark) {
        self.high_and_marks &= !mark.0;
    }

    /// The scrape is over, and what it had is what the next one is compared with.
    pub(super) fn settle(&mut self) {
        let tracks = self.has(Mark::TRACKS);
        for mark in [Mark::SEEN, Mark::TRACKED, Mark::TRACKS] {
            self.clear(mark);
        }
        if tracks {
            self.set(Mark::TRACKED);
        }
    }

    /// The scrape is over, and what it had counts for nothing.
    pub(super) fn undo(&mut self) {
        self.clear(Mark::SEEN);
        self.clear(Mark::TRACKS);
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::{Labels, SeriesRef};

    use super::*;

    #[test]
    fn an_entry_takes_forty_bytes() {
        assert_eq!(size_of::<Entry>(), 40);
    }

    #[test]
    fn marks_are_no_part_of_the_hash() {
        let line = Line::of(u128::MAX);
        let series = (SeriesRef::UNKNOWN, Labels::empty());
        let mut entry = Entry::new(line, Some(series));
        for mark in [Mark::SEEN, Mark::TRACKED, Mark::TRACKS] {
            entry.set(mark);
            assert!(entry.is_of(line) && entry.has(mark), "{mark:?}");
        }
        entry.settle();
        assert!(entry.is_of(line) && entry.has(Mark::TRACKED));
        assert!(!entry.has(Mark::SEEN) && !entry.has(Mark::TRACKS));
        for other in [1_u128 << 127, 1 << 72, 1 << 63, 1] {
            assert!(!entry.is_of(Line::of(u128::MAX ^ other)), "{other}");
        }
        assert!(!Entry::FREE.is_of(Line::of(0)));
    }
}
