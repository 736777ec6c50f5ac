//! A disk that fails once, at each operation in turn.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use narthex_storage::AppendError;
use tempfile::TempDir;

use super::journal::{Entry, Journal, contents, expected, options};
use crate::log::file::{LogFile, LogFolder, SystemFolder};
use crate::{Head, HeadOptions, SyncMode};

/// Lets the operation with one number fail, and counts all of them.
#[derive(Debug)]
struct Fault {
    at: usize,
    /// Whether what follows fails as well, as it does on a disk that is full.
    stays: bool,
    count: AtomicUsize,
}

impl Fault {
    fn check(&self) -> io::Result<()> {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        if number == self.at || self.stays && number > self.at {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

#[derive(Debug)]
struct FaultyFolder {
    inner: SystemFolder,
    fault: Arc<Fault>,
}

impl LogFolder for FaultyFolder {
    fn create(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        self.fault.check()?;
        Ok(Arc::new(FaultyFile {
            inner: self.inner.create(name)?,
            fault: Arc::clone(&self.fault),
        }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.fault.check()?;
        self.inner.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.fault.check()?;
        self.inner.sync()
    }
}

#[derive(Debug)]
struct FaultyFile {
    inner: Arc<dyn LogFile>,
    fault: Arc<Fault>,
}

impl LogFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.fault.check() {
            self.inner.append(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.inner.append(bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.fault.check()?;
        self.inner.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.fault.check()?;
        self.inner.sync()
    }
}

/// Runs batches and truncations on a disk with a fault, then opens the log on a sound one.
/// Says whether the fault was met.
fn survive(at: usize, stays: bool) -> bool {
    let dir = TempDir::new().unwrap();
    let fault = Arc::new(Fault {
        at,
        stays,
        count: AtomicUsize::new(0),
    });
    let small_segments = HeadOptions {
        segment_bytes: 1_500,
        sync: SyncMode::EachAppend,
        ..options(dir.path())
    };
    let folder = Box::new(FaultyFolder {
        inner: SystemFolder::new(dir.path()),
        fault: Arc::clone(&fault),
    });
    let (head, _) = Head::open_with(small_segments.clone(), folder).unwrap();
    let mut journal = Journal::new(3);
    let (mut bound_ms, mut unacknowledged) = (i64::MIN, None);
    for round in 0..40 {
        let batch = journal.batch(8);
        match journal.append(&head, dir.path(), &batch) {
            Ok(()) => assert!(unacknowledged.is_none(), "a batch was taken after a fault"),
            Err(AppendError::Log(_)) => {
                unacknowledged.get_or_insert(batch);
            }
            Err(error) => panic!("{error}"),
        }
        if round % 10 == 9 {
            bound_ms = journal.now_ms - 50_000;
            // A segment that cannot be removed stays for the next time.
            let _ = head.truncate(bound_ms);
        }
    }
    let acknowledged = expected(&journal.entries, bound_ms);
    assert_eq!(contents(&head), acknowledged, "in memory, fault {at}");
    drop(head);
    let (head, report) = Head::open(HeadOptions {
        min_valid_time_ms: bound_ms,
        ..small_segments
    })
    .unwrap();
    assert!(report.damage.is_empty(), "fault {at}: {report:?}");
    let found = contents(&head);
    if found != acknowledged {
        // The record was whole when its fsync failed, and could not be cut off again.
        let batch = unacknowledged.unwrap();
        let samples = batch.samples.iter();
        let samples = samples.map(|sample| {
            let labels = sample.labels.to_string();
            (labels, sample.timestamp_ms, sample.value.to_bits())
        });
        let samples = samples.filter(|(labels, timestamp_ms, bits)| {
            found
                .get(labels)
                .is_some_and(|found| found.contains(&(*timestamp_ms, *bits)))
        });
        journal.entries.push(Entry {
            segment: 0,
            end: 0,
            samples: samples.collect(),
        });
        assert_eq!(found, expected(&journal.entries, bound_ms), "fault {at}");
    }
    fault.count.load(Ordering::SeqCst) > at
}

#[test]
fn whichever_operation_fails_nothing_acknowledged_is_lost_and_nothing_comes_twice() {
    for stays in [false, true] {
        let met = (0..1_000).take_while(|at| survive(*at, stays)).count();
        assert!((80..1_000).contains(&met), "{met} operations");
    }
}

#[test]
fn a_write_that_fails_part_way_leaves_no_torn_record() {
    let dir = TempDir::new().unwrap();
    let fault = Arc::new(Fault {
        // Create, header, folder, then record and fsync, and again a record.
        at: 5,
        stays: false,
        count: AtomicUsize::new(0),
    });
    let folder = Box::new(FaultyFolder {
        inner: SystemFolder::new(dir.path()),
        fault,
    });
    let each_append = HeadOptions {
        sync: SyncMode::EachAppend,
        ..options(dir.path())
    };
    let (head, _) = Head::open_with(each_append, folder).unwrap();
    let mut journal = Journal::new(4);
    journal.run(&head, dir.path(), 1, 8);
    for _ in 0..2 {
        let batch = journal.batch(8);
        let error = journal.append(&head, dir.path(), &batch).unwrap_err();
        assert!(matches!(error, AppendError::Log(_)), "{error}");
    }
    assert_eq!(contents(&head), expected(&journal.entries, i64::MIN));
    drop(head);
    let (head, report) = Head::open(options(dir.path())).unwrap();
    assert_eq!((report.records, report.torn_bytes), (1, 0));
    journal.run(&head, dir.path(), 5, 8);
    assert_eq!(contents(&head), expected(&journal.entries, i64::MIN));
}

#[test]
fn an_fsync_that_fails_behind_the_writer_ends_the_log() {
    let dir = TempDir::new().unwrap();
    let fault = Arc::new(Fault {
        // Create, header, folder, record, and then the fsync that the test asks for.
        at: 4,
        stays: false,
        count: AtomicUsize::new(0),
    });
    let folder = Box::new(FaultyFolder {
        inner: SystemFolder::new(dir.path()),
        fault,
    });
    let (head, _) = Head::open_with(options(dir.path()), folder).unwrap();
    let mut journal = Journal::new(5);
    journal.run(&head, dir.path(), 1, 8);
    assert!(head.sync().is_err());
    assert!(head.sync().is_err(), "the second fsync was believed");
    let batch = journal.batch(8);
    let error = journal.append(&head, dir.path(), &batch).unwrap_err();
    assert!(matches!(error, AppendError::Log(_)), "{error}");
    assert!(head.close().is_err());
    let (head, _) = Head::open(options(dir.path())).unwrap();
    assert_eq!(contents(&head), expected(&journal.entries, i64::MIN));
}
