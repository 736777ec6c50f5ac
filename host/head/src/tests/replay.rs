//! A head that is opened again holds what it held.

use futures::executor::block_on;
use narthex_disk::SystemDisk;
use narthex_model::{Labels, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, LabelsRequest, Queryable, TimeRange};
use tempfile::TempDir;

use super::journal::{Journal, contents, expected, options};
use crate::log::segment;
use crate::{Head, HeadError, HeadOptions};

#[test]
fn memory_after_a_replay_equals_memory_before_it() {
    for seed in 0..10 {
        let dir = TempDir::new().unwrap();
        let small_segments = HeadOptions {
            segment_bytes: 2_000,
            ..options(dir.path())
        };
        let mut journal = Journal::new(seed);
        for round in 0..4 {
            let (head, report) = Head::open(small_segments.clone()).unwrap();
            let wanted = expected(&journal.entries, i64::MIN);
            assert_eq!(contents(&head), wanted, "seed {seed}, round {round}");
            assert_eq!(report.records, journal.entries.len() as u64);
            assert_eq!((report.torn_bytes, report.damage.len()), (0, 0));
            assert_eq!(report.samples_out_of_order, 0);
            journal.run(&head, 60, 30);
            let wanted = expected(&journal.entries, i64::MIN);
            assert_eq!(contents(&head), wanted, "seed {seed}, round {round}");
            assert_eq!(head.series_count(), wanted.len() as u64);
        }
        assert!(segment::list(&SystemDisk::new(dir.path())).unwrap().len() > 4);
    }
}

#[test]
fn long_series_come_back_chunk_by_chunk() {
    let dir = TempDir::new().unwrap();
    let labels = Labels::from_pairs([("__name__", "m")]);
    let mut wanted = Vec::new();
    let (head, _) = Head::open(HeadOptions::new(dir.path())).unwrap();
    for i in 0..1_000_i64 {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let value = (i % 7) as f64 / 3.0;
        let sample = Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms: i * 15_000 + i % 3,
            value,
        };
        wanted.push((sample.timestamp_ms, value.to_bits()));
        let samples = vec![sample];
        head.append(&WriteBatch::from(samples)).unwrap();
    }
    assert_eq!(head.stats(10).chunks, 9);
    head.close().unwrap();
    let (head, _) = Head::open(HeadOptions::new(dir.path())).unwrap();
    assert_eq!(
        contents(&head).into_values().collect::<Vec<_>>(),
        [wanted.clone()]
    );
    for (from, to) in [(0, 0), (1, 119), (119, 121), (240, 700), (999, 999)] {
        let range = TimeRange {
            start_ms: wanted[from].0,
            end_ms: wanted[to].0,
        };
        let cut: Vec<_> = head.cut(range, Labels::cmp).collect();
        assert_eq!(cut.len(), 1);
        assert_eq!(cut[0].timestamps.len(), to - from + 1, "{from} to {to}");
        assert_eq!(cut[0].timestamps[0], range.start_ms);
    }
}

#[test]
fn samples_that_blocks_hold_are_left_in_the_log() {
    let dir = TempDir::new().unwrap();
    let mut journal = Journal::new(7);
    let (head, _) = Head::open(options(dir.path())).unwrap();
    journal.run(&head, 100, 20);
    let all = contents(&head);
    drop(head);
    let bound_ms = journal.entries[50].samples[0].1;
    let (head, report) = Head::open(HeadOptions {
        min_valid_time_ms: bound_ms,
        ..options(dir.path())
    })
    .unwrap();
    let wanted = expected(&journal.entries, bound_ms);
    assert!(wanted.len() < all.len());
    assert_eq!(contents(&head), wanted);
    assert_eq!(report.series, wanted.len() as u64);
    assert!(report.samples_too_old > 0);
    let oldest = wanted.values().map(|samples| samples[0].0).min();
    assert_eq!(head.min_time(), oldest);
    let request = LabelsRequest {
        matchers: vec![],
        range: TimeRange::ALL,
        limit: None,
    };
    let numbers = block_on(head.label_values("number", &request)).unwrap();
    assert_eq!(numbers.len(), wanted.len());
}

#[test]
fn one_folder_has_one_head() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    let error = Head::open(options(dir.path())).unwrap_err();
    assert!(matches!(error, HeadError::Locked { .. }), "{error}");
    head.close().unwrap();
    assert!(head.append(&WriteBatch::default()).is_err());
    Head::open(options(dir.path())).unwrap();
}

#[test]
fn a_log_with_more_than_may_wait_comes_back_in_its_order() {
    let dir = TempDir::new().unwrap();
    let options = options(dir.path());
    let (head, _) = Head::open(options.clone()).unwrap();
    // A sample of each series in each batch, which share their times but for those that miss some.
    for round in 0..500_i64 {
        let sample = |number: i64| Sample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", "m"), ("number", &number.to_string())]),
            timestamp_ms: round * 1_000,
            value: f64::from(i32::try_from(round * number % 1_000).unwrap()),
        };
        let has = |number: &i64| round % (number / 50 + 1) == 0;
        let batch: Vec<Sample> = (0..300).filter(has).map(sample).collect();
        head.append(&WriteBatch::from(batch)).unwrap();
    }
    let (wanted, chunks) = (contents(&head), head.chunk_count());
    head.close().unwrap();
    let (head, report) = Head::open(options).unwrap();
    assert!(report.samples > 60_000, "{report:?}");
    assert_eq!(contents(&head), wanted);
    assert_eq!(head.chunk_count(), chunks);
}
