use std::fmt::Debug;
use std::sync::Arc;

use futures::executor::block_on;
use narthex_model::Labels;
use narthex_storage::Series;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use ulid::Ulid;

use super::Table;
use crate::chunks_page::ChunksPage;
use crate::page::{Page, PageCache, touched};
use crate::series::SeriesPage;
use crate::times::TimesPage;
use crate::{Block, SLICE_MS, TimeBounds, WriteOptions, write};

/// Series of all shapes in two slices: many and one label, with gaps, constant, of strange
/// values, with cells of so many samples, and some that are not in both slices.
fn series(count: usize, step_ms: i64) -> Vec<Series> {
    let all = (0..count).map(|number| {
        let text = format!("{number:05}");
        let pairs = [("__name__", "m"), ("number", text.as_str()), ("ü", "\"\n")];
        let labels = Labels::from_pairs(pairs.into_iter().take(2 + number % 2));
        let times = (0..2 * SLICE_MS / step_ms).map(|n| n * step_ms + number as i64 % 7);
        let is_there = |time: &i64| match number % 5 {
            0 => time / step_ms % 9 != 4,
            1 => *time < SLICE_MS,
            2 => *time >= SLICE_MS,
            _ => true,
        };
        let times: Vec<i64> = times.filter(is_there).collect();
        let value = |(n, time): (usize, &i64)| match number % 4 {
            0 => number as f64,
            1 => (time * time) as f64 / 1_000.0,
            2 => f64::from_bits((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            _ => (n / 100) as f64,
        };
        let values: Vec<f64> = times.iter().enumerate().map(value).collect();
        Series::of_numbers(labels, times, values)
    });
    all.collect()
}

fn block(series: Vec<Series>) -> Block {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let options = WriteOptions {
        ulid: Ulid::from_parts(1, 1),
        range: TimeBounds {
            start_ms: 0,
            end_ms: 2 * SLICE_MS,
        },
        slice_ms: SLICE_MS,
        sources: Vec::new(),
    };
    let folder = Path::from(options.ulid.to_string());
    block_on(async {
        let written = write(store.as_ref(), &folder, series, &options).await;
        written.unwrap().unwrap();
        let cache = Arc::new(PageCache::new(0));
        Block::open(store, &folder, &cache).await.unwrap()
    })
}

/// Reads a stretch of a table in both ways, and gives whether the short way was there.
fn read_twice<P: Page, T: PartialEq + Debug>(
    table: &Table,
    rows: std::ops::Range<usize>,
    show: impl Fn(&P) -> T,
) -> bool {
    block_on(async {
        let mut pages = touched::<P>(0..rows.len(), rows.len());
        for page in &mut pages {
            *page = page.start + rows.start..page.end + rows.start;
        }
        let decoded: Vec<P> = table.read_decoded(&pages).await.unwrap();
        let Some(stored) = table.read_stored::<P>(&pages).await.unwrap() else {
            return false;
        };
        assert_eq!(decoded.len(), pages.len());
        assert_eq!(stored.len(), pages.len());
        for (decoded, stored) in decoded.iter().zip(&stored) {
            assert_eq!(show(stored), show(decoded));
        }
        true
    })
}

fn shown_rows(page: &ChunksPage) -> Vec<String> {
    let rows = (0..page.len()).filter(|row| page.group(*row).is_some());
    rows.map(|row| format!("{row} {:?}", page.encoded(row).unwrap()))
        .collect()
}

#[test]
fn pages_are_read_straight_as_the_parquet_reader_reads_them() {
    for count in [1, 255, 256, 700] {
        let block = block(series(count, 300_000));
        for slice in 0..2 {
            let rows = slice * count..(slice + 1) * count;
            assert!(read_twice(&block.chunks, rows, shown_rows), "{count}");
        }
        let span = |page: &SeriesPage, row| format!("{:?}", page.span(row));
        assert!(read_twice(&block.series, 0..count, |page: &SeriesPage| {
            let rows = 0..page.len();
            rows.map(|row| (page.labels(row).clone(), span(page, row)))
                .collect::<Vec<_>>()
        }));
        let groups = usize::try_from(block.meta().stats.timestamp_groups).unwrap();
        assert!(read_twice(&block.times, 0..groups, |page: &TimesPage| {
            page.vectors().to_vec()
        }));
    }
}

#[test]
fn pages_that_end_within_others_are_left_to_the_parquet_reader() {
    // A few dozen cells have more bytes than a page.
    let block = block(series(300, 1_000));
    assert!(block.meta().stats.samples > 3_000_000);
    assert!(!read_twice(&block.chunks, 0..300, shown_rows));
}
