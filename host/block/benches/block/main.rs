//! What blocks cost: bytes a sample, file by file, and nanoseconds of CPU a sample to write, compact
//! and read, for blocks of two and of twelve hours.
//!
//! The samples are those of made-up hosts, and, where `NARTHEX_BENCH_SCRAPES` names a folder, of
//! what was scraped of real targets: a file `<job>.scrapes` for each, of scrapes one after the
//! other, each a line `@@<milliseconds> <bytes>` and so many bytes of Prometheus text. They are
//! laid on a grid of 15 s.
//!
//! Time is that of one thread on a CPU, the best of several runs, so that it says something on a
//! machine that others use too.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark ends where something is not as expected, and prints ratios"
)]

mod cpu;
mod fleet;
mod grid;
mod scrapes;

use std::path::Path as FilePath;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{
    Block, BlockMeta, PageCache, SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order, compact,
    write,
};
use narthex_model::Matcher;
use narthex_storage::{LabelsRequest, SelectRequest, Series, TimeRange};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;

use crate::cpu::best_of;

/// Slices of the longer block: twelve hours.
const SLICES: usize = 6;

/// Room for all pages of a block.
const CACHE_BYTES: u64 = 1 << 30;

fn main() {
    // Cargo passes flags for a harness that this is not.
    println!(
        "noise of made-up hosts: {:.4} B/sample",
        fleet::noise_bytes()
    );
    run("made-up hosts", fleet::series(5, SLICES));
    if let Some(folder) = std::env::var_os("NARTHEX_BENCH_SCRAPES") {
        run(
            "real targets",
            scrapes::series(FilePath::new(&folder), SLICES),
        );
    }
}

fn run(name: &str, mut series: Vec<Series>) {
    series.sort_by(|a, b| block_order(&a.labels, &b.labels));
    println!("{name}: {} series", series.len());
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn ObjectStore> =
        Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let mut parents = Vec::new();
    for slice in 0..SLICES {
        let range = slice_range(slice);
        let part: Vec<Series> = series.iter().filter_map(|s| cut(s, range)).collect();
        if part.is_empty() {
            continue;
        }
        let options = WriteOptions {
            ulid: ulid(slice),
            range,
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let folder = Path::from(options.ulid.to_string());
        let (spent, meta) = best_of(
            if slice == 0 { 3 } else { 1 },
            || part.clone(),
            |part| {
                block_on(write(store.as_ref(), &folder, part, &options))
                    .unwrap()
                    .unwrap()
            },
        );
        if slice == 0 {
            let samples = meta.stats.samples as f64;
            println!(
                "2 h: write {:.1} ns/sample",
                spent.as_nanos() as f64 / samples
            );
            sizes(&meta);
            reads(&store, &meta);
        }
        parents.push(open(&store, slice));
    }
    drop(series);
    let folder = Path::from(ulid(SLICES).to_string());
    let (spent, meta) = best_of(
        1,
        || (),
        |()| block_on(compact(store.as_ref(), &folder, &parents, ulid(SLICES))).unwrap(),
    );
    let samples = meta.stats.samples as f64;
    println!(
        "12 h: compact {:.1} ns/sample",
        spent.as_nanos() as f64 / samples
    );
    sizes(&meta);
    reads(&store, &meta);
}

fn ulid(number: usize) -> Ulid {
    Ulid::from_parts(1_700_000_000_000 + number as u64, number as u128)
}

fn slice_range(slice: usize) -> TimeBounds {
    let start_ms = i64::try_from(slice).unwrap() * SLICE_MS;
    TimeBounds {
        start_ms,
        end_ms: start_ms + SLICE_MS,
    }
}

/// The samples of a series in a slice, if there are any.
fn cut(series: &Series, range: TimeBounds) -> Option<Series> {
    let from = series.timestamps.partition_point(|t| *t < range.start_ms);
    let to = series.timestamps.partition_point(|t| *t < range.end_ms);
    (from < to).then(|| {
        let timestamps = series.timestamps.slice(from, to - from);
        let values = series.values.slice(from, to - from);
        Series::of_numbers(series.labels.clone(), timestamps, values)
    })
}

fn open(store: &Arc<dyn ObjectStore>, number: usize) -> Arc<Block> {
    let cache = Arc::new(PageCache::new(CACHE_BYTES));
    let folder = Path::from(ulid(number).to_string());
    Arc::new(block_on(Block::open(Arc::clone(store), &folder, &cache)).unwrap())
}

/// Bytes a sample, file by file.
fn sizes(meta: &BlockMeta) {
    let samples = meta.stats.samples as f64;
    let json = serde_json::to_vec_pretty(meta).unwrap().len() as u64;
    let files = meta
        .files
        .iter()
        .map(|(name, file)| (name.as_str(), file.size));
    let files: Vec<(&str, u64)> = files.chain([("meta.json", json)]).collect();
    let total: u64 = files.iter().map(|(_, size)| size).sum();
    for (name, size) in files.into_iter().chain([("all", total)]) {
        println!(
            "  {name:<16} {size:>10} B {:.4} B/sample",
            size as f64 / samples
        );
    }
}

/// What it costs to read the block: nothing read before, and its pages in memory.
fn reads(store: &Arc<dyn ObjectStore>, meta: &BlockMeta) {
    let folder = Path::from(meta.ulid.clone());
    let fresh = || {
        let cache = Arc::new(PageCache::new(CACHE_BYTES));
        Arc::new(block_on(Block::open(Arc::clone(store), &folder, &cache)).unwrap())
    };
    let all = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let window = SelectRequest {
        range: TimeRange {
            start_ms: meta.max_time_ms - 300_000,
            end_ms: meta.max_time_ms,
        },
        ..all.clone()
    };
    let middle = block_on(fresh().series(&all)).unwrap();
    let middle = &middle[middle.len() / 2];
    let one = SelectRequest {
        matchers: middle
            .iter()
            .map(|(name, value)| Matcher::equal(name, value))
            .collect(),
        range: TimeRange::ALL,
    };
    for (name, request, runs) in [
        ("all", &all, 15),
        ("[5m] of all", &window, 15),
        ("one", &one, 30),
    ] {
        let (cold, (series, samples)) = best_of(runs, fresh, |block| select(&block, request));
        let kept = fresh();
        select(&kept, request);
        let (warm, _) = best_of(runs, || Arc::clone(&kept), |block| select(&block, request));
        let micros = |spent: std::time::Duration| spent.as_nanos() as f64 / 1e3;
        println!(
            "  select {name}: {series} series, {samples} samples; cold {:.0} µs, {:.2} ns/sample; \
             warm {:.1} µs, {:.2} ns/sample",
            micros(cold),
            cold.as_nanos() as f64 / samples as f64,
            micros(warm),
            warm.as_nanos() as f64 / samples as f64,
        );
    }
    let names = LabelsRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
        limit: None,
    };
    let (cold, found) = best_of(15, fresh, |block| {
        block_on(block.label_values("__name__", &names))
            .unwrap()
            .len()
    });
    println!(
        "  values of __name__: {found}; cold {:.0} µs",
        cold.as_nanos() as f64 / 1e3
    );
}

/// How many series and samples there are.
fn select(block: &Arc<Block>, request: &SelectRequest) -> (usize, usize) {
    block_on(async {
        let mut stream = Arc::clone(block).select(request).await.unwrap();
        let mut found = (0, 0);
        while let Some(series) = stream.try_next().await.unwrap() {
            found.0 += 1;
            found.1 += std::hint::black_box(&series.values).len();
        }
        found
    })
}
