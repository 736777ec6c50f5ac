//! Readers beside a writer, and what the head tells of itself.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::thread;

use narthex_model::{Labels, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, TimeRange};
use tempfile::TempDir;

use super::journal::{contents, options};
use crate::{Head, HeadOptions};

fn batch(at: i64) -> WriteBatch {
    let sample = |number: i64| Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([
            ("__name__", if number < 6 { "often" } else { "seldom" }),
            ("number", &number.to_string()),
        ]),
        timestamp_ms: at,
        value: 1.0,
    };
    WriteBatch::from((0..10).map(sample).collect::<Vec<_>>())
}

#[test]
fn a_reader_sees_a_batch_wholly_or_not_at_all() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(HeadOptions::new(dir.path())).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for at in 0..400 {
                head.append(&batch(at)).unwrap();
            }
        });
        while !writer.is_finished() {
            let found = contents(&head);
            let lengths: Vec<usize> = found.values().map(Vec::len).collect();
            assert!(found.is_empty() || found.len() == 10);
            assert!(lengths.iter().all(|len| *len == lengths[0]), "{lengths:?}");
        }
    });
    assert_eq!(head.max_time(), Some(399));
}

#[test]
fn a_cut_is_sorted_as_asked_and_stays_as_it_was() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    for at in 0..200 {
        head.append(&batch(at)).unwrap();
    }
    let range = TimeRange {
        start_ms: 50,
        end_ms: 149,
    };
    let cut = head.cut(range, |a, b| b.cmp(a));
    head.truncate(i64::MAX).unwrap();
    let series: Vec<_> = cut.collect();
    assert!(series.is_sorted_by(|a, b| a.labels > b.labels));
    let lengths: Vec<usize> = series.iter().map(|series| series.values.len()).collect();
    assert_eq!(lengths, [100; 10]);
    assert_eq!(head.series_count(), 0);
}

#[test]
fn the_head_tells_what_it_holds() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    head.append(&batch(5)).unwrap();
    head.append(&batch(6)).unwrap();
    let stats = head.stats(2);
    assert_eq!(
        (stats.series, stats.label_pairs, stats.chunks),
        (10, 12, 10)
    );
    assert_eq!((stats.min_time_ms, stats.max_time_ms), (Some(5), Some(6)));
    let owned = |pairs: [(&str, u64); 2]| pairs.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(
        stats.series_by_metric_name,
        owned([("often", 6), ("seldom", 4)])
    );
    assert_eq!(
        stats.values_by_label_name,
        owned([("number", 10), ("__name__", 2)])
    );
    assert_eq!(
        stats.bytes_by_label_name,
        owned([("__name__", 54), ("number", 10)])
    );
    let pairs = owned([("__name__=often", 6), ("__name__=seldom", 4)]);
    assert_eq!(stats.series_by_label_pair, pairs);
}

#[test]
fn who_remembers_a_series_shares_its_labels_with_the_head() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    head.append(&batch(1)).unwrap();
    drop(head);
    let (head, _) = Head::open(options(dir.path())).unwrap();
    let text = |labels: &Labels| Borrow::<str>::borrow(labels).as_ptr();
    let is_shared = |batch: &WriteBatch| {
        let ours: HashSet<_> = head.memory().iter().map(|s| text(&s.labels)).collect();
        let theirs = batch.samples.iter().map(|sample| text(&sample.labels));
        theirs.filter(|text| ours.contains(text)).count()
    };
    let mut again = batch(2);
    let report = head.append(&again).unwrap();
    assert_eq!((report.created, is_shared(&again)), (0, 0));
    for (sample, series) in again.samples.iter_mut().zip(report.series) {
        (sample.series, sample.timestamp_ms) = (series, 3);
    }
    head.append(&again).unwrap();
    assert_eq!(is_shared(&again), 10);
    // Who does not remember has made the labels for this batch alone.
    head.append(&batch(4)).unwrap();
    assert_eq!(is_shared(&again), 10);
    let lengths = contents(&head).into_values().map(|samples| samples.len());
    assert_eq!(lengths.collect::<Vec<_>>(), [4; 10]);
}
