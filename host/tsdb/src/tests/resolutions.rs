//! Queries over blocks of several resolutions, held against the samples that these are made of.

use std::f64::consts::TAU;
use std::sync::Arc;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use narthex_block::{Block, PageCache, TimeBounds, Ulid, WriteOptions, block_order, downsample};
use narthex_model::{Labels, Matcher, PromDuration, sample};
use narthex_promql::{
    Engine, EngineOptions, MaxSourceResolution, ParseOptions, QueryOptions, Value,
};
use narthex_storage::{
    Aggregate, LabelsRequest, Queryable, SelectRequest, Series, SeriesStream, StorageError,
    TimeRange, Wanted, Warnings,
};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::fixture::{Store, append, sample as sample_of};
use crate::options::PAGE_CACHE_BYTES;
use crate::{BlockSet, RemoteBlocks};

const MINUTE: i64 = 60_000;
const FIVE_MINUTES: i64 = 300_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A day's beginning.
const START: i64 = 1_767_225_600_000;
const INTERVAL: i64 = 15_000;

/// Blocks as a store that a query reads.
struct Blocks(BlockSet);

impl Queryable for Blocks {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.0.select(request, Wanted::Samples).boxed()
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        _warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.0.select(request, wanted).boxed()
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        self.0.resolution_ms(range, max_resolution_ms)
    }
}

/// What series are there, for five days.
fn all_series() -> Vec<Series> {
    let series = |name: &str, shape: &str, offset_ms: i64, value: &dyn Fn(i64) -> Option<f64>| {
        let labels = Labels::from_pairs([("__name__", name), ("Zone", "z"), ("shape", shape)]);
        let steps = (1..=5 * DAY / INTERVAL).filter_map(|step| {
            let time_ms = START + step * INTERVAL + offset_ms;
            let is_inside = time_ms < START + 5 * DAY;
            Some((time_ms, value(step).filter(|_| is_inside)?))
        });
        let (times, values): (Vec<i64>, Vec<f64>) = steps.unzip();
        Series::of_numbers(labels, times, values)
    };
    let wave = |step: i64| 100.0 + 90.0 * (step as f64 / 4_000.0 * TAU).sin();
    // Grows by 3 mostly, and more at times.
    let count = |step: i64| (3 * step + step * step % 7) as f64;
    let from_reset = |step: i64| count(step % 7_001);
    let with_gap = |step: i64| {
        let ms = step * INTERVAL;
        let (from_ms, to_ms) = (DAY + 3 * HOUR, DAY + 9 * HOUR);
        match ms {
            _ if ms == from_ms + INTERVAL => Some(sample::STALE_NAN),
            _ if ms > from_ms && ms <= to_ms => None,
            _ => Some(count(step)),
        }
    };
    let mut all = vec![
        series("gauge", "wave", 0, &|step| Some(wave(step))),
        series("gauge", "late", 7_003 - INTERVAL, &|step| {
            Some(wave(step) - 50.0)
        }),
        series("counter_total", "plain", 0, &|step| Some(count(step))),
        series("counter_total", "late", 7_003 - INTERVAL, &|step| {
            Some(count(step))
        }),
        series("counter_total", "resets", 0, &|step| Some(from_reset(step))),
        series("counter_total", "gap", 0, &with_gap),
    ];
    all.sort_by(|a, b| block_order(&a.labels, &b.labels));
    all
}

/// Blocks of five days, and what they are made of.
struct Made {
    /// Two days, two days, and the last one.
    raw: Vec<Arc<Block>>,
    /// Of the first two.
    five_minutes: Vec<Arc<Block>>,
    /// Of the first one.
    hours: Arc<Block>,
}

impl Made {
    async fn new() -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let cache = Arc::new(PageCache::new(PAGE_CACHE_BYTES));
        let open = |ulid: Ulid| {
            let (store, cache) = (Arc::clone(&store), Arc::clone(&cache));
            async move {
                let folder = Path::from(ulid.to_string());
                Arc::new(Block::open(store, &folder, &cache).await.unwrap())
            }
        };
        let all = all_series();
        let mut raw = Vec::new();
        for (from_day, to_day) in [(0, 2), (2, 4), (4, 5)] {
            let ulid = Ulid::generate();
            let options = WriteOptions {
                ulid,
                range: TimeBounds {
                    start_ms: START + from_day * DAY,
                    end_ms: START + to_day * DAY,
                },
                slice_ms: narthex_block::SLICE_MS,
                sources: Vec::new(),
            };
            let range = options.range;
            let part = |series: &Series| {
                let from = series.timestamps.partition_point(|t| *t < range.start_ms);
                let to = series.timestamps.partition_point(|t| *t < range.end_ms);
                Series::of_numbers(
                    series.labels.clone(),
                    series.timestamps[from..to].to_vec(),
                    series.values[from..to].to_vec(),
                )
            };
            let parts: Vec<Series> = all.iter().map(part).collect();
            let folder = Path::from(ulid.to_string());
            let written = narthex_block::write(&*store, &folder, parts, &options).await;
            assert!(written.unwrap().is_some());
            raw.push(open(ulid).await);
        }
        let coarser = |sources: Vec<Arc<Block>>, resolution_ms: i64| {
            let store = Arc::clone(&store);
            async move {
                let ulid = Ulid::generate();
                let folder = Path::from(ulid.to_string());
                let made = downsample(&*store, &folder, &sources, ulid, resolution_ms).await;
                assert!(made.unwrap().is_some());
                ulid
            }
        };
        let mut five_minutes = Vec::new();
        for block in &raw[..2] {
            let ulid = coarser(vec![Arc::clone(block)], FIVE_MINUTES).await;
            five_minutes.push(open(ulid).await);
        }
        let hours = coarser(vec![Arc::clone(&five_minutes[0])], HOUR).await;
        let hours = open(hours).await;
        Self {
            raw,
            five_minutes,
            hours,
        }
    }

    fn samples(&self) -> BlockSet {
        BlockSet::new(self.raw.clone())
    }

    /// Blocks of all resolutions.
    fn all(&self) -> BlockSet {
        let coarse = self.five_minutes.iter().chain([&self.hours]);
        BlockSet::new(self.raw.iter().chain(coarse).cloned().collect())
    }

    /// Hours of the first days, then five minutes, then samples.
    fn what_is_left(&self) -> BlockSet {
        let left = [&self.hours, &self.five_minutes[1], &self.raw[2]];
        BlockSet::new(left.into_iter().cloned().collect())
    }
}

/// A value of a series at a time.
type Point = (String, i64, f64);

fn evaluate(blocks: &BlockSet, query: &str, step_ms: i64, max: MaxSourceResolution) -> Vec<Point> {
    let options = EngineOptions {
        parse: ParseOptions::all(),
        ..EngineOptions::default()
    };
    let asked = QueryOptions {
        max_source_resolution: max,
        ..QueryOptions::default()
    };
    let (engine, store) = (Engine::new(options), Arc::new(Blocks(blocks.clone())));
    let (start_ms, end_ms) = (START + DAY, START + 5 * DAY);
    let step = PromDuration::from_millis(step_ms.unsigned_abs());
    let found = engine.range(store, query, start_ms, end_ms, step, &asked);
    let Value::Matrix(matrix) = block_on(found).unwrap().value else {
        panic!("{query} gives no matrix");
    };
    let points = matrix.iter().flat_map(|series| {
        let points = series.timestamps.iter().zip(&series.values);
        points.map(move |(time_ms, value)| (series.labels.to_string(), *time_ms, *value))
    });
    points.collect()
}

/// Holds what blocks answer against what samples answer.
fn check(made: &Made, query: &str, step_ms: i64, tolerance: f64) {
    check_against(made, (query, query), step_ms, tolerance);
}

/// As [`check`], where samples are asked something else.
fn check_against(made: &Made, (query, truth): (&str, &str), step_ms: i64, tolerance: f64) {
    let expected = evaluate(&made.samples(), truth, step_ms, MaxSourceResolution::Auto);
    assert!(!expected.is_empty(), "{truth}");
    let mut all = vec![("all", made.all())];
    // Finer steps are no multiples of the hours that are left of the first days.
    if step_ms % HOUR == 0 {
        all.push(("what is left", made.what_is_left()));
    }
    for (what, blocks) in all {
        let found = evaluate(&blocks, query, step_ms, MaxSourceResolution::Auto);
        assert_eq!(found.len(), expected.len(), "{query} of {what}");
        for (found, expected) in found.iter().zip(&expected) {
            let same_point = (&found.0, found.1) == (&expected.0, expected.1);
            let difference = (found.2 - expected.2).abs();
            let is_near = difference <= tolerance * expected.2.abs();
            assert!(
                same_point && is_near,
                "{query} of {what}: {found:?}, expected {expected:?}"
            );
        }
    }
}

#[test]
fn at_multiples_of_windows_these_say_what_the_samples_say() {
    let made = block_on(Made::new());
    // Windows of an hour are allowed, then windows of five minutes.
    for (step, ranges) in [(5 * HOUR, ["5h", "1d"]), (30 * MINUTE, ["30m", "1h"])] {
        for range in ranges {
            for (function, tolerance) in [
                ("min_over_time", 0.0),
                ("max_over_time", 0.0),
                ("count_over_time", 0.0),
                ("last_over_time", 0.0),
                ("present_over_time", 0.0),
                ("sum_over_time", 1e-12),
                ("avg_over_time", 1e-12),
            ] {
                for metric in ["gauge", "counter_total"] {
                    let query = format!("{function}({metric}[{range}])");
                    check(&made, &query, step, tolerance);
                }
            }
        }
    }
    for query in [
        "gauge",
        "counter_total",
        "max by (shape) (gauge) + on (shape) group_left () count by (shape) (gauge)",
    ] {
        check(&made, query, 5 * HOUR, 0.0);
    }
}

#[test]
fn growth_is_what_the_samples_grow_by() {
    let made = block_on(Made::new());
    for range in ["5h", "10h", "1d"] {
        // Nothing is guessed: what a window has begins with the sample before it.
        let truth = format!("increase(counter_total[{range}] anchored)");
        let query = format!("increase(counter_total[{range}])");
        check_against(&made, (&query, &truth), 5 * HOUR, 1e-12);
    }
    // And as the samples are extrapolated, as far as a range is long beside an interval.
    let query = r#"increase(counter_total{shape!="gap"}[1d])"#;
    check(&made, query, 5 * HOUR, 1e-3);
    let query = r#"sum by (shape) (rate(counter_total{shape!="gap"}[1d]))"#;
    check(&made, query, DAY, 1e-3);
}

#[test]
fn growth_over_ranges_that_are_no_multiples_of_windows_is_not_that_of_longer_ones() {
    let made = block_on(Made::new());
    let is_near = |range: &str, step_ms: i64, tolerance: f64| {
        let query = format!(r#"rate(counter_total{{shape=~"plain|late"}}[{range}])"#);
        check(&made, &query, step_ms, tolerance);
    };
    // Grafana's `$__rate_interval` is a step and an interval.
    is_near("5h15s", 5 * HOUR, 5e-3);
    is_near("30m15s", 30 * MINUTE, 3e-2);
    // Shorter than the windows that are left of the first days.
    is_near("30m", HOUR, 3e-2);
}

#[test]
fn where_windows_at_the_edges_would_be_much_of_a_range_finer_ones_are_read() {
    let made = block_on(Made::new());
    for function in ["count", "sum", "avg", "min", "max"] {
        let query = format!("{function}_over_time(gauge[30m15s])");
        check(&made, &query, 30 * MINUTE, 1e-12);
    }
    // Five minutes fit where an hour does not.
    let (query, auto) = ("count_over_time(gauge[5h5m])", MaxSourceResolution::Auto);
    let expected = evaluate(&made.samples(), query, 5 * HOUR, auto);
    assert_eq!(evaluate(&made.all(), query, 5 * HOUR, auto), expected);
}

#[test]
fn a_query_that_wants_samples_gets_them_and_what_is_left_where_there_are_none() {
    let made = block_on(Made::new());
    let raw = MaxSourceResolution::AtMost(0);
    for query in ["rate(counter_total[1d])", "stddev_over_time(gauge[1d])"] {
        let expected = evaluate(&made.samples(), query, DAY, raw);
        assert_eq!(evaluate(&made.all(), query, DAY, raw), expected, "{query}");
    }
    // The steps are finer than what is left of the first days, and of full hours it is exact.
    let query = "count_over_time(gauge[1h])";
    let expected = evaluate(&made.samples(), query, HOUR, raw);
    assert_eq!(evaluate(&made.what_is_left(), query, HOUR, raw), expected);
    // The newest sample of an hour stays until that of the next hour.
    let left = evaluate(
        &made.what_is_left(),
        r#"gauge{shape="wave"}"#,
        10 * MINUTE,
        raw,
    );
    assert_eq!(left.len(), 4 * 24 * 6 + 1);
}

#[test]
fn readers_see_each_series_once_and_no_label_of_aggregates() {
    let made = block_on(Made::new());
    block_on(async {
        for blocks in [made.samples(), made.all(), made.what_is_left()] {
            let all = LabelsRequest {
                matchers: Vec::new(),
                range: TimeRange::ALL,
                limit: None,
            };
            let names = blocks.label_names(&all).await.unwrap();
            assert!(names.iter().eq(["Zone", "__name__", "shape"]), "{names:?}");
            let values = blocks.label_values("__aggregate__", &all).await.unwrap();
            assert!(values.is_empty());
            let values = blocks.label_values("__name__", &all).await.unwrap();
            assert!(values.iter().eq(["counter_total", "gauge"]), "{values:?}");
            let sets = blocks.label_sets(&all.samples(), usize::MAX).await.unwrap();
            assert_eq!(sets.len(), 6);
            for aggregate in [Aggregate::Newest, Aggregate::Growth, Aggregate::Sum] {
                let wanted = Wanted::Windows {
                    aggregate,
                    max_resolution_ms: HOUR,
                };
                let found = blocks.select(&all.samples(), wanted).await.unwrap();
                let found: Vec<Series> = found.try_collect().await.unwrap();
                let mut labels: Vec<&Labels> = found.iter().map(|s| &s.labels).collect();
                labels.sort();
                labels.dedup();
                assert_eq!((found.len(), labels.len()), (6, 6), "{aggregate:?}");
                let ascends = |s: &Series| s.timestamps.is_sorted_by(|a, b| a < b);
                assert!(found.iter().all(ascends));
            }
            let hidden = SelectRequest {
                matchers: vec![Matcher::equal("__aggregate__", "count")],
                range: TimeRange::ALL,
            };
            let found = blocks.select(&hidden, Wanted::Samples).await.unwrap();
            assert_eq!(found.try_collect::<Vec<_>>().await.unwrap().len(), 0);
        }
    });
}

/// Blocks in a bucket.
#[derive(Debug)]
struct Elsewhere(Arc<Vec<Arc<Block>>>);

impl RemoteBlocks for Elsewhere {
    fn blocks(&self) -> Option<Arc<Vec<Arc<Block>>>> {
        Some(Arc::clone(&self.0))
    }

    fn has(&self, _block: &Block) -> bool {
        true
    }
}

#[tokio::test]
async fn a_store_reads_windows_of_a_bucket_with_its_newest_samples() {
    let made = Made::new().await;
    let coarse = made.five_minutes.iter().chain([&made.hours]);
    let blocks = made.raw.iter().chain(coarse).cloned().collect();
    let store = Store::with_blocks_of(2 * HOUR);
    store.tsdb.attach(Arc::new(Elsewhere(Arc::new(blocks))));
    let newest = (0..10).map(|step| START + 5 * DAY + step * INTERVAL);
    for time_ms in newest {
        append(&store, vec![sample_of("fresh", time_ms, 7.0)]);
    }
    assert_eq!(store.tsdb.resolution_ms(TimeRange::ALL, HOUR), HOUR);
    assert_eq!(store.tsdb.resolution_ms(TimeRange::ALL, 0), 0);
    let of_head = TimeRange {
        start_ms: START + 5 * DAY,
        end_ms: i64::MAX,
    };
    assert_eq!(store.tsdb.resolution_ms(of_head, HOUR), 0);
    let wanted = Wanted::Windows {
        aggregate: Aggregate::Count,
        max_resolution_ms: HOUR,
    };
    let counted = async |name: &str, shape: &str| {
        let request = SelectRequest {
            matchers: vec![
                Matcher::equal("__name__", name),
                Matcher::equal("shape", shape),
            ],
            range: TimeRange::ALL,
        };
        let warnings = Warnings::default();
        let found = store.tsdb.select_wanted(&request, wanted, &warnings).await;
        let found: Vec<Series> = found.unwrap().try_collect().await.unwrap();
        assert_eq!(found.len(), 1, "{name} {shape}");
        let samples = found[0].timestamps.len();
        (samples, found[0].values.iter().sum::<f64>())
    };
    // Two days of hours, two of five minutes, of which the first begins with a sample at its very
    // beginning, and the samples of the last one.
    let samples = 48 + 577 + 5_760;
    assert_eq!(counted("gauge", "wave").await, (samples, 28_799.0));
    assert_eq!(counted("fresh", "").await, (10, 10.0));
    let reads = store.metric("narthex_tsdb_downsampled_reads_total ");
    assert_eq!(reads, "2");
}
