//! A week of a dashboard: as a whole, in parts, from what was kept, and from what was kept with the
//! last minutes new. What the store takes to decode is not in it, so what is saved is evaluation
//! alone; behind real blocks, or members of a fleet, it is more.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use futures::future::{self, BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use narthex_frontend::{Frontend, FrontendOptions, RangeQuery};
use narthex_model::{Labels, PromDuration, SimulatedClock};
use narthex_promql::{Engine, EngineOptions, QueryOptions};
use narthex_storage::{Queryable, SelectRequest, Series, SeriesStream, StorageError, TimeRange};
use prometheus_client::registry::Registry;
use tokio::runtime::Runtime;

const MINUTE_MS: i64 = 60_000;
const WEEK_MS: i64 = 7 * 24 * 60 * MINUTE_MS;
/// Between two samples.
const INTERVAL_MS: i64 = 30_000;
const SERIES: i64 = 200;

/// Series in columns, cut to the range without a copy.
struct Columns(Vec<Series>);

impl Columns {
    fn week() -> Self {
        let times: Vec<i64> = (0..=WEEK_MS / INTERVAL_MS)
            .map(|i| i * INTERVAL_MS)
            .collect();
        let series = (0..SERIES).map(|number| {
            let instance = number.to_string();
            let job = (number % 10).to_string();
            let pairs = [
                ("__name__", "x_total"),
                ("job", &job),
                ("instance", &instance),
            ];
            let value = |at: &i64| (at / INTERVAL_MS * (number + 1)) as f64 * 0.5;
            let values: Vec<f64> = times.iter().map(value).collect();
            Series::of_numbers(Labels::from_pairs(pairs), times.clone(), values)
        });
        Self(series.collect())
    }
}

impl Queryable for Columns {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let TimeRange { start_ms, end_ms } = request.range;
        let found: Vec<Result<Series, StorageError>> = self
            .0
            .iter()
            .map(|series| {
                let from = series.timestamps.partition_point(|ms| *ms < start_ms);
                let to = series.timestamps.partition_point(|ms| *ms <= end_ms);
                Ok(Series {
                    timestamps: series.timestamps.slice(from, to - from),
                    values: series.values.slice(from, to - from),
                    ..series.clone()
                })
            })
            .collect();
        future::ready(Ok(stream::iter(found).boxed())).boxed()
    }

    fn version(&self, _range: TimeRange) -> Option<u64> {
        Some(0)
    }
}

fn frontend(cache_bytes: usize) -> Arc<Frontend> {
    let options = FrontendOptions {
        cache_bytes,
        keeps_at_once: true,
        clock: Arc::new(SimulatedClock::at(WEEK_MS)),
        ..FrontendOptions::default()
    };
    Frontend::new(options, None, &mut Registry::default())
}

fn ranges(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let storage: Arc<dyn Queryable> = Arc::new(Columns::week());
    let engine = Arc::new(Engine::new(EngineOptions::default()));
    for (text, step_s) in [
        ("rate(x_total[5m])", 300),
        ("sum by (job) (rate(x_total[5m]))", 300),
        ("sum by (job) (rate(x_total[1d]))", 3_600),
    ] {
        let query = |end_ms| RangeQuery {
            engine: Arc::clone(&engine),
            storage: Arc::clone(&storage),
            query: text.to_owned(),
            start_ms: end_ms - WEEK_MS + 60 * MINUTE_MS,
            end_ms,
            step: PromDuration::from_secs(step_s),
            options: QueryOptions::default(),
            scope: String::new(),
            may_be_kept: true,
        };
        let ask = |frontend: &Arc<Frontend>, end_ms| {
            runtime.block_on(frontend.range(query(end_ms))).unwrap();
        };
        let earlier_ms = WEEK_MS - 15 * MINUTE_MS;
        let mut group = criterion.benchmark_group(text);
        group.sample_size(10);
        let neither = Frontend::new(
            FrontendOptions {
                split_interval: PromDuration::default(),
                cache_bytes: 0,
                ..FrontendOptions::default()
            },
            None,
            &mut Registry::default(),
        );
        group.bench_function("whole", |b| b.iter(|| ask(&neither, WEEK_MS)));
        let parts = frontend(0);
        group.bench_function("in parts", |b| b.iter(|| ask(&parts, WEEK_MS)));
        let warm = frontend(256 << 20);
        ask(&warm, WEEK_MS);
        runtime.block_on(warm.settled());
        group.bench_function("kept", |b| b.iter(|| ask(&warm, WEEK_MS)));
        let older = frontend(256 << 20);
        ask(&older, earlier_ms);
        runtime.block_on(older.settled());
        group.bench_function("kept, and new minutes", |b| b.iter(|| ask(&older, WEEK_MS)));
        group.finish();
    }
}

criterion_group!(benches, ranges);
criterion_main!(benches);
