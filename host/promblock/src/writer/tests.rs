use std::sync::Arc;

use narthex_model::{FloatHistogram, sample};

use super::*;
use crate::PromBlock;

const ULID: &str = "01JGZ0000000000000000000AA";

fn number_series(name: &str, job: &str, count: i64) -> Series {
    let labels = Labels::from_pairs([("__name__", name), ("job", job)]);
    let times: Vec<i64> = (0..count).map(|at| at * 15_000).collect();
    let values: Vec<f64> = times
        .iter()
        .map(|time| (time / 1_000) as f64 * 0.1)
        .collect();
    Series::of_numbers(labels, times, values)
}

fn histogram_series() -> Series {
    let times: Vec<i64> = (0..300).map(|at| at * 15_000).collect();
    let histogram = |at: usize| {
        Some(Arc::new(FloatHistogram {
            count: at as f64,
            zero_count: at as f64,
            ..FloatHistogram::default()
        }))
    };
    Series {
        values: vec![sample::HISTOGRAM; times.len()].into(),
        histograms: Some((0..times.len()).map(histogram).collect()),
        ..Series::of_numbers(
            Labels::from_pairs([("__name__", "latency")]),
            times,
            vec![0.0; 300],
        )
    }
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = PromBlockWriter::create(folder.path(), ULID).unwrap();
    assert!(writer.is_empty());
    // Not in the order of labels, and one label name sorts before that of the metric.
    let mut all = vec![
        number_series("up", "z", 500),
        number_series("up", "a", 1),
        histogram_series(),
        Series::of_numbers(
            Labels::from_pairs([("__name__", "up"), ("Zone", "ü")]),
            vec![-5, 7],
            vec![1.0, sample::STALE_NAN],
        ),
    ];
    for series in &all {
        writer.add(series).unwrap();
    }
    writer.add(&number_series("none", "a", 0)).unwrap();
    let range = TimeRange {
        start_ms: -10,
        end_ms: 7_500_000,
    };
    let external = Labels::from_pairs([("replica", "a")]);
    let written = writer.finish(range, &external).unwrap();
    assert_eq!((written.series, written.samples), (4, 803));
    assert_eq!(written.folder, folder.path().join(ULID));

    let block = PromBlock::open(&written.folder).unwrap();
    assert_eq!(
        (block.meta().min_time, block.meta().max_time),
        (-10, 7_500_000)
    );
    assert_eq!(block.meta().stats.num_samples, 803);
    assert_eq!(block.meta().compaction.sources, [ULID]);
    let read: Vec<Series> = block.series().map(Result::unwrap).collect();
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    assert_eq!(read.len(), all.len());
    for (read, series) in read.iter().zip(&all) {
        assert_eq!(read.labels, series.labels);
        assert_eq!(read.timestamps, series.timestamps);
        let bits = |series: &Series| -> Vec<u64> {
            series.values.iter().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(read), bits(series));
        let counts = |series: &Series| -> Vec<f64> {
            let all = series.histograms.iter().flat_map(|all| all.iter());
            all.flatten().map(|histogram| histogram.count).collect()
        };
        assert_eq!(counts(read), counts(series));
    }
    let meta = std::fs::read_to_string(written.folder.join("meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    assert_eq!(
        meta["thanos"]["labels"],
        serde_json::json!({"replica": "a"})
    );
}

#[test]
fn a_label_set_that_comes_twice_is_refused_and_nothing_is_left_of_a_block_that_is_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = PromBlockWriter::create(folder.path(), ULID).unwrap();
    writer.add(&number_series("up", "a", 2)).unwrap();
    writer.add(&number_series("up", "a", 3)).unwrap();
    let range = TimeRange::ALL;
    let error = writer.finish(range, &Labels::empty()).unwrap_err();
    assert!(error.fault.to_string().contains("came twice"), "{error}");
    assert!(!folder.path().join(ULID).exists());

    let other = PromBlockWriter::create(folder.path(), "01JGZ0000000000000000000BB").unwrap();
    other.discard().unwrap();
    assert!(
        !folder
            .path()
            .join("01JGZ0000000000000000000BB.tmp")
            .exists()
    );
}
