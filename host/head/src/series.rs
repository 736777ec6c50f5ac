//! One series in memory: sealed chunks, and a tail that takes samples.

use narthex_model::{Labels, sample};
use narthex_storage::{Intervals, TimeRange};

use crate::chunk::{Chunk, Scratch};
use crate::chunk_snapshot::{Parts, StoredSeries};
use crate::late::{Held, LateMark, LatePoint, LateSamples};
use crate::series_kinds::SeriesKinds;
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
    /// What came out of order. Most series have none, ever.
    late: Option<Box<LateSamples>>,
    /// What its samples have beside numbers; most series have nothing.
    kinds: Option<Box<SeriesKinds>>,
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
            late: None,
            kinds: None,
        }
    }

    /// A series as a snapshot has it, without its late samples. `slot` is where it will be.
    pub(crate) fn restored(stored: StoredSeries, slot: u32, lines: &mut Timelines) -> Self {
        let mut series = Self::new(stored.labels);
        series.sealed = stored.sealed;
        series.sealed.shrink_to_fit();
        if let Some((tail, stretch)) = stored.tail {
            (series.tail, series.stretch) = (tail, stretch);
        }
        for stretch in series.stretches() {
            lines.restore_user(stretch.line);
        }
        for (timestamp_ms, histogram) in stored.histograms {
            let kinds = series.kinds_mut();
            kinds.push_histogram(slot, timestamp_ms, histogram);
        }
        for run in stored.starts {
            series.kinds_mut().restore_run(run);
        }
        series
    }

    /// What a snapshot has of it; `deleted` is what is deleted of it.
    pub(crate) fn parts<'a>(&'a self, deleted: Option<&'a Intervals>) -> Parts<'a> {
        Parts {
            labels: &self.labels,
            sealed: &self.sealed,
            tail: (self.stretch.count > 0).then_some((&self.tail, self.stretch)),
            kinds: self.kinds.as_deref(),
            late: self.late.as_deref(),
            deleted,
        }
    }

    /// What its samples have beside numbers, to be added to.
    pub(crate) fn kinds_mut(&mut self) -> &mut SeriesKinds {
        self.kinds.get_or_insert_default()
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

    /// Adds a sample out of order, and says whether there was none at its time.
    pub(crate) fn push_late(
        &mut self,
        lines: &Timelines,
        timestamp_ms: i64,
        held: Held,
        seq: u64,
    ) -> bool {
        if self.in_order_at(lines, timestamp_ms).is_some() {
            return false;
        }
        let late = self.late.get_or_insert_default();
        late.insert(timestamp_ms, held, seq)
    }

    /// The sample at a time.
    pub(crate) fn at(&self, lines: &Timelines, timestamp_ms: i64) -> Option<Held> {
        let late = self.late.as_ref();
        if let Some(held) = late.and_then(|late| late.at(timestamp_ms)) {
            return Some(held.clone());
        }
        let bits = self.in_order_at(lines, timestamp_ms)?;
        let kinds = self
            .kinds
            .as_ref()
            .filter(|_| sample::is_histogram(f64::from_bits(bits)));
        Some(Held {
            bits,
            histogram: kinds.and_then(|kinds| kinds.histogram_at(timestamp_ms)),
        })
    }

    fn in_order_at(&self, lines: &Timelines, timestamp_ms: i64) -> Option<u64> {
        let mut stretches = self.stretches().enumerate();
        let (chunk, index) = stretches.find_map(|(number, stretch)| {
            let index = lines.times(stretch).binary_search(&timestamp_ms).ok()?;
            Some((self.chunk(number), index))
        })?;
        let mut values = Vec::new();
        chunk.read(index, 1, &mut values).ok()?;
        values.first().map(|value| value.to_bits())
    }

    /// A sealed chunk, or what would be one of the tail, which comes behind them.
    fn chunk(&self, number: usize) -> Chunk {
        match self.sealed.get(number) {
            Some(chunk) => chunk.clone(),
            None => Chunk::copy(&self.tail, self.stretch),
        }
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

    /// Deletes the late samples in a range, and says how many.
    pub(crate) fn remove_late(&mut self, range: TimeRange) -> usize {
        let gone = self.late.as_mut().map_or(0, |late| late.delete(range));
        if self.late.as_ref().is_some_and(|late| late.is_empty()) {
            self.late = None;
        }
        gone
    }

    /// The times of the late samples in a range.
    pub(crate) fn late_times(&self, range: TimeRange) -> impl Iterator<Item = i64> {
        self.late.iter().flat_map(move |late| late.times(range))
    }

    /// The first and the last time of the samples in order, where there is one.
    pub(crate) fn span(&self, lines: &Timelines) -> Option<TimeRange> {
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

    /// The time of the first sample in order that is not before another.
    pub(crate) fn first_from(&self, lines: &Timelines, from_ms: i64) -> Option<i64> {
        let mut times = self.stretches().flat_map(|stretch| lines.times(stretch));
        times.find(|at| **at >= from_ms).copied()
    }

    /// Whether a sample may lie in the range.
    pub(crate) fn overlaps(&self, lines: &Timelines, range: TimeRange) -> bool {
        self.span(lines).is_some_and(|span| span.overlaps(range))
    }

    /// Whether a sample that came out of order lies in the range.
    pub(crate) fn has_late(&self, range: TimeRange) -> bool {
        let mut late = self.late.iter().flat_map(|late| late.range(range));
        late.next().is_some()
    }

    /// The late samples that a mark covers.
    pub(crate) fn late_before(&self, mark: LateMark) -> Vec<LatePoint> {
        let late = self.late.iter().flat_map(|late| late.covered(mark));
        late.collect()
    }

    /// Frees the chunks that end before `before_ms` and the late samples that `mark` covers.
    pub(crate) fn truncate(
        &mut self,
        lines: &mut Timelines,
        before_ms: i64,
        mark: LateMark,
    ) -> Left {
        let gone = self
            .sealed
            .partition_point(|chunk| chunk.end_ms(lines) < before_ms);
        if let Some(kinds) = &mut self.kinds {
            kinds.truncate(before_ms);
        }
        if gone > 0 {
            for chunk in self.sealed.drain(..gone) {
                lines.release(chunk.stretch().line);
            }
            self.sealed.shrink_to_fit();
        }
        let late_gone = self.late.as_mut().map_or(0, |late| late.let_go(mark));
        if self.late.as_ref().is_some_and(|late| late.is_empty()) {
            self.late = None;
        }
        let late = self.late.as_ref();
        let first_late_ms = late.and_then(|late| late.first_from(before_ms));
        let first_ms = self.first_from(lines, before_ms);
        Left {
            first_ms: first_ms.into_iter().chain(first_late_ms).min(),
            is_gone: first_ms.is_none() && self.late.is_none(),
            late_gone,
        }
    }

    /// The samples in the range of `layouts`.
    pub(crate) fn snapshot(&self, layouts: &mut Layouts<'_>) -> Option<Snapshot> {
        let layout = layouts.of(self.stretches());
        let range = layouts.late_range();
        let late = self.late.iter().flat_map(|late| late.range(range));
        let late: Vec<LatePoint> = late.collect();
        if layout.parts().is_empty() && late.is_empty() {
            return None;
        }
        let chunks = layout.parts().iter().map(|part| self.chunk(part.index));
        let kinds = self.kinds.as_ref();
        let kinds = kinds.and_then(|kinds| kinds.within(layout.times()));
        Some(Snapshot {
            kinds,
            labels: self.labels.clone(),
            chunks: chunks.collect(),
            layout,
            late,
            deleted: None,
        })
    }

    /// The series is gone, and uses no timeline any more.
    pub(crate) fn release(self, lines: &mut Timelines) {
        for stretch in self.stretches() {
            lines.release(stretch.line);
        }
    }

    /// How many chunks it has, its tail among them.
    #[cfg(test)]
    pub(crate) fn chunks(&self) -> usize {
        self.stretches().count()
    }

    /// Bytes of the samples: buffers and the list of chunks.
    pub(crate) fn sample_bytes(&self) -> usize {
        let sealed: usize = self.sealed.iter().map(Chunk::heap_bytes).sum();
        let kinds = self.kinds.as_ref().map_or(0, |kinds| kinds.heap_bytes());
        sealed + self.sealed.capacity() * size_of::<Chunk>() + self.tail.heap_bytes() + kinds
    }
}

/// What a truncation left of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// The first sample at or after the bound.
    pub(crate) first_ms: Option<i64>,
    /// Whether there is no sample at all.
    pub(crate) is_gone: bool,
    /// Late samples that went.
    pub(crate) late_gone: usize,
}
