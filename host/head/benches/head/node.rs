//! Targets like node exporters: pages of 500 series with ten labels.

use narthex_head::Head;
use narthex_model::{Labels, Sample, SeriesRef, WriteBatch};
use narthex_storage::Appendable;

/// Series of one target.
pub(crate) const SERIES: usize = 500;

/// A node exporter's page by kind of value: most are constant, some count, few are floats.
fn value(series: usize, scrape: u32) -> f64 {
    let seed = f64::from(u32::try_from(series).unwrap_or(u32::MAX));
    match series % 20 {
        0..13 => seed,
        13..18 => seed + f64::from(scrape * (1 + u32::try_from(series).unwrap_or(0) % 37)),
        18 => (seed + f64::from(scrape) * 0.25).round() / 100.0,
        _ => (seed + f64::from(scrape)).sin(),
    }
}

/// Ten labels, as a target in a cluster has them.
fn labels(target: usize, series: usize) -> Labels {
    let (target, name) = (
        target.to_string(),
        format!("node_metric_{}_total", series / 5),
    );
    Labels::from_pairs([
        ("__name__", name.as_str()),
        ("instance", &format!("10.0.{target}.7:9100")),
        ("job", "node-exporter"),
        ("namespace", "monitoring"),
        ("pod", &format!("node-exporter-{target}-x7k2p")),
        (
            "node",
            &format!("ip-10-0-{target}-7.eu-central-1.compute.internal"),
        ),
        ("container", "node-exporter"),
        ("endpoint", "metrics"),
        ("device", &format!("dev{}", series % 5)),
        ("cluster", "production-eu-1"),
    ])
}

/// The scrape of a target, without values.
pub(crate) fn batch(target: usize) -> WriteBatch {
    let sample = |series| Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(target, series),
        timestamp_ms: 0,
        value: 0.0,
    };
    WriteBatch::from((0..SERIES).map(sample).collect::<Vec<_>>())
}

/// Fills a batch with the values of one scrape. Every eighth comes some milliseconds late.
pub(crate) fn scrape(batch: &mut WriteBatch, number: u32) {
    let late_ms = match number % 8 {
        7 => 3 + i64::from(number % 5),
        _ => 0,
    };
    let at_ms = 1_700_000_000_000 + i64::from(number) * 15_000 + late_ms;
    for (series, sample) in batch.samples.iter_mut().enumerate() {
        sample.timestamp_ms = at_ms;
        sample.value = value(series, number);
    }
}

/// Appends a batch and keeps the references, as a scrape's cache does.
pub(crate) fn append(head: &Head, batch: &mut WriteBatch) {
    if let Ok(report) = head.append(batch) {
        for (sample, series) in batch.samples.iter_mut().zip(report.series) {
            sample.series = series;
        }
    }
}
