//! Samples are counted as Prometheus counts them: the cases and figures of its own test of query
//! statistics that need no native histogram.

use std::sync::Arc;

use narthex_model::{PromDuration, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, MemoryStore};

use super::*;
use crate::series_description::SequenceValue;
use crate::{Engine, EngineOptions, ParseOptions, QueryOptions};

fn store() -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    for line in [
        "metricWith1SampleEvery10Seconds 1+1x100",
        r#"metricWith3SampleEvery10Seconds{a="1",b="1"} 1+1x100"#,
        r#"metricWith3SampleEvery10Seconds{a="2",b="2"} 1+1x100"#,
        r#"metricWith3SampleEvery10Seconds{a="3",b="2"} 1+1x100"#,
    ] {
        let described = crate::parse_series_description(line).unwrap();
        for (at, value) in (0..).zip(&described.values) {
            let SequenceValue::Float(value) = value else {
                continue;
            };
            let sample = Sample {
                series: SeriesRef::UNKNOWN,
                labels: described.labels.clone(),
                timestamp_ms: at * 10_000,
                value: *value,
            };
            let samples = vec![sample];
            store.append(&WriteBatch::from(samples)).unwrap();
        }
    }
    Arc::new(store)
}

/// The samples of a query from and to these seconds every 5 s, or 10 s after the 990th.
fn samples(query: &str, start: i64, end: Option<i64>) -> QuerySamples {
    let engine = Engine::new(EngineOptions {
        per_step_stats: true,
        parse: ParseOptions::all(),
        ..EngineOptions::default()
    });
    let options = QueryOptions {
        stats: StatsWanted::SamplesPerStep,
        ..QueryOptions::default()
    };
    let step = PromDuration::from_secs(if start > 990 { 10 } else { 5 });
    let result = match end {
        None => futures::executor::block_on(engine.instant(store(), query, start * 1000, &options)),
        Some(end) => futures::executor::block_on(engine.range(
            store(),
            query,
            start * 1000,
            end * 1000,
            step,
            &options,
        )),
    };
    result.unwrap().stats.samples.unwrap()
}

#[test]
fn edges_look_at_what_is_around_them() {
    for (query, expected) in [
        (
            "increase(metricWith1SampleEvery10Seconds[60s] anchored)",
            21,
        ),
        (
            "increase(metricWith1SampleEvery10Seconds[60s] smoothed)",
            51,
        ),
        ("metricWith1SampleEvery10Seconds smoothed", 51),
    ] {
        assert_eq!(samples(query, 201, None).total, expected, "{query}");
    }
}

#[test]
fn instant_queries() {
    for (query, time, expected) in [
        (r#""literal string""#, 21, 0),
        ("1", 21, 0),
        ("metricWith1SampleEvery10Seconds", 21, 1),
        ("timestamp(metricWith1SampleEvery10Seconds)", 21, 1),
        ("metricWith1SampleEvery10Seconds offset 10s", 21, 1),
        ("metricWith1SampleEvery10Seconds @ 15", 21, 1),
        (r#"metricWith3SampleEvery10Seconds{a="1"}"#, 21, 1),
        (r#"metricWith3SampleEvery10Seconds{a="1"}[20s] @ 19"#, 21, 2),
        ("metricWith3SampleEvery10Seconds", 21, 3),
        ("metricWith1SampleEvery10Seconds[60s]", 201, 6),
        (
            "max_over_time(metricWith1SampleEvery10Seconds[60s])[20s:5s]",
            201,
            24,
        ),
        (
            "max_over_time(metricWith1SampleEvery10Seconds[61s])[20s:5s]",
            201,
            26,
        ),
        ("metricWith1SampleEvery10Seconds[60s] @ 30", 201, 4),
        (
            "sum(max_over_time(metricWith3SampleEvery10Seconds[60s] @ 30))",
            201,
            12,
        ),
        ("metricWith1SampleEvery10Seconds[60s] offset 10s", 201, 6),
        ("metricWith3SampleEvery10Seconds[60s]", 201, 18),
        (
            "max_over_time(metricWith1SampleEvery10Seconds[60s])",
            201,
            6,
        ),
        (
            "absent_over_time(metricWith1SampleEvery10Seconds[60s])",
            201,
            6,
        ),
        (
            "max_over_time(metricWith3SampleEvery10Seconds[60s])",
            201,
            18,
        ),
        ("metricWith1SampleEvery10Seconds[60s:5s]", 201, 12),
        (
            "metricWith1SampleEvery10Seconds[60s:5s] offset 10s",
            201,
            12,
        ),
        (
            "max_over_time(metricWith3SampleEvery10Seconds[60s:5s])",
            201,
            36,
        ),
        (
            "sum(max_over_time(metricWith3SampleEvery10Seconds[60s:5s])) + \
             sum(max_over_time(metricWith3SampleEvery10Seconds[60s:5s]))",
            201,
            72,
        ),
    ] {
        let samples = samples(query, time, None);
        assert_eq!(samples.total, expected, "{query}");
        let per_step = samples.total_per_step.unwrap();
        assert_eq!(per_step, [(time * 1000, expected)], "{query}");
    }
}

#[test]
fn range_queries() {
    for (query, start, end, expected) in [
        (
            r#"metricWith3SampleEvery10Seconds{a="1"}"#,
            201,
            220,
            [1, 1, 1, 1],
        ),
        (
            r#"metricWith3SampleEvery10Seconds{a="1"}"#,
            204,
            223,
            [1, 1, 1, 1],
        ),
        (
            "timestamp(metricWith1SampleEvery10Seconds)",
            201,
            220,
            [1, 1, 1, 1],
        ),
        (
            r#"max_over_time(metricWith3SampleEvery10Seconds{a="1"}[10s])"#,
            991,
            1021,
            [1, 1, 0, 0],
        ),
        (
            "max_over_time(metricWith3SampleEvery10Seconds[60s] @ 30)",
            201,
            220,
            [12, 12, 12, 12],
        ),
        ("metricWith3SampleEvery10Seconds", 201, 220, [3, 3, 3, 3]),
        (
            "max_over_time(metricWith3SampleEvery10Seconds[60s])",
            201,
            220,
            [18, 18, 18, 18],
        ),
        (
            "max_over_time(metricWith3SampleEvery10Seconds[60s:5s])",
            201,
            220,
            [36, 36, 36, 36],
        ),
        (
            "sum by (b) (max_over_time(metricWith1SampleEvery10Seconds[60s:5s]))",
            201,
            220,
            [12, 12, 12, 12],
        ),
        (
            "sum(max_over_time(metricWith3SampleEvery10Seconds[60s:5s])) + \
             sum(max_over_time(metricWith1SampleEvery10Seconds[60s:5s]))",
            201,
            220,
            [48, 48, 48, 48],
        ),
    ] {
        let samples = samples(query, start, Some(end));
        let per_step = samples.total_per_step.unwrap();
        let counts: Vec<u64> = per_step.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, expected, "{query}");
        assert_eq!(samples.total, expected.iter().sum::<u64>(), "{query}");
        assert_eq!(per_step[0].0, start * 1000);
    }
}

#[test]
fn what_several_windows_have_is_read_once() {
    for (query, expected) in [
        // At 201, 206, 211 and 216 s; samples every 10 s.
        (
            "max_over_time(metricWith1SampleEvery10Seconds[60s])",
            [6, 0, 1, 0],
        ),
        (
            "max_over_time(metricWith3SampleEvery10Seconds[60s] @ 30)",
            [12, 0, 0, 0],
        ),
        (
            "max_over_time(metricWith1SampleEvery10Seconds[60s:5s])",
            [12, 1, 1, 1],
        ),
    ] {
        let samples = samples(query, 201, Some(220));
        let counts: Vec<u64> = samples
            .read_per_step
            .unwrap()
            .iter()
            .map(|(_, count)| *count)
            .collect();
        assert_eq!(counts, expected, "{query}");
    }
}

#[test]
fn only_who_asks_has_his_samples_counted() {
    let ask = |stats, per_step_stats| {
        let engine = Engine::new(EngineOptions {
            per_step_stats,
            ..EngineOptions::default()
        });
        let options = QueryOptions {
            stats,
            ..QueryOptions::default()
        };
        let query = engine.instant(store(), "metricWith1SampleEvery10Seconds", 0, &options);
        let samples = futures::executor::block_on(query).unwrap().stats.samples;
        samples.map(|samples| samples.total_per_step.is_some())
    };
    assert_eq!(ask(StatsWanted::Timings, true), None);
    assert_eq!(ask(StatsWanted::Samples, true), Some(false));
    assert_eq!(ask(StatsWanted::SamplesPerStep, false), Some(false));
    assert_eq!(ask(StatsWanted::SamplesPerStep, true), Some(true));
}
