//! Reads a snapshot, record after record.

use std::io::{self, BufReader, Read};

use narthex_disk::{Disk, Reader};
use narthex_model::ExemplarSample;

use super::covered::Covered;
use super::series::StoredSeries;
use super::{FILE, KIND_COVERED, KIND_END, KIND_EXEMPLARS, KIND_SERIES, KIND_TIMELINES, MAGIC};
use crate::log::frame::{Frame, FrameReader};
use crate::log::kinds::RecordKinds;
use crate::log::record::Input;
use crate::timelines::CHUNK_SAMPLES;

/// How much of the file is read at once.
const READ_BYTES: usize = 256 << 10;

/// The least that a timeline takes: how many times it takes, their count, one of them.
const TIMELINE_BYTES_MIN: usize = 3;

/// A part of what was in memory.
#[derive(Debug)]
pub(crate) enum Part {
    /// Timelines behind those that came before: how many times each takes, and these.
    Timelines(Vec<(u8, Vec<i64>)>),
    Series(Vec<StoredSeries>),
    Exemplars(Vec<ExemplarSample>),
    /// There were so many series, and nothing follows.
    End(u64),
}

/// A snapshot that begins as one does.
pub(crate) struct Opened {
    pub(crate) covered: Covered,
    frames: FrameReader<BufReader<Reader>>,
}

/// Opens the snapshot of a log; `None` where there is none.
///
/// # Errors
/// The file cannot be read, or is no snapshot of this version.
pub(crate) fn open(disk: &dyn Disk) -> io::Result<Option<Opened>> {
    let file = match disk.open(FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => Reader::new(file?, 0)?,
    };
    let left = file.left();
    let mut source = BufReader::with_capacity(READ_BYTES, file);
    let mut magic = [0; MAGIC.len()];
    source.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(damaged("not a snapshot of this version"));
    }
    let mut frames = FrameReader::new(source, left - MAGIC.len() as u64)?;
    let covered = match frames.next() {
        Ok(Some((frame, payload))) if frame.kind == KIND_COVERED => Covered::decode(payload),
        _ => None,
    };
    let covered = covered.ok_or_else(|| damaged("it does not say what it stands for"))?;
    Ok(Some(Opened { covered, frames }))
}

pub(crate) fn damaged(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

impl Opened {
    /// The records, and what decodes them one after the other. What lies before a time is left out.
    pub(crate) fn parts(
        self,
        before_ms: i64,
    ) -> (
        FrameReader<impl Read + Send>,
        impl FnMut(&Frame, &[u8]) -> Result<Part, &'static str> + Send,
    ) {
        let mut decoder = Decoder {
            before_ms,
            lines: Vec::new(),
            has_series: false,
        };
        let decode = move |frame: &Frame, payload: &[u8]| {
            let part = decoder.part(frame.kind, payload);
            part.ok_or("a record that is not what it says")
        };
        (self.frames, decode)
    }
}

struct Decoder {
    before_ms: i64,
    /// The times of the timelines so far.
    lines: Vec<Vec<i64>>,
    /// Whether series have come, behind which no timeline follows.
    has_series: bool,
}

impl Decoder {
    fn part(&mut self, kind: u8, payload: &[u8]) -> Option<Part> {
        let mut input = Input::of(payload);
        match kind {
            KIND_TIMELINES if !self.has_series => self.timelines(&mut input).map(Part::Timelines),
            KIND_SERIES => {
                self.has_series = true;
                let mut all = Vec::new();
                while !input.is_empty() {
                    let mut series = StoredSeries::decode(&mut input, &self.lines)?;
                    series.let_go_before(self.before_ms, &self.lines);
                    all.push(series);
                }
                Some(Part::Series(all))
            }
            KIND_EXEMPLARS => {
                let kinds = RecordKinds::decode(&mut input, 0)?;
                Some(Part::Exemplars(kinds.exemplars))
            }
            KIND_END => {
                let count = input.varint()?;
                input.is_empty().then_some(Part::End(count))
            }
            _ => None,
        }
    }

    fn timelines(&mut self, input: &mut Input<'_>) -> Option<Vec<(u8, Vec<i64>)>> {
        let mut all = Vec::new();
        while input.left() >= TIMELINE_BYTES_MIN {
            let capacity = input.byte()?;
            let count = input.count(1)?;
            if capacity > CHUNK_SAMPLES || count == 0 || count > capacity.into() {
                return None;
            }
            let mut times = Vec::with_capacity(count);
            let (mut at_ms, mut step_ms) = (0_i64, 0_i64);
            for _ in 0..count {
                step_ms = step_ms.wrapping_add(input.zigzag()?);
                at_ms = at_ms.wrapping_add(step_ms);
                times.push(at_ms);
            }
            if !times.is_sorted_by(|a, b| a < b) {
                return None;
            }
            self.lines.push(times.clone());
            all.push((capacity, times));
        }
        input.is_empty().then_some(all)
    }
}
