//! The part of a replay that a snapshot saves: it is used where it stands for the log that is there,
//! and else left out.

use std::io;

use narthex_disk::Disk;

use super::{LateRow, Replay};
use crate::chunk_snapshot::reader::{self, Opened, Part};
use crate::chunk_snapshot::{self, Covered, StoredSeries};
use crate::error::HeadError;
use crate::log::frame::FrameError;
use crate::log::segment::SegmentFile;
use crate::options::HeadOptions;
use crate::read_ahead::read_ahead;

/// What a snapshot has, and for which part of the log it stands; where there is none that can be
/// used, nothing yet.
pub(super) fn restored(
    options: &HeadOptions,
    segments: &[SegmentFile],
) -> Result<(Replay, Option<Covered>), HeadError> {
    let replay = Replay::start(options)?;
    let disk = options.disk.as_ref();
    let opened = match snapshot_for(disk, segments, options.min_valid_time_ms) {
        Ok(None) => return Ok((replay, None)),
        Ok(Some(opened)) => {
            let covered = opened.covered.clone();
            let mut replay = replay;
            replay
                .restore(opened)
                .map(|()| (replay, Some(covered)))
                .map_err(|error| error.to_string())
        }
        Err(reason) => Err(reason),
    };
    opened.or_else(|reason| {
        tracing::warn!(
            reason,
            "the snapshot of the head is left out; the whole write-ahead log is read"
        );
        let removed = chunk_snapshot::remove(disk, chunk_snapshot::FILE);
        removed.map_err(HeadError::io("remove", disk.show(chunk_snapshot::FILE)))?;
        let mut replay = Replay::start(options)?;
        replay.report.snapshot_error = Some(reason);
        Ok((replay, None))
    })
}

/// The snapshot that stands for a part of these segments; `None` where there is none, or why it
/// cannot be used.
fn snapshot_for(
    disk: &dyn Disk,
    segments: &[SegmentFile],
    min_valid_time_ms: i64,
) -> Result<Option<Opened>, String> {
    let opened = reader::open(disk).map_err(|error| error.to_string())?;
    let Some(opened) = opened else {
        return Ok(None);
    };
    let covered = &opened.covered;
    if let Some(wrong) = covered.contradiction(segments) {
        return Err(wrong);
    }
    if min_valid_time_ms < covered.bound_ms {
        // The blocks that it relied on are gone, by their age or on purpose; nothing is wrong with it.
        tracing::info!("samples are asked for that the snapshot of the head leaves to blocks");
        return Ok(None);
    }
    Ok(Some(opened))
}

impl Replay {
    /// Takes all that a snapshot has. After an error a part of it is there.
    fn restore(&mut self, snapshot: Opened) -> io::Result<()> {
        (self.last_seq, self.mark) = (snapshot.covered.last_seq, Some(snapshot.covered.mark));
        let (mut record, mut series) = (1, 0);
        let mut is_whole = false;
        let (frames, decode) = snapshot.parts(self.appender.bound_ms);
        let (_, error) = read_ahead(frames, 0, decode, |frame, part| {
            if frame.seq <= record || is_whole {
                return Err("a record that does not follow the one before");
            }
            record = frame.seq;
            match part {
                Part::Timelines(lines) => self.memory.restore_timelines(lines),
                Part::Series(all) => {
                    series += all.len() as u64;
                    self.restore_series(all)?;
                }
                Part::Exemplars(all) => {
                    for sample in all {
                        // Each was taken in this order, so each is taken again.
                        let _ = self.exemplars.add(&sample.series, sample.exemplar);
                    }
                }
                Part::End(count) if count == series => is_whole = true,
                Part::End(_) => return Err("series are missing"),
            }
            Ok(())
        });
        match error {
            None if is_whole => {}
            None | Some(FrameError::Torn) => return Err(reader::damaged("it ends too early")),
            Some(FrameError::Damaged(reason)) => return Err(reader::damaged(reason)),
            Some(FrameError::Io(error)) => return Err(error),
        }
        self.memory.end_restore();
        self.report.samples_of_snapshot = self.report.samples;
        Ok(())
    }

    fn restore_series(&mut self, all: Vec<StoredSeries>) -> Result<(), &'static str> {
        let mut restored = Vec::with_capacity(all.len());
        for mut series in all {
            for (timestamp_ms, held, seq) in series.late.drain(..) {
                self.late.push(LateRow {
                    labels: series.labels.clone(),
                    timestamp_ms,
                    held,
                    seq,
                });
            }
            // Without a sample in order it comes with its late ones, or blocks have all of it.
            let Some(newest) = series.newest else {
                continue;
            };
            let (slot, is_new) = self.appender.restore_series(&series.labels);
            if !is_new {
                return Err("a series that is there twice");
            }
            for (_, histogram) in &mut series.histograms {
                self.appender.restore_histogram(slot, histogram);
            }
            self.appender.restore_newest(slot, newest);
            self.report.samples += series.samples();
            restored.push((slot, series));
        }
        self.memory.restore(restored);
        Ok(())
    }
}
