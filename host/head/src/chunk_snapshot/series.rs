//! A series as it lies in a snapshot: its labels, its chunks as they are, its tail, and what few
//! series have beside.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Labels};
use narthex_nx::CellError;
use narthex_storage::{Intervals, TimeRange};

use crate::chunk::Chunk;
use crate::late::{Held, LateSamples};
use crate::log::kinds::{HISTOGRAM_BYTES_MIN, histogram, push_histogram};
use crate::log::record::{Input, push_labels, push_varint, push_zigzag};
use crate::series_kinds::{Run, SeriesKinds};
use crate::tail::Tail;
use crate::timelines::{CHUNK_SAMPLES, Stretch};

/// What a series has, by bit.
const HAS_TAIL: u8 = 1;
const HAS_KINDS: u8 = 2;
const HAS_LATE: u8 = 4;
const HAS_DELETED: u8 = 8;
const ALL_KNOWN: u8 = 15;

/// The least that a chunk takes: where its times are, how it is coded, a length.
const CHUNK_BYTES_MIN: usize = 5;

/// The least that a late sample takes: its time, its record, what it is.
const LATE_BYTES_MIN: usize = 1 + 1 + 1 + 8;

/// A series that was read from a snapshot.
#[derive(Debug)]
pub(crate) struct StoredSeries {
    pub(crate) labels: Labels,
    /// Oldest first.
    pub(crate) sealed: Vec<Chunk>,
    /// Behind them; without it there is no sample in order.
    pub(crate) tail: Option<(Tail, Stretch)>,
    /// The time of the last sample in order, and its bits.
    pub(crate) newest: Option<(i64, u64)>,
    pub(crate) histograms: Vec<(i64, Arc<FloatHistogram>)>,
    pub(crate) starts: Vec<Run>,
    /// Time, what it is, and the number of its record.
    pub(crate) late: Vec<(i64, Held, u64)>,
    pub(crate) deleted: Option<Intervals>,
}

/// A series that is to be written.
pub(crate) struct Parts<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) sealed: &'a [Chunk],
    pub(crate) tail: Option<(&'a Tail, Stretch)>,
    pub(crate) kinds: Option<&'a SeriesKinds>,
    pub(crate) late: Option<&'a LateSamples>,
    pub(crate) deleted: Option<&'a Intervals>,
}

impl Parts<'_> {
    /// Adds the series; `line` says by which number the file has a timeline.
    pub(super) fn encode(
        &self,
        line: impl Fn(u32) -> u32,
        out: &mut Vec<u8>,
    ) -> Result<(), CellError> {
        let push_stretch = |stretch: Stretch, out: &mut Vec<u8>| {
            push_varint(out, line(stretch.line).into());
            out.extend([stretch.from, stretch.count]);
        };
        push_labels(out, self.labels);
        let has = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        out.push(
            has(self.tail.is_some(), HAS_TAIL)
                | has(self.kinds.is_some(), HAS_KINDS)
                | has(self.late.is_some(), HAS_LATE)
                | has(self.deleted.is_some(), HAS_DELETED),
        );
        push_varint(out, self.sealed.len() as u64);
        for chunk in self.sealed {
            push_stretch(chunk.stretch(), out);
            chunk.store(out);
        }
        if let Some((tail, stretch)) = self.tail {
            push_stretch(stretch, out);
            out.extend(tail.last().to_le_bytes());
            out.push(tail.run());
            push_varint(out, tail.bytes().len() as u64);
            out.extend_from_slice(tail.bytes());
        }
        if let Some(kinds) = self.kinds {
            let histograms = kinds.histograms()?;
            push_varint(out, histograms.len() as u64);
            for (timestamp_ms, histogram) in &histograms {
                push_zigzag(out, *timestamp_ms);
                push_histogram(out, histogram);
            }
            let runs = kinds.runs();
            push_varint(out, runs.len() as u64);
            for run in runs {
                push_zigzag(out, run.first_ms);
                push_zigzag(out, run.last_ms);
                push_zigzag(out, run.start_ms);
            }
        }
        if let Some(late) = self.late {
            let late = late.all();
            push_varint(out, late.len() as u64);
            for (timestamp_ms, held, seq) in late {
                push_zigzag(out, timestamp_ms);
                push_varint(out, seq);
                out.push(u8::from(held.histogram.is_some()));
                out.extend(held.bits.to_le_bytes());
                if let Some(histogram) = &held.histogram {
                    push_histogram(out, histogram);
                }
            }
        }
        if let Some(deleted) = self.deleted {
            let spans = deleted.iter();
            push_varint(out, spans.len() as u64);
            for span in spans {
                push_zigzag(out, span.start_ms);
                push_zigzag(out, span.end_ms);
            }
        }
        Ok(())
    }
}

impl StoredSeries {
    /// The next series; `None` where the bytes are something else. `lines` are the times of the
    /// file's timelines.
    pub(super) fn decode(input: &mut Input<'_>, lines: &[Vec<i64>]) -> Option<Self> {
        let labels = input.labels()?;
        let has = input.byte()?;
        if has & !ALL_KNOWN != 0 {
            return None;
        }
        // Times ascend from chunk to chunk.
        let mut after_ms = None;
        let mut stretch = |input: &mut Input<'_>| {
            let stretch = Stretch {
                line: u32::try_from(input.varint()?).ok()?,
                from: input.byte()?,
                count: input.byte()?,
            };
            let end = stretch.end();
            let times = lines
                .get(stretch.line as usize)?
                .get(stretch.from.into()..end)?;
            let ascends = after_ms.is_none_or(|after_ms| times.first() > Some(&after_ms));
            after_ms = Some(*times.last()?);
            (ascends && stretch.count <= CHUNK_SAMPLES).then_some(stretch)
        };
        let chunks = input.count(CHUNK_BYTES_MIN)?;
        let mut sealed = Vec::with_capacity(chunks);
        for _ in 0..chunks {
            let stretch = stretch(input)?;
            sealed.push(Chunk::restored(stretch, input)?);
        }
        let tail = match has & HAS_TAIL {
            0 => None,
            _ => {
                let stretch = stretch(input)?;
                let (last, run) = (input.word()?, input.byte()?);
                let len = input.count(1)?;
                let bytes = input.take(len)?.to_vec();
                (run < CHUNK_SAMPLES).then_some(())?;
                Some((Tail::restored(bytes, last, run), stretch))
            }
        };
        // Who appends goes on along the tail.
        if tail.is_none() && !sealed.is_empty() {
            return None;
        }
        let last = tail.as_ref().map(|(tail, _)| tail.last());
        let mut series = Self {
            labels,
            sealed,
            newest: after_ms.zip(last),
            tail,
            histograms: Vec::new(),
            starts: Vec::new(),
            late: Vec::new(),
            deleted: None,
        };
        if has & HAS_KINDS != 0 {
            series.decode_kinds(input)?;
        }
        if has & HAS_LATE != 0 {
            series.decode_late(input)?;
        }
        if has & HAS_DELETED != 0 {
            let mut deleted = Intervals::default();
            for _ in 0..input.count(2)? {
                deleted.add(TimeRange {
                    start_ms: input.zigzag()?,
                    end_ms: input.zigzag()?,
                });
            }
            series.deleted = Some(deleted);
        }
        Some(series)
    }

    fn decode_kinds(&mut self, input: &mut Input<'_>) -> Option<()> {
        for _ in 0..input.count(HISTOGRAM_BYTES_MIN)? {
            let at_ms = input.zigzag()?;
            self.histograms.push((at_ms, Arc::new(histogram(input)?)));
        }
        for _ in 0..input.count(3)? {
            self.starts.push(Run {
                first_ms: input.zigzag()?,
                last_ms: input.zigzag()?,
                start_ms: input.zigzag()?,
            });
        }
        Some(())
    }

    fn decode_late(&mut self, input: &mut Input<'_>) -> Option<()> {
        for _ in 0..input.count(LATE_BYTES_MIN)? {
            let (at_ms, seq) = (input.zigzag()?, input.varint()?);
            let is_histogram = input.byte()? != 0;
            let bits = input.word()?;
            let histogram = match is_histogram {
                true => Some(Arc::new(histogram(input)?)),
                false => None,
            };
            self.late.push((at_ms, Held { bits, histogram }, seq));
        }
        Some(())
    }

    /// Leaves out what is before a time, as far as it lies in chunks of its own. `lines` as in
    /// [`Self::decode`].
    pub(super) fn let_go_before(&mut self, before_ms: i64, lines: &[Vec<i64>]) {
        let ends_before = |stretch: Stretch| {
            let times = lines.get(stretch.line as usize);
            let last = times.and_then(|times| times.get(stretch.end().wrapping_sub(1)));
            last.is_none_or(|last| *last < before_ms)
        };
        if self
            .tail
            .as_ref()
            .is_some_and(|(_, stretch)| ends_before(*stretch))
        {
            (self.tail, self.newest, self.deleted) = (None, None, None);
            self.sealed.clear();
            self.histograms.clear();
            self.starts.clear();
        }
        self.sealed.retain(|chunk| !ends_before(chunk.stretch()));
        self.histograms.retain(|(at_ms, _)| *at_ms >= before_ms);
        self.starts.retain(|run| run.last_ms >= before_ms);
        if let Some(deleted) = &mut self.deleted {
            deleted.let_go_before(before_ms);
        }
    }

    /// How many samples in order it has.
    pub(crate) fn samples(&self) -> u64 {
        let sealed = self.sealed.iter().map(Chunk::stretch);
        let tail = self.tail.as_ref().map(|(_, stretch)| *stretch);
        let counts = sealed.chain(tail).map(|stretch| u64::from(stretch.count));
        counts.sum()
    }
}
