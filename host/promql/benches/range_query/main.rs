//! Range queries, in the cases and on the data of Prometheus' own `BenchmarkRangeQuery` and
//! `BenchmarkJoinQuery`: samples every 10 s, 1 or 100 series a metric, 11 buckets a histogram,
//! evaluated every 10 s up to the last sample. One thread, as the reference figures were measured
//! with one; what the store takes to decode its chunks is not in it.

mod cases;

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use cases::Case;
use criterion::{Criterion, criterion_group, criterion_main};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use futures::stream::{self, StreamExt};
use narthex_model::{Labels, PromDuration};
use narthex_promql::{Engine, EngineOptions, ParseOptions, QueryOptions, Value};
use narthex_storage::{Queryable, SelectRequest, Series, SeriesStream, StorageError};

const INTERVAL_MS: i64 = 10_000;
const POINTS: i64 = 18_640;
/// The points of a joined series.
const JOIN_POINTS: i64 = 1100;
const BUCKETS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "+Inf"];

/// Series in columns, cut to the range without a copy.
struct Columns(Vec<Series>);

impl Columns {
    fn new() -> Self {
        let mut columns = Self(Vec::new());
        let timestamps: ScalarBuffer<i64> = (0..POINTS).map(|i| i * INTERVAL_MS).collect();
        let labels = labels();
        let total = labels.len() as f64;
        for (at, labels) in labels.into_iter().enumerate() {
            let offset = at as f64 / total;
            columns.0.push(Series::of_numbers(
                Labels::from_pairs(labels),
                timestamps.clone(),
                (0..POINTS).map(|i| i as f64 + offset).collect::<Vec<_>>(),
            ));
        }
        // Two samples at the begin of every ten minutes.
        let sparse = || (0..POINTS).filter(|i| i % 60 < 2);
        columns.0.push(Series::of_numbers(
            Labels::from_pairs([("__name__", "sparse")]),
            sparse().map(|i| i * INTERVAL_MS).collect::<Vec<_>>(),
            sparse().map(|i| i as f64).collect::<Vec<_>>(),
        ));
        // A counter that is reset twice a minute.
        columns.0.push(Series::of_numbers(
            Labels::from_pairs([("__name__", "resetting")]),
            timestamps,
            (0..POINTS).map(|i| (i % 3) as f64).collect::<Vec<_>>(),
        ));
        columns
    }

    /// Two metrics of 1000 instances.
    fn joined() -> Self {
        let timestamps: ScalarBuffer<i64> = (0..JOIN_POINTS).map(|i| i * INTERVAL_MS).collect();
        let series = (0..2000_i32).map(|at| {
            let (metric, instance) = (at % 2, at / 2);
            let name = ["rpc_request_success_total", "rpc_request_error_total"];
            let labels = [
                ("__name__", name[metric as usize].to_owned()),
                ("instance", format!("{}:{instance}", instance % 10)),
                ("job", format!("job-{}", instance % 7)),
                ("cluster", format!("cluster-{}", instance % 3)),
                ("namespace", format!("namespace-{}", instance % 11)),
                ("pod", format!("pod-{instance}")),
                ("method", "GET".to_owned()),
                ("zone", format!("zone-{}", instance % 5)),
            ];
            Series::of_numbers(
                Labels::from_pairs(labels),
                timestamps.clone(),
                (0..JOIN_POINTS)
                    .map(|i| (i + i64::from(at)) as f64)
                    .collect::<Vec<_>>(),
            )
        });
        Self(series.collect())
    }
}

/// The label sets of the metrics `a`, `b` and `h`.
fn labels() -> Vec<Vec<(&'static str, String)>> {
    let mut labels = Vec::new();
    for (suffix, count) in [("one", 1), ("hundred", 100)] {
        for l in (0..count).map(|l| l.to_string()) {
            for metric in ["a", "b"] {
                let name = format!("{metric}_{suffix}");
                labels.push(vec![("__name__", name), ("l", l.clone())]);
            }
            for le in BUCKETS {
                let name = format!("h_{suffix}");
                let le = ("le", le.to_owned());
                labels.push(vec![("__name__", name), ("l", l.clone()), le]);
            }
        }
    }
    labels
}

impl Queryable for Columns {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let found: Vec<_> = self
            .0
            .iter()
            .filter(|series| {
                let value = |name| series.labels.get(name).unwrap_or("");
                request.matchers.iter().all(|m| m.matches(value(m.name())))
            })
            .filter_map(|series| {
                let from = series
                    .timestamps
                    .partition_point(|t| *t < request.range.start_ms);
                let to = series
                    .timestamps
                    .partition_point(|t| *t <= request.range.end_ms);
                (from < to).then(|| {
                    Ok(Series::of_numbers(
                        series.labels.clone(),
                        series.timestamps.slice(from, to - from),
                        series.values.slice(from, to - from),
                    ))
                })
            })
            .collect();
        future::ready(Ok(stream::iter(found).boxed())).boxed()
    }
}

fn range_queries(criterion: &mut Criterion) {
    run(
        criterion,
        "range_query",
        Columns::new(),
        POINTS,
        cases::range_queries(),
    );
    run(
        criterion,
        "join_query",
        Columns::joined(),
        JOIN_POINTS,
        cases::joins(),
    );
}

fn run(criterion: &mut Criterion, name: &str, columns: Columns, points: i64, cases: Vec<Case>) {
    let storage: Arc<dyn Queryable> = Arc::new(columns);
    let engine = Engine::new(EngineOptions {
        threads_per_query: 1,
        parse: ParseOptions::all(),
        ..EngineOptions::default()
    });
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for case in cases {
        let (start, end) = (
            (points - case.steps) * INTERVAL_MS,
            (points - 1) * INTERVAL_MS,
        );
        let step = PromDuration::from_secs(10);
        let run = || {
            let options = QueryOptions::default();
            let storage = Arc::clone(&storage);
            let query = engine.range(storage, &case.query, start, end, step, &options);
            futures::executor::block_on(query).map(|result| result.value)
        };
        // What the engine does not do yet is told, and the others are measured.
        if let Err(error) = run() {
            eprintln!("{case}: {error}");
            continue;
        }
        group.bench_function(case.to_string(), |bencher| {
            bencher.iter(|| assert!(matches!(run(), Ok(Value::Matrix(_))), "{case}"));
        });
    }
    group.finish();
}

criterion_group!(benches, range_queries);
criterion_main!(benches);
