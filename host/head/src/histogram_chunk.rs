//! A sealed chunk of native histograms: those of one series that will not change, with their times,
//! as bytes.
//!
//! It is not: a format. The bytes never leave the process. Nor is it tied to the chunk that has the
//! values of the same samples, which may begin and end elsewhere.

use std::sync::Arc;

use narthex_model::FloatHistogram;
use narthex_nx::varint::{self, Input};
use narthex_nx::{CellError, histogram_cell};

/// So many histograms make a chunk, as many as a chunk of numbers has values at most.
const CHUNK_HISTOGRAMS: usize = 120;

/// A series' first chunk has at least so many: they end at different times, so that not all series
/// of a target are sealed in the same moment, for ever after.
const FIRST_HISTOGRAMS_MIN: usize = 60;

/// How many histograms make a chunk of a series with this number, its first one or a later one.
pub(crate) fn capacity(series: u32, is_first: bool) -> usize {
    let spread = CHUNK_HISTOGRAMS - FIRST_HISTOGRAMS_MIN + 1;
    match is_first {
        // Neighbours are far apart: 37 and the spread have no common factor.
        true => FIRST_HISTOGRAMS_MIN + (series as usize).wrapping_mul(37) % spread,
        false => CHUNK_HISTOGRAMS,
    }
}

const BROKEN: &str = "a chunk of histograms is not one";

/// A sealed chunk, which is never empty. A clone shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct HistogramChunk {
    start_ms: i64,
    end_ms: i64,
    /// The differences of the differences of the times, and then the cell.
    bytes: Arc<[u8]>,
    count: u32,
}

impl HistogramChunk {
    /// Makes a chunk of histograms, oldest first.
    ///
    /// # Errors
    /// There is none, or one is not of the kind that is stored.
    pub(crate) fn seal(histograms: &[(i64, Arc<FloatHistogram>)]) -> Result<Self, CellError> {
        let (Some((start_ms, _)), Some((end_ms, _))) = (histograms.first(), histograms.last())
        else {
            return Err(CellError::Broken(BROKEN));
        };
        let mut bytes = Vec::new();
        let (mut before_ms, mut step_ms) = (*start_ms, 0_i64);
        for (at_ms, _) in &histograms[1..] {
            let next_ms = at_ms.wrapping_sub(before_ms);
            varint::push_folded(&mut bytes, next_ms.wrapping_sub(step_ms));
            (before_ms, step_ms) = (*at_ms, next_ms);
        }
        let all = histograms.iter().map(|(_, histogram)| &**histogram);
        bytes.extend(histogram_cell::encode(&all.collect::<Vec<_>>())?);
        Ok(Self {
            start_ms: *start_ms,
            end_ms: *end_ms,
            bytes: bytes.into(),
            count: u32::try_from(histograms.len()).unwrap_or(u32::MAX),
        })
    }

    /// The time of the first one.
    pub(crate) fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// The time of the last one.
    pub(crate) fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// The bytes are not what they were when the chunk was sealed: memory is damaged.
    pub(crate) fn read(&self) -> Result<Vec<(i64, Arc<FloatHistogram>)>, CellError> {
        let mut input = Input::new(&self.bytes, BROKEN);
        let count = self.count as usize;
        let mut times = Vec::with_capacity(count);
        let (mut at_ms, mut step_ms) = (self.start_ms, 0_i64);
        times.push(at_ms);
        for _ in 1..count {
            step_ms = step_ms.wrapping_add(input.folded()?);
            at_ms = at_ms.wrapping_add(step_ms);
            times.push(at_ms);
        }
        let histograms = histogram_cell::decode(input.rest(), count)?;
        Ok(times.into_iter().zip(histograms).collect())
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.len() + 2 * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::histogram::Buckets;

    use super::*;

    fn histogram(number: i32) -> Arc<FloatHistogram> {
        Arc::new(FloatHistogram {
            schema: number % 3,
            sum: f64::from(number) * 0.1,
            positive: Buckets::consecutive(number % 7, vec![f64::from(number); 4]).unwrap(),
            ..FloatHistogram::default()
        })
    }

    #[test]
    fn times_and_histograms_come_back() {
        for times in [
            vec![5],
            vec![i64::MIN, 0, i64::MAX],
            (0..120).map(|n| n * 15_000 + n % 3).collect(),
        ] {
            let numbers = 0..i32::try_from(times.len()).unwrap();
            let all: Vec<_> = times.iter().copied().zip(numbers.map(histogram)).collect();
            let chunk = HistogramChunk::seal(&all).unwrap();
            let ends = (chunk.start_ms(), chunk.end_ms());
            assert_eq!(ends, (times[0], *times.last().unwrap()));
            assert_eq!(chunk.read().unwrap(), all);
        }
        assert!(HistogramChunk::seal(&[]).is_err());
    }
}
