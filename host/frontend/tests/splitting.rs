//! Queries in parts, with what is kept of them, beside the same queries as a whole: equal to the bit,
//! while time goes on, late samples come, samples are deleted, and blocks are cut, compacted and
//! dropped.
//!
//! All values are integers, of which sums are exact in whatever order they are added.
//! `NARTHEX_FUZZ_SEED` takes another seed, `NARTHEX_FUZZ_RUNS` makes more runs.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking"
)]

use std::sync::Arc;

use narthex_frontend::{Frontend, FrontendOptions, RangeQuery};
use narthex_model::histogram::Buckets;
use narthex_model::{
    Clock, FloatHistogram, HistogramSample, Labels, Matcher, PromDuration, Sample, SeriesRef,
    SimulatedClock, WriteBatch,
};
use narthex_promql::{Engine, EngineOptions, ParseOptions, QueryOptions, QueryResult, Value};
use narthex_storage::{Appendable as _, Queryable, TimeRange};
use narthex_tsdb::{Retention, Tsdb, TsdbOptions};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The seed of the first run where none is given; the others follow.
const SEED: u64 = 20_261_122;
const RUNS: u64 = 4;
/// What happens in a run.
const EVENTS: usize = 60;
/// What is asked after each event.
const QUESTIONS: usize = 4;
/// Each run asks so many of the expressions, beginning so many after the run before it.
const OF_A_RUN: i64 = 14;
const STRIDE: i64 = 11;

/// What is asked. Those at the end are left whole.
const EXPRESSIONS: &[&str] = &[
    "g",
    "c_total",
    r#"g{job="b"}"#,
    "-g > bool 3",
    "rate(c_total[5m])",
    "increase(c_total[17m])",
    "irate(c_total[5m])",
    "sum by (job) (rate(c_total[10m]))",
    "sum(g)",
    "avg by (job) (g)",
    "min(g) + on () max(g)",
    "count without (instance) (g)",
    "topk(2, g)",
    "bottomk by (job) (1, delta(g[20m]))",
    r#"quantile(0.5, g{instance!="1"})"#,
    "g - on (job, instance) group_left () c_total",
    "g unless c_total % 2 == 0",
    r#"count_values("v", g)"#,
    "sum_over_time(g[30m])",
    "max_over_time(g[7m] offset 11m)",
    "last_over_time(g[1h])",
    "changes(g[20m]) or resets(c_total[20m])",
    "count_over_time(g[30m:7m])",
    "max_over_time(sum(rate(c_total[5m]))[1h:5m])",
    "avg_over_time((g > 2)[40m:3m] offset 5m)",
    "g offset -9m",
    "g @ 7200",
    "absent(g{job=\"a\"} > 8)",
    "absent_over_time(c_total[3m])",
    "timestamp(g)",
    "time() - 5",
    "hour() * scalar(sum(g))",
    r#"label_replace(g, "x", "$1", "instance", "(.*)")"#,
    "h",
    "histogram_quantile(0.9, sum by (job) (rate(h[10m])))",
    "histogram_count(increase(h[15m]))",
    "predict_linear(c_total[10m], 60)",
    "quantile_over_time(0.3, g[25m])",
    "topk(1, sum by (job) (g))",
    "g @ end()",
    r#"sum_over_time({__name__=~"g|c_total"}[5m])"#,
    r#"rate({job="a"}[5m])"#,
];

/// Means of many samples and lines through them are computed in one of two ways, by how many windows
/// a query has: these are equal but for the last digits.
const ROUNDED: [&str; 2] = ["avg_over_time", "predict_linear"];

/// The same numbers on every machine (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(count).unwrap()).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(i64::try_from(of.len()).unwrap())).unwrap()]
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {text:?} is no number")),
        Err(_) => default,
    }
}

fn labels(name: &str, job: &str, instance: i64) -> Labels {
    let instance = instance.to_string();
    Labels::from_pairs([("__name__", name), ("job", job), ("instance", &instance)])
}

fn number(labels: Labels, timestamp_ms: i64, value: i64) -> Sample {
    Sample {
        series: SeriesRef::UNKNOWN,
        labels,
        timestamp_ms,
        value: value as f64,
    }
}

struct World {
    tsdb: Arc<Tsdb>,
    clock: SimulatedClock,
    frontend: Arc<Frontend>,
    engine: Arc<Engine>,
    registry: Registry,
    dice: Dice,
    /// The first of the expressions that it asks.
    first_expression: i64,
    counts: [i64; 4],
    /// The folder of the store goes last.
    _folder: tempfile::TempDir,
}

impl World {
    /// The `run`th of the runs from a seed on.
    fn new(seed: u64, run: u64) -> Self {
        let seed = seed.wrapping_add(run);
        let folder = tempfile::tempdir().unwrap();
        let clock = SimulatedClock::at(0);
        let options = TsdbOptions {
            out_of_order_window: PromDuration::from_secs(3 * 3_600),
            ..TsdbOptions::new(folder.path(), Arc::new(clock.clone()))
        };
        let tsdb = Tsdb::open(options, &mut Registry::default()).unwrap();
        let mut registry = Registry::default();
        let options = FrontendOptions {
            split_interval: PromDuration::from_secs(3_600),
            // Some runs keep what is hardly over, and some have little room.
            max_freshness: PromDuration::from_secs(600 * (seed % 2)),
            cache_bytes: if seed.is_multiple_of(3) {
                200_000
            } else {
                8 << 20
            },
            max_age: PromDuration::from_secs(24 * 3_600),
            // Some keep what was asked for once.
            keeps_at_once: !seed.is_multiple_of(4),
            clock: Arc::new(clock.clone()),
            ..FrontendOptions::default()
        };
        let frontend = Frontend::new(options, None, &mut registry);
        let engine = Arc::new(Engine::new(EngineOptions {
            parse: ParseOptions::all(),
            ..EngineOptions::default()
        }));
        Self {
            tsdb,
            clock,
            frontend,
            engine,
            registry,
            dice: Dice(seed),
            first_expression: STRIDE * i64::try_from(run).unwrap(),
            counts: [0; 4],
            _folder: folder,
        }
    }

    /// Some minutes of samples, of targets that come and go.
    fn goes_on(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.clock.advance(MINUTE_MS);
            let now_ms = self.clock.now_ms();
            let mut batch = WriteBatch::default();
            for target in 0..4 {
                let (job, instance) = (["a", "b"][target % 2], i64::try_from(target).unwrap());
                if self.dice.below(20) == 0 {
                    continue;
                }
                let count = &mut self.counts[target];
                *count = match self.dice.below(100) {
                    0 => 0,
                    more => *count + more,
                };
                let count = *count;
                let gauge = self.dice.below(10);
                batch
                    .samples
                    .push(number(labels("g", job, instance), now_ms, gauge));
                batch
                    .samples
                    .push(number(labels("c_total", job, instance), now_ms, count));
                let histogram = FloatHistogram {
                    count: count as f64,
                    sum: (2 * count) as f64,
                    positive: Buckets::new([1, 4], vec![count as f64, 0.0]).unwrap(),
                    ..FloatHistogram::default()
                };
                batch.histograms.push(HistogramSample {
                    series: SeriesRef::UNKNOWN,
                    labels: labels("h", job, instance),
                    timestamp_ms: now_ms,
                    histogram: Arc::new(histogram),
                });
            }
            self.tsdb.append(&batch).unwrap();
        }
    }

    async fn event(&mut self) {
        let now_ms = self.clock.now_ms();
        match self.dice.below(12) {
            0 | 1 => {
                // From a target that was cut off, or of a series that nobody knew.
                let instance = self.dice.one(&[0, 1, 9]);
                let before_ms = self.dice.below(3 * HOUR_MS / MINUTE_MS) * MINUTE_MS;
                let timestamp_ms = (now_ms - before_ms + 1).max(0);
                let value = self.dice.below(10);
                let sample = number(labels("g", "a", instance), timestamp_ms, value);
                self.tsdb.append(&WriteBatch::from(vec![sample])).unwrap();
            }
            2 => {
                let name = self.dice.one(&["g", "c_total", "h"]);
                let start_ms = self.dice.below(now_ms + 1);
                let end_ms = start_ms + self.dice.below(2 * HOUR_MS);
                let matchers = vec![
                    Matcher::equal("__name__", name),
                    Matcher::equal("job", self.dice.one(&["a", "b"])),
                ];
                let range = TimeRange { start_ms, end_ms };
                self.tsdb.delete_series(&[matchers], range).await.unwrap();
            }
            3 | 4 => self.tsdb.maintain().await.unwrap(),
            5 => {
                let hours = 8 + u64::try_from(self.dice.below(40)).unwrap();
                let time = PromDuration::from_secs(hours * 3_600);
                let retention = Retention {
                    time,
                    ..Retention::default()
                };
                self.tsdb.set_retention(retention).unwrap();
                self.tsdb.maintain().await.unwrap();
            }
            _ => {
                let minutes = 1 + self.dice.below(100);
                self.goes_on(minutes);
            }
        }
    }

    async fn question(&mut self) {
        let now_ms = self.clock.now_ms();
        // As dashboards ask, and not: steps that do not divide the hour, starts that are at no step.
        let step_ms = self.dice.one(&[1, 2, 5, 7, 30]) * MINUTE_MS;
        let start_ms = self.dice.below(now_ms + 1);
        let start_ms = match self.dice.below(4) {
            0 => start_ms / 1_000 * 1_000,
            1 => 0,
            _ => start_ms / step_ms * step_ms,
        };
        let end_ms = start_ms + self.dice.below(now_ms - start_ms + HOUR_MS);
        let number = self.first_expression + self.dice.below(OF_A_RUN);
        let text = EXPRESSIONS[usize::try_from(number).unwrap() % EXPRESSIONS.len()];
        let asked = RangeQuery {
            engine: Arc::clone(&self.engine),
            storage: Arc::clone(&self.tsdb) as Arc<dyn Queryable>,
            query: text.to_owned(),
            start_ms,
            end_ms,
            step: PromDuration::from_millis(step_ms.unsigned_abs()),
            options: QueryOptions::default(),
            scope: String::new(),
            may_be_kept: true,
        };
        let place = format!("{text} from {start_ms} to {end_ms} by {step_ms} at {now_ms}");
        let storage = Arc::clone(&asked.storage);
        let whole = self
            .engine
            .range(storage, text, start_ms, end_ms, asked.step, &asked.options)
            .await;
        let found = self.frontend.range(asked).await;
        self.frontend.settled().await;
        match (whole, found) {
            (Ok(whole), Ok(found)) => {
                let is_rounded = ROUNDED.iter().any(|name| text.contains(name));
                let (found_shown, whole_shown) =
                    (shown(&found, is_rounded), shown(&whole, is_rounded));
                assert_eq!(found_shown, whole_shown, "{place}");
                assert_eq!(found.warnings, whole.warnings, "{place}");
                for info in &whole.infos {
                    assert!(found.infos.contains(info), "{place}: {info}");
                }
            }
            (Err(whole), Err(found)) => assert_eq!(found.to_string(), whole.to_string(), "{place}"),
            (whole, found) => panic!("{place}: {found:?} and not {whole:?}"),
        }
    }

    fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        let name = format!("narthex_query_frontend_{name}_total ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.unwrap().parse().unwrap()
    }
}

/// With the bits of each number, or with its first digits.
fn shown(result: &QueryResult, is_rounded: bool) -> Vec<String> {
    let Value::Matrix(matrix) = &result.value else {
        panic!("a range query has no matrix: {:?}", result.value);
    };
    let shown = matrix.iter().map(|series| {
        let points = series.timestamps.iter().zip(&series.values);
        let points: Vec<String> = points
            .map(|(ms, value)| match is_rounded {
                true => format!("{value:.9e} @{ms}"),
                false => format!("{value} {:x} @{ms}", value.to_bits()),
            })
            .collect();
        let histograms = series.histograms.iter();
        let histograms: Vec<String> = histograms
            .map(|(ms, h)| format!("{} {} {:?} @{ms}", h.count, h.sum, h.positive))
            .collect();
        format!("{} {points:?} {histograms:?}", series.labels)
    });
    shown.collect()
}

#[test]
fn in_parts_and_from_what_was_kept_a_query_gives_what_it_gives_as_a_whole() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (mut hits, mut partial_hits, mut stale, mut whole) = (0, 0, 0, 0);
    let seed = from_environment("NARTHEX_FUZZ_SEED", SEED);
    for run in 0..from_environment("NARTHEX_FUZZ_RUNS", RUNS) {
        println!("run {run} of NARTHEX_FUZZ_SEED={seed}");
        let mut world = World::new(seed, run);
        runtime.block_on(async {
            world.goes_on(3 * 60);
            for _ in 0..EVENTS {
                world.event().await;
                for _ in 0..QUESTIONS {
                    world.question().await;
                }
            }
            world.tsdb.close().await.unwrap();
        });
        hits += world.metric("cache_hits");
        partial_hits += world.metric("cache_partial_hits");
        stale += world.metric("cache_stale");
        whole += world.metric("queries_whole");
    }
    println!("{hits} hits, {partial_hits} partial ones, {stale} stale, {whole} queries left whole");
    // What was never kept would be equal as well.
    assert!(hits > 100 && partial_hits > 10 && stale > 10 && whole > 10);
}
