//! Times per call. The limits beside them are measured on the same bytes in the same run: a copy
//! in memory, and a plain write to a file.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_head::{Head, HeadOptions};
use narthex_model::Matcher;
use narthex_storage::{Queryable, SelectRequest, TimeRange};
use tempfile::TempDir;

use crate::node::{self, SERIES};

/// Targets.
const TARGETS: usize = 100;

/// Times to append.
pub(crate) fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(SERIES as u64));
    let Ok(dir) = TempDir::new() else {
        return;
    };
    let Ok((head, _)) = Head::open(HeadOptions::new(dir.path())) else {
        return;
    };
    let (mut warm, mut number) = (node::batch(0), 0);
    group.bench_function("500 known series", |bencher| {
        bencher.iter_custom(|batches| {
            let mut spent = Duration::ZERO;
            for _ in 0..batches {
                number += 1;
                node::scrape(&mut warm, number);
                let start = Instant::now();
                node::append(&head, &mut warm);
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

/// Times to find and read few series.
pub(crate) fn selects(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("select");
    let Ok(dir) = TempDir::new() else {
        return;
    };
    let Ok((head, _)) = Head::open(HeadOptions::new(dir.path())) else {
        return;
    };
    for target in 0..TARGETS {
        let mut batch = node::batch(target);
        for number in 0..20 {
            node::scrape(&mut batch, number);
            node::append(&head, &mut batch);
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
