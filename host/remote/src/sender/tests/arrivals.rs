//! What is appended here arrives there.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::histogram::Buckets;
use narthex_model::sample::STALE_NAN;
use narthex_model::{
    Exemplar, ExemplarSample, FloatHistogram, HistogramSample, Labels, Sample, SeriesRef,
    StartTimestamps, WriteBatch,
};
use narthex_storage::Appendable as _;

use super::world::{NOW_MS, World, config};
use crate::MessageKind;
use crate::wire::fields::Fields;

#[tokio::test(start_paused = true)]
async fn samples_arrive_once_with_external_labels_and_relabelled() {
    for kind in MessageKind::ALL {
        let mut world = World::new();
        world.external = Labels::from_pairs([("region", "eu"), ("at", "never")]);
        let mut config = config(kind);
        let rule = r#"[{"source_labels": ["at"], "regex": "1", "action": "drop"}]"#;
        config.write_relabel_configs = serde_json::from_str(rule).unwrap();
        world.send(&[config]).await;
        for second in -20..0 {
            world.append(3, second);
        }
        world.until(|world| world.far.written() >= 40).await;
        let series = world.far.series().await;
        let labels: Vec<String> = series.iter().map(|s| s.labels.to_string()).collect();
        assert_eq!(
            labels,
            [
                r#"{__name__="up", at="0", region="eu"}"#,
                r#"{__name__="up", at="2", region="eu"}"#,
            ]
        );
        assert!(series.iter().all(|series| series.values.len() == 20));
        world.stop().await;
        assert_eq!(world.far.written(), 40);
    }
}

#[tokio::test(start_paused = true)]
async fn all_kinds_of_samples_arrive() {
    for kind in MessageKind::ALL {
        let mut world = World::new();
        let mut config = config(kind);
        config.send_exemplars = true;
        config.send_native_histograms = true;
        world.send(&[config]).await;
        let of = |name: &str| Labels::from_pairs([("__name__", name)]);
        let histogram = |scale: f64| {
            Arc::new(FloatHistogram {
                schema: 2,
                zero_threshold: 0.01,
                zero_count: scale,
                count: 4.0 * scale,
                sum: 17.5,
                positive: Buckets::new(vec![-3, 4], vec![scale, scale]).unwrap(),
                negative: Buckets::new(vec![7], vec![scale]).unwrap(),
                ..FloatHistogram::default()
            })
        };
        let custom = Arc::new(FloatHistogram {
            schema: -53,
            count: 3.0,
            sum: 5.0,
            positive: Buckets::new(vec![0, 2], vec![1.0, 2.0]).unwrap(),
            custom_bounds: [0.5, 5.0].into(),
            ..FloatHistogram::default()
        });
        let sample = |name: &str, value: f64, timestamp_ms: i64| Sample {
            series: SeriesRef::UNKNOWN,
            labels: of(name),
            timestamp_ms,
            value,
        };
        let histograms = [
            ("integers", histogram(2.0)),
            ("floats", histogram(0.5)),
            ("custom", custom),
        ];
        let histograms = histograms.map(|(name, histogram)| HistogramSample {
            series: SeriesRef::UNKNOWN,
            labels: of(name),
            timestamp_ms: NOW_MS - 2,
            histogram,
        });
        let batch = WriteBatch {
            samples: vec![
                sample("number", -0.0, NOW_MS - 2),
                sample("ended", 1.0, NOW_MS - 2),
            ],
            histograms: histograms.to_vec(),
            starts: StartTimestamps {
                samples: vec![(0, NOW_MS - 100)],
                histograms: vec![(1, NOW_MS - 200)],
            },
            exemplars: vec![ExemplarSample {
                series: of("number"),
                exemplar: Exemplar {
                    labels: Labels::from_pairs([("trace_id", "ü")]),
                    value: 2.5,
                    timestamp_ms: NOW_MS - 3,
                },
            }],
        };
        world.head.set_exemplars_max(10);
        world.head.append(&batch).unwrap();
        let ended = WriteBatch::from(vec![sample("ended", STALE_NAN, NOW_MS - 1)]);
        world.head.append(&ended).unwrap();
        world.until(|world| world.far.written() == 3).await;
        world.stop().await;
        let found = world.far.series().await;
        let find = |name: &str| {
            found
                .iter()
                .find(|s| s.labels.metric_name() == name)
                .unwrap()
        };
        assert_eq!(find("number").values[0].to_bits(), (-0.0_f64).to_bits());
        assert_eq!(find("ended").values[1].to_bits(), STALE_NAN.to_bits());
        for sent in &batch.histograms {
            let found = find(sent.labels.metric_name()).histograms.clone().unwrap();
            assert_eq!(found[0].as_deref(), Some(&*sent.histogram), "{kind}");
        }
        let sent = world.far.sent();
        let exemplars: u64 = sent.iter().map(|sent| sent.written.exemplars).sum();
        assert_eq!(exemplars, 1);
        if kind == MessageKind::V2 {
            assert_eq!(find("number").starts.as_ref().unwrap()[0], NOW_MS - 100);
            assert_eq!(find("floats").starts.as_ref().unwrap()[0], NOW_MS - 200);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_is_not_sent() {
    let mut world = World::new();
    world.send(&[config(MessageKind::V1)]).await;
    let labels = Labels::from_pairs([("__name__", "h")]);
    let batch = WriteBatch {
        histograms: vec![HistogramSample {
            series: SeriesRef::UNKNOWN,
            labels,
            timestamp_ms: NOW_MS - 1,
            histogram: Arc::default(),
        }],
        ..WriteBatch::default()
    };
    world.head.append(&batch).unwrap();
    world.append(1, -1);
    world.until(|world| world.far.written() == 1).await;
    world.stop().await;
    assert_eq!(world.far.series().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn batches_are_whole_or_have_waited() {
    let mut world = World::new();
    let mut config = config(MessageKind::V2);
    config.queue_config.max_samples_per_send = 10;
    config.queue_config.capacity = 20;
    world.send(&[config]).await;
    world.append(35, -1);
    world.until(|world| world.far.written() == 35).await;
    let sent = world.far.sent();
    let sizes: Vec<u64> = sent.iter().map(|sent| sent.written.samples).collect();
    assert_eq!(sizes, [10, 10, 10, 5]);
    let waited = sent[3].at - sent[2].at;
    let deadline = Duration::from_secs(5);
    assert!(waited >= deadline && waited < deadline * 2, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn many_shards_keep_the_order_of_each_series() {
    let mut world = World::new();
    let mut config = config(MessageKind::V2);
    config.queue_config.min_shards = 7;
    config.queue_config.max_samples_per_send = 13;
    config.queue_config.capacity = 26;
    world.send(&[config]).await;
    for second in -100..0 {
        world.append(50, second);
    }
    world.until(|world| world.far.written() == 5_000).await;
    world.stop().await;
    assert_eq!(world.far.samples().await, 5_000);
}

#[tokio::test(start_paused = true)]
async fn metadata_goes_in_requests_of_its_own_or_with_each_series() {
    let mut world = World::new();
    let mut first = config(MessageKind::V1);
    first.metadata_config.send = true;
    world.send(&[first]).await;
    world
        .until(|world| world.metric("metadata_total") >= 2.0)
        .await;
    let sent = world.far.sent();
    let waited = sent[1].at - sent[0].at;
    assert!((59..=61).contains(&waited.as_secs()), "{waited:?}");
    let message = snap::raw::Decoder::new()
        .decompress_vec(&sent[0].post.body)
        .unwrap();
    let field = Fields::new(&message).next().unwrap().unwrap();
    assert_eq!(field.number, 3);
    world.stop().await;

    let mut world = World::new();
    let mut second = config(MessageKind::V2);
    second.metadata_config.send = true;
    world.send(&[second]).await;
    world.append(1, -1);
    world.until(|world| world.far.written() == 1).await;
    let body = &world.far.sent()[0].post.body;
    let message = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    let has_help = message.windows(17).any(|part| part == b"Whether it is up.");
    assert!(has_help);
}
