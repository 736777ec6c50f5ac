//! The files of the notification log on disks that fail and crash.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use narthex_disk::{CrashDisk, Fault};

use super::*;
use crate::alert::Fingerprint;
use crate::notification_log::NotificationLog;

/// Receivers that are told in a story.
const ROUNDS: u64 = 30;

/// What a group of five is told, each at its turn.
fn told(round: u64, alerts: u64) -> Told {
    let key = LogKey {
        group: format!("{{}}:{{alertname=\"{}\"}}", round % 5),
        receiver: "r".to_owned(),
        integration: "webhook".to_owned(),
        index: 0,
    };
    let at_ms = 1_000 + round.cast_signed();
    let entry = LogEntry {
        at_ms,
        firing: (0..alerts).map(Fingerprint).collect(),
        resolved: BTreeSet::new(),
        expires_at_ms: at_ms + 1_000_000,
    };
    (key, entry)
}

fn open(disk: &CrashDisk) -> (LogStore, NotificationLog) {
    let (store, kept) = LogStore::open(Arc::new(disk.clone())).unwrap();
    (store, NotificationLog::new(1_000_000, kept))
}

fn names(disk: &CrashDisk) -> Vec<String> {
    let entries = disk.list("").unwrap().into_iter();
    entries.map(|entry| entry.name).collect()
}

/// Tells, writes and forces on a disk with a fault, and looks at what a kill and a power cut leave.
/// Says whether the fault was met.
fn survive(at: u64, fault: Fault) -> bool {
    let disk = CrashDisk::new(at);
    disk.fault_at(at, fault);
    let (mut store, _) = open(&disk);
    let mut known = BTreeMap::new();
    let (mut written, mut forced) = (known.clone(), known.clone());
    for round in 0..ROUNDS {
        let new = told(round, 3);
        known.insert(new.0.clone(), new.1.clone());
        let is_whole = store.is_snapshot_due() || round == ROUNDS / 2;
        let done = match is_whole {
            true => store.replace(&known.clone().into_iter().collect::<Vec<_>>()),
            false => store.add(&[new]),
        };
        if done.is_ok() {
            written.clone_from(&known);
            if is_whole {
                forced.clone_from(&known);
            }
        }
        if round % 4 == 3 {
            match store.force() {
                // Nobody knows what is left of the journal.
                Err(_) => written.clone_from(&forced),
                Ok(()) if !store.is_snapshot_due() => forced.clone_from(&written),
                Ok(()) => {}
            }
        }
    }
    let was_met = disk.operations() > at;
    for (name, next, wanted) in [
        ("kill", disk.kill(), written),
        ("power cut", disk.cut_power(), forced),
    ] {
        let (_, log) = open(&next);
        let found: BTreeMap<LogKey, LogEntry> = log.all().into_iter().collect();
        for (key, entry) in &wanted {
            // A newer one may be there that nobody was told is written.
            let is_there = found.get(key).is_some_and(|found| found >= entry);
            assert!(
                is_there,
                "{fault:?} at {at}, {name}: {key:?} lost {entry:?}"
            );
        }
        for (key, entry) in &found {
            let is_known = known.get(key).is_some_and(|known| known >= entry);
            assert!(
                is_known,
                "{fault:?} at {at}, {name}: {entry:?} from nowhere"
            );
        }
    }
    was_met
}

#[test]
fn whichever_operation_fails_what_was_written_is_there_after_a_kill_and_what_was_forced_after_a_power_cut()
 {
    for fault in [
        Fault::Kill,
        Fault::Once(ErrorKind::StorageFull),
        Fault::FromThen(ErrorKind::StorageFull),
        Fault::Once(ErrorKind::Other),
    ] {
        let mut at = 0;
        while survive(at, fault) {
            at += 1;
        }
        assert!(at > ROUNDS, "{fault:?}");
    }
}

#[test]
fn a_long_journal_becomes_a_snapshot_and_a_short_one_does_not() {
    let disk = CrashDisk::new(1);
    let (mut store, _) = open(&disk);
    store.add(&[told(0, 3)]).unwrap();
    assert!(!store.is_snapshot_due());
    assert_eq!(names(&disk), [JOURNAL_FILE]);
    // A fingerprint has 19 bytes there.
    let long = told(1, JOURNAL_BYTES_MIN / 19);
    store.add(std::slice::from_ref(&long)).unwrap();
    assert!(store.is_snapshot_due());
    let all = [told(0, 3), long.clone()];
    store.replace(&all).unwrap();
    assert_eq!(names(&disk), [SNAPSHOT_FILE]);
    // As much again has to come first.
    for round in [2, 1] {
        assert!(!store.is_snapshot_due());
        store.add(&[(told(round, 0).0, long.1.clone())]).unwrap();
    }
    assert!(store.is_snapshot_due());
    // Who comes next begins with a snapshot of its own.
    let (mut store, log) = open(&disk.kill());
    assert!(store.is_snapshot_due() && !store.has_journal());
    assert_eq!(log.len(), 3);
    store.replace(&log.all()).unwrap();
    assert!(!store.is_snapshot_due());
}

#[test]
fn a_line_that_cannot_be_read_costs_itself_alone() {
    let disk = CrashDisk::new(1);
    let (mut store, _) = open(&disk);
    store.add(&[told(0, 3)]).unwrap();
    let journal = disk.open_to_write(JOURNAL_FILE).unwrap();
    journal.append(b"[{\"group\": \xff\n\n").unwrap();
    store.add(&[told(1, 3)]).unwrap();
    journal.append(b"[{\"group\"").unwrap();
    let (_, log) = open(&disk);
    assert_eq!(log.all(), [told(0, 3), told(1, 3)]);
    // A snapshot is written at once, so what is wrong there is no accident of ours.
    let snapshot = disk.create(SNAPSHOT_FILE).unwrap();
    snapshot.append(b"[").unwrap();
    let (file, _) = LogStore::open(Arc::new(disk)).unwrap_err();
    assert_eq!(file, SNAPSHOT_FILE);
}
