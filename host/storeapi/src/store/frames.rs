//! The series of a group, cut into messages: one series or several in each, and a long series in
//! several.

use std::vec::IntoIter;

use narthex_model::Labels;

use crate::message::Label;
use crate::message::store::{AggrChunk, Series, SeriesBatch, SeriesFrame, SeriesResponse};

/// A message ends with the chunk that brings it to so many bytes.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// A message has at most so many series, whatever is asked.
const BATCH_MAX: usize = 1 << 10;

/// A series of the answer.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) labels: Labels,
    pub(super) chunks: Vec<AggrChunk>,
}

/// The messages of a group, made one by one as they are sent.
#[derive(Debug)]
pub(super) struct Frames {
    warnings: IntoIter<String>,
    series: IntoIter<Held>,
    /// The series that is under way, and what is left of it.
    begun: Option<(Vec<Label>, IntoIter<AggrChunk>)>,
    /// So many series in a message; `None` for a message of another kind for each.
    batch: Option<usize>,
}

impl Frames {
    /// No series.
    pub(super) fn none() -> Self {
        Self::new(Vec::new(), Vec::new(), 0)
    }

    /// These series, in this order.
    pub(super) fn new(series: Vec<Held>, warnings: Vec<String>, batch_size: i64) -> Self {
        let batch = usize::try_from(batch_size).unwrap_or(0);
        Self {
            warnings: warnings.into_iter(),
            series: series.into_iter(),
            begun: None,
            batch: (batch > 1).then(|| batch.min(BATCH_MAX)),
        }
    }

    /// The next series, or as much of it as comes below a number of bytes, and how many it has.
    fn piece(&mut self, room: usize) -> Option<(Series, usize)> {
        let (labels, mut chunks) = match self.begun.take() {
            Some(begun) => begun,
            None => {
                let held = self.series.next()?;
                (Label::of(&held.labels), held.chunks.into_iter())
            }
        };
        let texts = labels
            .iter()
            .map(|label| label.name.len() + label.value.len());
        let mut bytes: usize = texts.sum();
        let mut taken = Vec::new();
        while (taken.is_empty() || bytes < room)
            && let Some(chunk) = chunks.next()
        {
            bytes += data_len(&chunk);
            taken.push(chunk);
        }
        if !chunks.as_slice().is_empty() {
            self.begun = Some((labels.clone(), chunks));
        }
        let piece = Series {
            labels,
            chunks: taken,
        };
        Some((piece, bytes))
    }

    /// The next series, so many at the most.
    fn several(&mut self, count: usize) -> Option<SeriesFrame> {
        let mut series = Vec::new();
        let mut bytes = 0;
        while series.len() < count
            && bytes < FRAME_BYTES_MAX
            && let Some((piece, more)) = self.piece(FRAME_BYTES_MAX - bytes)
        {
            bytes += more;
            series.push(piece);
        }
        (!series.is_empty()).then_some(SeriesFrame::Batch(SeriesBatch { series }))
    }
}

/// How many bytes the samples of a chunk have, or all aggregates of its windows.
fn data_len(chunk: &AggrChunk) -> usize {
    let parts = [
        &chunk.raw,
        &chunk.count,
        &chunk.sum,
        &chunk.min,
        &chunk.max,
        &chunk.counter,
    ];
    parts
        .into_iter()
        .flatten()
        .map(|part| part.data.len())
        .sum()
}

impl Iterator for Frames {
    type Item = SeriesResponse;

    fn next(&mut self) -> Option<SeriesResponse> {
        let frame = match (self.warnings.next(), self.batch) {
            (Some(warning), _) => SeriesFrame::Warning(warning),
            (None, Some(count)) => self.several(count)?,
            (None, None) => SeriesFrame::Series(self.piece(FRAME_BYTES_MAX)?.0),
        };
        Some(SeriesResponse {
            result: Some(frame),
        })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::message::store::Chunk;

    /// A chunk of 120 windows or samples is smaller.
    const CHUNK_BYTES: usize = 10_000;

    fn part() -> Option<Chunk> {
        Some(Chunk {
            data: vec![1; CHUNK_BYTES].into(),
            ..Chunk::default()
        })
    }

    #[test]
    fn a_message_of_aggregates_is_as_bounded_as_one_of_samples() {
        let samples = AggrChunk {
            raw: part(),
            ..AggrChunk::default()
        };
        let windows = AggrChunk {
            count: part(),
            sum: part(),
            counter: part(),
            ..AggrChunk::default()
        };
        for chunk in [samples, windows] {
            for batch_size in [0, 64] {
                let held = (0..3).map(|number: i32| Held {
                    labels: Labels::from_pairs([("n", number.to_string())]),
                    chunks: vec![chunk.clone(); 300],
                });
                let frames = Frames::new(held.collect(), Vec::new(), batch_size);
                let lengths: Vec<usize> = frames.map(|frame| frame.encoded_len()).collect();
                let longest = lengths.iter().max();
                let bound = FRAME_BYTES_MAX + 4 * CHUNK_BYTES;
                assert!(
                    longest.is_some_and(|longest| *longest < bound),
                    "{lengths:?}"
                );
            }
        }
    }
}
