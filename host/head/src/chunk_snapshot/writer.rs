//! Writes a snapshot: all of it, or none.

use std::io;

use narthex_disk::{Disk, DiskFile};
use narthex_model::ExemplarSample;

use super::covered::Covered;
use super::{
    FILE, KIND_COVERED, KIND_END, KIND_EXEMPLARS, KIND_SERIES, KIND_TIMELINES, MAGIC, WRITING,
};
use crate::exemplars::Exemplars;
use crate::log::frame::{FrameWriter, PAYLOAD_BYTES_MAX};
use crate::log::kinds::RecordKinds;
use crate::log::record::{push_varint, push_zigzag};
use crate::memory::Memory;

/// A record is written once it is so long: what is read back in one piece.
const RECORD_BYTES: usize = 256 << 10;

/// So many exemplars are in one record: all of them may be more than a record takes.
const RECORD_EXEMPLARS: usize = 512;

/// So many bytes are handed to the system at once.
const WRITE_BYTES: usize = 4 << 20;

/// Writes what is in memory, in the place of an older snapshot, and says how many bytes that took.
///
/// # Errors
/// The disk failed, or memory is damaged. An older snapshot is there as it was, and nothing else is
/// left, unless that cannot be removed.
pub(crate) fn write(
    disk: &dyn Disk,
    covered: &Covered,
    memory: &Memory,
    exemplars: &Exemplars,
) -> io::Result<u64> {
    super::remove(disk, WRITING)?;
    let written = disk
        .create(WRITING)
        .and_then(|file| Writer::new(file.as_ref())?.all(covered, memory, exemplars))
        .and_then(|bytes| {
            disk.rename(WRITING, FILE)?;
            disk.sync_folder("")?;
            Ok(bytes)
        });
    written.inspect_err(|_| {
        if let Err(error) = super::remove(disk, WRITING) {
            tracing::warn!(%error, "a part of a snapshot of the head stays behind");
        }
    })
}

struct Writer<'a> {
    file: &'a dyn DiskFile,
    frames: FrameWriter,
    /// The number of the last record.
    seq: u64,
    /// What is not handed to the system yet.
    buffer: Vec<u8>,
    bytes: u64,
}

impl<'a> Writer<'a> {
    fn new(file: &'a dyn DiskFile) -> io::Result<Self> {
        Ok(Self {
            file,
            frames: FrameWriter::new()?,
            seq: 0,
            buffer: MAGIC.to_vec(),
            bytes: 0,
        })
    }

    fn all(mut self, covered: &Covered, memory: &Memory, exemplars: &Exemplars) -> io::Result<u64> {
        let mut payload = Vec::new();
        covered.encode(&mut payload);
        self.record(KIND_COVERED, &mut payload)?;
        let places = self.timelines(memory)?;
        let line = |number: u32| places.get(number as usize).copied().unwrap_or(u32::MAX);
        let mut count = 0_u64;
        for (slot, series) in memory.by_slot() {
            let parts = series.parts(memory.deleted.of(slot));
            parts
                .encode(line, &mut payload)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            count += 1;
            if payload.len() >= RECORD_BYTES {
                self.record(KIND_SERIES, &mut payload)?;
            }
        }
        if !payload.is_empty() {
            self.record(KIND_SERIES, &mut payload)?;
        }
        self.exemplars(exemplars)?;
        push_varint(&mut payload, count);
        self.record(KIND_END, &mut payload)?;
        self.hand_over()?;
        self.file.sync()?;
        Ok(self.bytes)
    }

    /// Writes the timelines in use one behind the other, and says by their numbers where they are
    /// in the file.
    fn timelines(&mut self, memory: &Memory) -> io::Result<Vec<u32>> {
        let (mut places, mut payload) = (Vec::new(), Vec::new());
        for (place, (number, capacity, times)) in (0..).zip(memory.lines.used()) {
            places.resize(number as usize, u32::MAX);
            places.push(place);
            payload.push(capacity);
            push_varint(&mut payload, times.len() as u64);
            let (mut before_ms, mut step_ms) = (0_i64, 0_i64);
            for at_ms in times {
                let next_ms = at_ms.wrapping_sub(before_ms);
                push_zigzag(&mut payload, next_ms.wrapping_sub(step_ms));
                (before_ms, step_ms) = (*at_ms, next_ms);
            }
            if payload.len() >= RECORD_BYTES {
                self.record(KIND_TIMELINES, &mut payload)?;
            }
        }
        if !payload.is_empty() {
            self.record(KIND_TIMELINES, &mut payload)?;
        }
        Ok(places)
    }

    fn exemplars(&mut self, exemplars: &Exemplars) -> io::Result<()> {
        let (mut kinds, mut payload) = (RecordKinds::default(), Vec::new());
        let mut all = exemplars.all().peekable();
        while let Some((series, exemplar)) = all.next() {
            kinds.exemplars.push(ExemplarSample {
                series: series.clone(),
                exemplar: exemplar.clone(),
            });
            if kinds.exemplars.len() == RECORD_EXEMPLARS || all.peek().is_none() {
                kinds.encode(&mut payload);
                kinds.clear();
                self.record(KIND_EXEMPLARS, &mut payload)?;
            }
        }
        Ok(())
    }

    /// Writes a record and empties the payload.
    fn record(&mut self, kind: u8, payload: &mut Vec<u8>) -> io::Result<()> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.seq += 1;
        self.frames
            .write_kind(kind, self.seq, payload, &mut self.buffer)?;
        payload.clear();
        match self.buffer.len() >= WRITE_BYTES {
            true => self.hand_over(),
            false => Ok(()),
        }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.file.append(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
