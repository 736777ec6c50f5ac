//! Goes through the series of a block that match, and reads page by page: label sets, the rows of
//! each slice, the timestamps that those need.
//!
//! It is not: what makes series of the pages, which is [`crate::ready_pages`].

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;

use futures::try_join;
use narthex_storage::TimeRange;
use roaring::RoaringBitmap;

use crate::block::Block;
use crate::chunks_page::ChunksPage;
use crate::extras::FoundExtras;
use crate::page::{PAGE_ROWS, page_of};
use crate::ready_pages::{ReadyPage, ReadyPages};
use crate::series::SeriesPage;
use crate::times::Vectors;
use crate::tombstones::Tombstones;
use crate::{BlockError, Fault};

/// Pages of cells that are read in one go and held at the same time; of a block with more slices,
/// one for each slice. A page has up to 256 KiB and a cell.
const CELL_PAGES_AT_ONCE: usize = 64;

/// Rows that are wanted, by page of `series.parquet`.
pub(crate) struct PageRows {
    rows: Peekable<roaring::bitmap::IntoIter>,
    series: usize,
}

impl PageRows {
    pub(crate) fn new(rows: RoaringBitmap, series: u32) -> Self {
        Self {
            rows: rows.into_iter().peekable(),
            series: series as usize,
        }
    }
}

impl Iterator for PageRows {
    /// A page, and the rows of it that are wanted, counted from its start.
    type Item = (Range<usize>, Vec<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let first = *self.rows.peek()? as usize;
        let page = page_of::<SeriesPage>(first / PAGE_ROWS, &(0..self.series));
        let mut rows = Vec::new();
        while let Some(row) = self.rows.next_if(|row| page.contains(&(*row as usize))) {
            rows.push(row as usize - page.start);
        }
        Some((page, rows))
    }
}

/// What is left to do of a select.
pub(crate) struct Scan {
    block: Arc<Block>,
    range: TimeRange,
    rows: PageRows,
    /// Where the rows of each slice start, by time.
    slices: Vec<usize>,
    /// What was read before it was known to be needed.
    likely: Option<Vectors>,
    /// What is deleted.
    tombstones: Arc<Tombstones>,
}

impl Scan {
    pub(crate) fn new(
        block: Arc<Block>,
        rows: RoaringBitmap,
        range: TimeRange,
        tombstones: Arc<Tombstones>,
    ) -> Self {
        Self {
            tombstones,
            range,
            rows: PageRows::new(rows, block.index.series()),
            slices: block.slices(range),
            likely: None,
            block,
        }
    }

    /// Reads the next pages, if there are any.
    pub(crate) async fn read(&mut self) -> Result<Option<ReadyPages>, BlockError> {
        let block = Arc::clone(&self.block);
        let count = (CELL_PAGES_AT_ONCE / self.slices.len().max(1)).max(1);
        let (pages, rows): (Vec<_>, Vec<_>) = self.rows.by_ref().take(count).unzip();
        if pages.is_empty() {
            return Ok(None);
        }
        let series = async {
            let series = block.series.pages::<SeriesPage>(&pages).await;
            series.map_err(|fault| block.series.blame(fault))
        };
        let slices = async {
            let slices = self.read_slices(&pages).await;
            slices.map_err(|fault| block.chunks.blame(fault))
        };
        let extras = self.read_extras(&pages, &rows);
        let likely = async {
            let read = self.read_likely().await;
            read.map_err(|fault| block.times.blame(fault))
        };
        // What does not wait for each other is one step.
        let (series, mut slices, extras, likely) = try_join!(series, slices, extras, likely)?;
        self.likely = likely.or(self.likely.take());
        let mut groups = BTreeSet::new();
        let mut ready = Vec::with_capacity(pages.len());
        for (at, ((series, rows), page)) in series.into_iter().zip(rows).zip(&pages).enumerate() {
            let slices: Vec<_> = slices
                .iter_mut()
                .map(|pages| Arc::clone(&pages[at]))
                .collect();
            for slice in &slices {
                groups.extend(rows.iter().filter_map(|row| slice.group(*row)));
            }
            ready.push(ReadyPage {
                series,
                slices,
                first_series: page.start,
                first_rows: self.slices.iter().map(|first| first + page.start).collect(),
                rows: rows.into_iter(),
            });
        }
        let vectors = Vectors::read(&block.times, &groups, self.likely.as_ref()).await;
        let vectors = vectors.map_err(|fault| block.times.blame(fault))?;
        let tombstones = Arc::clone(&self.tombstones);
        let ready = ReadyPages::new(block, self.range, ready, vectors, extras);
        Ok(Some(ready.without(tombstones)))
    }

    /// Reads the timestamps that are likely needed before it is known which are, where a request
    /// takes long.
    async fn read_likely(&self) -> Result<Option<Vectors>, Fault> {
        let block = &self.block;
        if !block.is_remote() || self.likely.is_some() {
            return Ok(None);
        }
        let starts = block.slice_starts(self.range);
        let pages = block.slice_times.likely(&block.times, starts).await?;
        Ok(Some(Vectors::of_pages(&block.times, &pages).await?))
    }

    /// Reads what the rows of these pages have beside numbers.
    async fn read_extras(
        &self,
        pages: &[Range<usize>],
        rows: &[Vec<usize>],
    ) -> Result<FoundExtras, BlockError> {
        if !self.block.has_extras() {
            return Ok(FoundExtras::default());
        }
        let mut first_rows = self.slices.clone();
        first_rows.sort_unstable();
        let wanted = first_rows.iter().flat_map(|first| {
            let pages = pages.iter().zip(rows);
            pages.flat_map(move |(page, rows)| rows.iter().map(move |row| first + page.start + row))
        });
        let wanted: Vec<usize> = wanted.collect();
        FoundExtras::read(&self.block, &wanted).await
    }

    /// The rows of these pages of series, by slice.
    async fn read_slices(
        &self,
        pages: &[Range<usize>],
    ) -> Result<Vec<Vec<Arc<ChunksPage>>>, Fault> {
        let mut first_rows = self.slices.clone();
        // As they lie in the file, which is not always by time.
        first_rows.sort_unstable();
        let rows = first_rows.iter().flat_map(|first| {
            pages
                .iter()
                .map(move |page| first + page.start..first + page.end)
        });
        let rows: Vec<_> = rows.collect();
        let read = self.block.chunks.pages::<ChunksPage>(&rows).await?;
        let by_slice: Vec<_> = read.chunks(pages.len()).map(<[_]>::to_vec).collect();
        let in_file = |first: &usize| first_rows.binary_search(first).unwrap_or_default();
        let by_time = self
            .slices
            .iter()
            .map(|first| by_slice[in_file(first)].clone());
        Ok(by_time.collect())
    }
}
