//! Counters that Thanos has downsampled: chunks of which each has no resets in it, and says what the
//! counter was in truth at its end, so that one before the next chunk is seen.
//!
//! It is not: what is made of replicas. See [`crate::dedup`].

use narthex_storage::Series;

/// What a chunk has of a series.
#[derive(Debug)]
pub(crate) struct ReadChunk {
    pub(crate) series: Series,
    /// What the counter was in truth at the last sample; `None` where that is the sample itself.
    pub(crate) last: Option<f64>,
}

/// One series of chunks that follow each other. Where resets are taken out of one of them, they are
/// taken out of all.
pub(crate) fn joined(mut chunks: Vec<ReadChunk>) -> Option<Series> {
    if chunks.iter().any(|chunk| chunk.last.is_some()) {
        let mut counter = Counter::default();
        for chunk in &mut chunks {
            let values = chunk.series.values.iter();
            chunk.series.values = values.map(|value| counter.total_at(*value)).collect();
            counter.before = chunk.last.or(counter.before);
        }
    }
    Series::join(chunks.into_iter().map(|chunk| chunk.series).collect())
}

/// A counter that never falls.
#[derive(Debug, Default)]
struct Counter {
    total: f64,
    /// What was counted last.
    before: Option<f64>,
}

impl Counter {
    fn total_at(&mut self, value: f64) -> f64 {
        // A marker, or a native histogram.
        if value.is_nan() {
            return value;
        }
        self.total += match self.before {
            Some(before) if value >= before => value - before,
            _ => value,
        };
        self.before = Some(value);
        self.total
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    fn chunk(samples: &[(i64, f64)], last: Option<f64>) -> ReadChunk {
        let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
        ReadChunk {
            series: Series::of_numbers(Labels::empty(), times, values),
            last,
        }
    }

    #[test]
    fn resets_within_chunks_and_between_them_count_once() {
        // In truth 10, 20, 5, 15 | 18, 25 | 4, 9: resets after 20, which the first chunk has taken
        // out, and before 4.
        let joined = |chunks| joined(chunks).unwrap().values.to_vec();
        let found = joined(vec![
            chunk(&[(1, 10.0), (2, 20.0), (3, 25.0), (4, 35.0)], Some(15.0)),
            chunk(&[(5, 18.0), (6, 25.0)], Some(25.0)),
            chunk(&[(7, 4.0), (8, 9.0)], None),
        ]);
        assert_eq!(found, [10.0, 20.0, 25.0, 35.0, 38.0, 45.0, 49.0, 54.0]);
        let as_scraped = joined(vec![chunk(&[(1, 10.0), (2, 3.0)], None)]);
        assert_eq!(as_scraped, [10.0, 3.0]);
    }
}
