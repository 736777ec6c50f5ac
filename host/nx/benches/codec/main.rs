//! What cells cost: nanoseconds to encode and decode a sample, and bytes that one takes before and
//! after the compression of pages, on series mixed as a Linux host's are: 66 % constant, 24 %
//! integers, 8 % decimals, 2 % sums with noise in their last bits. Beside it, on the same values,
//! a plain copy and zstd of the bare bits. One thread; the data is made from a seed.

mod mix;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// As the pages of `chunks.parquet`.
const PAGE_BYTES: usize = 64 * 1024;
const ZSTD_LEVEL: i32 = 3;

/// A series as a block holds it.
enum Row {
    Constant(f64),
    Cell(Vec<u8>),
}

fn row(values: &[f64]) -> Row {
    match narthex_nx::constant(values) {
        Some(value) => Row::Constant(value),
        None => {
            let mut cell = Vec::new();
            narthex_nx::encode(values, &mut cell);
            Row::Cell(cell)
        }
    }
}

fn decode(rows: &[Row], counts: &[usize], values: &mut Vec<f64>) {
    values.clear();
    for (row, count) in rows.iter().zip(counts) {
        match row {
            Row::Constant(value) => values.resize(values.len() + count, *value),
            Row::Cell(cell) => narthex_nx::decode(cell, *count, values).unwrap_or_default(),
        }
    }
}

/// The bytes of a page after another.
fn pages(rows: &[Row]) -> Vec<Vec<u8>> {
    let mut pages = vec![Vec::new()];
    for row in rows {
        let Row::Cell(cell) = row else { continue };
        if pages.last().is_none_or(|page| page.len() > PAGE_BYTES) {
            pages.push(Vec::new());
        }
        if let Some(page) = pages.last_mut() {
            page.extend(cell);
        }
    }
    pages
}

fn compressed<'a>(pages: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let compress = |page| zstd::bulk::compress(page, ZSTD_LEVEL).unwrap_or_default();
    pages.into_iter().map(compress).collect()
}

fn size(pages: &[Vec<u8>]) -> usize {
    pages.iter().map(Vec::len).sum()
}

fn codec(criterion: &mut Criterion) {
    for (name, series) in mix::all() {
        let counts: Vec<usize> = series.iter().map(Vec::len).collect();
        let samples: usize = counts.iter().sum();
        let all: Vec<f64> = series.concat();
        let bits: Vec<u8> = all.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect();
        let rows: Vec<Row> = series.iter().map(|values| row(values)).collect();
        let pages = pages(&rows);
        let zipped = compressed(pages.iter().map(Vec::as_slice));
        let zipped_bits = compressed(bits.chunks(PAGE_BYTES));
        let of_a_sample = |bytes: usize| bytes as f64 / samples as f64;
        println!(
            "{name}: {samples} samples; bytes a sample: cells {:.3}, with zstd {:.3}; \
             bare bits 8, with zstd {:.3}",
            of_a_sample(size(&pages)),
            of_a_sample(size(&zipped)),
            of_a_sample(size(&zipped_bits)),
        );

        let mut group = criterion.benchmark_group(name);
        // One element is one sample, so the time of one is the inverse of the throughput.
        group.throughput(Throughput::Elements(samples as u64));
        group.bench_function(BenchmarkId::from_parameter("encode"), |bencher| {
            bencher.iter(|| series.iter().map(|values| row(values)).collect::<Vec<_>>());
        });
        let mut values = Vec::with_capacity(samples);
        decode(&rows, &counts, &mut values);
        assert_eq!(values.len(), samples);
        group.bench_function(BenchmarkId::from_parameter("decode"), |bencher| {
            bencher.iter(|| decode(black_box(&rows), &counts, &mut values));
        });
        let unzip = |pages: &[Vec<u8>], page: &mut [u8]| {
            let mut decompressor = zstd::bulk::Decompressor::new()?;
            for zipped in pages {
                decompressor.decompress_to_buffer(zipped, page)?;
            }
            std::io::Result::Ok(())
        };
        let mut page = vec![0; 2 * PAGE_BYTES];
        assert!(unzip(&zipped, &mut page).is_ok());
        group.bench_function(BenchmarkId::from_parameter("zstd of cells"), |bencher| {
            bencher.iter(|| unzip(black_box(&zipped), &mut page));
        });
        group.bench_function(BenchmarkId::from_parameter("zstd of bits"), |bencher| {
            bencher.iter(|| unzip(black_box(&zipped_bits), &mut page));
        });
        group.bench_function(BenchmarkId::from_parameter("copy"), |bencher| {
            bencher.iter(|| {
                values.clear();
                values.extend_from_slice(black_box(&all));
            });
        });
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
