//! The end of the log that grows.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use narthex_disk::Disk;
use narthex_storage::TimeRange;

use crate::chunk_snapshot::Covered;
use crate::late::LateMark;
use crate::log::flush::Flusher;
use crate::log::frame::{FrameType, FrameWriter};
use crate::log::growing::GrowingSegment;
use crate::log::record;
use crate::log::segment;
use crate::options::{HELD_SEGMENTS_MAX, SyncMode};

/// Bytes that wait for an fsync are in memory too. A writer that comes to so many forces them
/// itself before it writes more.
const UNSYNCED_BYTES_MAX: usize = 16 << 20;

/// A segment that takes no more records, and the time of the samples in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClosedSegment {
    pub(crate) number: u32,
    /// The newest sample in it.
    pub(crate) max_ms: i64,
    /// The last record in it with samples that came out of order; 0 where there is none.
    pub(crate) late_seq: u64,
}

/// The segment that takes records.
#[derive(Debug)]
struct Active {
    number: u32,
    file: Arc<GrowingSegment>,
    max_ms: i64,
    late_seq: u64,
}

impl Active {
    /// The segment as it is once it takes no more records.
    fn closed(&self) -> ClosedSegment {
        ClosedSegment {
            number: self.number,
            max_ms: self.max_ms,
            late_seq: self.late_seq,
        }
    }
}

/// Writes records one after the other. A record whose write or fsync fails is refused, and what
/// the disk has of it is taken back before anything else is written, so that a log on a disk that
/// is full goes on once there is room.
#[derive(Debug)]
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    sync: SyncMode,
    closed: Vec<ClosedSegment>,
    active: Option<Active>,
    next_number: u32,
    next_seq: u64,
    /// The last mark that was written or read.
    mark: LateMark,
    /// Segments from this one on are kept for a reader.
    held_from: Option<u32>,
    frames: FrameWriter,
    buffer: Vec<u8>,
    flusher: Arc<Flusher>,
    thread: Option<JoinHandle<()>>,
}

/// Where a log goes on after a replay.
#[derive(Debug, Default)]
pub(crate) struct LogPosition {
    pub(crate) closed: Vec<ClosedSegment>,
    pub(crate) next_number: u32,
    pub(crate) next_seq: u64,
    pub(crate) mark: Option<LateMark>,
}

impl Log {
    /// A log in an empty folder, or one that [`Self::go_on`] will tell what the folder has.
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        sync: SyncMode,
    ) -> io::Result<Self> {
        let flusher = Arc::new(Flusher::default());
        let thread = match sync {
            SyncMode::Group(interval) => Some(flusher.start(interval)?),
            SyncMode::EachAppend => None,
        };
        Ok(Self {
            disk,
            segment_bytes,
            sync,
            closed: Vec::new(),
            active: None,
            next_number: 1,
            next_seq: 1,
            mark: LateMark::NONE,
            held_from: None,
            frames: FrameWriter::new()?,
            buffer: Vec::new(),
            flusher,
            thread,
        })
    }

    /// Goes on with a new segment behind those that were replayed.
    pub(crate) fn go_on(&mut self, position: LogPosition) {
        self.closed = position.closed;
        self.next_number = position.next_number;
        self.next_seq = position.next_seq;
        self.mark = position.mark.unwrap_or(LateMark::NONE);
    }

    pub(crate) fn flusher(&self) -> &Arc<Flusher> {
        &self.flusher
    }

    /// The number of the segment that the next record goes to. It is made here if need be.
    pub(crate) fn segment(&mut self) -> io::Result<u32> {
        if let Some(failure) = self.flusher.failure() {
            match self.sync {
                SyncMode::EachAppend => self.flusher.flush()?,
                // The thread tries again, and less often.
                SyncMode::Group(_) => return Err(failure.error()),
            }
        }
        match &self.active {
            Some(active) if active.file.len() < self.segment_bytes => Ok(active.number),
            _ => self.roll(),
        }
    }

    fn roll(&mut self) -> io::Result<u32> {
        self.close_segment()?;
        let number = self.next_number;
        let after = number.checked_add(1).ok_or(io::ErrorKind::QuotaExceeded)?;
        match GrowingSegment::create(&self.disk, number) {
            Ok(file) => {
                self.next_number = after;
                self.active = Some(Active {
                    number,
                    file: Arc::new(file),
                    max_ms: i64::MIN,
                    late_seq: 0,
                });
                Ok(number)
            }
            Err(error) => {
                let left = self.disk.remove(&segment::name(number));
                if left.is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
                    // It holds nothing, and goes with the next that are removed.
                    self.closed.push(ClosedSegment {
                        number,
                        max_ms: i64::MIN,
                        late_seq: 0,
                    });
                    self.next_number = after;
                }
                Err(error)
            }
        }
    }

    /// Writes a record to the segment that [`Self::segment`] named. When it returns `Ok`, the
    /// kernel has the record, and with [`SyncMode::EachAppend`] the disk.
    pub(crate) fn append(
        &mut self,
        kind: FrameType,
        payload: &[u8],
        span: TimeRange,
    ) -> io::Result<()> {
        let Some(active) = &mut self.active else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if active.file.unsynced_bytes() > UNSYNCED_BYTES_MAX {
            self.flusher.flush()?;
        }
        self.buffer.clear();
        self.frames
            .write(kind, self.next_seq, payload, &mut self.buffer)?;
        let len = active.file.len();
        active.file.append(&self.buffer)?;
        self.flusher.written(&active.file);
        if self.sync == SyncMode::EachAppend {
            let forced = self.flusher.flush();
            forced.inspect_err(|_| active.file.take_back(len))?;
        }
        active.max_ms = active.max_ms.max(span.end_ms);
        // A deletion counts as if it had late samples: it goes when those that it deletes are gone.
        if matches!(kind, FrameType::LateBatch | FrameType::Deletion) {
            active.late_seq = self.next_seq;
        }
        self.next_seq += 1;
        Ok(())
    }

    /// The sequence number of the last record; 0 before the first.
    pub(crate) fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// Writes down that blocks hold the late samples that a mark covers, where there are any.
    pub(crate) fn mark_late(&mut self, mark: LateMark) -> io::Result<()> {
        let closed = self.closed.iter().map(|segment| segment.late_seq);
        let active = self.active.iter().map(|active| active.late_seq);
        if closed.chain(active).all(|seq| seq == 0) {
            return Ok(());
        }
        self.segment()?;
        let nowhen = TimeRange {
            start_ms: i64::MAX,
            end_ms: i64::MIN,
        };
        self.append(FrameType::LateMark, &record::encode_mark(mark), nowhen)?;
        self.mark = mark;
        Ok(())
    }

    /// Ends the segment, so that it can be removed once its samples are old.
    pub(crate) fn close_segment(&mut self) -> io::Result<()> {
        if let Some(active) = &self.active {
            // What was refused must not be read before what was written after it.
            active.file.cut_back()?;
            self.closed.push(active.closed());
            self.active = None;
        }
        Ok(())
    }

    /// Removes the closed segments that have no sample at or after `before_ms`, and no late one
    /// that the last mark does not cover. A segment that
    /// could not be removed is tried again the next time.
    pub(crate) fn remove_before(&mut self, before_ms: i64) -> Result<(), (u32, io::Error)> {
        self.remove(before_ms, self.held_from())
    }

    /// As [`Self::remove_before`], also what is kept for a reader.
    pub(crate) fn abandon_before(&mut self, before_ms: i64) -> Result<(), (u32, io::Error)> {
        self.remove(before_ms, u32::MAX)
    }

    fn remove(&mut self, before_ms: i64, held_from: u32) -> Result<(), (u32, io::Error)> {
        let old = self.closed.iter().filter(|closed| {
            let is_old = closed.max_ms < before_ms && closed.late_seq <= self.mark.seq;
            is_old && closed.number < held_from
        });
        let old: Vec<u32> = old.map(|closed| closed.number).collect();
        let Some(last) = old.last().copied() else {
            return Ok(());
        };
        let names: Vec<String> = old.iter().map(|number| segment::name(*number)).collect();
        self.flusher.forget(&names);
        for (number, name) in old.into_iter().zip(&names) {
            match self.disk.remove(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err((number, error));
                }
                _ => self.closed.retain(|closed| closed.number != number),
            }
        }
        self.disk.sync_folder("").map_err(|error| (last, error))
    }

    /// Keeps the segments from a number on, as many as a reader may hold.
    pub(crate) fn hold_from(&mut self, number: Option<u32>) {
        self.held_from = number;
    }

    /// The first segment that is kept for a reader.
    fn held_from(&self) -> u32 {
        let first_allowed = self.closed.iter().rev().nth(HELD_SEGMENTS_MAX - 1);
        let first_allowed = first_allowed.map_or(0, |closed| closed.number);
        self.held_from
            .map_or(u32::MAX, |number| number.max(first_allowed))
    }

    /// The segment that the next record goes to, as far as that is known.
    pub(crate) fn last_segment(&self) -> u32 {
        let active = self.active.as_ref();
        active.map_or(self.next_number, |active| active.number)
    }

    /// The segments, once nothing more is written: a snapshot of what is in memory stands for them.
    pub(crate) fn covered(&self, bound_ms: i64) -> io::Result<Covered> {
        if let Some(active) = &self.active {
            // What was refused is not in memory, and must not be read before what comes after it.
            active.file.cut_back()?;
        }
        let active = self.active.iter().map(Active::closed);
        let known = self.closed.iter().copied().chain(active);
        let files = segment::list(self.disk.as_ref())?;
        let segments = known.filter_map(|segment| {
            let file = files.iter().find(|file| file.number == segment.number)?;
            Some((segment, file.bytes))
        });
        Ok(Covered {
            bound_ms,
            last_seq: self.last_seq(),
            mark: self.mark,
            segments: segments.collect(),
        })
    }

    /// How many segments there are.
    pub(crate) fn segments(&self) -> usize {
        self.closed.len() + usize::from(self.active.is_some())
    }

    /// Ends the thread and forces what is left to the disk.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        self.flusher.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to tell; the flush below speaks for it.
            let _ = thread.join();
        }
        self.flusher.flush()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the write-ahead log was closed without its last fsync");
        }
    }
}
