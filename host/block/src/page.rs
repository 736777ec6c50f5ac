//! Pages: the rows of a file that are read, decoded and kept together.
//!
//! A query of a second ago wants the same pages again, and to open a Parquet column costs more
//! than to look at what is in it. So pages stay in memory, decoded, in one cache for all blocks;
//! when it is full, those go that are used least.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::Fault;
use crate::column_page::{ColumnPage, Content};

/// Rows of a page, in every column of a file whose rows are small.
pub(crate) const PAGE_ROWS: usize = 256;

/// What a page takes beside its content: its key and its place in the cache.
const PAGE_OVERHEAD_BYTES: u64 = 128;

/// A page of this many bytes is expected; it decides only how the cache begins.
const PAGE_BYTES_EXPECTED: u64 = 64 << 10;

/// Rows as their reader wants them.
pub(crate) trait Page: Any + Send + Sync + Sized {
    /// How many rows it has; the last of a row group may have fewer. Writers end the pages of all
    /// columns there, so that nothing is decompressed twice.
    const ROWS: usize = PAGE_ROWS;

    /// The columns that it needs.
    const COLUMNS: &'static [&'static str];

    /// How it is decoded straight from the pages of the file, where that can be done.
    const STORED: Option<Stored<Self>> = None;

    /// Checks and decodes what was read.
    fn decode(rows: &RecordBatch) -> Result<Self, Fault>;

    /// What it takes in memory.
    fn bytes(&self) -> usize;
}

/// How rows are decoded from pages of the file as they are.
pub(crate) struct Stored<P> {
    /// The columns, those within others too, and what they have.
    pub(crate) columns: &'static [(&'static [&'static str], Content)],
    /// Checks and decodes the columns, in the same order.
    pub(crate) decode: fn(Vec<ColumnPage<'_>>) -> Result<P, Fault>,
}

/// The pages of all blocks that share it. It never takes more memory than it was made for.
pub struct PageCache {
    pages: Cache<Key, Kept, ByBytes>,
    tables: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    table: TableId,
    row: usize,
}

/// Names a file in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TableId(u64);

#[derive(Clone)]
struct Kept {
    page: Arc<dyn Any + Send + Sync>,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        kept.bytes
    }
}

impl PageCache {
    /// A cache of at most so many bytes; 0 keeps nothing.
    pub fn new(bytes_max: u64) -> Self {
        let pages = usize::try_from(bytes_max / PAGE_BYTES_EXPECTED).unwrap_or(usize::MAX);
        Self {
            pages: Cache::with_weighter(pages, bytes_max, ByBytes),
            tables: AtomicU64::new(0),
        }
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        self.pages.weight()
    }

    /// How often a page was wanted that was there, and that was not.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.pages.hits(), self.pages.misses())
    }

    pub(crate) fn name_table(&self) -> TableId {
        TableId(self.tables.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn get<P: Page>(&self, table: TableId, row: usize) -> Option<Arc<P>> {
        let kept = self.pages.get(&Key { table, row })?;
        kept.page.downcast().ok()
    }

    pub(crate) fn keep<P: Page>(&self, table: TableId, row: usize, page: &Arc<P>) {
        let kept = Kept {
            bytes: page.bytes() as u64 + PAGE_OVERHEAD_BYTES,
            page: Arc::clone(page) as _,
        };
        self.pages.insert(Key { table, row }, kept);
    }

    /// Lets go of a file's pages.
    pub(crate) fn forget(&self, table: TableId) {
        self.pages.retain(|key, _| key.table != table);
    }
}

impl fmt::Debug for PageCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageCache")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// The rows of a page of a stretch of a file whose pages are counted from its start.
pub(crate) fn page_of<P: Page>(number: usize, stretch: &Range<usize>) -> Range<usize> {
    let start = stretch.start + number * P::ROWS;
    start..stretch.end.min(start + P::ROWS)
}

/// The pages that rows touch, those of a file being counted from its start.
pub(crate) fn touched<P: Page>(rows: Range<usize>, total: usize) -> Vec<Range<usize>> {
    let pages = rows.start / P::ROWS..rows.end.div_ceil(P::ROWS);
    let pages = pages.filter(|_| !rows.is_empty());
    pages
        .map(|number| page_of::<P>(number, &(0..total)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(usize);

    impl Page for Bytes {
        const COLUMNS: &'static [&'static str] = &[];

        fn decode(_: &RecordBatch) -> Result<Self, Fault> {
            Ok(Self(0))
        }

        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let cache = PageCache::new(1 << 20);
        let table = cache.name_table();
        for row in 0..1_000 {
            cache.keep(table, row, &Arc::new(Bytes(10_000)));
            assert!(cache.bytes() <= 1 << 20);
        }
        let there = (0..1_000).filter(|row| cache.get::<Bytes>(table, *row).is_some());
        assert!(there.count() > 10);
        cache.forget(table);
        assert_eq!(cache.bytes(), 0);
        let nothing = PageCache::new(0);
        nothing.keep(table, 0, &Arc::new(Bytes(1)));
        assert!(nothing.get::<Bytes>(table, 0).is_none());
    }

    #[test]
    fn rows_touch_the_pages_they_lie_in() {
        for (rows, total, pages) in [
            (0..1, 10, vec![(0, 10)]),
            (255..257, 300, vec![(0, 256), (256, 300)]),
            (256..512, 600, vec![(256, 512)]),
        ] {
            let touched = touched::<Bytes>(rows, total).into_iter();
            let ends: Vec<_> = touched.map(|page| (page.start, page.end)).collect();
            assert_eq!(ends, pages);
        }
        assert!(touched::<Bytes>(5..5, 10).is_empty());
        assert_eq!(page_of::<Bytes>(1, &(700..1_000)), 956..1_000);
    }
}
