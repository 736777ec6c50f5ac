//! Samples that come out of order: which are taken, where readers see them, and that cuts,
//! truncations and restarts neither lose nor double them.

use std::collections::BTreeMap;
use std::path::Path;

use narthex_model::{Labels, Rejection, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, Series, TimeRange};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::journal::{Contents, contents, options};
use crate::{Head, HeadOptions, ReplayReport};

const WINDOW_MS: i64 = 60_000;

fn open(dir: &Path, min_valid_time_ms: i64) -> (Head, ReplayReport) {
    let (head, report) = Head::open(HeadOptions {
        min_valid_time_ms,
        segment_bytes: 2_000,
        ..options(dir)
    })
    .unwrap();
    head.set_out_of_order_window(WINDOW_MS);
    (head, report)
}

fn sample(name: &str, timestamp_ms: i64, value: f64) -> Sample {
    Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", name)]),
        timestamp_ms,
        value,
    }
}

fn append(head: &Head, samples: &[(&str, i64, f64)]) -> Vec<(usize, Rejection)> {
    let samples = samples
        .iter()
        .map(|(name, at, value)| sample(name, *at, *value));
    let batch = WriteBatch::from(samples.collect::<Vec<_>>());
    head.append(&batch).unwrap().rejected
}

fn values(contents: &Contents, name: &str) -> Vec<(i64, f64)> {
    let samples = &contents[&format!("{{__name__=\"{name}\"}}")];
    let samples = samples
        .iter()
        .map(|(at, bits)| (*at, f64::from_bits(*bits)));
    samples.collect()
}

#[test]
fn within_the_window_a_late_sample_takes_its_place() {
    let dir = TempDir::new().unwrap();
    let (head, _) = open(dir.path(), i64::MIN);
    append(&head, &[("a", 100_000, 1.0), ("a", 130_000, 2.0)]);
    let rejected = append(
        &head,
        &[
            ("a", 120_000, 3.0),
            // Known already: the same value is no news, another one is refused.
            ("a", 120_000, 3.0),
            ("a", 120_000, 4.0),
            ("a", 100_000, 1.0),
            ("a", 100_000, 5.0),
            ("a", 130_000, 6.0),
            // As old as may be, and older.
            ("a", 70_000, 7.0),
            ("a", 69_999, 8.0),
            // A series without a newer sample is not late.
            ("b", 1_000, 9.0),
        ],
    );
    let twice = Rejection::DuplicateTimestamp;
    let old = (7, Rejection::OutOfBounds);
    assert_eq!(rejected, [(2, twice), (4, twice), (5, twice), old]);
    assert_eq!((head.late_taken(), head.late_count()), (2, 2));
    let expected = [
        (70_000, 7.0),
        (100_000, 1.0),
        (120_000, 3.0),
        (130_000, 2.0),
    ];
    assert_eq!(values(&contents(&head), "a"), expected);
    assert_eq!(head.min_time(), Some(1_000));
    let twice_late = append(&head, &[("a", 120_000, 4.0), ("a", 120_000, 3.0)]);
    assert_eq!(twice_late, [(0, twice)]);
    drop(head);
    let (head, report) = open(dir.path(), i64::MIN);
    assert_eq!((report.samples_late, report.samples_out_of_order), (2, 0));
    assert_eq!(values(&contents(&head), "a"), expected);
    // The chain of differences of the segment goes on as if nothing had been late.
    append(&head, &[("a", 125_000, 0.5), ("a", 140_000, 0.25)]);
    append(&head, &[("a", 126_000, 0.75), ("a", 150_000, 0.125)]);
    let before = contents(&head);
    drop(head);
    assert_eq!(contents(&open(dir.path(), i64::MIN).0), before);
}

#[test]
fn without_a_window_nothing_late_is_taken() {
    let dir = TempDir::new().unwrap();
    let (head, _) = open(dir.path(), i64::MIN);
    append(&head, &[("a", 100_000, 1.0), ("a", 90_000, 2.0)]);
    head.set_out_of_order_window(0);
    let rejected = append(&head, &[("a", 95_000, 1.0), ("a", 90_000, 2.0)]);
    let out_of_order = Rejection::OutOfOrder;
    assert_eq!(rejected, [(0, out_of_order), (1, out_of_order)]);
    assert_eq!(values(&contents(&head), "a").len(), 2);
}

#[test]
fn what_is_older_than_the_blocks_stays_until_a_block_has_it() {
    let dir = TempDir::new().unwrap();
    let (head, _) = open(dir.path(), i64::MIN);
    append(&head, &[("a", 10_000, 1.0), ("a", 100_000, 2.0)]);
    head.refuse_before(80_000);
    head.truncate(80_000).unwrap();
    assert_eq!(append(&head, &[("a", 50_000, 3.0), ("c", 51_000, 4.0)]), []);
    let found = contents(&head);
    assert_eq!(values(&found, "a"), [(50_000, 3.0), (100_000, 2.0)]);
    assert_eq!(values(&found, "c"), [(51_000, 4.0)]);
    // It is no reason to cut the time that is cut already.
    assert_eq!(head.min_time(), Some(100_000));
    drop(head);
    let (head, report) = open(dir.path(), 80_000);
    assert_eq!((report.samples_late, contents(&head)), (2, found));
    head.refuse_before(90_000);
    assert_eq!(append(&head, &[("a", 60_000, 5.0)]), []);
    let late = head.late_cut(Labels::cmp);
    let times: Vec<_> = late
        .iter()
        .map(|series| series.timestamps.to_vec())
        .collect();
    assert_eq!(times, [[50_000], [51_000]]);
    head.truncate(90_000).unwrap();
    assert_eq!((head.late_count(), head.series_count()), (1, 1));
    assert_eq!(
        values(&contents(&head), "a"),
        [(60_000, 5.0), (100_000, 2.0)]
    );
    drop(head);
    let (head, report) = open(dir.path(), 90_000);
    assert_eq!((report.samples_late, head.late_count()), (1, 1));
    append(&head, &[("a", 300_000, 1.0)]);
    head.refuse_before(300_000);
    assert_eq!(head.late_cut(Labels::cmp).len(), 1);
    head.truncate(300_000).unwrap();
    assert_eq!((head.late_count(), head.min_time()), (0, Some(300_000)));
}

/// What was acknowledged, and what blocks have of it; of two values of one time the first counts.
#[derive(Default)]
struct Truth {
    acknowledged: BTreeMap<String, BTreeMap<i64, u64>>,
    blocks: BTreeMap<String, BTreeMap<i64, u64>>,
    bound_ms: i64,
}

impl Truth {
    fn append(&mut self, head: &Head, batch: &WriteBatch, story: &str) {
        let report = head.append(batch).unwrap();
        for (index, sample) in batch.samples.iter().enumerate() {
            let held = self
                .acknowledged
                .entry(sample.labels.to_string())
                .or_default();
            let bits = sample.value.to_bits();
            match report.rejected.iter().find(|(at, _)| *at == index) {
                None => drop(held.entry(sample.timestamp_ms).or_insert(bits)),
                Some((_, Rejection::DuplicateTimestamp)) => {
                    assert_ne!(held[&sample.timestamp_ms], bits, "{story}");
                }
                Some((_, Rejection::OutOfBounds)) => {}
                Some((_, other)) => panic!("{story}: {other:?}"),
            }
        }
    }

    fn publish(&mut self, series: impl Iterator<Item = Series>) {
        for series in series {
            let held = self.blocks.entry(series.labels.to_string()).or_default();
            for (at, value) in series.timestamps.iter().zip(series.values.iter()) {
                held.entry(*at).or_insert(value.to_bits());
            }
        }
    }

    fn check(&self, head: &Head, story: &str) {
        let mut found = self.blocks.clone();
        for (labels, samples) in contents(head) {
            let held = found.entry(labels).or_default();
            for (at, bits) in samples {
                held.entry(at).or_insert(bits);
            }
        }
        let mut expected = self.acknowledged.clone();
        expected.retain(|_, samples| !samples.is_empty());
        assert_eq!(found, expected, "{story}");
    }
}

#[test]
fn cuts_truncations_and_restarts_lose_no_late_sample() {
    for seed in 0..12 {
        let dir = TempDir::new().unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        let mut truth = Truth {
            bound_ms: i64::MIN,
            ..Truth::default()
        };
        let mut now_ms = 1_000_000;
        let (mut head, _) = open(dir.path(), i64::MIN);
        for step in 0..150 {
            let story = format!("seed {seed}, step {step}");
            now_ms += random.random_range(0..5_000);
            let sample = |random: &mut StdRng| {
                let name = ["a", "b", "c", "d"][random.random_range(0..4)];
                let at = now_ms - random.random_range(0..80_000) * random.random_range(0..2_i64);
                sample(name, at, f64::from(random.random_range(0..9_u8)))
            };
            let batch: Vec<Sample> = (0..random.random_range(1..6))
                .map(|_| sample(&mut random))
                .collect();
            truth.append(&head, &WriteBatch::from(batch), &story);
            if random.random_ratio(1, 8) {
                let bound_ms = now_ms - random.random_range(10_000..70_000);
                let range = TimeRange {
                    start_ms: truth.bound_ms,
                    end_ms: bound_ms - 1,
                };
                if bound_ms > truth.bound_ms {
                    head.refuse_before(bound_ms);
                    truth.publish(head.cut(range, Labels::cmp));
                    truth.publish(head.late_cut(Labels::cmp).into_iter());
                    truth.bound_ms = bound_ms;
                    if random.random_ratio(2, 3) {
                        head.truncate(bound_ms).unwrap();
                    } else {
                        drop(head);
                        head = open(dir.path(), bound_ms).0;
                    }
                }
            }
            if random.random_ratio(1, 12) {
                let late = head.late_count();
                drop(head);
                let report;
                (head, report) = open(dir.path(), truth.bound_ms);
                assert!(report.damage.is_empty(), "{story}");
                assert_eq!(report.samples_late, late as u64, "{story}");
            }
            truth.check(&head, &story);
        }
        head.refuse_before(now_ms + 1);
        head.truncate(now_ms + 1).unwrap();
        assert_eq!((head.late_count(), head.series_count()), (0, 0));
        assert_eq!(head.memory().lines.count(), 0);
    }
}
