//! A downsampled block answers over windows as the samples do that it was made of.

use std::collections::HashMap;
use std::ops::Range;
use std::slice::from_ref;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{
    AGGREGATE_LABEL, Aggregate, Block, BlockMeta, SLICE_MS, compact, downsample, rewrite, verify,
};
use narthex_model::{Labels, LabelsBuilder, Matcher, sample};
use narthex_storage::{Series, TimeRange};
use object_store::ObjectStore;

use crate::chance::Chance;
use crate::fixture::{memory, request, series};
use crate::numbered::{folder, open, put, ulid};

pub(crate) mod golden;
mod histograms;
mod size;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const FIVE_MINUTES_MS: i64 = 5 * MINUTE_MS;

/// How long the samples of a property are, in two blocks that meet in the middle.
const LENGTH_MS: i64 = 8 * HOUR_MS;

const SEEDS: u64 = 40;
const SERIES_A_SEED: usize = 50;

/// Downsamples blocks, and checks what the new one says of itself.
async fn coarser(
    store: &Arc<dyn ObjectStore>,
    number: u64,
    sources: &[Arc<Block>],
    resolution_ms: i64,
) -> Arc<Block> {
    let folder = folder(number);
    let made = downsample(
        store.as_ref(),
        &folder,
        sources,
        ulid(number),
        resolution_ms,
    );
    let meta = made.await.unwrap().unwrap();
    let block = open(store, number).await;
    assert_eq!(*block.meta(), meta);
    let faults = verify(Arc::clone(store), &folder).await;
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(meta.resolution_ms, resolution_ms);
    assert_eq!(meta.replaced().count(), 0);
    let metas = || sources.iter().map(|source| source.meta());
    let mut expected: Vec<String> = metas().flat_map(|meta| meta.sources().to_vec()).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(meta.sources(), expected);
    block
}

async fn all(block: &Arc<Block>, matchers: Vec<Matcher>) -> Vec<Series> {
    let request = request(matchers, TimeRange::ALL);
    let found = Arc::clone(block).select(&request).await.unwrap();
    found.try_collect().await.unwrap()
}

/// All series of blocks that follow each other.
async fn answers(blocks: &[Arc<Block>]) -> HashMap<Labels, Series> {
    let mut parts: HashMap<Labels, Vec<Series>> = HashMap::new();
    for block in blocks {
        for series in all(block, Vec::new()).await {
            let known = parts.entry(series.labels.clone()).or_default();
            known.push(series);
        }
    }
    let joined = parts.into_iter();
    let joined = joined.map(|(labels, parts)| (labels, Series::join(parts).unwrap()));
    joined.collect()
}

/// One aggregate of a series, which may have none.
fn aggregate(found: &HashMap<Labels, Series>, labels: &Labels, wanted: Aggregate) -> Series {
    let mut own = LabelsBuilder::from_labels(labels);
    own.set(AGGREGATE_LABEL, wanted.name());
    let nothing = || Series::of_numbers(labels.clone(), Vec::new(), Vec::new());
    found.get(&own.build()).cloned().unwrap_or_else(nothing)
}

/// The places of samples after `start_ms` and up to `end_ms`.
fn within(series: &Series, start_ms: i64, end_ms: i64) -> Range<usize> {
    let place = |ms: i64| series.timestamps.partition_point(|time| *time <= ms);
    place(start_ms)..place(end_ms)
}

/// The numbers of a window, but for markers.
fn numbers(series: &Series, start_ms: i64, end_ms: i64) -> Vec<f64> {
    let values = series.values[within(series, start_ms, end_ms)].iter();
    let values = values.filter(|value| !sample::is_stale_nan(**value));
    values.copied().collect()
}

/// How much a counter grows from its newest value at the start of a window to that at its end, as
/// PromQL counts: where there is none at the start, from the first in the window.
fn growth(series: &Series, resolution_ms: i64, start_ms: i64, end_ms: i64) -> Option<f64> {
    let before = numbers(series, start_ms - resolution_ms, start_ms);
    let mut chain: Vec<f64> = before.last().copied().into_iter().collect();
    chain.extend(numbers(series, start_ms, end_ms));
    let falls = chain.windows(2).filter(|pair| pair[1] < pair[0]);
    let lost: f64 = falls.map(|pair| pair[0]).sum();
    Some(chain.last()? - chain.first()? + lost)
}

/// The newest sample of a window that is no marker, and whether the newest of all up to its end is
/// one.
fn newest(series: &Series, start_ms: i64, end_ms: i64) -> (Option<(i64, u64)>, bool) {
    let mut window = within(series, start_ms, end_ms).rev();
    let found = window.find(|at| !sample::is_stale_nan(series.values[*at]));
    let found = found.map(|at| (series.timestamps[at], series.values[at].to_bits()));
    let until = within(series, i64::MIN, end_ms);
    let last = series.values[until].last();
    (
        found,
        last.is_some_and(|value| sample::is_stale_nan(*value)),
    )
}

/// The first of the values that none of the others beats.
fn extreme(values: &[f64], beats: fn(&f64, &f64) -> bool) -> Option<u64> {
    let mut values = values.iter();
    let mut kept = values.next()?;
    for value in values {
        if beats(value, kept) || kept.is_nan() {
            kept = value;
        }
    }
    Some(kept.to_bits())
}

/// What a series is like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Whole numbers that grow, and fall to a low one at times.
    Counter,
    /// As a counter, with fractions.
    Fractions,
    /// Goes up and down above zero.
    Gauge,
    /// Goes up and down, and is not a number at times.
    Anything,
    Constant,
}

const KINDS: [Kind; 5] = [
    Kind::Counter,
    Kind::Fractions,
    Kind::Gauge,
    Kind::Anything,
    Kind::Constant,
];

/// A random series over [`LENGTH_MS`]: with gaps, markers, and samples at the very ends of windows.
fn random(chance: &mut Chance, number: usize) -> (Kind, Series) {
    let kind = KINDS[number % KINDS.len()];
    let interval_ms = [15_000, 30_000, MINUTE_MS, 4 * MINUTE_MS, 7 * MINUTE_MS];
    let interval_ms = *chance.pick(&interval_ms);
    let offset_ms = match chance.below(2) {
        0 => 0,
        _ => chance.below(interval_ms as u64) as i64,
    };
    let resets = *chance.pick(&[0, 30, 400]);
    let mut value = chance.below(1_000) as f64;
    let mut samples = Vec::new();
    let mut time = offset_ms;
    while time < LENGTH_MS {
        value = match kind {
            Kind::Counter | Kind::Fractions if chance.below(1_000) < resets => {
                chance.below(3) as f64
            }
            Kind::Counter => value + chance.below(50) as f64,
            Kind::Fractions => value + chance.below(5_000) as f64 / 113.0,
            Kind::Gauge => chance.below(1_000_000) as f64 / 7.0,
            Kind::Anything if chance.below(20) == 0 => f64::NAN,
            Kind::Anything => (chance.below(2_000) as f64 - 1_000.0) * 0.1,
            Kind::Constant => value,
        };
        match chance.below(100) {
            0 => samples.push((time, sample::STALE_NAN)),
            1 => time += chance.below(2 * HOUR_MS as u64) as i64 / interval_ms * interval_ms,
            _ => samples.push((time, value)),
        }
        time += interval_ms;
    }
    let number = number.to_string();
    let labels = [("__name__", "random"), ("series", number.as_str())];
    (kind, series(&labels, samples))
}

/// The part of a series that lies in a block.
fn part(series: &Series, range: Range<i64>) -> Option<Series> {
    let places = within(series, range.start - 1, range.end - 1);
    if places.is_empty() {
        return None;
    }
    let timestamps = series.timestamps.slice(places.start, places.len());
    let values = series.values.slice(places.start, places.len());
    let labels = series.labels.clone();
    Some(Series::of_numbers(labels, timestamps, values))
}

/// Holds what blocks of a resolution answer against the samples, over random windows.
fn compare(
    case: &str,
    (resolution_ms, found): (i64, &HashMap<Labels, Series>),
    (kind, raw): &(Kind, Series),
    chance: &mut Chance,
) {
    let of = |wanted: Aggregate| aggregate(found, &raw.labels, wanted);
    let [count, counter, max, min, sum] = Aggregate::ALL.map(of);
    let windows = (LENGTH_MS / resolution_ms) as u64;
    for _ in 0..12 {
        let start = chance.below(windows) as i64 - 1;
        let length = 1 + chance.below(windows) as i64;
        let end_ms = (start + length) * resolution_ms;
        let start_ms = start * resolution_ms;
        let case = format!("{case} {kind:?} {} {start_ms}..{end_ms}", raw.labels);
        let values = numbers(raw, start_ms, end_ms);
        let aggregates = |series: &Series| numbers(series, start_ms, end_ms);

        let counts: f64 = aggregates(&count).iter().sum();
        assert_eq!(counts, values.len() as f64, "{case}");
        for (stored, beats) in [
            (&max, f64::gt as fn(&f64, &f64) -> bool),
            (&min, f64::lt as fn(&f64, &f64) -> bool),
        ] {
            let (found, expected) = (aggregates(stored), &values);
            assert_eq!(extreme(&found, beats), extreme(expected, beats), "{case}");
        }
        let (total, expected): (f64, f64) = (aggregates(&sum).iter().sum(), values.iter().sum());
        let scale: f64 = values.iter().map(|value| value.abs()).sum();
        let is_near = (total - expected).abs() <= 1e-12 * scale.max(1.0);
        assert!(
            is_near || total.is_nan() && expected.is_nan(),
            "{case}: {total} {expected}"
        );
        if *kind != Kind::Anything {
            let of = |series: &Series| growth(series, resolution_ms, start_ms, end_ms);
            let (grown, expected) = (of(&counter), of(raw));
            let off = grown.zip(expected).map(|(a, b)| (a - b).abs());
            let allowed = match kind {
                Kind::Fractions | Kind::Gauge => 1e-12 * (scale + 1e6),
                _ => 0.0,
            };
            assert_eq!(grown.is_some(), expected.is_some(), "{case}");
            assert!(
                off.unwrap_or(0.0) <= allowed,
                "{case}: {grown:?} {expected:?}"
            );
        }
        let last = end_ms - resolution_ms;
        assert_eq!(
            newest(&counter, last, end_ms),
            newest(raw, last, end_ms),
            "{case}"
        );
    }
}

/// Downsamples in every way, and compares each.
async fn compare_seed(seed: u64) {
    let store = memory();
    let mut chance = Chance(seed);
    let all = (0..SERIES_A_SEED).map(|number| random(&mut chance, number));
    let all: Vec<(Kind, Series)> = all.collect();
    let middle_ms = LENGTH_MS / 2;
    let mut raw = Vec::new();
    for (number, range) in [(1, 0..middle_ms), (2, middle_ms..LENGTH_MS)] {
        let parts = all.iter().filter_map(|(_, s)| part(s, range.clone()));
        raw.push(put(&store, number, parts.collect(), range.clone()).await);
    }
    let mut fine = Vec::new();
    let mut coarse = Vec::new();
    for (block, number) in raw.iter().zip(0..) {
        let block = from_ref(block);
        fine.push(coarser(&store, 10 + number, block, FIVE_MINUTES_MS).await);
        coarse.push(coarser(&store, 20 + number, block, HOUR_MS).await);
    }
    // The two ways of putting two blocks together come to the same.
    let meta = compact(store.as_ref(), &folder(30), &fine, ulid(30)).await;
    assert_eq!(meta.unwrap().resolution_ms, FIVE_MINUTES_MS);
    let compacted = open(&store, 30).await;
    let steps = [
        coarser(&store, 31, from_ref(&compacted), HOUR_MS).await,
        coarser(&store, 32, &fine, HOUR_MS).await,
    ];
    let at_once = coarser(&store, 33, &raw, HOUR_MS).await;
    let compacted = [compacted];
    let [of_compacted, of_two] = steps.map(|block| [block]);
    let at_once = [at_once];
    for (name, blocks) in [
        ("5m", &fine[..]),
        ("1h", &coarse[..]),
        ("5m compacted", &compacted[..]),
        ("5m compacted, 1h", &of_compacted[..]),
        ("two of 5m, 1h", &of_two[..]),
        ("both at once", &at_once[..]),
    ] {
        let case = format!("seed {seed}, {name}:");
        let resolution_ms = blocks[0].meta().resolution_ms;
        let found = answers(blocks).await;
        for random in &all {
            compare(&case, (resolution_ms, &found), random, &mut chance);
        }
    }
}

#[test]
fn windows_have_what_their_samples_have() {
    for seed in 0..SEEDS {
        block_on(compare_seed(seed));
    }
}

/// The numbers of a gauge take one sample more a window at most, but for the first behind a gap.
#[test]
fn a_gauge_costs_one_sample_more_a_window_and_rarely_two() {
    let mut chance = Chance(7);
    let store = memory();
    let samples = (0..LENGTH_MS / 15_000).map(|n| (n * 15_000, chance.below(1_000) as f64));
    let gauge = series(&[("__name__", "gauge")], samples);
    block_on(async {
        let raw = put(&store, 1, vec![gauge.clone()], 0..LENGTH_MS).await;
        let block = coarser(&store, 2, &[raw], FIVE_MINUTES_MS).await;
        let found = answers(&[block]).await;
        let counter = aggregate(&found, &gauge.labels, Aggregate::Counter);
        let windows = LENGTH_MS / FIVE_MINUTES_MS;
        let kept = counter.timestamps.len() as i64;
        assert!((windows..=2 * windows + 4).contains(&kept), "{kept}");
    });
}

#[test]
fn series_come_in_order_whatever_their_labels_are_called() {
    let store = memory();
    let with = |pairs: &[(&str, &str)]| series(pairs, [(1_000, 1.0), (2_000, 2.0)]);
    let plain = vec![
        with(&[]),
        with(&[("Zone", "a")]),
        with(&[("job", "x")]),
        with(&[("__name__", "a")]),
        with(&[("__name__", "a"), ("Zone", "a")]),
        with(&[("__name__", "a"), ("Zone", "a"), ("Zoo", "b")]),
        with(&[("__name__", "a"), ("Zone", "b"), ("job", "x")]),
        with(&[("__name__", "a"), ("_A", "b"), ("job", "x")]),
        with(&[("__name__", "a"), ("__a", "b")]),
        with(&[("__name__", "a"), ("job", "x"), ("le", "10")]),
        with(&[("__name__", "a"), ("job", "x"), ("le", "2")]),
        with(&[("__name__", "b"), ("le", "+Inf")]),
        // It says itself what no other series may say.
        with(&[("__name__", "b"), (AGGREGATE_LABEL, "sum")]),
    ];
    let count = plain.len() - 1;
    block_on(async {
        let raw = put(&store, 1, plain.clone(), 0..SLICE_MS).await;
        let fine = coarser(&store, 2, &[raw], FIVE_MINUTES_MS).await;
        assert_eq!(fine.meta().stats.series, count as u64 * 5);
        let coarse = coarser(&store, 3, from_ref(&fine), HOUR_MS).await;
        for block in [fine, coarse] {
            for series in plain.iter().take(count) {
                for (wanted, expected) in [
                    (Aggregate::Count, vec![2.0]),
                    (Aggregate::Counter, vec![1.0, 2.0]),
                    (Aggregate::Max, vec![2.0]),
                    (Aggregate::Min, vec![1.0]),
                    (Aggregate::Sum, vec![3.0]),
                ] {
                    let all = all(&block, vec![Matcher::equal(AGGREGATE_LABEL, wanted.name())]);
                    let found = all.await;
                    let same =
                        |found: &&Series| found.labels.without(&[AGGREGATE_LABEL]) == series.labels;
                    let found = found.iter().find(same).unwrap();
                    assert_eq!(found.values[..], expected, "{} {wanted:?}", series.labels);
                }
            }
        }
    });
}

#[test]
fn what_is_deleted_counts_no_more() {
    let store = memory();
    let samples = |n: i64| (0..n).map(|n| (n * 1_000, 1.0));
    let some = series(&[("__name__", "some")], samples(600));
    let gone = series(&[("__name__", "gone")], samples(600));
    let everything = [vec![Matcher::equal("__name__", "gone")]];
    let first_minute = TimeRange {
        start_ms: 0,
        end_ms: 59_999,
    };
    block_on(async {
        let raw = put(&store, 1, vec![some.clone(), gone], 0..SLICE_MS).await;
        raw.delete(&everything, TimeRange::ALL).await.unwrap();
        let name = [vec![Matcher::equal("__name__", "some")]];
        raw.delete(&name, first_minute).await.unwrap();
        let block = coarser(&store, 2, from_ref(&raw), FIVE_MINUTES_MS).await;
        let counts = all(
            &block,
            vec![Matcher::equal(AGGREGATE_LABEL, Aggregate::Count.name())],
        );
        let counts = counts.await;
        assert_eq!(counts.len(), 1);
        assert_eq!(counts[0].timestamps[..], [300_000, 600_000]);
        assert_eq!(counts[0].values[..], [241.0, 299.0]);

        // What is deleted of the windows stays away too when they are written anew.
        let last = TimeRange {
            start_ms: 600_000,
            end_ms: 600_000,
        };
        block.delete(&name, last).await.unwrap();
        let anew = rewrite(store.as_ref(), &folder(3), &block, ulid(3)).await;
        let anew: BlockMeta = anew.unwrap().unwrap();
        assert_eq!(anew.resolution_ms, FIVE_MINUTES_MS);
        assert_eq!(anew.sources(), block.meta().sources());
        let replaced: Vec<&str> = anew.replaced().collect();
        assert_eq!(replaced, [block.meta().ulid.as_str()]);

        raw.delete(&name, TimeRange::ALL).await.unwrap();
        let nothing = downsample(store.as_ref(), &folder(4), &[raw], ulid(4), HOUR_MS).await;
        assert!(nothing.unwrap().is_none());
    });
}

#[test]
fn what_cannot_be_downsampled_is_refused() {
    let store = memory();
    let one = || vec![series(&[("__name__", "a")], [(1, 1.0)])];
    let check = async |sources: &[Arc<Block>], resolution_ms: i64, expected: &str| {
        let made = downsample(store.as_ref(), &folder(9), sources, ulid(9), resolution_ms).await;
        assert_eq!(made.unwrap_err().fault.to_string(), expected);
    };
    block_on(async {
        let raw = put(&store, 1, one(), 0..SLICE_MS).await;
        let raw = from_ref(&raw);
        let fine = coarser(&store, 2, raw, FIVE_MINUTES_MS).await;
        let both = [Arc::clone(&raw[0]), Arc::clone(&fine)];
        let fine = from_ref(&fine);
        check(&[], HOUR_MS, "a block cannot be made of none").await;
        check(&both, HOUR_MS, "blocks of different resolutions").await;
        let many = vec![Arc::clone(&raw[0]); narthex_block::PARENTS_MAX + 1];
        check(&many, HOUR_MS, "17 blocks, at most 16 become one").await;
        for (sources, from, to) in [
            (raw, 0, 0),
            (raw, 0, -HOUR_MS),
            (fine, FIVE_MINUTES_MS, 0),
            (fine, FIVE_MINUTES_MS, FIVE_MINUTES_MS),
            (fine, FIVE_MINUTES_MS, 7 * MINUTE_MS),
        ] {
            let message = format!("a resolution of {from} ms does not become one of {to} ms");
            check(sources, to, &message).await;
        }
        let made = compact(store.as_ref(), &folder(9), &both, ulid(9)).await;
        let fault = made.unwrap_err().fault.to_string();
        // Their slices differ as well, and that is found first.
        assert_eq!(fault, "blocks with slices of different lengths");
    });
}
