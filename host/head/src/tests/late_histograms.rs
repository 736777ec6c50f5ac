//! Native histograms that come out of order: as numbers do, in the log, in memory, and in what
//! becomes a block.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_model::histogram::{Buckets, CounterResetHint};
use narthex_model::{
    FloatHistogram, HistogramSample, Labels, Rejection, Sample, SeriesRef, WriteBatch,
};
use narthex_storage::{Appendable, Queryable, SelectRequest, Series, TimeRange};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::journal::options;
use crate::{Head, HeadOptions};

const WINDOW_MS: i64 = 60_000;

fn open(dir: &Path, min_valid_time_ms: i64) -> Head {
    let (head, report) = Head::open(HeadOptions {
        min_valid_time_ms,
        segment_bytes: 4_000,
        ..options(dir)
    })
    .unwrap();
    assert!(report.damage.is_empty());
    head.set_out_of_order_window(WINDOW_MS);
    head
}

fn histogram(number: f64) -> FloatHistogram {
    FloatHistogram {
        schema: 1,
        sum: number,
        count: number * 3.0,
        positive: Buckets::consecutive(-2, vec![number; 3]).unwrap(),
        ..FloatHistogram::default()
    }
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name)])
}

fn native(name: &str, timestamp_ms: i64, number: f64) -> HistogramSample {
    HistogramSample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        histogram: Arc::new(histogram(number)),
    }
}

fn number(name: &str, timestamp_ms: i64, value: f64) -> Sample {
    Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        value,
    }
}

/// A histogram with its hint, or a number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Histogram(f64, CounterResetHint),
    Number(f64),
}

fn samples(series: &Series) -> Vec<(i64, Is)> {
    let samples = series.timestamps.iter().enumerate().map(|(at, time)| {
        let histogram = series.histograms.as_ref().and_then(|all| all[at].clone());
        let is = match histogram {
            Some(found) => {
                assert_eq!(*found, histogram_of(&found));
                Is::Histogram(found.sum, found.counter_reset_hint)
            }
            None => Is::Number(series.values[at]),
        };
        (*time, is)
    });
    samples.collect()
}

fn histogram_of(found: &FloatHistogram) -> FloatHistogram {
    histogram(found.sum)
}

fn contents(head: &Head) -> BTreeMap<String, Vec<(i64, Is)>> {
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let found: Vec<Series> =
        block_on(async { head.select(&request).await.unwrap().try_collect().await }).unwrap();
    let found = found
        .iter()
        .map(|series| (series.labels.metric_name().to_owned(), samples(series)));
    found.collect()
}

fn append(head: &Head, natives: Vec<HistogramSample>) -> Vec<(usize, Rejection)> {
    let batch = WriteBatch {
        histograms: natives,
        ..WriteBatch::default()
    };
    head.append(&batch).unwrap().rejected_histograms
}

#[test]
fn within_the_window_they_take_their_place_and_nobody_says_what_came_before() {
    use CounterResetHint::{NotReset, Unknown};
    let dir = TempDir::new().unwrap();
    let head = open(dir.path(), i64::MIN);
    for (at, number) in [(100_000, 1.0), (110_000, 2.0), (130_000, 3.0)] {
        append(&head, vec![native("a", at, number)]);
    }
    let rejected = append(
        &head,
        vec![
            native("a", 120_000, 2.5),
            // Known already: the same is no news, another one is refused.
            native("a", 120_000, 2.5),
            native("a", 120_000, 2.6),
            native("a", 100_000, 1.0),
            native("a", 100_000, 9.0),
            native("a", 130_000, 9.0),
            // As old as may be, and older.
            native("a", 70_000, 0.5),
            native("a", 69_999, 0.4),
        ],
    );
    let twice = Rejection::DuplicateTimestamp;
    let expected = [
        (2, twice),
        (4, twice),
        (5, twice),
        (7, Rejection::OutOfBounds),
    ];
    assert_eq!(rejected, expected);
    // A number at the time of a histogram, and the other way round.
    let late = WriteBatch::from(vec![number("a", 120_000, 1.0), number("a", 90_000, 7.0)]);
    assert_eq!(head.append(&late).unwrap().rejected, [(0, twice)]);
    assert_eq!(append(&head, vec![native("a", 90_000, 1.0)]), [(0, twice)]);
    assert_eq!((head.late_taken(), head.late_count()), (3, 3));
    let expected = [
        (70_000, Is::Histogram(0.5, Unknown)),
        (90_000, Is::Number(7.0)),
        (100_000, Is::Histogram(1.0, Unknown)),
        (110_000, Is::Histogram(2.0, NotReset)),
        (120_000, Is::Histogram(2.5, Unknown)),
        (130_000, Is::Histogram(3.0, Unknown)),
    ];
    assert_eq!(contents(&head)["a"], expected);
    drop(head);
    let head = open(dir.path(), i64::MIN);
    assert_eq!(contents(&head)["a"], expected);
    // What comes in order still knows the one before it that did.
    append(&head, vec![native("a", 140_000, 4.0)]);
    let (_, newest) = contents(&head)["a"][6];
    assert_eq!(newest, Is::Histogram(4.0, NotReset));
}

#[test]
fn without_a_window_they_are_refused_as_numbers_are() {
    let dir = TempDir::new().unwrap();
    let head = open(dir.path(), i64::MIN);
    head.set_out_of_order_window(0);
    append(&head, vec![native("a", 100_000, 1.0)]);
    let late = vec![native("a", 90_000, 0.5)];
    assert_eq!(append(&head, late), [(0, Rejection::OutOfOrder)]);
    head.refuse_before(100_001);
    let old = vec![native("b", 90_000, 0.5)];
    assert_eq!(append(&head, old), [(0, Rejection::OutOfBounds)]);
}

#[test]
fn a_late_one_finds_its_equal_among_sealed_ones() {
    let dir = TempDir::new().unwrap();
    let head = open(dir.path(), i64::MIN);
    for at in 0..300 {
        append(&head, vec![native("a", at * 100, at as f64)]);
    }
    for at in [0, 119, 120, 299] {
        let same = vec![native("a", at * 100, at as f64)];
        assert_eq!(append(&head, same), [], "{at}");
        let other = vec![native("a", at * 100, 0.5)];
        let twice = [(0, Rejection::DuplicateTimestamp)];
        assert_eq!(append(&head, other), twice, "{at}");
    }
    assert_eq!(head.late_count(), 0);
}

/// What was acknowledged, and what blocks have of it.
type Truth = BTreeMap<String, BTreeMap<i64, f64>>;

fn publish(blocks: &mut Truth, series: impl Iterator<Item = Series>) {
    for series in series {
        let name = series.labels.metric_name().to_owned();
        let held = blocks.entry(name).or_default();
        for (at, is) in samples(&series) {
            let (Is::Number(value) | Is::Histogram(value, _)) = is;
            held.entry(at).or_insert(value);
        }
    }
}

#[test]
fn cuts_truncations_and_restarts_lose_no_late_histogram() {
    for seed in 0..8 {
        let dir = TempDir::new().unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        let (mut truth, mut blocks) = (Truth::new(), Truth::new());
        let (mut now_ms, mut bound_ms) = (1_000_000_i64, i64::MIN);
        let mut head = open(dir.path(), bound_ms);
        for step in 0..300 {
            let story = format!("seed {seed}, step {step}");
            now_ms += random.random_range(0..2_000);
            let mut batch = WriteBatch::default();
            for _ in 0..random.random_range(1..6) {
                let name = ["a", "b", "c"][random.random_range(0..3)];
                let at = now_ms - random.random_range(0..70_000) * random.random_range(0..2_i64);
                let value = f64::from(random.random_range(0..9_u8));
                match random.random_ratio(1, 4) {
                    true => batch.samples.push(number(name, at, value)),
                    false => batch.histograms.push(native(name, at, value)),
                }
            }
            let report = head.append(&batch).unwrap();
            let taken = |rejected: &[(usize, Rejection)], index| {
                rejected.iter().all(|(at, _)| *at != index)
            };
            let numbers = batch.samples.iter().enumerate();
            let numbers = numbers.filter(|(index, _)| taken(&report.rejected, *index));
            let numbers = numbers.map(|(_, s)| (&s.labels, s.timestamp_ms, s.value));
            let natives = batch.histograms.iter().enumerate();
            let natives = natives.filter(|(index, _)| taken(&report.rejected_histograms, *index));
            let natives = natives.map(|(_, s)| (&s.labels, s.timestamp_ms, s.histogram.sum));
            for (labels, at, value) in numbers.chain(natives) {
                let series = truth.entry(labels.metric_name().to_owned());
                series.or_default().entry(at).or_insert(value);
            }
            if random.random_ratio(1, 10) {
                let next_ms = now_ms - random.random_range(10_000..60_000);
                let range = TimeRange {
                    start_ms: bound_ms,
                    end_ms: next_ms - 1,
                };
                if next_ms > bound_ms {
                    head.refuse_before(next_ms);
                    publish(&mut blocks, head.cut(range, Labels::cmp));
                    publish(&mut blocks, head.late_cut(Labels::cmp).into_iter());
                    bound_ms = next_ms;
                    if random.random_ratio(2, 3) {
                        head.truncate(bound_ms).unwrap();
                    } else {
                        drop(head);
                        head = open(dir.path(), bound_ms);
                    }
                }
            }
            if random.random_ratio(1, 12) {
                drop(head);
                head = open(dir.path(), bound_ms);
            }
            let mut found = blocks.clone();
            for (name, samples) in contents(&head) {
                let held = found.entry(name).or_default();
                for (at, is) in samples {
                    let (Is::Number(value) | Is::Histogram(value, _)) = is;
                    held.entry(at).or_insert(value);
                }
            }
            assert_eq!(found, truth, "{story}");
        }
        head.refuse_before(now_ms + 1);
        head.truncate(now_ms + 1).unwrap();
        assert_eq!((head.late_count(), head.series_count()), (0, 0));
    }
}
