//! Series with more than numbers: native histograms of all kinds, start timestamps, and numbers
//! among them.

use std::ops::Range;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order, compact, write};
use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint};
use narthex_model::{FloatHistogram, Labels, Matcher, sample};
use narthex_storage::{Series, TimeRange};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::fixture::{cache, memory, request, series};
use crate::histogram_bits::histogram_bits;

/// All that a series has, in bits: labels, and of each sample the time, the value, the histogram
/// and the start.
pub(crate) type AllBits = (String, Vec<(i64, u64, Vec<u64>, i64)>);

pub(crate) fn all_bits(series: &Series) -> AllBits {
    let histogram = |at: usize| {
        let histograms = series.histograms.as_ref()?;
        let histogram = histograms[at].as_ref()?;
        Some(histogram_bits(histogram))
    };
    let start = |at: usize| series.starts.as_ref().map_or(0, |starts| starts[at]);
    let samples = series
        .timestamps
        .iter()
        .zip(series.values.iter())
        .enumerate();
    let samples = samples.map(|(at, (timestamp_ms, value))| {
        let histogram = histogram(at).unwrap_or_default();
        (*timestamp_ms, value.to_bits(), histogram, start(at))
    });
    (series.labels.to_string(), samples.collect())
}

/// Samples in a range as a store would give them; `None` where there are none.
fn within(series: &Series, range: TimeRange) -> Option<Series> {
    let from = series.timestamps.partition_point(|t| *t < range.start_ms);
    let to = series.timestamps.partition_point(|t| *t <= range.end_ms);
    if from >= to {
        return None;
    }
    Some(Series {
        labels: series.labels.clone(),
        timestamps: series.timestamps.slice(from, to - from),
        values: series.values.slice(from, to - from),
        histograms: series.histograms.as_ref().map(|all| all[from..to].into()),
        starts: series.starts.as_ref().map(|all| all.slice(from, to - from)),
    })
}

/// What one sample of a series is.
pub(crate) type SampleAt<'a> = &'a dyn Fn(i64) -> (Option<FloatHistogram>, f64, i64);

pub(crate) fn rich(name: &str, times: &[i64], sample_at: SampleAt<'_>) -> Series {
    let labels = Labels::from_pairs([("__name__", name), ("job", "x")]);
    let samples: Vec<_> = times.iter().map(|time| sample_at(*time)).collect();
    let values = samples.iter().map(|(histogram, value, _)| match histogram {
        Some(_) => sample::HISTOGRAM,
        None => *value,
    });
    let histograms = samples
        .iter()
        .map(|(histogram, ..)| histogram.clone().map(Arc::new));
    let has_histogram = samples.iter().any(|(histogram, ..)| histogram.is_some());
    let has_start = samples.iter().any(|(.., start_ms)| *start_ms != 0);
    Series {
        histograms: has_histogram.then(|| histograms.collect()),
        starts: has_start.then(|| samples.iter().map(|(.., start_ms)| *start_ms).collect()),
        ..Series::of_numbers(labels, times.to_vec(), values.collect::<Vec<_>>())
    }
}

/// A request duration after so many observations: more buckets with time.
pub(crate) fn durations(n: i64, hint: CounterResetHint) -> FloatHistogram {
    let filled = (n / 40).clamp(1, 12);
    let count = |bucket: i64| (n * (13 - bucket) / 3) as f64;
    let counts: Vec<f64> = (0..filled).map(count).collect();
    FloatHistogram {
        counter_reset_hint: hint,
        schema: 2,
        zero_threshold: 2.938_735_877_055_719e-39,
        zero_count: (n / 90) as f64,
        count: counts.iter().sum::<f64>() + (n / 90) as f64,
        sum: n as f64 * 0.731,
        positive: Buckets::consecutive(-3, counts).unwrap(),
        negative: Buckets::default(),
        custom_bounds: [].into(),
    }
}

/// Series of all kinds over times from `from` on, thirty seconds apart. `salt` makes other values.
pub(crate) fn zoo(times: Range<i64>, salt: i64) -> Vec<Series> {
    let times: Vec<i64> = times.step_by(30_000).collect();
    let steps = |time: i64| (time.div_euclid(30_000) + salt).abs();
    let hint = |time: i64| match steps(time) % 50 {
        0 => CounterResetHint::Reset,
        1 => CounterResetHint::Unknown,
        _ => CounterResetHint::NotReset,
    };
    let strange = f64::from_bits(0x7ff8_dead_0000_0001);
    let mut all = vec![
        rich("durations", &times, &|t| {
            (Some(durations(steps(t), hint(t))), 0.0, 0)
        }),
        rich("both", &times, &|t| match steps(t) % 7 {
            0 => (None, 1.5, 3),
            1 => (None, sample::STALE_NAN, 0),
            _ => (Some(durations(steps(t), hint(t))), 0.0, t - 5),
        }),
        rich("gauges", &times, &|t| {
            let n = i32::try_from(steps(t) % 9).unwrap();
            let gauge = FloatHistogram {
                counter_reset_hint: CounterResetHint::Gauge,
                schema: n - 4,
                zero_threshold: f64::from(n) * 0.001,
                count: if n == 3 { strange } else { 0.5 },
                sum: f64::NEG_INFINITY,
                positive: Buckets::new([n, n + 9], vec![0.25, -0.0]).unwrap(),
                negative: Buckets::new([i32::MIN, n], vec![strange, 1e300]).unwrap(),
                ..FloatHistogram::default()
            };
            (Some(gauge), 0.0, 0)
        }),
        rich("bounded", &times, &|t| {
            let bounds: &[f64] = if steps(t) % 100 < 50 {
                &[0.1, 1.0]
            } else {
                &[0.1, 1.0, 5.0]
            };
            let histogram = FloatHistogram {
                schema: CUSTOM_BUCKETS_SCHEMA,
                count: steps(t) as f64,
                positive: Buckets::consecutive(0, vec![steps(t) as f64, 0.0]).unwrap(),
                custom_bounds: bounds.into(),
                ..FloatHistogram::default()
            };
            (Some(histogram), 0.0, 77)
        }),
        rich("counter", &times, &|t| {
            (None, steps(t) as f64, 1_000 + steps(t) / 100)
        }),
        rich("late", &times[times.len() / 2..], &|t| {
            (Some(durations(steps(t), hint(t))), 0.0, i64::MIN)
        }),
    ];
    for number in 0..300 {
        let number = number.to_string();
        let labels = [("__name__", "plain"), ("number", number.as_str())];
        all.push(series(
            &labels,
            times.iter().map(|t| (*t, steps(*t) as f64)),
        ));
    }
    all.sort_by(|a, b| block_order(&a.labels, &b.labels));
    all
}

fn folder(number: u64) -> Path {
    Path::from(ulid(number).to_string())
}

fn ulid(number: u64) -> Ulid {
    Ulid::from_parts(number, 1)
}

async fn put(
    store: &Arc<dyn ObjectStore>,
    number: u64,
    series: Vec<Series>,
    range: Range<i64>,
) -> Arc<Block> {
    let options = WriteOptions {
        ulid: ulid(number),
        range: TimeBounds {
            start_ms: range.start,
            end_ms: range.end,
        },
        slice_ms: SLICE_MS,
        sources: Vec::new(),
    };
    write(store.as_ref(), &folder(number), series, &options)
        .await
        .unwrap()
        .unwrap();
    open(store, number).await
}

async fn open(store: &Arc<dyn ObjectStore>, number: u64) -> Arc<Block> {
    Arc::new(
        Block::open(Arc::clone(store), &folder(number), &cache())
            .await
            .unwrap(),
    )
}

async fn select(block: &Arc<Block>, matchers: Vec<Matcher>, range: TimeRange) -> Vec<Series> {
    let found = Arc::clone(block)
        .select(&request(matchers, range))
        .await
        .unwrap();
    found.try_collect().await.unwrap()
}

/// Holds what a block has against series in block order.
async fn holds(block: &Arc<Block>, expected: &[Series], case: &str) {
    let range = |start_ms, end_ms| TimeRange { start_ms, end_ms };
    for range in [
        TimeRange::ALL,
        range(0, SLICE_MS - 1),
        range(SLICE_MS - 95_000, SLICE_MS + 200_000),
        range(600_000, 600_000),
        range(600_001, 600_002),
    ] {
        for name in ["", "both", "bounded", "plain"] {
            let matchers = match name {
                "" => vec![],
                name => vec![Matcher::equal("__name__", name)],
            };
            let is_wanted =
                |series: &&Series| name.is_empty() || series.labels.metric_name() == name;
            let found = select(block, matchers, range).await;
            let found: Vec<AllBits> = found.iter().map(all_bits).collect();
            let expected = expected.iter().filter(is_wanted);
            let expected = expected.filter_map(|series| within(series, range));
            let expected: Vec<AllBits> = expected.map(|series| all_bits(&series)).collect();
            assert!(found == expected, "{case}: {name:?} {range:?}");
        }
    }
}

#[test]
fn every_bit_of_every_kind_comes_back() {
    block_on(async {
        let store = memory();
        let all = zoo(-SLICE_MS / 2..2 * SLICE_MS, 11);
        let block = put(&store, 1, all.clone(), -SLICE_MS..2 * SLICE_MS).await;
        assert_eq!(block.meta().slices_ms.len(), 3);
        let files: Vec<&String> = block.meta().files.keys().collect();
        let expected = ["chunks", "histograms", "index", "series", "starts", "times"];
        assert!(
            files
                .into_iter()
                .eq(&expected.map(|name| format!("{name}.parquet")))
        );
        holds(&block, &all, "written").await;
    });
}

#[test]
fn numbers_alone_make_no_further_file() {
    block_on(async {
        let store = memory();
        let all = zoo(0..SLICE_MS, 0);
        let all: Vec<Series> = all.into_iter().filter(|s| s.starts.is_none()).collect();
        let all: Vec<Series> = all.into_iter().filter(|s| s.histograms.is_none()).collect();
        let block = put(&store, 1, all.clone(), 0..SLICE_MS).await;
        assert_eq!(block.meta().files.len(), 4);
        holds(&block, &all, "numbers").await;
    });
}

#[test]
fn a_compaction_copies_cells_and_joins_where_blocks_overlap() {
    block_on(async {
        let store = memory();
        let first = zoo(0..SLICE_MS, 1);
        let second = zoo(SLICE_MS..2 * SLICE_MS, 1);
        let overlapping = zoo(SLICE_MS / 2..SLICE_MS + SLICE_MS / 2, 7);
        let parents = [
            put(&store, 1, first.clone(), 0..SLICE_MS).await,
            put(&store, 2, second.clone(), SLICE_MS..2 * SLICE_MS).await,
            put(&store, 3, overlapping.clone(), 0..2 * SLICE_MS).await,
        ];
        // What follows is copied: all bits, hints at the seams as well.
        let meta = compact(store.as_ref(), &folder(4), &parents[..2], ulid(4))
            .await
            .unwrap();
        let both = open(&store, 4).await;
        assert_eq!(*both.meta(), meta);
        let whole: Vec<Series> = zoo(0..2 * SLICE_MS, 1);
        // A series that begins in the middle of each of two blocks has a gap.
        let is_late = |series: &Series| series.labels.metric_name() == "late";
        let expected: Vec<Series> = whole
            .into_iter()
            .map(|series| match is_late(&series) {
                false => series,
                true => glued(&first, &second, &series.labels),
            })
            .collect();
        holds(&both, &expected, "copied").await;
        // What overlaps is decoded, joined and encoded, slice by slice.
        compact(store.as_ref(), &folder(5), &parents, ulid(5))
            .await
            .unwrap();
        let joined = open(&store, 5).await;
        let mut expected = Vec::new();
        for (at, series) in first.iter().enumerate() {
            let slice = |range: TimeRange| {
                let parts = [&first[at], &second[at], &overlapping[at]];
                Series::join(
                    parts
                        .iter()
                        .filter_map(|part| within(part, range))
                        .collect(),
                )
            };
            let early = TimeRange {
                start_ms: 0,
                end_ms: SLICE_MS - 1,
            };
            let late = TimeRange {
                start_ms: SLICE_MS,
                end_ms: 2 * SLICE_MS,
            };
            let (early, late) = (slice(early).unwrap(), slice(late).unwrap());
            expected.push(glue(&early, &late));
            assert_eq!(series.labels, early.labels);
        }
        holds(&joined, &expected, "joined").await;
    });
}

fn glued(first: &[Series], second: &[Series], labels: &Labels) -> Series {
    let of = |all: &[Series]| all.iter().find(|s| s.labels == *labels).unwrap().clone();
    glue(&of(first), &of(second))
}

/// One series after the other, all as it was.
fn glue(first: &Series, second: &Series) -> Series {
    let histograms = |s: &Series| match &s.histograms {
        Some(histograms) => histograms.to_vec(),
        None => vec![None; s.timestamps.len()],
    };
    let starts = |s: &Series| match &s.starts {
        Some(starts) => starts.to_vec(),
        None => vec![0; s.timestamps.len()],
    };
    let both = [first, second];
    Series {
        histograms: Some(both.map(histograms).concat().into()),
        starts: Some(both.map(starts).concat().into()),
        ..Series::of_numbers(
            first.labels.clone(),
            [&first.timestamps[..], &second.timestamps[..]].concat(),
            [&first.values[..], &second.values[..]].concat(),
        )
    }
}

#[test]
fn many_histograms_cross_every_page_and_row_group() {
    block_on(async {
        let store = memory();
        let all = (0..9_000_i64).map(|number| {
            let times: Vec<i64> = (0..3).map(|i| i * 3_600_000 + number % 5).collect();
            let mut series = rich("h", &times, &|t| {
                let histogram = durations(t / 1_000 + number, CounterResetHint::Unknown);
                (Some(histogram).filter(|_| number % 3 > 0), 1.0, number * 10)
            });
            let number = format!("{number:05}");
            series.labels = Labels::from_pairs([("__name__", "h"), ("number", &number)]);
            series
        });
        let all: Vec<Series> = all.collect();
        let block = put(&store, 1, all.clone(), 0..2 * SLICE_MS).await;
        let found = select(&block, vec![], TimeRange::ALL).await;
        assert!(found.iter().map(all_bits).eq(all.iter().map(all_bits)));
        let one = select(
            &block,
            vec![Matcher::equal("number", "08191")],
            TimeRange::ALL,
        )
        .await;
        assert!(one.iter().map(all_bits).eq([all_bits(&all[8_191])]));
        let meta = compact(store.as_ref(), &folder(2), &[block], ulid(2))
            .await
            .unwrap();
        assert_eq!(meta.stats.samples, 27_000);
        let found = select(&open(&store, 2).await, vec![], TimeRange::ALL).await;
        assert!(found.iter().map(all_bits).eq(all.iter().map(all_bits)));
    });
}

#[test]
fn histograms_without_marks_and_marks_without_histograms_are_refused() {
    let one = |value: f64, histogram: Option<FloatHistogram>| Series {
        histograms: Some([histogram.map(Arc::new)].into()),
        ..series(&[("__name__", "a")], [(1, value)])
    };
    let mut uneven = series(&[("__name__", "a")], [(1, 1.0)]);
    uneven.starts = Some(vec![1, 2].into());
    let marked = r#"{__name__="a"} has histograms where its values say none, or none"#;
    let wild = FloatHistogram {
        schema: 77,
        ..FloatHistogram::default()
    };
    for (series, expected) in [
        (one(1.0, Some(FloatHistogram::default())), marked),
        (one(sample::HISTOGRAM, None), marked),
        (
            series(&[("__name__", "a")], [(1, sample::HISTOGRAM)]),
            marked,
        ),
        (uneven, r#"{__name__="a"} has columns of two lengths"#),
        (
            one(sample::HISTOGRAM, Some(wild)),
            "a histogram has the schema 77",
        ),
    ] {
        let options = crate::fixture::options(0..100);
        let written = block_on(write(memory().as_ref(), &folder(1), [series], &options));
        assert_eq!(written.unwrap_err().fault.to_string(), expected);
    }
}

#[test]
fn a_histogram_costs_a_few_bits_a_bucket() {
    // Request durations of an API server of twenty handlers: each scrape some more observations,
    // spread over buckets of schema 3 like a logarithmic normal distribution.
    let mut state = 1_u64;
    let mut chance = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut all = Vec::new();
    for handler in 0..20 {
        let mut counts = std::collections::BTreeMap::<i32, f64>::new();
        let (mut count, mut sum) = (0.0, 0.0);
        let mut samples = Vec::new();
        for _ in 0..480 {
            for _ in 0..1 + handler * 2 {
                let normal = (0..12).map(|_| chance()).sum::<f64>() - 6.0;
                let seconds = 0.05 * (normal * 0.8).exp();
                let ends_above = |index: &i32| seconds <= (f64::from(*index) / 8.0).exp2();
                let index = (-90..60).find(ends_above).unwrap();
                *counts.entry(index).or_default() += 1.0;
                count += 1.0;
                sum += seconds;
            }
            let (indexes, counts): (Vec<i32>, Vec<f64>) = counts.iter().unzip();
            samples.push(FloatHistogram {
                counter_reset_hint: CounterResetHint::NotReset,
                schema: 3,
                zero_threshold: 2.938_735_877_055_719e-39,
                count,
                sum,
                positive: Buckets::new(indexes, counts).unwrap(),
                ..FloatHistogram::default()
            });
        }
        let times: Vec<i64> = (0..480).map(|i| i * 15_000).collect();
        let name = format!("handler_{handler:02}");
        let at = |t: i64| {
            (
                Some(samples[usize::try_from(t / 15_000).unwrap()].clone()),
                0.0,
                0,
            )
        };
        all.push(rich(&name, &times, &at));
    }
    let buckets: usize = all
        .iter()
        .flat_map(|series| series.histograms.as_ref().unwrap().iter().flatten())
        .map(|histogram| histogram.positive.len())
        .sum();
    block_on(async {
        let store = memory();
        let block = put(&store, 1, all, 0..SLICE_MS).await;
        let samples = block.meta().stats.samples;
        let size = store
            .head(&folder(1).join("histograms.parquet"))
            .await
            .unwrap()
            .size;
        let per_sample = size as f64 / samples as f64;
        let per_bucket = size as f64 / buckets as f64;
        eprintln!("{per_sample:.2} B a histogram, {per_bucket:.3} B a bucket");
        assert!(per_bucket < 0.35, "{per_bucket}");
    });
}
