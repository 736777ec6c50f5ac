//! Reading the log back, or what of it a snapshot does not have.

mod snapshot;

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;

use narthex_disk::{Disk, Reader};
use narthex_model::{FloatHistogram, Labels, Matcher, sample};
use narthex_storage::TimeRange;

use crate::appender::{Appender, Restored};
use crate::chunk_snapshot;
use crate::error::HeadError;
use crate::exemplars::Exemplars;
use crate::late::{Held, LateMark, of_late};
use crate::log::deletion;
use crate::log::frame::{Frame, FrameError, FrameReader, FrameType};
use crate::log::growing::MENDING_SUFFIX;
use crate::log::kinds::{KindsByRow, RecordKinds};
use crate::log::record::{self, Row};
use crate::log::segment::{self, SEGMENT_HEADER_BYTES, SegmentError, SegmentFile};
use crate::log::writer::{ClosedSegment, Log, LogPosition};
use crate::memory::Memory;
use crate::memory_writer::{Filling, MemoryWriter};
use crate::options::HeadOptions;
use crate::read_ahead::read_ahead;
use crate::stale::{StaleSet, drop_again};

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Segments that were read, damaged ones included.
    pub segments: u64,
    /// Records that were read.
    pub records: u64,
    /// Samples that are in memory again.
    pub samples: u64,
    /// Samples left out because they are older than
    /// [`HeadOptions::min_valid_time_ms`](crate::HeadOptions::min_valid_time_ms).
    pub samples_too_old: u64,
    /// Samples left out because their series had a newer one already, or because they should be
    /// native histograms and are none. Only a log that somebody else wrote to, or that was
    /// damaged, has any.
    pub samples_out_of_order: u64,
    /// Samples in memory again that had come out of order.
    pub samples_late: u64,
    /// Samples in memory again that a snapshot had, those included that lie in one chunk with others
    /// and are older than what is asked for; they are among `samples`.
    pub samples_of_snapshot: u64,
    /// Why the snapshot that was there was not used.
    pub snapshot_error: Option<String>,
    /// Series that are in memory again.
    pub series: u64,
    /// Bytes cut off the end of the last segment: a record that was being written when the
    /// process or the machine went down, and that nobody was told of.
    pub torn_bytes: u64,
    /// Records that were written and cannot be read any more. Everything outside is there.
    pub damage: Vec<Damage>,
}

/// A part of the log that cannot be read. It is left as it is on the disk until the samples of
/// its segment have become old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's number.
    pub segment: u32,
    /// Where the part starts; it goes on to the end of the segment.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// What is wrong at `offset`.
    pub reason: String,
}

/// Brings back what a snapshot has, and replays what of the log comes behind it, or all of it.
/// New records go to a new segment behind it.
pub(crate) fn open(
    options: &HeadOptions,
) -> Result<(Appender, Memory, Exemplars, ReplayReport), HeadError> {
    let disk = &options.disk;
    let folder = disk.show("");
    remove_copies(disk.as_ref())?;
    let segments = segment::list(disk.as_ref()).map_err(HeadError::io("read", &folder))?;
    let (mut replay, covered) = snapshot::restored(options, &segments)?;
    let (behind, mut closed) = match &covered {
        Some(covered) => (covered.last_segment(), covered.within(&segments)),
        None => (0, Vec::new()),
    };
    let mut damaged_before = false;
    let segments: Vec<SegmentFile> = segments.into_iter().filter(|s| s.number > behind).collect();
    if let (Some(first), Some(last)) = (segments.first(), segments.last()) {
        options.replay.start(first.number, last.number);
    }
    for (index, segment) in segments.iter().enumerate() {
        options.replay.reach(segment.number);
        let damage_before = replay.report.damage.len();
        let is_last = index + 1 == segments.len();
        let is_there = replay.segment(segment, is_last)?;
        tracing::info!(
            segment = segment.number,
            left = segments.len() - index - 1,
            "a segment of the write-ahead log is read"
        );
        if !is_there {
            continue;
        }
        let mut newest_ms = replay.newest_ms;
        // What cannot be read of a segment is about as new as its neighbours.
        if damaged_before && let Some(previous) = closed.last_mut() {
            previous.max_ms = previous.max_ms.max(newest_ms);
        }
        damaged_before = replay.report.damage.len() > damage_before;
        if damaged_before && let Some(previous) = closed.last() {
            newest_ms = newest_ms.max(previous.max_ms);
        }
        closed.push(ClosedSegment {
            number: segment.number,
            max_ms: newest_ms,
            late_seq: replay.late_seq,
        });
    }
    force(disk.as_ref(), &closed)?;
    replay.appender.go_on(LogPosition {
        closed,
        next_number: segments.last().map_or(behind, |last| last.number) + 1,
        next_seq: replay.last_seq + 1,
        mark: replay.mark,
    });
    replay.finish().map_err(HeadError::io("read back", &folder))
}

/// Removes what is left of a copy of a segment that did not take its place, and of a snapshot that
/// was not finished.
fn remove_copies(disk: &dyn Disk) -> Result<(), HeadError> {
    let folder = disk.show("");
    let entries = disk.list("").map_err(HeadError::io("read", folder))?;
    for entry in entries {
        if entry.name.ends_with(MENDING_SUFFIX) || entry.name == chunk_snapshot::WRITING {
            let removed = disk.remove(&entry.name);
            removed.map_err(HeadError::io("remove", disk.show(&entry.name)))?;
        }
    }
    Ok(())
}

/// Forces what was read to the disk: the process that wrote it may have been killed before it
/// did. What the disk has already costs nothing.
fn force(disk: &dyn Disk, segments: &[ClosedSegment]) -> Result<(), HeadError> {
    for segment in segments {
        let name = segment::name(segment.number);
        let forced = disk.open_to_write(&name).and_then(|file| file.sync());
        forced.map_err(HeadError::io("sync", disk.show(&name)))?;
    }
    let forced = disk.sync_folder("");
    forced.map_err(HeadError::io("sync", disk.show("")))
}

struct Replay {
    disk: Arc<dyn Disk>,
    appender: Appender,
    memory: MemoryWriter,
    exemplars: Exemplars,
    report: ReplayReport,
    /// The sequence number of the last record read.
    last_seq: u64,
    /// The newest sample of the segment that is being read.
    newest_ms: i64,
    /// The last record of that segment with samples that came out of order.
    late_seq: u64,
    /// Samples that came out of order; whether a block has them is known at the end.
    late: Vec<LateRow>,
    mark: Option<LateMark>,
    /// What the last record said that asked for the stale series.
    stale: StaleSet,
}

/// A sample that came out of order.
struct LateRow {
    labels: Labels,
    timestamp_ms: i64,
    held: Held,
    seq: u64,
}

/// A series as the segment that is being read declares it.
struct Declared {
    labels: Labels,
    slot: Option<u32>,
    bits: u64,
}

/// What a record says.
enum Decoded {
    Batch {
        labels: Vec<Labels>,
        rows: Vec<Row>,
        /// What samples have beside numbers.
        kinds: RecordKinds,
        /// How many rows at the end are late; no more than there are.
        late: usize,
    },
    Mark(LateMark),
    Deletion(Vec<Vec<Matcher>>, TimeRange),
    StaleMark,
    /// The number of the record whose stale series it is about.
    StaleDrop(u64),
}

fn decode(frame: &Frame, payload: &[u8]) -> Result<Decoded, &'static str> {
    let not_a_batch = "a record that is not a batch";
    let (late, payload) = match frame.kind {
        kind if kind == FrameType::Batch as u8 => (0, payload),
        kind if kind == FrameType::LateBatch as u8 => {
            record::decode_late_count(payload).ok_or(not_a_batch)?
        }
        kind if kind == FrameType::LateMark as u8 => {
            let mark = record::decode_mark(payload);
            return mark.map(Decoded::Mark).ok_or("a record that is not a mark");
        }
        kind if kind == FrameType::Deletion as u8 => {
            let deletion = deletion::decode(payload);
            let deletion = deletion.map(|(selectors, range)| Decoded::Deletion(selectors, range));
            return deletion.ok_or("a record that is not a deletion");
        }
        kind if kind == FrameType::StaleMark as u8 => return Ok(Decoded::StaleMark),
        kind if kind == FrameType::StaleDrop as u8 => {
            let seq = payload.try_into().map(u64::from_le_bytes);
            return seq
                .map(Decoded::StaleDrop)
                .map_err(|_| "a record that does not say which series are dropped");
        }
        _ => return Err("a record of an unknown type"),
    };
    let mut rows = Vec::new();
    let (labels, kinds) = record::decode(payload, &mut rows).ok_or(not_a_batch)?;
    if late > rows.len() {
        return Err(not_a_batch);
    }
    Ok(Decoded::Batch {
        labels,
        rows,
        kinds,
        late,
    })
}

impl Replay {
    /// Begins with nothing.
    fn start(options: &HeadOptions) -> Result<Self, HeadError> {
        let disk = &options.disk;
        let folder = disk.show("");
        let log = Log::start(Arc::clone(disk), options.segment_bytes, options.sync)
            .map_err(HeadError::io("start a log in", &folder))?;
        let memory = MemoryWriter::start(Memory::new(options.min_valid_time_ms))
            .map_err(HeadError::io("start a thread to read", &folder))?;
        Ok(Self {
            disk: Arc::clone(disk),
            appender: Appender::new(options.min_valid_time_ms, log),
            memory,
            exemplars: Exemplars::new(options.exemplars_max),
            report: ReplayReport::default(),
            last_seq: 0,
            newest_ms: i64::MIN,
            late_seq: 0,
            late: Vec::new(),
            mark: None,
            stale: StaleSet::default(),
        })
    }

    /// Reads one segment, and says whether there still is one.
    fn segment(&mut self, segment: &SegmentFile, is_last: bool) -> Result<bool, HeadError> {
        self.report.segments += 1;
        self.newest_ms = i64::MIN;
        self.late_seq = 0;
        let len = segment.bytes;
        let (offset, error) = match segment::open(self.disk.as_ref(), segment) {
            Ok(frames) => self.frames(frames),
            Err(SegmentError::Torn) => (0, Some(FrameError::Torn)),
            Err(SegmentError::Damaged(reason)) => (0, Some(FrameError::Damaged(reason))),
            Err(SegmentError::Io(error)) => (0, Some(FrameError::Io(error))),
        };
        let reason = match error {
            None => return Ok(true),
            Some(FrameError::Torn) if is_last => return self.cut(segment, offset, len),
            Some(FrameError::Damaged(_)) if is_last && self.is_zero_from(segment, offset) => {
                return self.cut(segment, offset, len);
            }
            Some(FrameError::Torn) => "the segment ends inside a record".to_owned(),
            Some(FrameError::Damaged(reason)) => reason.to_owned(),
            Some(FrameError::Io(error)) => error.to_string(),
        };
        tracing::error!(
            segment = segment.number,
            offset,
            bytes = len - offset,
            reason,
            "a part of the write-ahead log cannot be read"
        );
        self.report.damage.push(Damage {
            segment: segment.number,
            offset,
            bytes: len - offset,
            reason,
        });
        Ok(true)
    }

    /// Cuts off a record that was never whole, and says whether a segment is left.
    fn cut(&mut self, segment: &SegmentFile, offset: u64, len: u64) -> Result<bool, HeadError> {
        tracing::warn!(
            segment = segment.number,
            offset,
            bytes = len - offset,
            "the write-ahead log ends inside a record"
        );
        self.report.torn_bytes += len - offset;
        if offset < SEGMENT_HEADER_BYTES as u64 {
            let removed = self.disk.remove(&segment.name);
            removed.map_err(HeadError::io("remove", self.disk.show(&segment.name)))?;
            return Ok(false);
        }
        let cut = self
            .disk
            .open_to_write(&segment.name)
            .and_then(|file| file.set_len(offset).and_then(|()| file.sync()));
        cut.map_err(HeadError::io("cut", self.disk.show(&segment.name)))?;
        Ok(true)
    }

    /// Whether a segment holds nothing but zeros from an offset on: room that the file system
    /// gave to a record whose bytes never came.
    fn is_zero_from(&self, segment: &SegmentFile, offset: u64) -> bool {
        let is_zero = || -> io::Result<bool> {
            let mut rest = Reader::new(self.disk.open(&segment.name)?, offset)?;
            let mut bytes = [0; 8192];
            loop {
                match rest.read(&mut bytes)? {
                    0 => return Ok(true),
                    read if bytes[..read].iter().any(|byte| *byte != 0) => return Ok(false),
                    _ => {}
                }
            }
        };
        is_zero().unwrap_or(false)
    }

    /// Reads frames up to the end or the first one that is not right, and says where that was.
    fn frames(&mut self, frames: FrameReader<impl Read + Send>) -> (u64, Option<FrameError>) {
        let mut declared = Vec::new();
        let start = SEGMENT_HEADER_BYTES as u64;
        read_ahead(frames, start, decode, |frame, decoded| {
            self.frame(frame, decoded, &mut declared)
        })
    }

    /// Applies a record wholly or not at all.
    fn frame(
        &mut self,
        frame: &Frame,
        decoded: Decoded,
        declared: &mut Vec<Declared>,
    ) -> Result<(), &'static str> {
        if frame.seq <= self.last_seq {
            return Err("a sequence number that does not ascend");
        }
        let (labels, rows, kinds, late) = match decoded {
            Decoded::Batch {
                labels,
                rows,
                kinds,
                late,
            } => (labels, rows, kinds, late),
            other => {
                self.last_seq = frame.seq;
                self.apply(frame.seq, other, declared);
                return Ok(());
            }
        };
        let series = declared.len() + labels.len();
        if rows.iter().any(|row| row.id as usize >= series) {
            return Err("a series that the segment does not declare");
        }
        // Each segment names all its series; of those that are known its copy is not kept.
        declared.extend(labels.into_iter().map(|labels| {
            let known = self.appender.known(&labels);
            let (slot, held) = known.unzip();
            Declared {
                labels: held.unwrap_or(labels),
                slot,
                bits: 0,
            }
        }));
        let in_order = rows.len() - late;
        let mut filling = Filling {
            samples: Vec::with_capacity(in_order),
            ..Filling::default()
        };
        for sample in &kinds.exemplars {
            // One that an earlier process took is taken again, or is there already.
            let _ = self.exemplars.add(&sample.series, sample.exemplar.clone());
        }
        let mut kinds = KindsByRow::new(kinds);
        for (number, row) in rows[..in_order].iter().enumerate() {
            let declared = &mut declared[row.id as usize];
            let (histogram, start_ms) = kinds.next(number);
            self.row(row, declared, (histogram, start_ms), &mut filling);
        }
        self.memory.fill(filling);
        for (number, row) in rows.iter().enumerate().skip(in_order) {
            self.newest_ms = self.newest_ms.max(row.timestamp_ms);
            self.late_seq = frame.seq;
            let (histogram, _) = kinds.next(number);
            if sample::is_histogram(f64::from_bits(row.difference)) != histogram.is_some() {
                self.report.samples_out_of_order += 1;
                continue;
            }
            self.late.push(LateRow {
                labels: declared[row.id as usize].labels.clone(),
                timestamp_ms: row.timestamp_ms,
                held: Held {
                    bits: row.difference,
                    histogram: histogram.map(of_late),
                },
                seq: frame.seq,
            });
        }
        self.last_seq = frame.seq;
        self.report.records += 1;
        Ok(())
    }

    /// Does what a record says that is not a batch.
    fn apply(&mut self, seq: u64, decoded: Decoded, declared: &mut [Declared]) {
        match decoded {
            Decoded::Batch { .. } => {}
            Decoded::Mark(mark) => self.mark = Some(mark),
            Decoded::Deletion(selectors, range) => self.delete(seq, selectors, range),
            Decoded::StaleMark => {
                let late = self.late.iter().map(|row| &row.labels).collect();
                self.stale = self.appender.stale_set_at(seq, &late);
            }
            Decoded::StaleDrop(of) => {
                let set = std::mem::take(&mut self.stale);
                if set.seq != of {
                    // The record that says which is lost; blocks have the samples as well.
                    return;
                }
                let late: HashSet<&Labels> = self.late.iter().map(|row| &row.labels).collect();
                let gone = drop_again(&mut self.appender, set, &late);
                self.memory.remove(gone);
                // Series may have other slots from here on.
                declared.iter_mut().for_each(|series| series.slot = None);
            }
        }
    }

    /// Deletes what was deleted at this moment of the log.
    fn delete(&mut self, seq: u64, selectors: Vec<Vec<Matcher>>, range: TimeRange) {
        let takes = |labels: &Labels, matchers: &[Matcher]| {
            let mut matchers = matchers.iter();
            matchers.all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
        };
        self.late.retain(|row| {
            let is_taken = || selectors.iter().any(|all| takes(&row.labels, all));
            !(range.contains(row.timestamp_ms) && is_taken())
        });
        let newest_ms = self.appender.newest_of_all();
        self.newest_ms = self.newest_ms.max(newest_ms.min(range.end_ms));
        self.late_seq = seq;
        self.memory.delete(selectors, range);
    }

    /// Brings back the samples that came out of order and that no block has, behind all others.
    fn finish(mut self) -> io::Result<(Appender, Memory, Exemplars, ReplayReport)> {
        let mut memory = self.memory.finish()?;
        let mark = self.mark.unwrap_or(LateMark::NONE);
        for row in self.late {
            if mark.covers(row.seq, row.timestamp_ms) {
                self.report.samples_too_old += 1;
                continue;
            }
            let (slot, is_new) = self.appender.restore_series(&row.labels);
            if is_new {
                memory.create(slot, &row.labels);
            }
            memory.push_late(slot, row.timestamp_ms, row.held, row.seq);
        }
        self.report.samples_late = memory.late() as u64;
        self.report.series = memory.index.series();
        Ok((self.appender, memory, self.exemplars, self.report))
    }

    fn row(
        &mut self,
        row: &Row,
        declared: &mut Declared,
        (histogram, start_ms): (Option<Arc<FloatHistogram>>, Option<i64>),
        filling: &mut Filling,
    ) {
        declared.bits ^= row.difference;
        self.newest_ms = self.newest_ms.max(row.timestamp_ms);
        if sample::is_histogram(f64::from_bits(declared.bits)) != histogram.is_some() {
            self.report.samples_out_of_order += 1;
            return;
        }
        let (slot, labels) = (&mut declared.slot, &declared.labels);
        let previous_ms = start_ms.map(|_| self.appender.newest(*slot, labels));
        match self
            .appender
            .restore(slot, labels, row.timestamp_ms, declared.bits)
        {
            Restored::Kept { slot, is_new } => {
                if is_new {
                    filling.created.push((slot, labels.clone()));
                }
                let sample = (slot, row.timestamp_ms, declared.bits);
                filling.samples.push(sample);
                if let Some(mut histogram) = histogram {
                    self.appender.restore_histogram(slot, &mut histogram);
                    let histogram = (slot, row.timestamp_ms, histogram);
                    filling.histograms.push(histogram);
                }
                if let (Some(start_ms), Some(previous_ms)) = (start_ms, previous_ms) {
                    let times = (previous_ms, row.timestamp_ms);
                    filling.starts.push((slot, times, start_ms));
                }
                self.report.samples += 1;
            }
            Restored::TooOld => self.report.samples_too_old += 1,
            Restored::OutOfOrder => self.report.samples_out_of_order += 1,
        }
    }
}
