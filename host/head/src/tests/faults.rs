//! A disk that fails at each operation in turn, and one that is full.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;

use narthex_disk::{CrashDisk, Disk, Fault, is_full};
use narthex_model::WriteBatch;
use narthex_storage::AppendError;

use super::journal::{Contents, Journal, check_counts, contents, expected, options_on};
use crate::{Head, HeadOptions, SyncMode};

/// Batches of a story, and the one after which the disk is sound again.
const ROUNDS: usize = 40;
const HEALED_AFTER: usize = 25;

fn small_segments(disk: &CrashDisk) -> HeadOptions {
    HeadOptions {
        segment_bytes: 1_500,
        sync: SyncMode::EachAppend,
        ..options_on(disk)
    }
}

/// That all of `wanted` is there, and besides it nothing but samples of refused batches.
fn check(found: &Contents, wanted: &Contents, refused: &[WriteBatch], story: &str) {
    for (series, samples) in wanted {
        let held = found.get(series).map(Vec::as_slice).unwrap_or_default();
        for sample in samples {
            assert!(held.contains(sample), "{story}: {series} lost {sample:?}");
        }
    }
    for (series, samples) in found {
        let wanted = wanted.get(series).map(Vec::as_slice).unwrap_or_default();
        let ascends = samples.is_sorted_by(|a, b| a.0 < b.0);
        assert!(ascends, "{story}: {series} has a sample twice");
        for (timestamp_ms, bits) in samples.iter().filter(|sample| !wanted.contains(sample)) {
            let was_refused = refused
                .iter()
                .flat_map(|batch| &batch.samples)
                .any(|sample| {
                    let key = (sample.timestamp_ms, sample.value.to_bits());
                    key == (*timestamp_ms, *bits) && sample.labels.to_string() == *series
                });
            assert!(
                was_refused,
                "{story}: {series} has {timestamp_ms} from nowhere"
            );
        }
    }
}

/// Runs batches and truncations on a disk with a fault, then opens the log again, after a kill
/// and after a power cut. Says whether the fault was met.
fn survive(at: u64, fault: Fault) -> bool {
    let story = format!("{fault:?} at operation {at}");
    let disk = CrashDisk::new(at);
    disk.fault_at(at, fault);
    let Ok((head, _)) = Head::open(small_segments(&disk)) else {
        return true;
    };
    let mut journal = Journal::new(3);
    let (mut bound_ms, mut refused) = (i64::MIN, Vec::new());
    for round in 0..ROUNDS {
        if round == HEALED_AFTER {
            disk.heal();
        }
        let batch = journal.batch(8);
        match journal.append(&head, &batch) {
            Ok(()) => {}
            Err(AppendError::Log(_)) => {
                let is_sound = matches!(fault, Fault::Once(_)) && !refused.is_empty();
                let is_sound = is_sound || round >= HEALED_AFTER;
                assert!(!is_sound, "{story}: the log does not go on");
                refused.push(batch);
            }
            Err(error) => panic!("{story}: {error}"),
        }
        if round % 10 == 9 {
            bound_ms = journal.now_ms - 50_000;
            // A segment that cannot be removed stays for the next time.
            let _ = head.truncate(bound_ms);
        }
    }
    let acknowledged = expected(&journal.entries, bound_ms);
    assert_eq!(contents(&head), acknowledged, "{story}: in memory");
    check_counts(&head, &story);
    let was_met = disk.operations() > at;
    for (name, next) in [("kill", disk.kill()), ("power cut", disk.cut_power())] {
        let story = format!("{story}, {name}");
        let (head, report) = Head::open(HeadOptions {
            min_valid_time_ms: bound_ms,
            ..small_segments(&next)
        })
        .unwrap();
        // A segment that could neither be made nor removed has nothing but a part of its header.
        let is_sound = report.damage.iter().all(|damage| damage.bytes < 16);
        assert!(is_sound, "{story}: {report:?}");
        check(&contents(&head), &acknowledged, &refused, &story);
        check_counts(&head, &story);
    }
    was_met
}

#[test]
fn whichever_operation_fails_the_log_goes_on_and_nothing_acknowledged_is_lost() {
    for fault in [
        Fault::Once(ErrorKind::StorageFull),
        Fault::FromThen(ErrorKind::StorageFull),
        Fault::Once(ErrorKind::Other),
    ] {
        let met = (0..1_000).take_while(|at| survive(*at, fault)).count();
        assert!((80..1_000).contains(&met), "{met} operations");
    }
}

#[test]
fn an_fsync_that_fails_behind_the_writer_is_made_up_for_by_a_copy() {
    for seed in 0..60 {
        let disk = CrashDisk::new(seed);
        let (head, _) = Head::open(options_on(&disk)).unwrap();
        let mut journal = Journal::new(5);
        journal.run(&head, 3, 8);
        head.sync().unwrap();
        journal.run(&head, 3, 8);
        disk.fault_at(disk.operations(), Fault::Once(ErrorKind::Other));
        head.sync().unwrap();
        // The copy is forced, and what comes later is written behind it.
        let cut = disk.kill().cut_power();
        let (after, report) = Head::open(options_on(&cut)).unwrap();
        assert_eq!(contents(&after), expected(&journal.entries, i64::MIN));
        assert_eq!(
            (report.damage.len(), report.torn_bytes),
            (0, 0),
            "seed {seed}"
        );
    }
}

#[test]
fn while_the_disk_is_broken_nothing_is_acknowledged_and_after_it_all_is_there() {
    for seed in 0..20 {
        let disk = CrashDisk::new(seed);
        let (head, _) = Head::open(options_on(&disk)).unwrap();
        let mut journal = Journal::new(seed);
        journal.run(&head, 2, 8);
        disk.fault_at(disk.operations(), Fault::FromThen(ErrorKind::Other));
        for _ in 0..3 {
            assert!(head.sync().is_err(), "a later fsync was believed");
            let batch = journal.batch(8);
            let error = journal.append(&head, &batch).unwrap_err();
            assert!(matches!(error, AppendError::Log(_)), "{error}");
        }
        assert_eq!(contents(&head), expected(&journal.entries, i64::MIN));
        disk.heal();
        head.sync().unwrap();
        journal.run(&head, 2, 8);
        head.sync().unwrap();
        let cut = disk.kill().cut_power();
        let (after, report) = Head::open(options_on(&cut)).unwrap();
        assert_eq!(contents(&after), expected(&journal.entries, i64::MIN));
        assert!(report.damage.is_empty(), "seed {seed}: {report:?}");
        assert!(
            cut.list("")
                .unwrap()
                .iter()
                .all(|e| !e.name.ends_with(".mending"))
        );
    }
}

#[test]
fn a_full_disk_refuses_batches_says_where_and_takes_them_once_there_is_room() {
    for sync in [SyncMode::EachAppend, options_on(&CrashDisk::new(0)).sync] {
        let disk = CrashDisk::new(8);
        let (head, _) = Head::open(HeadOptions {
            sync,
            ..options_on(&disk)
        })
        .unwrap();
        let mut journal = Journal::new(8);
        journal.run(&head, 5, 8);
        let used = disk.used();
        for bytes_max in [used, used + 1, used + 10, used + 40] {
            disk.limit(Some(bytes_max));
            let batch = journal.batch(8);
            let error = journal.append(&head, &batch).unwrap_err();
            let source = error.source().unwrap();
            assert!(is_full(source), "{source}");
            let message = source.to_string();
            assert!(message.contains("00000001.wal"), "{message}");
            assert!(message.contains("the disk is full: make room"), "{message}");
            assert_eq!(disk.used(), used, "a part of a record is left");
            assert_eq!(contents(&head), expected(&journal.entries, i64::MIN));
        }
        disk.limit(None);
        journal.run(&head, 5, 8);
        assert_eq!(head.segment_count(), 1);
        let (after, report) = Head::open(options_on(&disk.kill())).unwrap();
        assert_eq!(contents(&after), expected(&journal.entries, i64::MIN));
        assert_eq!((report.damage.len(), report.torn_bytes), (0, 0));
    }
}

#[test]
fn a_log_that_could_not_be_mended_before_its_process_ended_is_read_as_it_is() {
    let disk = CrashDisk::new(2);
    let (head, _) = Head::open(options_on(&disk)).unwrap();
    let mut journal = Journal::new(2);
    journal.run(&head, 2, 8);
    head.sync().unwrap();
    let certain = expected(&journal.entries, i64::MIN);
    journal.run(&head, 2, 8);
    // The fsync fails, and so does the rename of the copy.
    disk.fault_at(disk.operations(), Fault::FromThen(ErrorKind::Other));
    head.sync().unwrap_err();
    let next = disk.kill();
    let copy: Arc<dyn Disk> = Arc::new(next.clone());
    copy.create("00000001.wal.mending")
        .unwrap()
        .append(b"half")
        .unwrap();
    let (after, _) = Head::open(options_on(&next)).unwrap();
    check(&contents(&after), &certain, &[], "what was forced");
    assert!(copy.open("00000001.wal.mending").is_err());
}
