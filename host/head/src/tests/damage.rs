//! What a damaged log costs: the records from the damage to the end of its segment.

use std::fs;
use std::path::{Path, PathBuf};

use narthex_disk::{CrashDisk, Disk, SystemDisk};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::journal::{Journal, contents, expected, options, options_on};
use crate::log::segment::{self, SEGMENT_HEADER_BYTES};
use crate::{Head, HeadOptions};

/// A log on disk and the journal of what is in it.
struct Written {
    journal: Journal,
    segments: Vec<(u32, Vec<u8>)>,
}

fn write(seed: u64, batches: usize, segment_bytes: u64) -> Written {
    let dir = TempDir::new().unwrap();
    let mut journal = Journal::new(seed);
    let (head, _) = Head::open(HeadOptions {
        segment_bytes,
        ..options(dir.path())
    })
    .unwrap();
    journal.run(&head, batches, 12);
    let read = |segment: segment::SegmentFile| {
        (
            segment.number,
            fs::read(dir.path().join(segment.name)).unwrap(),
        )
    };
    let segments = segment::list(&SystemDisk::new(dir.path())).unwrap();
    Written {
        journal,
        segments: segments.into_iter().map(read).collect(),
    }
}

fn put(dir: &Path, number: u32, bytes: &[u8]) -> PathBuf {
    let path = dir.join(segment::name(number));
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_log_cut_anywhere_holds_exactly_the_records_before_the_cut() {
    let written = write(1, 16, u64::MAX);
    let (number, bytes) = &written.segments[0];
    let name = segment::name(*number);
    for cut in 0..=bytes.len() {
        let disk = CrashDisk::new(0);
        let file = disk.create(&name).unwrap();
        file.append(&bytes[..cut]).unwrap();
        let (head, report) = Head::open(options_on(&disk)).unwrap();
        let whole = written.journal.entries.iter();
        let whole: Vec<_> = whole.filter(|entry| entry.end <= cut as u64).collect();
        let good_end = match whole.last() {
            Some(entry) => entry.end,
            None if cut >= SEGMENT_HEADER_BYTES => SEGMENT_HEADER_BYTES as u64,
            None => 0,
        };
        assert_eq!(contents(&head), expected(whole, i64::MIN), "cut at {cut}");
        assert_eq!(report.torn_bytes, cut as u64 - good_end, "cut at {cut}");
        assert!(report.damage.is_empty(), "cut at {cut}");
        let left = disk.open(&name).map_or(0, |file| file.len().unwrap());
        assert_eq!(left, good_end, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_costs_its_record_and_the_rest_of_its_segment_and_nothing_else() {
    let written = write(2, 120, 3_000);
    assert!(written.segments.len() > 3);
    let mut random = StdRng::seed_from_u64(2);
    for _ in 0..600 {
        let at = random.random_range(0..written.segments.len());
        let (damaged, bytes) = &written.segments[at];
        let byte = random.random_range(0..bytes.len());
        let bit = random.random_range(0..8);
        let disk = CrashDisk::new(0);
        for (number, bytes) in &written.segments {
            let mut bytes = bytes.clone();
            if number == damaged {
                bytes[byte] ^= 1 << bit;
            }
            let file = disk.create(&segment::name(*number)).unwrap();
            file.append(&bytes).unwrap();
        }
        let (head, report) = Head::open(options_on(&disk)).unwrap();
        let story = format!("segment {damaged}, byte {byte}, bit {bit}");
        let entries = written.journal.entries.iter();
        let kept = entries.filter(|entry| entry.segment != *damaged || entry.end <= byte as u64);
        let in_header = byte < SEGMENT_HEADER_BYTES;
        let kept = kept.filter(|entry| entry.segment != *damaged || !in_header);
        assert_eq!(contents(&head), expected(kept, i64::MIN), "{story}");
        assert!(
            report.torn_bytes > 0 || !report.damage.is_empty(),
            "{story}"
        );
        let is_last = at + 1 == written.segments.len();
        assert!(is_last || report.damage[0].segment == *damaged, "{story}");
    }
}

#[test]
fn a_segment_that_is_torn_in_the_middle_of_the_log_keeps_its_bytes_and_the_later_ones() {
    let written = write(3, 120, 3_000);
    let dir = TempDir::new().unwrap();
    for (number, bytes) in &written.segments {
        put(dir.path(), *number, bytes);
    }
    let (torn, bytes) = &written.segments[1];
    let path = put(dir.path(), *torn, &bytes[..bytes.len() - 5]);
    let mut entries = written.journal.entries.iter();
    let last = entries.rfind(|entry| entry.segment == *torn).unwrap();
    let entries = written.journal.entries.iter();
    let kept = entries.filter(|entry| (entry.segment, entry.end) != (last.segment, last.end));
    let kept = expected(kept, i64::MIN);
    for _ in 0..2 {
        let (head, report) = Head::open(options(dir.path())).unwrap();
        assert_eq!(contents(&head), kept);
        assert_eq!((report.torn_bytes, report.damage.len()), (0, 1));
        assert_eq!(report.damage[0].reason, "the segment ends inside a record");
        assert_eq!(fs::metadata(&path).unwrap().len(), bytes.len() as u64 - 5);
    }
}

#[test]
fn zeros_behind_the_last_record_are_a_torn_tail() {
    let written = write(4, 10, u64::MAX);
    let (number, bytes) = &written.segments[0];
    let dir = TempDir::new().unwrap();
    let mut longer = bytes.clone();
    longer.resize(bytes.len() + 9_000, 0);
    let path = put(dir.path(), *number, &longer);
    let (head, report) = Head::open(options(dir.path())).unwrap();
    let all = expected(&written.journal.entries, i64::MIN);
    assert_eq!(contents(&head), all);
    assert_eq!((report.torn_bytes, report.damage.len()), (9_000, 0));
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes.len() as u64);
}

#[test]
fn a_segment_that_is_there_twice_is_replayed_once() {
    let written = write(5, 10, u64::MAX);
    let (number, bytes) = &written.segments[0];
    let dir = TempDir::new().unwrap();
    put(dir.path(), *number, bytes);
    let mut copy = bytes.clone();
    copy[..SEGMENT_HEADER_BYTES].copy_from_slice(&segment::header(number + 1));
    put(dir.path(), number + 1, &copy);
    let (head, report) = Head::open(options(dir.path())).unwrap();
    let all = expected(&written.journal.entries, i64::MIN);
    assert_eq!(contents(&head), all);
    assert_eq!(
        report.damage[0].reason,
        "a sequence number that does not ascend"
    );
}
