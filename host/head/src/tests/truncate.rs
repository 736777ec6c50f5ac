//! Letting go of what blocks hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use futures::executor::block_on;
use narthex_disk::SystemDisk;
use narthex_model::{Labels, Rejection, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, LabelsRequest, Queryable, TimeRange};
use tempfile::TempDir;

use super::journal::{Journal, contents, expected, options};
use crate::log::segment;
use crate::{Head, HeadOptions};

fn sample(name: &str, timestamp_ms: i64) -> Sample {
    Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", name), ("job", "j")]),
        timestamp_ms,
        value: 1.0,
    }
}

fn append(head: &Head, samples: &[(&str, i64)]) -> Vec<(usize, Rejection)> {
    let samples = samples.iter().map(|(name, at)| sample(name, *at));
    head.append(&WriteBatch::from(samples.collect::<Vec<_>>()))
        .unwrap()
        .rejected
}

#[test]
fn samples_before_the_bound_are_neither_found_nor_taken() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    append(&head, &[("old", 10), ("both", 10)]);
    append(&head, &[("both", 20), ("new", 30)]);
    head.truncate(15).unwrap();
    assert_eq!((head.min_time(), head.max_time()), (Some(20), Some(30)));
    assert_eq!(head.series_count(), 2);
    let found = contents(&head);
    let times: Vec<i64> = found.into_values().flatten().map(|(at, _)| at).collect();
    assert_eq!(times, [20, 30]);
    let rejected = append(&head, &[("old", 14), ("both", 14), ("old", 15)]);
    let out_of_bounds = Rejection::OutOfBounds;
    assert_eq!(rejected, [(0, out_of_bounds), (1, out_of_bounds)]);
    head.truncate(100).unwrap();
    assert_eq!((head.min_time(), head.max_time()), (None, None));
    assert_eq!(head.segment_count(), 0);
    append(&head, &[("new", 100)]);
    assert_eq!((head.min_time(), head.max_time()), (Some(100), Some(100)));
}

#[test]
fn a_bound_that_lies_back_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    append(&head, &[("a", 10), ("b", 20)]);
    head.truncate(15).unwrap();
    head.truncate(5).unwrap();
    assert_eq!(append(&head, &[("a", 12)]), [(0, Rejection::OutOfBounds)]);
    assert_eq!(head.min_time(), Some(20));
}

#[test]
fn segments_that_a_reader_holds_stay_until_they_are_abandoned() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    head.hold_log_from(Some(0));
    for at in [10, 20, 30] {
        append(&head, &[("a", at)]);
        head.truncate(at + 1).unwrap();
    }
    assert_eq!(head.segment_count(), 3);
    head.abandon_log_before(21).unwrap();
    assert_eq!(head.segment_count(), 1);
    // What is still in memory is not to go from the log.
    append(&head, &[("a", 40)]);
    head.abandon_log_before(1000).unwrap();
    assert_eq!(head.segment_count(), 1);
    assert_eq!(head.max_time(), Some(40));
}

#[test]
fn what_is_refused_is_not_let_go_of_before_it_is_said() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    append(&head, &[("a", 10), ("b", 20)]);
    head.refuse_before(15);
    assert_eq!(append(&head, &[("c", 14)]), [(0, Rejection::OutOfBounds)]);
    assert_eq!((head.min_time(), head.series_count()), (Some(10), 2));
    head.truncate(5).unwrap();
    assert_eq!((head.min_time(), head.segment_count()), (Some(10), 1));
    drop(head);
    let (head, report) = Head::open(options(dir.path())).unwrap();
    assert_eq!((report.samples, head.min_time()), (2, Some(10)));
}

#[test]
fn churn_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(HeadOptions {
        segment_bytes: 20_000,
        ..options(dir.path())
    })
    .unwrap();
    let mut references = BTreeSet::new();
    for generation in 0..30_i64 {
        let at = generation * 1_000;
        let samples = (0..200).map(|pod| Sample {
            labels: Labels::from_pairs([
                ("__name__", "m"),
                ("pod", &format!("{generation}-{pod}")),
            ]),
            ..sample("m", at)
        });
        let samples: Vec<Sample> = samples.collect();
        let report = head.append(&WriteBatch::from(samples)).unwrap();
        for series in report.series {
            assert!(references.insert(series), "{series:?} was used twice");
        }
        head.truncate(at).unwrap();
        assert_eq!(head.series_count(), 200);
        let stats = head.stats(10);
        assert_eq!((stats.label_pairs, stats.chunks), (201, 200));
        assert_eq!(stats.values_by_label_name[0], ("pod".to_owned(), 200));
        assert!(head.memory().slots() <= 400);
        assert!(head.segment_count() <= 2);
    }
    let request = LabelsRequest {
        matchers: vec![],
        range: TimeRange::ALL,
        limit: None,
    };
    let pods = block_on(head.label_values("pod", &request)).unwrap();
    assert_eq!(pods.len(), 200);
}

#[test]
fn a_crash_between_any_two_steps_of_a_truncation_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let small_segments = HeadOptions {
        segment_bytes: 1_500,
        ..options(dir.path())
    };
    let (head, _) = Head::open(small_segments.clone()).unwrap();
    let mut journal = Journal::new(11);
    journal.run(&head, 150, 10);
    let bound_ms = journal.entries[100].samples[0].1;
    let before = copy(dir.path());
    head.truncate(bound_ms).unwrap();
    drop(head);
    let kept = numbers(dir.path());
    let removed = before.iter().filter(|(number, _)| !kept.contains(number));
    let removed: Vec<u32> = removed.map(|(number, _)| *number).collect();
    assert!(removed.len() > 2 && kept.len() > 2);
    let wanted = expected(&journal.entries, bound_ms);
    // Segments go one by one; the crash may come after any of them.
    for steps in 0..=removed.len() {
        let crashed = TempDir::new().unwrap();
        for (number, bytes) in &before {
            if !removed[..steps].contains(number) {
                fs::write(crashed.path().join(segment::name(*number)), bytes).unwrap();
            }
        }
        let (head, report) = Head::open(HeadOptions {
            min_valid_time_ms: bound_ms,
            ..options(crashed.path())
        })
        .unwrap();
        assert!(report.damage.is_empty());
        assert_eq!(contents(&head), wanted, "after {steps} steps");
        head.truncate(bound_ms).unwrap();
        assert_eq!(numbers(crashed.path()), kept, "after {steps} steps");
    }
}

fn numbers(dir: &Path) -> Vec<u32> {
    let segments = segment::list(&SystemDisk::new(dir)).unwrap().into_iter();
    segments.map(|segment| segment.number).collect()
}

fn copy(dir: &Path) -> Vec<(u32, Vec<u8>)> {
    let segments = segment::list(&SystemDisk::new(dir)).unwrap().into_iter();
    segments
        .map(|segment| (segment.number, fs::read(dir.join(segment.name)).unwrap()))
        .collect()
}

#[test]
fn series_that_come_and_go_leave_nothing() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(HeadOptions {
        segment_bytes: 20_000,
        ..options(dir.path())
    })
    .unwrap();
    let mut most = (0, 0, 0, 0);
    for round in 0..60_i64 {
        let names: Vec<String> = (0..100).map(|i| format!("m_{round}_{i}")).collect();
        for scrape in 0..5 {
            let at = round * 1_000 + scrape;
            let samples: Vec<_> = names.iter().map(|name| (name.as_str(), at)).collect();
            append(&head, &samples);
        }
        if round >= 2 {
            head.truncate((round - 1) * 1_000).unwrap();
        }
        let memory = head.memory();
        let now = (
            memory.slots(),
            memory.lines.count(),
            memory.index.pairs(),
            head.segment_count(),
        );
        if round == 10 {
            most = now;
        }
        if round > 10 {
            assert!(
                now.0 <= most.0 && now.1 <= most.1,
                "{round}: {now:?} {most:?}"
            );
            assert!(
                now.2 <= most.2 && now.3 <= most.3 + 1,
                "{round}: {now:?} {most:?}"
            );
        }
    }
    assert_eq!((head.series_count(), most.2), (200, 201));
    head.truncate(i64::MAX).unwrap();
    assert_eq!((head.series_count(), head.sample_bytes()), (0, 0));
}
