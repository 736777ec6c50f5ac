//! Range queries, in the cases and on the data of Prometheus' own `BenchmarkRangeQuery`,
//! `BenchmarkJoinQuery`, `BenchmarkNativeHistograms` and `BenchmarkInfoFunction`, and what the
//! side-by-side run over HTTP asks. One thread, as the reference figures were measured with one;
//! what the store takes to decode its chunks is not in it.

mod cases;
mod columns;
mod native_histograms;
mod numbers;

use std::sync::Arc;

use cases::Case;
use columns::Columns;
use criterion::{Criterion, criterion_group, criterion_main};
use narthex_model::PromDuration;
use narthex_promql::{Engine, EngineOptions, ParseOptions, QueryOptions, Value};
use narthex_storage::Queryable;

/// When the queries of a group are evaluated.
struct Times {
    /// The last step.
    end_ms: i64,
    step_s: u64,
}

impl Times {
    /// Up to the last of so many points.
    fn up_to(points: i64, interval_ms: i64, step_s: u64) -> Self {
        let end_ms = (points - 1) * interval_ms;
        Self { end_ms, step_s }
    }

    /// Two hours from the epoch on.
    fn two_hours() -> Self {
        let (end_ms, step_s) = (2 * 3_600_000, 30);
        Self { end_ms, step_s }
    }
}

fn range_queries(criterion: &mut Criterion) {
    let (interval_ms, step_s) = (numbers::INTERVAL_MS, 10);
    let times = Times::up_to(numbers::POINTS, interval_ms, step_s);
    let (columns, cases) = (numbers::range_queries(), cases::range_queries());
    run(criterion, "range_query", columns, &times, cases);
    let times = Times::up_to(numbers::JOIN_POINTS, interval_ms, step_s);
    let (columns, cases) = (numbers::joined(), cases::joins());
    run(criterion, "join_query", columns, &times, cases);
}

fn dashboards(criterion: &mut Criterion) {
    let interval_ms = numbers::DASHBOARD_INTERVAL_MS;
    let times = Times::up_to(numbers::DASHBOARD_POINTS, interval_ms, 30);
    let (columns, cases) = (numbers::dashboard(), cases::dashboard());
    run(criterion, "dashboard", columns, &times, cases);
}

fn histograms(criterion: &mut Criterion) {
    let times = Times::two_hours();
    let cases = cases::native_histograms("native_histogram_series");
    let columns = native_histograms::exponential();
    run(criterion, "native_histograms", columns, &times, cases);
    let cases = cases::native_histograms("native_histogram_custom_bucket_series");
    let columns = native_histograms::custom();
    run(criterion, "custom_buckets", columns, &times, cases);
}

fn info(criterion: &mut Criterion) {
    let times = Times::two_hours();
    let (columns, cases) = (numbers::with_info(), cases::info());
    run(criterion, "info", columns, &times, cases);
}

fn run(criterion: &mut Criterion, name: &str, columns: Columns, times: &Times, cases: Vec<Case>) {
    let storage: Arc<dyn Queryable> = Arc::new(columns);
    let engine = Engine::new(EngineOptions {
        threads_per_query: 1,
        parse: ParseOptions::all(),
        ..EngineOptions::default()
    });
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for case in cases {
        let step = PromDuration::from_secs(times.step_s);
        let (end, steps) = (times.end_ms, case.steps - 1);
        let start = end - steps * step.as_millis_i64();
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

criterion_group!(benches, range_queries, dashboards, histograms, info);
criterion_main!(benches);
