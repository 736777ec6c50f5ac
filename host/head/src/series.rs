//! One series in memory: sealed chunks, and a tail that takes samples.

use narthex_model::Labels;
use narthex_storage::TimeRange;

use crate::chunk::{Chunk, Scratch};
use crate::snapshot::{Layouts, Snapshot};
use crate::tail::Tail;
use crate::timelines::{Company, Next, Stretch, Timelines};

/// A series and its samples, oldest first. It uses the timelines of its chunks and of its tail
/// until it is [let go of](Self::release).
#[derive(Debug)]
pub(crate) struct MemorySeries {
    pub(crate) labels: Labels,
    sealed: Vec<Chunk>,
    tail: Tail,
    /// Where the times of the tail are; without a count where there is no tail.
    stretch: Stretch,
}

const NOWHERE: Stretch = Stretch {
    line: 0,
    from: 0,
    count: 0,
};

impl MemorySeries {
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            sealed: Vec::new(),
            tail: Tail::default(),
            stretch: NOWHERE,
        }
    }

    /// Adds a sample; the caller keeps the times ascending.
    pub(crate) fn push(
        &mut self,
        lines: &mut Timelines,
        company: &mut Company,
        scratch: &mut Scratch,
        timestamp_ms: i64,
        bits: u64,
    ) {
        if self.stretch.count == 0 {
            self.stretch = lines.join(company, timestamp_ms, self.sealed.is_empty());
            self.tail.push(0, bits);
            return;
        }
        match lines.follow(company, self.stretch, timestamp_ms) {
            Next::Longer => self.stretch.count += 1,
            Next::Elsewhere(stretch) => self.stretch = stretch,
            Next::Sealed(stretch) => {
                self.seal(scratch);
                self.stretch = stretch;
            }
        }
        self.tail.push(self.stretch.count - 1, bits);
    }

    /// Makes a chunk of the tail.
    fn seal(&mut self, scratch: &mut Scratch) {
        // One chunk in half an hour of scrapes: room for more would lie idle, and so would the
        // tail's buffer.
        self.sealed.reserve_exact(1);
        self.sealed
            .push(Chunk::seal(&self.tail, self.stretch, scratch));
        self.tail = Tail::default();
        self.stretch = NOWHERE;
    }

    fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let tail = (self.stretch.count > 0).then_some(self.stretch);
        self.sealed.iter().map(Chunk::stretch).chain(tail)
    }

    /// The first and the last time, where there is a sample.
    fn span(&self, lines: &Timelines) -> Option<TimeRange> {
        let has_tail = self.stretch.count > 0;
        let start_ms = match self.sealed.first() {
            Some(first) => first.start_ms(lines),
            None if has_tail => lines.start_ms(self.stretch),
            None => return None,
        };
        let end_ms = match self.sealed.last() {
            Some(last) if !has_tail => last.end_ms(lines),
            _ => lines.end_ms(self.stretch),
        };
        Some(TimeRange { start_ms, end_ms })
    }

    /// Whether a sample may lie in the range.
    pub(crate) fn overlaps(&self, lines: &Timelines, range: TimeRange) -> bool {
        self.span(lines).is_some_and(|span| span.overlaps(range))
    }

    /// Frees the chunks that end before `before_ms`, and says when the first sample at or after
    /// it is; none means that the series has nothing left.
    pub(crate) fn truncate(&mut self, lines: &mut Timelines, before_ms: i64) -> Option<i64> {
        let gone = self
            .sealed
            .partition_point(|chunk| chunk.end_ms(lines) < before_ms);
        if gone > 0 {
            for chunk in self.sealed.drain(..gone) {
                lines.release(chunk.stretch().line);
            }
            self.sealed.shrink_to_fit();
        }
        let mut times = self.stretches().flat_map(|stretch| lines.times(stretch));
        times.find(|at| **at >= before_ms).copied()
    }

    /// The samples in the range of `layouts`.
    pub(crate) fn snapshot(&self, layouts: &mut Layouts<'_>) -> Option<Snapshot> {
        let layout = layouts.of(self.stretches())?;
        let chunk = |index: usize| match self.sealed.get(index) {
            Some(chunk) => chunk.clone(),
            None => Chunk::copy(&self.tail, self.stretch),
        };
        Some(Snapshot {
            labels: self.labels.clone(),
            chunks: layout
                .parts()
                .iter()
                .map(|part| chunk(part.index))
                .collect(),
            layout,
        })
    }

    /// The series is gone, and uses no timeline any more.
    pub(crate) fn release(self, lines: &mut Timelines) {
        for stretch in self.stretches() {
            lines.release(stretch.line);
        }
    }

    pub(crate) fn chunks(&self) -> usize {
        self.stretches().count()
    }

    /// Bytes of the samples: buffers and the list of chunks.
    pub(crate) fn sample_bytes(&self) -> usize {
        let sealed: usize = self.sealed.iter().map(Chunk::heap_bytes).sum();
        sealed + self.sealed.capacity() * size_of::<Chunk>() + self.tail.heap_bytes()
    }
}
