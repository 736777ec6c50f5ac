//! Samples as chunks: what [`read_chunk`](crate::read_chunk) reads, written.
//!
//! A chunk has samples of one kind: numbers, or native histograms that have the same buckets, are
//! all gauges or all counters, and between which no counter was reset. Start timestamps have no
//! place in these encodings.

mod histograms;
mod numbers;

use narthex_model::FloatHistogram;
use narthex_storage::{Series, TimeRange};

use crate::block::{FLOAT_HISTOGRAM, HISTOGRAM, XOR};

/// A chunk has at most so many samples, as in Prometheus.
pub const CHUNK_SAMPLES_MAX: usize = 120;

/// A chunk of more than one histogram has at most so many counts of buckets in all, so that it
/// stays below a megabyte.
const CHUNK_BUCKETS_MAX: usize = 1 << 16;

/// A chunk as it lies in a block, without the length, encoding and checksum around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenChunk {
    /// Prometheus' number: 1 for numbers, 2 for histograms of integers, 3 for those with fractions.
    pub encoding: u8,
    /// The times of the first and the last sample.
    pub range: TimeRange,
    /// How many samples, and the samples.
    pub data: Vec<u8>,
}

/// The samples of a series in chunks, in the order of time.
pub fn write_chunks(series: &Series) -> ChunkWriter<'_> {
    ChunkWriter { series, at: 0 }
}

/// Writes the chunks of a series one by one.
#[derive(Debug)]
pub struct ChunkWriter<'a> {
    series: &'a Series,
    /// The first sample that is not written.
    at: usize,
}

impl<'a> ChunkWriter<'a> {
    fn histogram(&self, at: usize) -> Option<&'a FloatHistogram> {
        self.series.histograms.as_ref()?.get(at)?.as_deref()
    }

    /// The samples from `self.at` on that are numbers.
    fn numbers_end(&self) -> usize {
        let end = self.series.timestamps.len();
        let end = end.min(self.at.saturating_add(CHUNK_SAMPLES_MAX));
        match self.series.histograms.is_some() {
            true => (self.at..end)
                .find(|at| self.histogram(*at).is_some())
                .unwrap_or(end),
            false => end,
        }
    }

    /// The histograms from `self.at` on that go into a chunk with the first one.
    fn histograms(&self, first: &'a FloatHistogram) -> Vec<&'a FloatHistogram> {
        let buckets = first.positive.len() + first.negative.len();
        let max = (CHUNK_BUCKETS_MAX / buckets.max(1)).clamp(1, CHUNK_SAMPLES_MAX);
        let mut run = vec![first];
        let mut last = first;
        while run.len() < max
            && let Some(next) = self.histogram(self.at + run.len())
            && histograms::follows(last, next)
        {
            run.push(next);
            last = next;
        }
        run
    }
}

impl Iterator for ChunkWriter<'_> {
    type Item = WrittenChunk;

    fn next(&mut self) -> Option<WrittenChunk> {
        let start = self.at;
        let start_ms = *self.series.timestamps.get(start)?;
        let (encoding, data) = match self.histogram(start) {
            None => {
                self.at = self.numbers_end();
                let times = self.series.timestamps.get(start..self.at)?;
                let values = self.series.values.get(start..self.at)?;
                (XOR, numbers::write(times, values))
            }
            Some(first) => {
                let run = self.histograms(first);
                self.at = start + run.len();
                let before = start.checked_sub(1).and_then(|at| self.histogram(at));
                let resets = histograms::resets(before, first);
                let times = self.series.timestamps.get(start..self.at)?;
                match histograms::are_integers(&run) {
                    true => (HISTOGRAM, histograms::write_integers(times, &run, resets)),
                    false => (
                        FLOAT_HISTOGRAM,
                        histograms::write_floats(times, &run, resets),
                    ),
                }
            }
        };
        let end_ms = *self.series.timestamps.get(self.at.checked_sub(1)?)?;
        Some(WrittenChunk {
            encoding,
            range: TimeRange { start_ms, end_ms },
            data,
        })
    }
}

#[cfg(test)]
mod tests;
