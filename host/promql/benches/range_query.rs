//! Range queries, in the cases and on the data of Prometheus' own `BenchmarkRangeQuery`: samples
//! every 10 s, 1 or 100 series a metric, 11 buckets a histogram, evaluated every 10 s up to the
//! last sample. One thread, as the reference figures were measured with one; what the store takes
//! to decode its chunks is not in it.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use criterion::{Criterion, criterion_group, criterion_main};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use futures::stream::{self, StreamExt};
use narthex_model::{Labels, PromDuration};
use narthex_promql::{Engine, EngineOptions, QueryOptions, Value};
use narthex_storage::{
    LabelsRequest, Queryable, SelectRequest, Series, SeriesStream, StorageError,
};

const INTERVAL_MS: i64 = 10_000;
const POINTS: i64 = 18_640;
const BUCKETS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "+Inf"];

const CASES: [(&str, i64); 19] = [
    ("a_hundred", 1),
    ("a_hundred", 1000),
    ("rate(a_hundred[1m])", 1),
    ("rate(a_hundred[1m])", 1000),
    ("rate(a_hundred[1m])", 10_000),
    ("rate(a_hundred[1d])", 1000),
    ("changes(a_hundred[1d])", 1000),
    ("a_hundred - b_hundred", 1),
    ("a_hundred - b_hundred", 1000),
    ("a_hundred - b_hundred", 10_000),
    ("sum(a_hundred)", 1),
    ("sum(a_hundred)", 1000),
    ("sum by (le) (h_hundred)", 1000),
    ("count_values('value', h_hundred)", 100),
    ("topk(5, a_hundred)", 1000),
    ("sum without (l) (rate(a_hundred[1m]))", 1000),
    ("histogram_quantile(0.9, rate(h_hundred[5m]))", 1),
    ("histogram_quantile(0.9, rate(h_hundred[5m]))", 1000),
    (r#"count({__name__!=""})"#, 1),
];

/// Series in columns, cut to the range without a copy.
struct Columns(Vec<Series>);

impl Columns {
    fn new() -> Self {
        let mut labels = Vec::new();
        for (suffix, count) in [("one", 1), ("hundred", 100)] {
            for l in (0..count).map(|l| l.to_string()) {
                for metric in ["a", "b"] {
                    let name = format!("{metric}_{suffix}");
                    labels.push(vec![("__name__", name), ("l", l.clone())]);
                }
                for le in BUCKETS {
                    let name = format!("h_{suffix}");
                    labels.push(vec![
                        ("__name__", name),
                        ("l", l.clone()),
                        ("le", le.to_owned()),
                    ]);
                }
            }
        }
        let timestamps: ScalarBuffer<i64> = (0..POINTS).map(|i| i * INTERVAL_MS).collect();
        let total = labels.len() as f64;
        let series = labels.into_iter().enumerate().map(|(at, labels)| Series {
            labels: Labels::from_pairs(labels),
            timestamps: timestamps.clone(),
            values: (0..POINTS).map(|i| i as f64 + at as f64 / total).collect(),
        });
        Self(series.collect())
    }
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
                    Ok(Series {
                        labels: series.labels.clone(),
                        timestamps: series.timestamps.slice(from, to - from),
                        values: series.values.slice(from, to - from),
                    })
                })
            })
            .collect();
        future::ready(Ok(stream::iter(found).boxed())).boxed()
    }

    fn series<'a>(
        &'a self,
        _: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        future::ready(Ok(Vec::new())).boxed()
    }

    fn label_names<'a>(
        &'a self,
        _: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        future::ready(Ok(Vec::new())).boxed()
    }

    fn label_values<'a>(
        &'a self,
        _: &'a str,
        _: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        future::ready(Ok(Vec::new())).boxed()
    }
}

fn range_queries(criterion: &mut Criterion) {
    let storage: Arc<dyn Queryable> = Arc::new(Columns::new());
    let engine = Engine::new(EngineOptions {
        threads_per_query: 1,
        ..EngineOptions::default()
    });
    let mut group = criterion.benchmark_group("range_query");
    group.sample_size(10);
    for (query, steps) in CASES {
        let (start, end) = ((POINTS - steps) * INTERVAL_MS, (POINTS - 1) * INTERVAL_MS);
        let step = PromDuration::from_secs(10);
        group.bench_function(format!("{query} steps={steps}"), |bencher| {
            bencher.iter(|| {
                let options = QueryOptions::default();
                let storage = Arc::clone(&storage);
                let query = engine.range(storage, query, start, end, step, &options);
                let value = futures::executor::block_on(query).map(|result| result.value);
                assert!(matches!(value, Ok(Value::Matrix(matrix)) if !matrix.is_empty()));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, range_queries);
criterion_main!(benches);
