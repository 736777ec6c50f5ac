//! Kills and power cuts at every operation of a log.

use std::time::Duration;

use narthex_disk::{CrashDisk, Fault};

use super::journal::{Contents, Entry, Journal, contents, expected, options_on};
use crate::{Head, HeadOptions, SyncMode};

/// What ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    PowerCut,
}

const GROUP: SyncMode = SyncMode::Group(Duration::from_secs(3_600));

/// A log that is written, killed, opened and written on.
struct Story {
    name: String,
    disk: CrashDisk,
    journal: Journal,
    sync: SyncMode,
    bound_ms: i64,
    /// Entries that no end of the process may take.
    certain: usize,
    /// Samples of the batch that the process died in.
    dying: Contents,
}

impl Story {
    fn new(seed: u64, sync: SyncMode, name: String) -> Self {
        Self {
            name,
            disk: CrashDisk::new(seed),
            journal: Journal::new(seed),
            sync,
            bound_ms: i64::MIN,
            certain: 0,
            dying: Contents::new(),
        }
    }

    fn options(&self) -> HeadOptions {
        HeadOptions {
            min_valid_time_ms: self.bound_ms,
            segment_bytes: 1_500,
            sync: self.sync,
            ..options_on(&self.disk)
        }
    }

    /// Batches, fsyncs and truncations, until the process dies or nothing is left to do.
    fn run(&mut self, head: &Head, rounds: usize) {
        for round in 1..=rounds {
            let batch = self.journal.batch(8);
            let taken = self.journal.append(head, &batch);
            if taken.is_err() {
                assert!(self.disk.is_dead(), "{}", self.name);
                for sample in &batch.samples {
                    let samples = self.dying.entry(sample.labels.to_string()).or_default();
                    samples.push((sample.timestamp_ms, sample.value.to_bits()));
                }
                return;
            }
            if self.sync == SyncMode::EachAppend || round.is_multiple_of(4) && head.sync().is_ok() {
                self.certain = self.journal.entries.len();
            }
            if round.is_multiple_of(10) {
                // A block holds what is older, or the caller would not let go of it.
                self.bound_ms = self.journal.now_ms - 50_000;
                let _ = head.truncate(self.bound_ms);
            }
        }
    }

    /// Ends the process, opens the log again, and takes what it finds for what there is.
    fn end(&mut self, end: End) -> Head {
        self.disk = match end {
            End::Kill => self.disk.kill(),
            End::PowerCut => self.disk.cut_power(),
        };
        let (head, report) = Head::open(self.options()).unwrap();
        let found = contents(&head);
        let survives = match end {
            End::Kill => self.journal.entries.len(),
            End::PowerCut => self.certain,
        };
        if end == End::Kill {
            assert!(report.damage.is_empty(), "{}: {report:?}", self.name);
        }
        let must = expected(&self.journal.entries[..survives], self.bound_ms);
        let may = expected(&self.journal.entries, self.bound_ms);
        let holds = |all: &Contents, series: &String, sample: &(i64, u64)| {
            all.get(series)
                .is_some_and(|samples| samples.contains(sample))
        };
        for (series, samples) in &must {
            for sample in samples {
                let is_there = holds(&found, series, sample);
                assert!(is_there, "{}: {series} lost {sample:?}", self.name);
            }
        }
        for (series, samples) in &found {
            let ascends = samples.is_sorted_by(|a, b| a.0 < b.0);
            assert!(ascends, "{}: {series} has a time twice", self.name);
            for sample in samples {
                let is_known = holds(&may, series, sample) || holds(&self.dying, series, sample);
                assert!(
                    is_known,
                    "{}: {series} has {sample:?} from nowhere",
                    self.name
                );
            }
        }
        self.dying.clear();
        let samples = found.into_iter().flat_map(|(series, samples)| {
            let sample = move |(timestamp_ms, bits)| (series.clone(), timestamp_ms, bits);
            samples.into_iter().map(sample)
        });
        self.journal.entries = vec![Entry {
            segment: 0,
            end: 0,
            samples: samples.collect(),
        }];
        // What was read back is forced before anything is taken.
        self.certain = 1;
        head
    }
}

/// Dies at an operation, goes on, dies of a power cut, and goes on to the end. Whether the
/// operation was met.
fn die_at(at: u64, end: End, sync: SyncMode) -> bool {
    let name = format!("{end:?} at operation {at}, {sync:?}");
    let mut story = Story::new(at, sync, name);
    story.disk.fault_at(at, Fault::Kill);
    if let Ok((head, _)) = Head::open(story.options()) {
        story.run(&head, 30);
    }
    let was_met = story.disk.is_dead();
    let head = story.end(end);
    story.run(&head, 6);
    drop(head);
    let head = story.end(End::PowerCut);
    story.run(&head, 6);
    head.sync().unwrap();
    story.certain = story.journal.entries.len();
    drop(head);
    drop(story.end(End::PowerCut));
    was_met
}

#[test]
fn a_process_that_dies_at_any_operation_keeps_what_it_promised() {
    let mut deaths = 0;
    for sync in [SyncMode::EachAppend, GROUP] {
        for end in [End::Kill, End::PowerCut] {
            let met = (0..1_000).take_while(|at| die_at(*at, end, sync)).count();
            assert!((40..1_000).contains(&met), "{met} operations");
            deaths += 3 * met;
        }
    }
    assert!(deaths > 500, "{deaths}");
}
