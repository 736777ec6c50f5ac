//! The log as somebody reads it while it grows, to bring elsewhere what was appended.
//!
//! It reads the files and nothing else, so writers neither wait for it nor know of it. What it
//! has seen it says by a [`LogPlace`], which outlives the process. It is not: replay, which reads
//! once and repairs what it finds.

use std::io::{self, BufReader};
use std::ops::ControlFlow;
use std::sync::Arc;

use narthex_disk::{Disk, Reader};
use narthex_model::{ExemplarSample, FloatHistogram, Labels};

use crate::log::frame::{Frame, FrameError, FrameReader, FrameType};
use crate::log::kinds::RecordKinds;
use crate::log::record::{self, Row};
use crate::log::segment::{self, SEGMENT_HEADER_BYTES, SegmentError, SegmentFile};

/// How much of a segment is read at once.
const READ_BYTES: usize = 256 << 10;

/// How far a reader has come: it has every record up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// The segment to go on with. It may be gone by then.
    pub segment: u32,
    /// The last record that is known. Records are numbered over the whole log.
    pub seq: u64,
}

/// One sample as the log has it.
#[derive(Debug, Clone, Copy)]
pub struct LogSample {
    /// The number of its series in the segment.
    pub series: u32,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The value; [`sample::HISTOGRAM`](narthex_model::sample::HISTOGRAM) where it is a native
    /// histogram.
    pub value: f64,
}

/// What one append brought.
#[derive(Debug, Default)]
pub struct LogRecord {
    /// Its number.
    pub seq: u64,
    /// The series that it names, which get the next numbers of the segment.
    pub declared: Vec<Labels>,
    /// Its samples; those that came out of order are the last ones.
    pub samples: Vec<LogSample>,
    /// The native histograms by the place of their sample, ascending.
    pub histograms: Vec<(u32, Arc<FloatHistogram>)>,
    /// When the counting of samples began, by the place of the sample, ascending; in milliseconds
    /// since the epoch.
    pub starts: Vec<(u32, i64)>,
    /// Exemplars of any series.
    pub exemplars: Vec<ExemplarSample>,
}

/// What a reader finds.
#[derive(Debug)]
pub enum LogEvent {
    /// A segment begins: series are numbered from 0 again.
    Segment(u32),
    /// A record. Of one that was known already only the series are there.
    Record(LogRecord),
    /// A part of the log is not there to be read.
    Lost {
        /// Where.
        segment: u32,
        /// How many records are missing, as far as that is known.
        records: Option<u64>,
        /// Why.
        reason: String,
    },
}

/// A reader of the log.
#[derive(Debug)]
pub struct LogTail {
    disk: Arc<dyn Disk>,
    /// The last record that is known.
    seq: u64,
    /// Older segments are not looked at.
    from: u32,
    current: Option<Current>,
    rows: Vec<Row>,
}

/// The segment that is read.
#[derive(Debug)]
struct Current {
    number: u32,
    /// Where the next frame begins.
    offset: u64,
    /// The newest value of each series, as bits.
    bits: Vec<u64>,
}

/// Why a segment is not read any further.
enum Stop {
    /// Its end.
    End,
    /// It may go on where it grows.
    Fault(String),
    /// The caller has enough.
    Enough,
}

impl LogTail {
    /// A reader of the log that lies in a folder, from a place on. A folder may have none.
    pub fn new(disk: Arc<dyn Disk>, place: LogPlace) -> Self {
        Self {
            disk,
            seq: place.seq,
            from: place.segment,
            current: None,
            rows: Vec::new(),
        }
    }

    /// How far it has come.
    pub fn place(&self) -> LogPlace {
        LogPlace {
            segment: self
                .current
                .as_ref()
                .map_or(self.from, |current| current.number),
            seq: self.seq,
        }
    }

    /// Hands over what there is, up to the end of the log as it is now, or until `each` breaks.
    ///
    /// # Errors
    /// The folder cannot be read. What was handed over stays so; the next call goes on behind it.
    pub fn read(&mut self, mut each: impl FnMut(LogEvent) -> ControlFlow<()>) -> io::Result<()> {
        loop {
            let segments = segment::list(self.disk.as_ref())?;
            let at = self.current.as_ref().map(|current| current.number);
            let next = match at {
                Some(number) => segments.iter().find(|segment| segment.number >= number),
                None => segments.iter().find(|segment| segment.number >= self.from),
            };
            let Some(next) = next else { return Ok(()) };
            if at != Some(next.number) {
                self.current = Some(Current {
                    number: next.number,
                    offset: SEGMENT_HEADER_BYTES as u64,
                    bits: Vec::new(),
                });
                if each(LogEvent::Segment(next.number)).is_break() {
                    return Ok(());
                }
            }
            // A segment that is not the last one in this list does not grow any more.
            let is_last = segments
                .last()
                .is_some_and(|last| last.number == next.number);
            match self.segment(next, &mut each) {
                Stop::Enough => return Ok(()),
                Stop::End | Stop::Fault(_) if is_last => return Ok(()),
                Stop::End => {}
                Stop::Fault(reason) => {
                    let lost = LogEvent::Lost {
                        segment: next.number,
                        records: None,
                        reason,
                    };
                    if each(lost).is_break() {
                        return Ok(());
                    }
                }
            }
            self.from = next.number.saturating_add(1);
            self.current = None;
        }
    }

    /// Reads the frames of a segment from where it is.
    fn segment(
        &mut self,
        file: &SegmentFile,
        each: &mut impl FnMut(LogEvent) -> ControlFlow<()>,
    ) -> Stop {
        let offset = self.current.as_ref().map_or(0, |current| current.offset);
        if offset > SEGMENT_HEADER_BYTES as u64 && offset >= file.bytes {
            return Stop::End;
        }
        let mut frames = match open(self.disk.as_ref(), file, offset) {
            Ok(frames) => frames,
            Err(reason) => return Stop::Fault(reason),
        };
        loop {
            let (frame, payload) = match frames.next() {
                Ok(Some(found)) => found,
                Ok(None) => return Stop::End,
                Err(error) => return Stop::Fault(told(error)),
            };
            let event = match self.frame(&frame, payload) {
                Ok(event) => event,
                Err(reason) => return Stop::Fault(reason.to_owned()),
            };
            let lost = frame.seq.saturating_sub(self.seq).saturating_sub(1);
            self.seq = self.seq.max(frame.seq);
            if let Some(current) = &mut self.current {
                current.offset += frame.len;
            }
            if lost > 0 {
                let lost = LogEvent::Lost {
                    segment: file.number,
                    records: Some(lost),
                    reason: "they were removed, or cannot be read".to_owned(),
                };
                if each(lost).is_break() {
                    return Stop::Enough;
                }
            }
            if let Some(record) = event
                && each(LogEvent::Record(record)).is_break()
            {
                return Stop::Enough;
            }
        }
    }

    /// What a frame says; nothing where it is no batch.
    fn frame(&mut self, frame: &Frame, payload: &[u8]) -> Result<Option<LogRecord>, &'static str> {
        let not_a_batch = "a record that is not a batch";
        let (late, payload) = match frame.kind {
            kind if kind == FrameType::Batch as u8 => (0, payload),
            kind if kind == FrameType::LateBatch as u8 => {
                record::decode_late_count(payload).ok_or(not_a_batch)?
            }
            _ => return Ok(None),
        };
        let decoded = record::decode(payload, &mut self.rows).ok_or(not_a_batch)?;
        let (declared, kinds) = decoded;
        let Some(current) = &mut self.current else {
            return Ok(None);
        };
        let series = current.bits.len() + declared.len();
        let is_sound =
            late <= self.rows.len() && self.rows.iter().all(|row| (row.id as usize) < series);
        if !is_sound {
            return Err(not_a_batch);
        }
        current.bits.resize(series, 0);
        let in_order = self.rows.len() - late;
        let bits = &mut current.bits;
        let samples = self.rows.iter().enumerate().map(|(at, row)| {
            let value = match at < in_order {
                true => {
                    let held = &mut bits[row.id as usize];
                    *held ^= row.difference;
                    *held
                }
                false => row.difference,
            };
            LogSample {
                series: row.id,
                timestamp_ms: row.timestamp_ms,
                value: f64::from_bits(value),
            }
        });
        let samples: Vec<LogSample> = samples.collect();
        let seq = frame.seq;
        Ok(Some(match seq > self.seq {
            false => LogRecord {
                seq,
                declared,
                ..LogRecord::default()
            },
            true => {
                let RecordKinds {
                    histograms,
                    starts,
                    exemplars,
                } = kinds;
                LogRecord {
                    seq,
                    declared,
                    samples,
                    histograms,
                    starts,
                    exemplars,
                }
            }
        }))
    }
}

/// Opens a segment at a frame.
fn open(
    disk: &dyn Disk,
    file: &SegmentFile,
    offset: u64,
) -> Result<FrameReader<BufReader<Reader>>, String> {
    if offset <= SEGMENT_HEADER_BYTES as u64 {
        return segment::open(disk, file).map_err(|error| match error {
            SegmentError::Torn => "the segment ends inside its header".to_owned(),
            SegmentError::Damaged(reason) => reason.to_owned(),
            SegmentError::Io(error) => error.to_string(),
        });
    }
    let opened = disk
        .open(&file.name)
        .and_then(|file| Reader::new(file, offset));
    let reader = opened.map_err(|error| error.to_string())?;
    let left = reader.left();
    let source = BufReader::with_capacity(READ_BYTES, reader);
    FrameReader::new(source, left).map_err(|error| error.to_string())
}

fn told(error: FrameError) -> String {
    match error {
        FrameError::Torn => "the segment ends inside a record".to_owned(),
        FrameError::Damaged(reason) => reason.to_owned(),
        FrameError::Io(error) => error.to_string(),
    }
}
