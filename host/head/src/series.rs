//! One series in memory: sealed chunks, and one that takes samples.

use narthex_model::Labels;
use narthex_storage::{Series, TimeRange};

use crate::chunk::{CHUNK_SAMPLES, Chunk, OpenChunk};

/// A series and its samples, oldest first.
#[derive(Debug)]
pub(crate) struct MemorySeries {
    pub(crate) labels: Labels,
    sealed: Vec<Chunk>,
    open: OpenChunk,
}

impl MemorySeries {
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            sealed: Vec::new(),
            open: OpenChunk::default(),
        }
    }

    /// Adds a sample; the caller keeps the times ascending.
    pub(crate) fn push(&mut self, timestamp_ms: i64, bits: u64) {
        self.open.push(timestamp_ms, bits);
        if self.open.count() == CHUNK_SAMPLES {
            // One chunk in half an hour of scrapes: room for more would lie idle.
            self.sealed.reserve_exact(1);
            self.sealed.push(self.open.seal());
        }
    }

    /// The first and the last time, where there is a sample.
    fn span(&self) -> Option<TimeRange> {
        let has_open = self.open.count() > 0;
        let start_ms = match self.sealed.first() {
            Some(first) => first.start_ms,
            None if has_open => self.open.start_ms,
            None => return None,
        };
        let end_ms = match self.sealed.last() {
            Some(last) if !has_open => last.end_ms,
            _ => self.open.end_ms(),
        };
        Some(TimeRange { start_ms, end_ms })
    }

    /// Whether a sample may lie in the range.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.span().is_some_and(|span| span.overlaps(range))
    }

    /// Frees the chunks that end before `before_ms`, and says when the first sample at or after
    /// it is; none means that the series has nothing left.
    pub(crate) fn truncate(&mut self, before_ms: i64) -> Option<i64> {
        let gone = self
            .sealed
            .partition_point(|chunk| chunk.end_ms < before_ms);
        self.sealed.drain(..gone);
        self.sealed.shrink_to_fit();
        self.sealed
            .first()
            .and_then(|chunk| chunk.first_from(before_ms))
            .or_else(|| self.open.first_from(before_ms))
    }

    /// The chunks that may have samples in the range: sealed ones shared, the open one copied.
    pub(crate) fn snapshot(&self, range: TimeRange) -> Option<Snapshot> {
        if !self.overlaps(range) {
            return None;
        }
        let from = self
            .sealed
            .partition_point(|chunk| chunk.end_ms < range.start_ms);
        let to = self
            .sealed
            .partition_point(|chunk| chunk.start_ms <= range.end_ms);
        let mut chunks = Vec::with_capacity(to.saturating_sub(from) + 1);
        chunks.extend_from_slice(self.sealed.get(from..to).unwrap_or_default());
        if self.open.count() > 0 {
            let open = self.open.copy();
            if open.overlaps(range) {
                chunks.push(open);
            }
        }
        Some(Snapshot {
            labels: self.labels.clone(),
            chunks,
            range,
        })
    }

    pub(crate) fn chunks(&self) -> usize {
        self.sealed.len() + usize::from(self.open.count() > 0)
    }

    /// Bytes of the samples: buffers and the list of chunks.
    pub(crate) fn sample_bytes(&self) -> usize {
        let sealed: usize = self.sealed.iter().map(Chunk::heap_bytes).sum();
        sealed + self.sealed.capacity() * size_of::<Chunk>() + self.open.heap_bytes()
    }
}

/// A series as it was when a reader asked; decoded when the reader gets to it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) labels: Labels,
    chunks: Vec<Chunk>,
    range: TimeRange,
}

impl Snapshot {
    /// The samples in the range, or nothing where there are none.
    pub(crate) fn read(self) -> Option<Series> {
        let samples = self
            .chunks
            .iter()
            .map(|chunk| usize::from(chunk.count()))
            .sum();
        let mut times = Vec::with_capacity(samples);
        let mut values = Vec::with_capacity(samples);
        for chunk in &self.chunks {
            chunk.read(self.range, &mut times, &mut values);
        }
        if times.is_empty() {
            return None;
        }
        Some(Series::of_numbers(self.labels, times, values))
    }
}
