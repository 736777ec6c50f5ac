//! Aggregations that members evaluate: whatever is asked, the answer is the one that is made of all
//! series, and it takes next to nothing on the wire. The members are servers of this process, shards
//! of which some have replicas.

#![allow(
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected, and its numbers are small"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use narthex_fleet::{Dedup, Fleet, FleetOptions, ViewOptions};
use narthex_model::histogram::Buckets;
use narthex_model::{
    CounterResetHint, FloatHistogram, HistogramSample, Labels, PromDuration, Sample, SeriesRef,
    SystemClock, WriteBatch, sample, with_sources,
};
use narthex_promql::{Engine, EngineOptions, QueryOptions, QueryResult, Value};
use narthex_storage::{Appendable as _, EvaluatePart, MemoryStore};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::host::{LONG, host, host_that, host_under, store_of};
use self::query::query;

#[path = "push_down/host.rs"]
mod host;
#[path = "push_down/query.rs"]
mod query;

/// So many seeds, where `NARTHEX_PUSH_DOWN_SEEDS` does not say another number.
const SEEDS: u64 = 5;
/// Queries of each seed.
const QUERIES: usize = 60;
const START_MS: i64 = 1_700_000_000_000;
const SCRAPES: i64 = 60;
const INTERVAL_MS: i64 = 15_000;
const MINUTE_MS: i64 = 60_000;

/// A querier, and what it counts.
struct Querier {
    fleet: Arc<Fleet>,
    registry: Registry,
    engine: Engine,
}

impl Querier {
    async fn new(addresses: &[String], push_down: bool) -> Self {
        Self::patient(addresses, push_down, LONG).await
    }

    /// One that waits so long for each endpoint.
    async fn patient(addresses: &[String], push_down: bool, response_timeout: Duration) -> Self {
        let mut registry = Registry::default();
        let options = FleetOptions {
            endpoints: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            strict: Vec::new(),
            tls: None,
            credentials: None,
            replica_labels: vec!["replica".to_owned()],
            dedup: Dedup::Interval,
            partial_response: false,
            response_timeout,
            unhealthy_timeout: LONG,
            dns_interval: LONG,
            push_down,
            listing_timeout: LONG,
            clock: Arc::new(SystemClock),
        };
        let fleet = Fleet::new(options, &mut registry);
        // One that a slow machine keeps from answering in time is asked again.
        loop {
            fleet.check().await;
            let statuses = fleet.statuses();
            if statuses.iter().all(|member| !member.kind.is_empty()) {
                break;
            }
        }
        Self {
            fleet,
            registry,
            engine: Engine::new(EngineOptions::default()),
        }
    }

    async fn ask(&self, query: &str, at: At) -> Result<QueryResult, String> {
        let view = self.fleet.view(ViewOptions::default());
        let options = QueryOptions::default();
        let answer = match at {
            At::Instant(time_ms) => {
                let answer = self.engine.instant(view, query, time_ms, &options);
                answer.await
            }
            At::Range(start_ms, end_ms) => {
                let step = PromDuration::from_secs(60);
                let answer = self
                    .engine
                    .range(view, query, start_ms, end_ms, step, &options);
                answer.await
            }
        };
        answer.map_err(|error| with_sources(&error))
    }

    /// A metric without labels, or with these.
    fn count(&self, metric: &str) -> u64 {
        let mut page = String::new();
        encode(&mut page, &self.registry).unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(metric));
        value.map_or(0, |value| value.trim().parse().unwrap())
    }

    fn taken(&self) -> u64 {
        self.count(r#"narthex_fleet_evaluations_total{result="taken"}"#)
    }

    fn received(&self) -> u64 {
        self.count("narthex_fleet_received_bytes_total")
    }
}

/// When a query is asked.
#[derive(Debug, Clone, Copy)]
enum At {
    Instant(i64),
    Range(i64, i64),
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

/// A native histogram of a few observations.
fn histogram(random: &mut StdRng, hint: CounterResetHint, scrape: i64) -> FloatHistogram {
    let counts: Vec<f64> = (0..3)
        .map(|_| (scrape * random.random_range(1..5)) as f64)
        .collect();
    FloatHistogram {
        counter_reset_hint: hint,
        schema: random.random_range(0..2),
        zero_threshold: 0.001,
        zero_count: 0.0,
        count: counts.iter().sum(),
        sum: random.random_range(0.0..100.0),
        positive: Buckets::new(vec![0, 1, 2], counts).unwrap(),
        ..FloatHistogram::default()
    }
}

/// What a shard has scraped, as one of its replicas saw it: counters, gauges with NaN and gaps, series
/// that end, and native histograms.
fn shard(seed: u64, replica: i64) -> MemoryStore {
    let store = MemoryStore::new();
    fill(&store, seed, replica, &[]);
    // A label of its own that another host may have as an external one.
    let odd = Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(&[("__name__", "odd"), ("region", "eu")]),
        timestamp_ms: START_MS,
        value: 1.0,
    };
    store.append(&WriteBatch::from(vec![odd])).unwrap();
    store
}

/// Puts the series of a shard into a store, with these labels beside their own.
fn fill(store: &MemoryStore, seed: u64, replica: i64, external: &[(&str, &str)]) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut samples = Vec::new();
    let mut histograms = Vec::new();
    let mut number = |labels: &Labels, timestamp_ms, value| {
        samples.push(Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms,
            value,
        });
    };
    for job in ["a", "b"] {
        for instance in ["0", "1", "2"] {
            let named = |name| {
                let own = [("__name__", name), ("instance", instance), ("job", job)];
                labels(&[&own[..], external].concat())
            };
            let [gauge, counter, other] = ["g", "c_total", "d_total"].map(named);
            let native = random.random_bool(0.7).then(|| named("h"));
            let (mut counted, mut end) = (0.0, SCRAPES);
            if random.random_bool(0.2) {
                end = random.random_range(0..SCRAPES);
            }
            for scrape in 0..end {
                let time_ms = START_MS + scrape * INTERVAL_MS + replica * 7_000;
                counted += f64::from(random.random_range(0..10));
                if random.random_bool(0.05) {
                    counted = 0.0;
                }
                let value = match random.random_bool(0.05) {
                    true => f64::NAN,
                    false => random.random_range(-100.0..100.0),
                };
                let histogram = histogram(&mut random, CounterResetHint::Unknown, scrape);
                if random.random_bool(0.05) {
                    continue;
                }
                number(&gauge, time_ms, value);
                number(&counter, time_ms, counted);
                if job == "a" {
                    number(&other, time_ms, counted * 2.0);
                }
                if let Some(labels) = &native {
                    histograms.push(HistogramSample {
                        series: SeriesRef::UNKNOWN,
                        labels: labels.clone(),
                        timestamp_ms: time_ms,
                        histogram: Arc::new(histogram),
                    });
                }
            }
            if end < SCRAPES {
                let time_ms = START_MS + end * INTERVAL_MS + replica * 7_000;
                number(&gauge, time_ms, sample::STALE_NAN);
            }
        }
    }
    store.append(&WriteBatch::from(samples)).unwrap();
    let batch = WriteBatch {
        histograms,
        ..WriteBatch::default()
    };
    let report = store.append(&batch).unwrap();
    assert!(report.rejected_histograms.is_empty());
}

/// A sample as it is compared.
#[derive(Debug)]
enum Point {
    Number(f64),
    Histogram(Arc<FloatHistogram>),
}

type Points = BTreeMap<String, Vec<(i64, Point)>>;

fn points(value: &Value) -> Points {
    match value {
        Value::Vector(samples) => {
            let points = samples.iter().map(|one| {
                let point = match &one.histogram {
                    Some(histogram) => Point::Histogram(Arc::clone(histogram)),
                    None => Point::Number(one.value),
                };
                (one.labels.to_string(), vec![(one.timestamp_ms, point)])
            });
            points.collect()
        }
        Value::Matrix(matrix) => {
            let points = matrix.iter().map(|series| {
                let times = series.timestamps.iter();
                let numbers = times.zip(&series.values);
                let numbers = numbers.map(|(time_ms, value)| (*time_ms, Point::Number(*value)));
                let histograms = series.histograms.iter();
                let histograms =
                    histograms.map(|(time_ms, h)| (*time_ms, Point::Histogram(Arc::clone(h))));
                (
                    series.labels.to_string(),
                    numbers.chain(histograms).collect(),
                )
            });
            points.collect()
        }
        Value::Scalar {
            timestamp_ms,
            value,
        } => BTreeMap::from([(String::new(), vec![(*timestamp_ms, Point::Number(*value))])]),
        Value::String { value, .. } => panic!("a text: {value}"),
    }
}

/// Equal but for the order in which numbers were added.
fn is_near(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

fn is_same(a: &Point, b: &Point) -> bool {
    match (a, b) {
        (Point::Number(a), Point::Number(b)) => is_near(*a, *b),
        (Point::Histogram(a), Point::Histogram(b)) => {
            a.schema == b.schema
                && a.counter_reset_hint == b.counter_reset_hint
                && a.positive.len() == b.positive.len()
                && is_near(a.count, b.count)
                && is_near(a.sum, b.sum)
        }
        _ => false,
    }
}

fn assert_same(pushed: &Result<QueryResult, String>, read: &Result<QueryResult, String>, at: &str) {
    let (pushed, read) = match (pushed, read) {
        (Ok(pushed), Ok(read)) => (pushed, read),
        (pushed, read) => {
            let errors = (pushed.as_ref().err(), read.as_ref().err());
            assert_eq!(errors.0, errors.1, "{at}");
            return;
        }
    };
    assert_eq!(pushed.warnings, read.warnings, "{at}");
    let [mut said, mut expected] = [pushed.infos.clone(), read.infos.clone()];
    said.sort();
    expected.sort();
    assert_eq!(said, expected, "{at}");
    let (pushed, read) = (points(&pushed.value), points(&read.value));
    assert!(
        pushed.keys().eq(read.keys()),
        "{at}:\n{pushed:?}\nin place of\n{read:?}"
    );
    for (labels, points) in &pushed {
        let expected = &read[labels];
        let is_equal = points.len() == expected.len()
            && points
                .iter()
                .zip(expected)
                .all(|((a_ms, a), (b_ms, b))| a_ms == b_ms && is_same(a, b));
        assert!(
            is_equal,
            "{at}: {labels}\n{points:?}\nin place of\n{expected:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_members_aggregate_is_what_all_series_give() {
    let seeds = std::env::var("NARTHEX_PUSH_DOWN_SEEDS").ok();
    let seeds = seeds.map_or(SEEDS, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let mut addresses = Vec::new();
        for (region, replica, number) in [
            ("eu", "a", 0),
            ("eu", "b", 1),
            ("us", "a", 0),
            ("asia", "a", 0),
        ] {
            // Replicas scrape the same targets.
            let of_region = seed * 1_000 + u64::from(region.as_bytes()[0]);
            let external = [("region", region), ("replica", replica)];
            addresses.push(host(shard(of_region, number), &external).await);
        }
        // A store has what two servers brought to a bucket.
        let past = MemoryStore::new();
        let servers = ["africa", "oceania"].map(|region| [("region", region), ("replica", "a")]);
        for (server, external) in (0..).zip(&servers) {
            fill(&past, seed * 1_000 + server, 0, external);
        }
        let servers = servers.iter().map(|external| labels(external)).collect();
        addresses.push(store_of(past, servers).await);
        let pushing = Querier::new(&addresses, true).await;
        let reading = Querier::new(&addresses, false).await;
        let mut random = StdRng::seed_from_u64(seed);
        for _ in 0..QUERIES {
            let query = query(&mut random);
            let time_ms = START_MS + random.random_range(0..SCRAPES) * INTERVAL_MS;
            let at = match random.random_bool(0.5) {
                true => At::Instant(time_ms),
                false => At::Range(time_ms - 5 * MINUTE_MS, time_ms),
            };
            let pushed = pushing.ask(&query, at).await;
            let read = reading.ask(&query, at).await;
            assert_same(&pushed, &read, &format!("seed {seed}: {query} {at:?}"));
        }
        assert!(pushing.taken() > QUERIES as u64 / 4, "{}", pushing.taken());
        assert_eq!(reading.taken(), 0);
        let refused = r#"narthex_fleet_evaluations_total{result="refused"}"#;
        println!(
            "seed {seed}: {} taken, {} refused",
            pushing.taken(),
            pushing.count(refused)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_thousand_series_a_hundredth_of_their_bytes_travels_at_the_most() {
    const SERIES: usize = 10_000;
    let mut addresses = Vec::new();
    for region in ["eu", "us", "asia"] {
        let store = MemoryStore::new();
        let mut samples = Vec::new();
        for series in 0..SERIES {
            let (job, instance) = ((series % 10).to_string(), series.to_string());
            let pairs = [
                ("__name__", "x"),
                ("instance", instance.as_str()),
                ("job", job.as_str()),
            ];
            let labels = labels(&pairs);
            samples.extend((0..21_i64).map(|scrape| Sample {
                series: SeriesRef::UNKNOWN,
                labels: labels.clone(),
                timestamp_ms: START_MS + scrape * INTERVAL_MS,
                value: (scrape * 3) as f64 + series as f64,
            }));
        }
        store.append(&WriteBatch::from(samples)).unwrap();
        let external = [("region", region), ("replica", "a")];
        addresses.push(host(store, &external).await);
    }
    let at = At::Instant(START_MS + 20 * INTERVAL_MS);
    let query = "sum by (job) (rate(x[5m]))";
    let mut answers = Vec::new();
    let mut bytes = Vec::new();
    for push_down in [true, false] {
        let querier = Querier::new(&addresses, push_down).await;
        let before = querier.received();
        let answer = querier.ask(query, at).await;
        bytes.push(querier.received() - before);
        assert_eq!(points(&answer.as_ref().unwrap().value).len(), 10);
        answers.push(answer);
    }
    assert_same(&answers[0], &answers[1], query);
    println!("{} bytes of results, {} of series", bytes[0], bytes[1]);
    assert!(bytes[0] > 0 && bytes[0] * 100 <= bytes[1], "{bytes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_aggregations_of_the_same_series_these_are_read_once() {
    let external = [("region", "eu"), ("replica", "a")];
    let address = host(shard(0, 0), &external).await;
    let querier = Querier::new(&[address], true).await;
    for (aggregations, taken) in [(16, 1), (17, 1), (1, 2)] {
        let query = vec!["sum(g)"; aggregations].join(" + ");
        let at = At::Instant(START_MS + MINUTE_MS);
        querier.ask(&query, at).await.unwrap();
        assert_eq!(querier.taken(), taken, "{aggregations}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_has_become_the_replica_of_another_one_is_not_counted_beside_it() {
    let replica = || shard(7, 0);
    let us = Arc::new(Mutex::new(labels(&[("region", "us"), ("replica", "a")])));
    let addresses = [
        host(replica(), &[("region", "eu"), ("replica", "a")]).await,
        host_under(replica(), Arc::clone(&us)).await,
    ];
    let pushing = Querier::new(&addresses, true).await;
    *us.lock().unwrap() = labels(&[("region", "eu"), ("replica", "b")]);
    let reading = Querier::new(&addresses, false).await;
    let at = At::Instant(START_MS + MINUTE_MS);
    let pushed = pushing.ask("count(g)", at).await;
    let read = reading.ask("count(g)", at).await;
    assert!(!points(&read.as_ref().unwrap().value).is_empty());
    assert_same(&pushed, &read, "count(g)");
    assert_eq!(pushing.taken(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_there_and_aggregates_for_too_long_is_read() {
    let external = || Arc::new(Mutex::new(labels(&[("region", "eu"), ("replica", "a")])));
    let endless: Box<EvaluatePart> = Box::new(|_, _| std::future::pending().boxed());
    let address = host_that(shard(7, 0), external(), endless).await;
    let querier =
        Querier::patient(std::slice::from_ref(&address), true, Duration::from_secs(1)).await;
    let at = At::Instant(START_MS + MINUTE_MS);
    let silent = querier.ask("sum(g)", at).await;
    let error = silent.err().unwrap();
    assert!(error.contains(&address), "{error}");

    let fleet = Arc::clone(&querier.fleet);
    let asked_what_it_is = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            fleet.check().await;
        }
    });
    let mut late = querier.ask("sum(g)", at).await;
    let mut asked = 1;
    // A slow machine may need longer for the series, too.
    while late.is_err() && asked < 20 {
        late = querier.ask("sum(g)", at).await;
        asked += 1;
    }
    asked_what_it_is.abort();
    let reading = Querier::new(&[host_under(shard(7, 0), external()).await], false).await;
    let read = reading.ask("sum(g)", at).await;
    assert!(!points(&read.as_ref().unwrap().value).is_empty());
    assert_same(&late, &read, "sum(g)");
    // One for each time that it was asked, but for those that ended before.
    let counted = querier.count(r#"narthex_fleet_evaluations_total{result="late"}"#);
    assert!((1..=asked).contains(&counted), "{counted} of {asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_away_is_counted_though_nobody_asks_it() {
    let querier = Querier::new(&[], true).await;
    let address = "127.0.0.1:1".parse().unwrap();
    querier.fleet.follow(vec![(address, false)]);
    querier.fleet.check().await;
    let failures = r#"narthex_fleet_endpoint_failures_total{endpoint="127.0.0.1:1"}"#;
    assert_eq!(querier.count(failures), 0);
    for _ in 0..2 {
        let before = querier.count(failures);
        let error = querier.ask("g", At::Instant(START_MS)).await.err().unwrap();
        assert!(error.contains("127.0.0.1:1"), "{error}");
        assert!(querier.count(failures) > before);
    }
}
