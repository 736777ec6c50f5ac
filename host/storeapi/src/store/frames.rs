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
            bytes += chunk.raw.as_ref().map_or(0, |raw| raw.data.len());
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
