//! Two years of samples, downsampled, in an S3 server on loopback: what a query of all of it says
//! and reads.
//!
//! `NARTHEX_TWO_YEARS=1000x15` makes it 1,000 series with a sample every 15 s, which takes long to
//! write; without it, it is few series with a sample every two minutes. `--no-capture` shows what is
//! read.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use narthex_block::{
    Block, SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order, downsample, write,
};
use narthex_model::{Labels, PromDuration};
use narthex_promql::{Engine, EngineOptions, QueryOptions, Value};
use narthex_storage::{
    Queryable, SelectRequest, Series, SeriesStream, StorageError, TimeRange, Wanted, Warnings,
};
use narthex_tsdb::{BlockSet, RemoteBlocks};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::counted::Counted;
use crate::emulators::Emulator;
use crate::fixture::{Beside, Disk, HOUR_MS, pages};

const DAY_MS: i64 = 24 * HOUR_MS;
const FIVE_MINUTES_MS: i64 = 300_000;
/// The first of January 2024.
const START_MS: i64 = 1_704_067_200_000;
/// A block has as many days as the longest that a compactor makes.
const BLOCK_DAYS: i64 = 14;
const BLOCKS: i64 = 52;
const END_MS: i64 = START_MS + BLOCKS * BLOCK_DAYS * DAY_MS;
const JOBS: usize = 5;
/// A counter begins anew after so many samples.
const LIFE: i64 = 100_003;

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

/// How much there is.
#[derive(Debug, Clone, Copy)]
struct Extent {
    series: usize,
    interval_ms: i64,
}

impl Extent {
    fn wanted() -> Self {
        let Ok(text) = std::env::var("NARTHEX_TWO_YEARS") else {
            return Self {
                series: 3,
                interval_ms: 120_000,
            };
        };
        let (series, seconds) = text.split_once('x').unwrap();
        Self {
            series: series.parse().unwrap(),
            interval_ms: seconds.parse::<i64>().unwrap() * 1_000,
        }
    }

    /// The labels of all series with their numbers, in the order of blocks.
    fn labels(self) -> Vec<(usize, Labels)> {
        let labels = |number: usize| {
            let (instance, job) = (
                format!("host-{number:04}"),
                format!("job-{}", number % JOBS),
            );
            Labels::from_pairs([
                ("__name__", "requests_total"),
                ("instance", instance.as_str()),
                ("job", job.as_str()),
            ])
        };
        let mut all: Vec<(usize, Labels)> = (0..self.series).map(|n| (n, labels(n))).collect();
        all.sort_by(|(_, a), (_, b)| block_order(a, b));
        all
    }

    /// The sample that comes this many intervals after the beginning.
    fn sample(self, series: usize, step: i64) -> (i64, f64) {
        let age = step % LIFE;
        let number = series as i64;
        let value = age * (10 + number % 7) + age * age % 11;
        (START_MS + step * self.interval_ms, value as f64)
    }

    /// The samples of a series in a span of time whose end is left out.
    fn samples(self, series: usize, range: TimeBounds) -> impl Iterator<Item = (i64, f64)> {
        let first = (range.start_ms - START_MS) / self.interval_ms;
        let end = (range.end_ms - START_MS) / self.interval_ms;
        (first..end).map(move |step| self.sample(series, step))
    }
}

fn folder(ulid: Ulid) -> Path {
    Path::from(ulid.to_string())
}

/// Writes blocks of hours, made of those of five minutes, and of the last two weeks the samples.
async fn fill(far: &Arc<dyn ObjectStore>, extent: Extent) {
    let labels = extent.labels();
    for number in 0..BLOCKS {
        // Nothing of the samples stays but what is made of them.
        let near: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let start_ms = START_MS + number * BLOCK_DAYS * DAY_MS;
        let options = WriteOptions {
            ulid: Ulid::generate(),
            range: TimeBounds {
                start_ms,
                end_ms: start_ms + BLOCK_DAYS * DAY_MS,
            },
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let to = match number + 1 == BLOCKS {
            true => far,
            false => &near,
        };
        let series = labels.iter().map(|(series, labels)| {
            let (times, values): (Vec<i64>, Vec<f64>) =
                extent.samples(*series, options.range).unzip();
            Series::of_numbers(labels.clone(), times, values)
        });
        let written = write(&**to, &folder(options.ulid), series, &options).await;
        assert!(written.unwrap().is_some());
        let mut source = (Arc::clone(to), options.ulid);
        for (into, resolution_ms) in [(&near, FIVE_MINUTES_MS), (far, HOUR_MS)] {
            let (store, ulid) = source;
            let block = Block::open(store, &folder(ulid), &pages()).await.unwrap();
            let coarser = Ulid::generate();
            let (sources, to) = ([Arc::new(block)], folder(coarser));
            let made = downsample(&**into, &to, &sources, coarser, resolution_ms).await;
            assert!(made.unwrap().is_some());
            source = (Arc::clone(into), coarser);
        }
    }
}

/// What the samples of a series say of a year: how much they grow, the least, the greatest, the
/// sum and the count.
fn of_a_year(extent: Extent, series: usize) -> [f64; 5] {
    let range = TimeBounds {
        start_ms: END_MS - 365 * DAY_MS,
        end_ms: END_MS,
    };
    // The left end is left out; there is no sample at the right one.
    let samples = extent.samples(series, range).skip(1);
    let mut before: Option<f64> = None;
    let [mut growth, mut least, mut greatest, mut sum, mut count] =
        [0.0, f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0];
    for (_, value) in samples {
        growth += match before {
            Some(before) if value >= before => value - before,
            Some(_) => value,
            None => 0.0,
        };
        before = Some(value);
        least = value.min(least);
        greatest = value.max(greatest);
        sum += value;
        count += 1.0;
    }
    [growth, least, greatest, sum, count]
}

#[tokio::test]
async fn two_years_are_read_as_hours_and_a_year_grows_as_its_samples() {
    let extent = Extent::wanted();
    let server = Emulator::start_open();
    let inner: Arc<dyn ObjectStore> = match &server {
        Some(server) => server.store("two-years"),
        None => {
            eprintln!("there is no moto: pip install 'moto[server]'");
            Arc::new(InMemory::new())
        }
    };
    let counted = Arc::new(Counted::new(inner));
    let far: Arc<dyn ObjectStore> = Arc::clone(&counted) as _;
    fill(&far, extent).await;
    let beside = Beside::open(far).await;
    beside.sync(&Disk::new()).await.unwrap();
    let blocks = beside.bucket.blocks().unwrap();
    assert_eq!(i64::try_from(blocks.len()).unwrap(), BLOCKS + 1);
    let store: Arc<dyn Queryable> = Arc::new(Blocks(BlockSet::new(blocks.to_vec())));
    let engine = Engine::new(EngineOptions::default());
    let options = QueryOptions::default();

    let query = "sum by (job) (rate(requests_total[1d]))";
    let mut answers = Vec::new();
    for what in ["cold", "warm"] {
        counted.take();
        let begin = Instant::now();
        let (first_ms, day) = (START_MS + DAY_MS, PromDuration::from_secs(86_400));
        let found = engine.range(Arc::clone(&store), query, first_ms, END_MS, day, &options);
        let found = found.await.unwrap();
        let took = begin.elapsed();
        let (requests, bytes) = counted.take();
        eprintln!(
            "{} series, a sample every {} s, {query} of two years, {what}: {took:?}, {bytes} bytes \
             in {requests} requests",
            extent.series,
            extent.interval_ms / 1_000,
        );
        let Value::Matrix(matrix) = found.value else {
            panic!("it gives no matrix");
        };
        answers.push(matrix);
    }
    let days = BLOCKS * BLOCK_DAYS;
    for matrix in answers {
        assert_eq!(matrix.len(), JOBS.min(extent.series));
        assert!(
            matrix
                .iter()
                .all(|series| series.timestamps.len() as i64 == days)
        );
    }

    for (at, function) in ["increase", "min_over_time", "max_over_time"]
        .iter()
        .enumerate()
    {
        check_year(extent, (&engine, &store), function, |year| year[at]).await;
    }
    let engine = (&engine, &store);
    check_year(extent, engine, "sum_over_time", |year| year[3]).await;
    check_year(extent, engine, "count_over_time", |year| year[4]).await;
    check_year(extent, engine, "avg_over_time", |year| year[3] / year[4]).await;
    beside.bucket.close().await;
}

/// Holds what a function says of a year against what its samples say.
async fn check_year(
    extent: Extent,
    (engine, store): (&Engine, &Arc<dyn Queryable>),
    function: &str,
    truth: impl Fn([f64; 5]) -> f64,
) {
    let query = format!(r#"{function}(requests_total{{instance=~"host-000[0-2]"}}[365d])"#);
    let options = QueryOptions::default();
    let found = engine.instant(Arc::clone(store), &query, END_MS, &options);
    let Value::Vector(found) = found.await.unwrap().value else {
        panic!("{query} gives no vector");
    };
    assert_eq!(found.len(), 3);
    for sample in found {
        let number = sample.labels.get("instance").unwrap().strip_prefix("host-");
        let expected = truth(of_a_year(extent, number.unwrap().parse().unwrap()));
        // The sum of numbers of so many digits is exact; growth is that from the left end on, and
        // not from the first sample on.
        let tolerance = match function {
            "increase" => 1e-3,
            "avg_over_time" => 1e-12,
            _ => 0.0,
        };
        let difference = (sample.value - expected).abs();
        assert!(
            difference <= tolerance * expected.abs(),
            "{query}: {}, expected {expected}",
            sample.value
        );
    }
}
