//! Native histograms: what lies in the head's log and in blocks answers as what lies in memory.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use narthex_exposition::{MetricType, ProtobufEntry, ProtobufParser};
use narthex_model::histogram::Buckets;
use narthex_model::{
    FloatHistogram, HistogramSample, Labels, PromDuration, Sample, SeriesRef, SimulatedClock,
    WriteBatch, sample,
};
use narthex_storage::{Appendable, MemoryStore};
use narthex_tsdb::{Tsdb, TsdbOptions};
use prometheus_client::registry::Registry;
use serde_json::Value;

use crate::fixture::Api;

/// As Prometheus asks for it.
const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                        encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

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

fn batch(second: i64) -> WriteBatch {
    let labels = |name: &str| Labels::from_pairs([("__name__", name), ("job", "x")]);
    let native = |name: &str| HistogramSample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name),
        timestamp_ms: second * 1_000,
        histogram: Arc::new(durations(second)),
    };
    let mut batch = WriteBatch {
        histograms: vec![native("durations")],
        ..WriteBatch::default()
    };
    let number = match second % 90 {
        70 => Some(sample::STALE_NAN),
        80..=89 => Some(4.5),
        _ => None,
    };
    match number {
        None => batch.histograms.push(native("mixed")),
        Some(value) => batch.samples.push(Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels("mixed"),
            timestamp_ms: second * 1_000,
            value,
        }),
    }
    batch
}

/// What queries make of a store.
async fn answers(api: &Api) -> Vec<Value> {
    let mut answers = Vec::new();
    for query in [
        "histogram_quantile(0.9,rate(durations[1m]))",
        "histogram_count(increase(durations[5m]))",
        "sum(rate(mixed[2m]))",
        "histogram_sum(mixed)",
        "avg_over_time(durations[3m])",
        "resets(durations[10m])",
        "mixed",
    ] {
        let query = query.replace('[', "%5B").replace(']', "%5D");
        let path = format!("query_range?query={query}&start=0&end=1000&step=7");
        let answer = api.json(&path).await;
        let series = answer["data"]["result"].as_array().unwrap();
        assert!(!series.is_empty(), "{path}: {answer}");
        answers.push(answer["data"].clone());
    }
    answers
}

#[tokio::test]
async fn federation_hands_native_histograms_to_those_who_take_protobuf() {
    let store = MemoryStore::new();
    store.append(&batch(590)).unwrap();
    store.append(&batch(600)).unwrap();
    let api = Api::over(Arc::new(store)).await;
    let request = |accept: &str| {
        Request::get("/federate?match[]=durations&match[]=mixed")
            .header(header::ACCEPT, accept)
            .body(Body::empty())
            .unwrap()
    };
    let response = api.response(request(PROTOBUF)).await;
    let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    assert!(content_type.contains("io.prometheus.client.MetricFamily"));
    let page = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let mut parser = ProtobufParser::new(&page);
    let mut found = Vec::new();
    while let Some(entry) = parser.next_entry().unwrap() {
        if let ProtobufEntry::Metric(family, metric) = entry {
            let histogram = metric.native_histogram().unwrap();
            let labels = Labels::from_pairs(metric.label_pairs().to_vec());
            found.push((family.name.to_owned(), labels.to_string(), histogram));
            assert_eq!(family.kind, MetricType::Histogram);
            assert_eq!(metric.timestamp_ms(), Some(600_000));
        }
    }
    let labels = "{job=\"x\", region=\"eu\"}";
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["durations", "mixed"]);
    for (_, found_labels, histogram) in &found {
        assert_eq!(*found_labels, labels);
        let expected = durations(600);
        assert_eq!(
            (histogram.count, histogram.sum),
            (expected.count, expected.sum)
        );
        assert_eq!(histogram.positive, expected.positive);
    }
    // The text formats have none.
    let (status, text) = api.send(request("text/plain")).await;
    assert_eq!((status, text.as_str()), (200, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_find_in_blocks_what_they_find_in_memory() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let options = TsdbOptions {
            min_block_duration: PromDuration::from_secs(100),
            max_block_duration: Some(PromDuration::from_secs(300)),
            ..TsdbOptions::new(folder.path(), Arc::new(SimulatedClock::at(i64::MAX / 2)))
        };
        Tsdb::open(options, &mut Registry::default()).unwrap()
    };
    let (store, memory) = (open(), MemoryStore::new());
    for second in 1..=1_000 {
        store.append(&batch(second)).unwrap();
        memory.append(&batch(second)).unwrap();
    }
    let expected = answers(&Api::over(Arc::new(memory)).await).await;
    assert_eq!(
        answers(&Api::over(store.clone()).await).await,
        expected,
        "in the head"
    );
    store.close().await.unwrap();
    let store = open();
    store.maintain().await.unwrap();
    let blocks = std::fs::read_dir(folder.path()).unwrap().flatten();
    let blocks = blocks.filter(|entry| entry.path().join("histograms.parquet").exists());
    assert_eq!(blocks.count(), 5, "two of 300 s and three of 100 s");
    assert_eq!(
        answers(&Api::over(store.clone()).await).await,
        expected,
        "in blocks"
    );
    store.close().await.unwrap();
}
