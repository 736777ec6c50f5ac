//! Native histograms, start timestamps and exemplars through all that happens to a store.

use std::sync::Arc;

use futures::TryStreamExt;
use narthex_model::histogram::{Buckets, CounterResetHint};
use narthex_model::{
    Exemplar, ExemplarSample, FloatHistogram, HistogramSample, Labels, Matcher, Sample, SeriesRef,
    WriteBatch, sample,
};
use narthex_storage::{
    Appendable, ExemplarsRequest, MemoryStore, Queryable, SelectRequest, Series, TimeRange,
};

use super::fixture::{Setup, Store};

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "x")])
}

/// Request durations after so many seconds; the program starts anew after 400 s.
fn durations(second: i64) -> FloatHistogram {
    let n = if second < 400 { second } else { second - 399 };
    let filled = (n / 30 + 1).min(10);
    let counts: Vec<f64> = (1..=filled).map(|bucket| (n * bucket) as f64).collect();
    FloatHistogram {
        schema: 2,
        zero_threshold: 1e-128,
        zero_count: (n / 7) as f64,
        count: counts.iter().sum::<f64>() + (n / 7) as f64,
        sum: n as f64 * 1.37,
        positive: Buckets::consecutive(-2, counts).unwrap(),
        ..FloatHistogram::default()
    }
}

/// A series of histograms, one with numbers and staleness markers among them, gauges, and numbers
/// that say when their counting began.
fn batch(second: i64) -> WriteBatch {
    let timestamp_ms = second * 1_000;
    let number = |name: &str, value: f64| Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        value,
    };
    let native = |name: &str, histogram: FloatHistogram| HistogramSample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms,
        histogram: Arc::new(histogram),
    };
    let gauge = FloatHistogram {
        counter_reset_hint: CounterResetHint::Gauge,
        ..durations(second % 60)
    };
    let mut batch = WriteBatch {
        samples: vec![number("counter_total", (second % 500) as f64)],
        histograms: vec![
            native("durations", durations(second)),
            native("gauges", gauge),
        ],
        ..WriteBatch::default()
    };
    match second % 90 {
        70 => batch.samples.push(number("mixed", sample::STALE_NAN)),
        80..=89 => batch.samples.push(number("mixed", 4.5)),
        _ => batch.histograms.push(native("mixed", durations(second))),
    }
    batch.starts.samples = vec![(0, second / 500 * 500_000 + 1)];
    batch.starts.histograms = vec![(0, if second < 400 { 1 } else { 400_000 })];
    batch
}

async fn select(store: &impl Queryable) -> Vec<Series> {
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let found = store.select(&request).await.unwrap();
    let mut found: Vec<Series> = found.try_collect().await.unwrap();
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    found
}

/// The same samples; a hint may say less where one part of the store ends and another begins.
fn assert_same(found: &[Series], expected: &[Series], when: &str) {
    assert_eq!(found.len(), expected.len(), "{when}");
    for (found, expected) in found.iter().zip(expected) {
        let name = found.labels.metric_name();
        assert_eq!(found.labels, expected.labels, "{when}");
        assert_eq!(found.timestamps, expected.timestamps, "{when}: {name}");
        assert_eq!(found.starts, expected.starts, "{when}: {name}");
        let bits = |s: &Series| s.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(found), bits(expected), "{when}: {name}");
        let Some(expected) = &expected.histograms else {
            assert!(found.histograms.is_none(), "{when}: {name}");
            continue;
        };
        let found = found.histograms.as_ref().unwrap();
        assert!(found == expected, "{when}: {name}");
        let hints = |all: &[Option<Arc<FloatHistogram>>]| {
            let hints = all.iter().flatten().map(|h| h.counter_reset_hint);
            hints.collect::<Vec<_>>()
        };
        let (found, expected) = (hints(found), hints(expected));
        let differ = found.iter().zip(&expected).filter(|(found, expected)| {
            assert!(
                found == expected || **found == CounterResetHint::Unknown,
                "{when}: {name}"
            );
            found != expected
        });
        assert!(differ.count() <= 12, "{when}: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_what_memory_has_before_and_behind_cuts_and_compactions() {
    let store = Store::with(Setup::compacting());
    let memory = MemoryStore::new();
    for second in 1..=1_000 {
        let batch = batch(second);
        let report = store.append(&batch).unwrap();
        assert!(report.rejected.is_empty() && report.rejected_histograms.is_empty());
        memory.append(&batch).unwrap();
    }
    assert_eq!(
        store.metric("prometheus_tsdb_head_samples_appended_total{type=\"histogram\"} "),
        "2879"
    );
    let expected = select(&memory).await;
    assert_same(&select(&*store.tsdb).await, &expected, "in the head");
    let store = store.reopen().await;
    assert_same(&select(&*store.tsdb).await, &expected, "replayed");
    store.maintain().await.unwrap();
    assert_eq!(
        store.spans(),
        [(0, 300), (300, 600), (600, 700), (700, 800), (800, 900)]
    );
    assert_same(&select(&*store.tsdb).await, &expected, "compacted");
    let store = store.crash();
    assert_same(&select(&*store.tsdb).await, &expected, "after a crash");
    store.check_blocks("after a crash");
}

#[tokio::test]
async fn exemplars_are_kept_while_they_are_wanted_and_counted() {
    let store = Store::new();
    let exemplar = |timestamp_ms: i64| ExemplarSample {
        series: labels("counter_total"),
        exemplar: Exemplar {
            labels: Labels::from_pairs([("trace_id", "abc")]),
            value: 0.5,
            timestamp_ms,
        },
    };
    let held = |store: &Store| {
        let selectors = vec![vec![Matcher::equal("job", "x")]];
        let range = TimeRange::ALL;
        let found = store.tsdb.exemplars(&ExemplarsRequest { selectors, range });
        let times = found.iter().flat_map(|series| &series.exemplars);
        times.map(|e| e.timestamp_ms).collect::<Vec<_>>()
    };
    let append = |second: i64, times: &[i64]| {
        let mut batch = batch(second);
        batch.exemplars = times.iter().map(|at| exemplar(*at)).collect();
        store.append(&batch).unwrap().rejected_exemplars.len()
    };
    assert_eq!(append(1, &[1_000]), 0);
    assert!(held(&store).is_empty(), "none are wanted");
    store.set_exemplars_max(3);
    assert_eq!(append(2, &[2_000, 2_001, 2_001, 1_999]), 2);
    assert_eq!(append(3, &[3_000, 3_001, 2_500]), 1);
    assert_eq!(held(&store), [2_001, 3_000, 3_001]);
    for (name, value) in [
        ("prometheus_tsdb_exemplar_exemplars_appended_total ", "4"),
        (
            "prometheus_tsdb_exemplar_out_of_order_exemplars_total ",
            "2",
        ),
        ("prometheus_tsdb_exemplar_exemplars_in_storage ", "3"),
        (
            "prometheus_tsdb_exemplar_series_with_exemplars_in_storage ",
            "1",
        ),
        ("prometheus_tsdb_exemplar_max_exemplars ", "3"),
        (
            "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds ",
            "3.001",
        ),
    ] {
        assert_eq!(store.metric(name), value, "{name}");
    }
}
