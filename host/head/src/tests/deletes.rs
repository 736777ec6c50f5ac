//! Deleted samples and stale series: readers, cuts, truncations and restarts agree on what is
//! left.

use std::path::Path;

use futures::executor::block_on;
use narthex_model::{Labels, Matcher, Sample, SeriesRef, WriteBatch, sample};
use narthex_storage::{Appendable, LabelsRequest, Queryable, TimeRange};
use tempfile::TempDir;

use super::journal::{Contents, contents, options};
use crate::{Head, HeadOptions};

fn open(dir: &Path, min_valid_time_ms: i64) -> Head {
    let options = HeadOptions {
        min_valid_time_ms,
        segment_bytes: 600,
        ..options(dir)
    };
    let (head, report) = Head::open(options).unwrap();
    assert!(report.damage.is_empty(), "{report:?}");
    head.set_out_of_order_window(1_000_000);
    head
}

fn append(head: &Head, samples: &[(&str, i64, f64)]) -> usize {
    let sample = |(name, timestamp_ms, value): &(&str, i64, f64)| Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", *name)]),
        timestamp_ms: *timestamp_ms,
        value: *value,
    };
    let batch = WriteBatch::from(samples.iter().map(sample).collect::<Vec<_>>());
    samples.len() - head.append(&batch).unwrap().rejected.len()
}

/// Two series, a sample a second.
fn fill(head: &Head, seconds: std::ops::RangeInclusive<i64>) {
    for second in seconds {
        let value = second as f64;
        let samples = [("a", second * 1_000, value), ("b", second * 1_000, -value)];
        assert_eq!(append(head, &samples), 2);
    }
}

fn delete(head: &Head, name: &str, from_s: i64, to_s: i64) {
    let range = TimeRange {
        start_ms: from_s.saturating_mul(1_000),
        end_ms: to_s.saturating_mul(1_000),
    };
    head.delete(&[vec![Matcher::equal("__name__", name)]], range)
        .unwrap();
}

/// The seconds of a series.
fn seconds(contents: &Contents, name: &str) -> Vec<i64> {
    let samples = contents.get(&format!("{{__name__=\"{name}\"}}"));
    let samples = samples.map(Vec::as_slice).unwrap_or_default();
    samples.iter().map(|(at, _)| at / 1_000).collect()
}

fn numbers(parts: &[std::ops::RangeInclusive<i64>]) -> Vec<i64> {
    parts.iter().cloned().flatten().collect()
}

/// Closes the head and opens it again.
fn again(head: Head, dir: &Path, min_valid_time_ms: i64) -> Head {
    drop(head);
    open(dir, min_valid_time_ms)
}

#[test]
fn what_is_deleted_stays_deleted_and_what_comes_after_it_is_there() {
    let dir = TempDir::new().unwrap();
    let mut head = open(dir.path(), i64::MIN);
    fill(&head, 1..=50);
    delete(&head, "a", 10, 20);
    delete(&head, "a", 41, i64::MAX);
    delete(&head, "nobody", 0, 100);
    fill(&head, 51..=60);
    for _ in 0..2 {
        let found = contents(&head);
        assert_eq!(seconds(&found, "a"), numbers(&[1..=9, 21..=40, 51..=60]));
        assert_eq!(seconds(&found, "b"), numbers(&[1..=60]));
        head = again(head, dir.path(), i64::MIN);
    }
    // Also in a cut, and once a part of it is in a block.
    let range = TimeRange {
        start_ms: 0,
        end_ms: 14_999,
    };
    let cut = head.cut(range, |a, b| a.cmp(b));
    let counts: Vec<usize> = cut.map(|series| series.timestamps.len()).collect();
    assert_eq!(counts, [9, 14]);
    head.refuse_before(15_000);
    head.truncate(15_000).unwrap();
    for _ in 0..2 {
        assert_eq!(seconds(&contents(&head), "a"), numbers(&[21..=40, 51..=60]));
        head = again(head, dir.path(), 15_000);
    }
    delete(&head, "a", 0, 100);
    delete(&head, "b", 0, 100);
    assert!(contents(&head).is_empty());
    let all = |start_ms| LabelsRequest {
        matchers: vec![],
        range: TimeRange {
            start_ms,
            end_ms: i64::MAX,
        },
        limit: None,
    };
    let names = block_on(head.label_values("__name__", &all(0))).unwrap();
    assert_eq!(names, ["a", "b"], "until they are cut");
    assert!(block_on(head.series(&all(0))).unwrap().is_empty());
    fill(&head, 61..=61);
    assert_eq!(block_on(head.series(&all(0))).unwrap().len(), 2);
    let one = LabelsRequest {
        limit: Some(1),
        ..all(0)
    };
    assert_eq!(block_on(head.series(&one)).unwrap().len(), 1);
    head.truncate(62_000).unwrap();
    let head = again(head, dir.path(), 62_000);
    assert!(contents(&head).is_empty());
}

#[test]
fn late_samples_are_deleted_and_those_that_come_later_are_shown_once_they_are_cut() {
    let dir = TempDir::new().unwrap();
    let mut head = open(dir.path(), i64::MIN);
    append(&head, &[("a", 10_000, 1.0), ("a", 30_000, 2.0)]);
    assert_eq!(append(&head, &[("a", 20_000, 3.0)]), 1);
    delete(&head, "a", 15, 29);
    for _ in 0..2 {
        assert_eq!(seconds(&contents(&head), "a"), [10, 30]);
        assert_eq!(head.late_count(), 0);
        head = again(head, dir.path(), i64::MIN);
    }
    // It can be written again.
    assert_eq!(append(&head, &[("a", 20_000, 4.0)]), 1);
    assert_eq!(
        seconds(&contents(&head), "a"),
        [10, 30],
        "hidden as in Prometheus"
    );
    let head = again(head, dir.path(), i64::MIN);
    let cut = head.cut(TimeRange::ALL, |a, b| a.cmp(b)).next().unwrap();
    assert_eq!(&cut.timestamps[..], [10_000, 20_000, 30_000]);
    assert_eq!(&cut.values[..], [1.0, 4.0, 2.0]);
    // At the time of a deleted sample in order it is a duplicate as long as that is in memory.
    delete(&head, "a", 10, 10);
    assert_eq!(append(&head, &[("a", 10_000, 9.0)]), 0);
}

#[test]
fn a_deletion_is_kept_as_long_as_the_log_has_what_it_deletes() {
    let dir = TempDir::new().unwrap();
    let mut head = open(dir.path(), i64::MIN);
    // The first segments have a sample far ahead, so that they stay.
    append(&head, &[("far", 1_000_000, 0.0)]);
    fill(&head, 1..=40);
    append(&head, &[("a", 5_500, 7.0)]);
    delete(&head, "a", 0, 30);
    delete(&head, "far", 0, 2_000);
    fill(&head, 41..=80);
    for bound_s in [20, 35, 60, 79] {
        let bound_ms = bound_s * 1_000;
        head.refuse_before(bound_ms);
        head.truncate(bound_ms).unwrap();
        let kept = numbers(&[31.max(bound_s)..=80]);
        for _ in 0..2 {
            let found = contents(&head);
            assert_eq!(seconds(&found, "a"), kept, "from {bound_s} s on");
            assert_eq!(seconds(&found, "far"), [0; 0]);
            head = again(head, dir.path(), bound_ms);
        }
    }
}

#[test]
fn a_head_that_is_closed_deletes_nothing() {
    let dir = TempDir::new().unwrap();
    let head = open(dir.path(), i64::MIN);
    fill(&head, 1..=3);
    head.close().unwrap();
    assert!(head.delete(&[vec![]], TimeRange::ALL).is_err());
    assert!(head.stale_cut(|a, b| a.cmp(b)).is_err());
    assert_eq!(contents(&head).len(), 2);
}

#[test]
fn stale_series_are_counted_cut_and_dropped_unless_they_came_back() {
    let dir = TempDir::new().unwrap();
    let mut head = open(dir.path(), i64::MIN);
    fill(&head, 1..=20);
    for name in ["c", "d", "e", "f"] {
        append(
            &head,
            &[(name, 5_000, 1.0), (name, 6_000, sample::STALE_NAN)],
        );
    }
    append(&head, &[("f", 5_500, 1.0)]);
    assert_eq!(head.stale_series_count(), 4);
    let cut = head.stale_cut(|a, b| a.cmp(b)).unwrap();
    // One has a late sample, and waits for the next block.
    assert_eq!(cut.len(), 3);
    let spans: Vec<_> = cut.spans(5_500).into_iter().collect();
    assert_eq!(spans, [(0, 5_000), (5_500, 6_000)]);
    let first = TimeRange {
        start_ms: 0,
        end_ms: 5_000,
    };
    let times: Vec<_> = cut.series(first).map(|s| s.timestamps.to_vec()).collect();
    assert_eq!(times, [[5_000]; 3]);
    // One comes back before they are dropped.
    append(&head, &[("d", 21_000, 2.0)]);
    fill(&head, 22..=25);
    head.drop_stale(&cut).unwrap();
    // And one after, in a slot of its own or of another.
    append(&head, &[("g", 25_500, 1.0), ("c", 26_000, 3.0)]);
    fill(&head, 27..=30);
    for round in 0..2 {
        let found = contents(&head);
        assert_eq!(seconds(&found, "c"), [26], "round {round}");
        assert_eq!(seconds(&found, "d"), [5, 6, 21], "round {round}");
        assert_eq!(seconds(&found, "e"), [0; 0], "round {round}");
        assert_eq!(seconds(&found, "f"), [5, 5, 6], "round {round}");
        assert_eq!(seconds(&found, "g"), [25], "round {round}");
        assert_eq!(seconds(&found, "b"), numbers(&[1..=20, 22..=25, 27..=30]));
        assert_eq!((head.series_count(), head.stale_series_count()), (6, 1));
        head = again(head, dir.path(), i64::MIN);
    }
}
