//! Deleted samples: readers do not get them, that lasts, and a block that is written anew has the
//! rest and nothing else.

use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, SLICE_MS, Ulid, compact, rewrite, verify};
use narthex_model::histogram::CounterResetHint;
use narthex_model::{FloatHistogram, MatchOp, Matcher, sample};
use narthex_storage::{Intervals, LabelsRequest, Series, TimeRange};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::fixture::{cache, folder, memory, options, publish, request, series};
use crate::kinds::{AllBits, all_bits};

const OTHER: Ulid = Ulid::from_parts(1_700_000_000_001, 8);

/// A sample a minute in three slices.
const TIMES: std::ops::Range<i64> = 0..300;

fn at(minute: i64) -> i64 {
    minute * 60_000
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange {
        start_ms: at(from),
        end_ms: at(to),
    }
}

/// Numbers, histograms, and a series that ends early.
fn all() -> Vec<Series> {
    let numbers = |name: &str, until: i64| {
        let samples = TIMES.take_while(|minute| *minute < until);
        let samples = samples.map(|minute| (at(minute), minute as f64 * 0.5));
        series(&[("__name__", name), ("job", "x")], samples)
    };
    let marks = TIMES.map(|minute| (at(minute), sample::HISTOGRAM));
    let histograms = TIMES.map(|minute| {
        Some(Arc::new(FloatHistogram {
            counter_reset_hint: match minute {
                0 => CounterResetHint::Unknown,
                _ => CounterResetHint::NotReset,
            },
            count: minute as f64,
            zero_count: minute as f64,
            ..FloatHistogram::default()
        }))
    });
    let rich = Series {
        histograms: Some(histograms.collect()),
        starts: Some(TIMES.map(|minute| at(minute / 100)).collect()),
        ..series(&[("__name__", "h"), ("job", "x")], marks)
    };
    vec![
        numbers("a", 300),
        numbers("b", 300),
        numbers("short", 30),
        rich,
    ]
}

async fn made(store: &Arc<dyn ObjectStore>) -> Arc<Block> {
    publish(store, all(), &options(0..3 * SLICE_MS)).await
}

async fn selected(block: &Arc<Block>, range: TimeRange) -> Vec<AllBits> {
    let stream = Arc::clone(block).select(&request(vec![], range)).await;
    let found: Vec<Series> = stream.unwrap().try_collect().await.unwrap();
    let mut found: Vec<AllBits> = found.iter().map(all_bits).collect();
    found.sort();
    found
}

fn named(name: &str) -> Vec<Matcher> {
    vec![Matcher::equal("__name__", name)]
}

/// What is left once the samples of some series in some ranges are deleted.
fn left(deleted: &[(&str, TimeRange)]) -> Vec<AllBits> {
    let left = all().into_iter().filter_map(|series| {
        let mut intervals = Intervals::default();
        let name = series.labels.metric_name().to_owned();
        let of = deleted.iter().filter(|(of, _)| *of == name);
        of.for_each(|(_, range)| intervals.add(*range));
        series.without(&intervals)
    });
    let mut left: Vec<AllBits> = left.map(|series| all_bits(&series)).collect();
    left.sort();
    left
}

async fn reopened(store: &Arc<dyn ObjectStore>) -> Arc<Block> {
    let block = Block::open(Arc::clone(store), &folder(), &cache()).await;
    Arc::new(block.unwrap())
}

const DELETED: [(&str, TimeRange); 6] = [
    (
        "a",
        TimeRange {
            start_ms: 60_000,
            end_ms: 120_000,
        },
    ),
    (
        "a",
        TimeRange {
            start_ms: 6_000_000,
            end_ms: 15_000_000,
        },
    ),
    (
        "h",
        TimeRange {
            start_ms: 7_080_000,
            end_ms: 7_140_000,
        },
    ),
    (
        "h",
        TimeRange {
            start_ms: 600_000,
            end_ms: 600_000,
        },
    ),
    ("short", TimeRange::ALL),
    ("nobody", TimeRange::ALL),
];

#[test]
fn what_is_deleted_is_gone_for_readers_now_and_after_opening_again() {
    block_on(async {
        let store = memory();
        let block = made(&store).await;
        let before = selected(&block, TimeRange::ALL).await;
        assert!(!block.has_tombstones());
        for (number, (name, range)) in DELETED.iter().enumerate() {
            block.delete(&[named(name)], *range).await.unwrap();
            for block in [&block, &reopened(&store).await] {
                let expected = left(&DELETED[..=number]);
                assert_eq!(selected(block, TimeRange::ALL).await, expected, "{name}");
            }
        }
        assert_eq!(block.series_with_tombstones(), 3);
        // A part of the time, and what lies at both sides of a gap.
        let some = selected(&block, range(90, 130)).await;
        let counts: Vec<usize> = some.iter().map(|(_, samples)| samples.len()).collect();
        assert_eq!(counts, [10, 41, 39], "a, b and h");
        // What is deleted twice, and what there is nothing of.
        let known = store.get(&folder().join("tombstones")).await.unwrap();
        let known = known.bytes().await.unwrap();
        block.delete(&[named("short")], range(0, 10)).await.unwrap();
        block.delete(&[named("b")], range(400, 500)).await.unwrap();
        let again = store.get(&folder().join("tombstones")).await.unwrap();
        assert_eq!(again.bytes().await.unwrap(), known);
        assert_ne!(before, selected(&block, TimeRange::ALL).await);
    });
}

#[test]
fn series_without_a_sample_are_not_listed_and_their_names_are_until_they_are_cleaned() {
    block_on(async {
        let store = memory();
        let block = made(&store).await;
        let everything = [vec![
            Matcher::new("__name__", MatchOp::Regex, "a|short").unwrap(),
        ]];
        block.delete(&everything, range(0, 50)).await.unwrap();
        let listed = async |range| {
            let found = block.series(&request(vec![], range)).await.unwrap();
            let names = found.iter().map(|labels| labels.metric_name().to_owned());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(listed(TimeRange::ALL).await, "a b h");
        assert_eq!(listed(range(0, 20)).await, "b h");
        let two = block.label_sets(&request(vec![], TimeRange::ALL), 2).await;
        assert_eq!(two.unwrap().len(), 2);
        let names = LabelsRequest {
            matchers: vec![],
            range: TimeRange::ALL,
            limit: None,
        };
        let names = block.label_values("__name__", &names).await.unwrap();
        assert_eq!(names, ["a", "b", "h", "short"]);
        assert!(verify(Arc::clone(&store), &folder()).await.is_empty());
    });
}

#[test]
fn a_block_that_is_written_anew_has_what_is_left_and_stands_in_place_of_the_other() {
    block_on(async {
        let store = memory();
        let block = made(&store).await;
        for (name, range) in DELETED {
            block.delete(&[named(name)], range).await.unwrap();
        }
        // It is not to be compacted before.
        let into = Path::from("compacted");
        let refused = compact(store.as_ref(), &into, &[Arc::clone(&block)], OTHER).await;
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.block, refused.file.as_str()),
            (block.meta().ulid.clone(), "tombstones")
        );
        let into = Path::from(OTHER.to_string());
        let meta = rewrite(store.as_ref(), &into, &block, OTHER)
            .await
            .unwrap()
            .unwrap();
        let cleaned = Block::open(Arc::clone(&store), &into, &cache())
            .await
            .unwrap();
        let cleaned = Arc::new(cleaned);
        assert!(!cleaned.has_tombstones());
        assert_eq!(selected(&cleaned, TimeRange::ALL).await, left(&DELETED));
        assert!(verify(Arc::clone(&store), &into).await.is_empty());
        let old = block.meta();
        assert_eq!((meta.level(), meta.sources()), (1, &[old.ulid.clone()][..]));
        assert!(meta.replaced().any(|name| name == old.ulid));
        assert_eq!((meta.range, meta.stats.series), (old.range, 3));
        // Nothing is left: no block.
        block.delete(&[vec![]], TimeRange::ALL).await.unwrap();
        let none = rewrite(store.as_ref(), &Path::from("none"), &block, OTHER).await;
        assert_eq!(none.unwrap(), None);
        assert!(selected(&block, TimeRange::ALL).await.is_empty());
    });
}

#[test]
fn damaged_tombstones_are_an_error_and_nothing_comes_back() {
    block_on(async {
        let store = memory();
        let block = made(&store).await;
        block.delete(&[named("a")], TimeRange::ALL).await.unwrap();
        let path = folder().join("tombstones");
        let sound = store.get(&path).await.unwrap().bytes().await.unwrap();
        for at in 0..sound.len() {
            let mut broken = sound.to_vec();
            broken[at] ^= 4;
            store.put(&path, broken.into()).await.unwrap();
            let error = Block::open(Arc::clone(&store), &folder(), &cache()).await;
            assert_eq!(error.unwrap_err().file, "tombstones", "byte {at}");
        }
    });
}
