//! Fills memory in a replay, on a thread of its own, behind who decides what belongs there. Replay is
//! then as fast as the slowest of three: who reads, who decides, and who fills.
//!
//! It is not: who decides (`replay`).

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use narthex_model::{FloatHistogram, Labels, Matcher};
use narthex_storage::TimeRange;

use crate::chunk_snapshot::StoredSeries;
use crate::memory::Memory;

/// So many samples are handed over at once: a wake-up for each small scrape would cost more than its
/// samples.
const SAMPLES_AT_ONCE: usize = 4096;

/// So often that many wait at most to be written; who decides waits then.
const HANDED_OVER_MAX: usize = 8;

/// The samples of a record that belong to memory.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    /// Series that are new, with their slots.
    pub(crate) created: Vec<(u32, Labels)>,
    /// Slot, time and bits.
    pub(crate) samples: Vec<(u32, i64, u64)>,
    /// What those of the samples are that are native histograms.
    pub(crate) histograms: Vec<(u32, i64, Arc<FloatHistogram>)>,
    /// Of samples the slot, the times of the sample before and of their own, and the start timestamp.
    pub(crate) starts: Vec<(u32, (i64, i64), i64)>,
}

/// What becomes of memory, in the order of the log.
#[derive(Debug)]
enum Change {
    Fill(Filling),
    /// Timelines of a snapshot: how many times each takes, and these.
    RestoreTimelines(Vec<(u8, Vec<i64>)>),
    /// Series of a snapshot, with their slots.
    Restore(Vec<(u32, StoredSeries)>),
    /// That was all of the snapshot.
    EndRestore,
    /// Samples of a range are deleted of all series that one of the selectors takes.
    Delete(Vec<Vec<Matcher>>, TimeRange),
    /// The series in these slots are dropped.
    Remove(Vec<u32>),
}

impl Change {
    fn apply(self, memory: &mut Memory) {
        match self {
            Self::Fill(filling) => filling.apply(memory),
            Self::RestoreTimelines(lines) => {
                for (capacity, times) in lines {
                    memory.lines.restore(capacity, times);
                }
            }
            Self::Restore(all) => {
                for (slot, series) in all {
                    memory.restore(slot, series);
                }
            }
            Self::EndRestore => memory.lines.end_restore(),
            Self::Delete(selectors, range) => memory.delete(&selectors, range),
            Self::Remove(slots) => slots.into_iter().for_each(|slot| memory.remove(slot)),
        }
    }
}

impl Filling {
    fn apply(self, memory: &mut Memory) {
        memory.start_batch();
        for (slot, labels) in &self.created {
            memory.create(*slot, labels);
        }
        for (slot, timestamp_ms, bits) in self.samples {
            memory.push(slot, timestamp_ms, bits);
        }
        for (slot, timestamp_ms, histogram) in self.histograms {
            memory.push_histogram(slot, timestamp_ms, histogram);
        }
        for (slot, times, start_ms) in self.starts {
            memory.push_start(slot, times, start_ms);
        }
    }
}

/// Memory that is being filled.
#[derive(Debug)]
pub(crate) struct MemoryWriter {
    /// What is not handed over yet.
    changes: Vec<Change>,
    /// So many samples these have room for.
    samples: usize,
    sender: SyncSender<Vec<Change>>,
    thread: JoinHandle<Memory>,
}

impl MemoryWriter {
    /// Begins with what is there.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub(crate) fn start(mut memory: Memory) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel::<Vec<Change>>(HANDED_OVER_MAX);
        let write = move || {
            for change in receiver.into_iter().flatten() {
                change.apply(&mut memory);
            }
            memory
        };
        let thread = thread::Builder::new().name("wal-fill".to_owned());
        Ok(Self {
            changes: Vec::new(),
            samples: 0,
            sender,
            thread: thread.spawn(write)?,
        })
    }

    /// Adds the samples of a record.
    pub(crate) fn fill(&mut self, filling: Filling) {
        // Blocks may have all of them, of record after record.
        if filling.samples.is_empty() {
            return;
        }
        self.samples += filling.samples.capacity();
        self.changes.push(Change::Fill(filling));
        if self.samples >= SAMPLES_AT_ONCE {
            self.hand_over();
        }
    }

    /// Adds timelines of a snapshot.
    pub(crate) fn restore_timelines(&mut self, lines: Vec<(u8, Vec<i64>)>) {
        self.changes.push(Change::RestoreTimelines(lines));
        self.hand_over();
    }

    /// Adds series of a snapshot, behind its timelines.
    pub(crate) fn restore(&mut self, series: Vec<(u32, StoredSeries)>) {
        self.changes.push(Change::Restore(series));
        self.hand_over();
    }

    /// Nothing more comes of the snapshot.
    pub(crate) fn end_restore(&mut self) {
        self.changes.push(Change::EndRestore);
        self.hand_over();
    }

    /// Deletes what is there now, as [`Memory::delete`].
    pub(crate) fn delete(&mut self, selectors: Vec<Vec<Matcher>>, range: TimeRange) {
        self.changes.push(Change::Delete(selectors, range));
        self.hand_over();
    }

    /// Drops series with all that they have.
    pub(crate) fn remove(&mut self, slots: Vec<u32>) {
        self.changes.push(Change::Remove(slots));
        self.hand_over();
    }

    fn hand_over(&mut self) {
        self.samples = 0;
        // Where nobody takes it any more, the end says so.
        let _ = self.sender.send(std::mem::take(&mut self.changes));
    }

    /// Memory, with all of it.
    ///
    /// # Errors
    /// The thread that filled it panicked.
    pub(crate) fn finish(mut self) -> io::Result<Memory> {
        self.hand_over();
        let Self { sender, thread, .. } = self;
        drop(sender);
        let finished = thread.join();
        finished.map_err(|_| io::Error::other("the thread that fills memory panicked"))
    }
}
