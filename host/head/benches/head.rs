//! What the head costs: bytes per series, and the time to append, to select and to replay.
//!
//! The limits beside the figures are measured on the same bytes in the same run: a copy in
//! memory, and a plain write to a file.

use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_head::{Head, HeadOptions};
use narthex_model::{Labels, Matcher, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, Queryable, SelectRequest, TimeRange};
use tempfile::TempDir;

/// Targets, and series of each.
const TARGETS: usize = 100;
const SERIES: usize = 500;

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

fn batch(target: usize) -> WriteBatch {
    let sample = |series| Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(target, series),
        timestamp_ms: 0,
        value: 0.0,
    };
    WriteBatch::from((0..SERIES).map(sample).collect::<Vec<_>>())
}

/// Fills a batch with the values of one scrape.
fn scrape(batch: &mut WriteBatch, number: u32) {
    for (series, sample) in batch.samples.iter_mut().enumerate() {
        sample.timestamp_ms = 1_700_000_000_000 + i64::from(number) * 15_000;
        sample.value = value(series, number);
    }
}

fn append(head: &Head, batch: &mut WriteBatch) {
    if let Ok(report) = head.append(batch) {
        for (sample, series) in batch.samples.iter_mut().zip(report.series) {
            sample.series = series;
        }
    }
}

/// Resident memory of this process.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize) * 4096
}

fn log_bytes(dir: &TempDir) -> u64 {
    let files = fs::read_dir(dir.path()).into_iter().flatten().flatten();
    files
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

fn per(amount: usize, count: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "figures to be read")]
    let ratio = amount as f64 / count as f64;
    ratio
}

/// Prints what cannot be told as a time per call.
fn figures() -> std::io::Result<()> {
    let dir = TempDir::new()?;
    let Ok((head, _)) = Head::open(HeadOptions::new(dir.path())) else {
        return Ok(());
    };
    let series = TARGETS * SERIES;
    let mut batches: Vec<_> = (0..TARGETS).map(batch).collect();
    let before = resident_bytes();
    let mut scrapes = 0;
    for upto in [1, 10, 120, 480] {
        let mut spent = Duration::ZERO;
        let from = scrapes;
        for number in from..upto {
            for batch in &mut batches {
                scrape(batch, number);
                let start = Instant::now();
                append(&head, batch);
                spent += start.elapsed();
            }
        }
        scrapes = upto;
        let samples = series * (upto - from) as usize;
        println!(
            "{series} series, {upto} samples each: {:.0} B/series resident beside the label text, \
             {:.2} B/sample of sample buffers, {:.2} B/sample of log, {:.0} ns/sample to append",
            per(resident_bytes() - before, series),
            per(head.sample_bytes(), series * upto as usize),
            per(
                usize::try_from(log_bytes(&dir)).unwrap_or(0),
                series * upto as usize
            ),
            per(usize::try_from(spent.as_nanos()).unwrap_or(0), samples),
        );
    }
    let text: usize = batches
        .iter()
        .flat_map(|batch| &batch.samples)
        .map(|sample| sample.labels.encoded_len())
        .sum();
    println!("label text: {:.0} B/series", per(text, series));
    let before_select = Instant::now();
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let found: Vec<_> = block_on(async {
        match head.select(&request).await {
            Ok(stream) => stream.try_collect().await.unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    });
    let samples = series * scrapes as usize;
    println!(
        "select all: {} series, {:.1} ns/sample",
        found.len(),
        per(
            usize::try_from(before_select.elapsed().as_nanos()).unwrap_or(0),
            samples
        ),
    );
    drop((found, head));
    let bytes = log_bytes(&dir);
    let start = Instant::now();
    let opened = Head::open(HeadOptions::new(dir.path()));
    let spent = start.elapsed();
    if let Ok((head, report)) = opened {
        println!(
            "replay: {} samples of {} series from {bytes} B in {spent:?}: {:.0} ns/sample",
            report.samples,
            head.series_count(),
            per(usize::try_from(spent.as_nanos()).unwrap_or(0), samples),
        );
    }
    Ok(())
}

fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(SERIES as u64));
    let Ok(dir) = TempDir::new() else {
        return;
    };
    let Ok((head, _)) = Head::open(HeadOptions::new(dir.path())) else {
        return;
    };
    let (mut warm, mut number) = (batch(0), 0);
    group.bench_function("500 known series", |bencher| {
        bencher.iter_custom(|batches| {
            let mut spent = Duration::ZERO;
            for _ in 0..batches {
                number += 1;
                scrape(&mut warm, number);
                let start = Instant::now();
                append(&head, &mut warm);
                spent += start.elapsed();
            }
            spent
        });
    });
    let raw = vec![7_u8; SERIES * 16];
    let mut copy = vec![0_u8; raw.len()];
    group.bench_function("limit: copy 16 B a sample", |bencher| {
        bencher.iter(|| copy.copy_from_slice(black_box(&raw)));
    });
    if let Ok(mut file) = tempfile::tempfile() {
        group.bench_function("limit: write 16 B a sample", |bencher| {
            bencher.iter(|| file.write_all(black_box(&raw)));
        });
    }
    group.finish();
}

fn selects(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("select");
    let Ok(dir) = TempDir::new() else {
        return;
    };
    let Ok((head, _)) = Head::open(HeadOptions::new(dir.path())) else {
        return;
    };
    for target in 0..TARGETS {
        let mut batch = batch(target);
        for number in 0..20 {
            scrape(&mut batch, number);
            append(&head, &mut batch);
        }
    }
    for (name, matchers) in [
        (
            "one series",
            vec![
                Matcher::equal("__name__", "node_metric_7_total"),
                Matcher::equal("instance", "10.0.7.7:9100"),
                Matcher::equal("device", "dev1"),
            ],
        ),
        (
            "500 series",
            vec![Matcher::equal("__name__", "node_metric_7_total")],
        ),
    ] {
        let request = SelectRequest {
            matchers,
            range: TimeRange::ALL,
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                block_on(async {
                    match head.select(&request).await {
                        Ok(stream) => stream.try_collect::<Vec<_>>().await.map(|all| all.len()),
                        Err(error) => Err(error),
                    }
                })
            });
        });
    }
    group.finish();
}

fn main() -> std::io::Result<()> {
    figures()?;
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    appends(&mut criterion);
    selects(&mut criterion);
    criterion.final_summary();
    Ok(())
}
