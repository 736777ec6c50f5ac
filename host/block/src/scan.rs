//! Goes through the series of a block that match, page by page: label sets, the rows of each
//! slice, the timestamps that those need.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;
use std::vec;

use futures::try_join;
use narthex_model::sample;
use narthex_storage::{Series, TimeRange};
use roaring::RoaringBitmap;

use crate::block::Block;
use crate::chunks_page::{ChunksPage, contradiction};
use crate::extras::{FoundExtras, RichSamples};
use crate::joined_times::JoinedTimes;
use crate::page::{PAGE_ROWS, page_of};
use crate::series::SeriesPage;
use crate::times::Vectors;
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
    ready: vec::IntoIter<ReadyPage>,
    current: Option<ReadyPage>,
    vectors: Vectors,
    /// What was read before it was known to be needed.
    likely: Option<Vectors>,
    extras: FoundExtras,
    joined: JoinedTimes,
}

/// A page of series with the rows of all slices.
struct ReadyPage {
    series: Arc<SeriesPage>,
    slices: Vec<Arc<ChunksPage>>,
    /// The first row of each of them in its file.
    first_rows: Vec<usize>,
    rows: vec::IntoIter<usize>,
}

impl Scan {
    pub(crate) fn new(block: Arc<Block>, rows: RoaringBitmap, range: TimeRange) -> Self {
        Self {
            range,
            rows: PageRows::new(rows, block.index.series()),
            slices: block.slices(range),
            ready: Vec::new().into_iter(),
            current: None,
            vectors: Vectors::default(),
            likely: None,
            extras: FoundExtras::default(),
            joined: JoinedTimes::default(),
            block,
        }
    }

    /// The next series that has a sample in the range.
    pub(crate) async fn next(&mut self) -> Result<Option<Series>, BlockError> {
        loop {
            if let Some(page) = &mut self.current {
                let found = page.next(self.range, &self.vectors, &self.extras, &mut self.joined);
                let found = found.map_err(|fault| self.block.chunks.blame(fault))?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            self.current = self.ready.next();
            if self.current.is_none() && !self.read().await? {
                return Ok(None);
            }
        }
    }

    /// Reads the next pages; whether there was one.
    async fn read(&mut self) -> Result<bool, BlockError> {
        let block = Arc::clone(&self.block);
        let count = (CELL_PAGES_AT_ONCE / self.slices.len().max(1)).max(1);
        let (pages, rows): (Vec<_>, Vec<_>) = self.rows.by_ref().take(count).unzip();
        if pages.is_empty() {
            return Ok(false);
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
        self.extras = extras;
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
                first_rows: self.slices.iter().map(|first| first + page.start).collect(),
                rows: rows.into_iter(),
            });
        }
        let vectors = Vectors::read(&block.times, &groups, self.likely.as_ref()).await;
        self.vectors = vectors.map_err(|fault| block.times.blame(fault))?;
        self.ready = ready.into_iter();
        Ok(true)
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

impl ReadyPage {
    /// The next series of the page that has a sample in the range.
    fn next(
        &mut self,
        range: TimeRange,
        vectors: &Vectors,
        extras: &FoundExtras,
        joined: &mut JoinedTimes,
    ) -> Result<Option<Series>, Fault> {
        while let Some(row) = self.rows.next() {
            let is_rich = |first: &usize| extras.has(first + row);
            let series = match self.first_rows.iter().any(is_rich) {
                true => self.rich(row, range, vectors, extras)?,
                false => self.numbers(row, range, vectors, joined)?,
            };
            let Some(series) = series else { continue };
            let is_marked = |value: &f64| sample::is_histogram(*value);
            if extras.has_histograms()
                && series.histograms.is_none()
                && series.values.iter().any(is_marked)
            {
                return Err(contradiction());
            }
            return Ok(Some(series));
        }
        Ok(None)
    }

    /// A series with more than numbers.
    fn rich(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
        extras: &FoundExtras,
    ) -> Result<Option<Series>, Fault> {
        let mut samples = RichSamples::default();
        for (slice, first) in self.slices.iter().zip(&self.first_rows) {
            let cells = extras.get(first + row);
            samples.push_row((slice, row), range, vectors, cells)?;
        }
        Ok(samples.into_series(self.series.labels(row).clone()))
    }

    /// A series of numbers only.
    fn numbers(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
        joined: &mut JoinedTimes,
    ) -> Result<Option<Series>, Fault> {
        let mut stretches = Vec::with_capacity(self.slices.len());
        let mut taken = Vec::with_capacity(self.slices.len());
        for slice in &self.slices {
            let Some(timestamps) = slice.timestamps(row, vectors)? else {
                continue;
            };
            let within = within(&timestamps, range);
            if !within.is_empty() {
                stretches.push(timestamps.slice(within.start, within.len()));
                taken.push((slice, within));
            }
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let count = taken.iter().map(|(_, within)| within.len()).sum();
        let mut values = Vec::with_capacity(count);
        for (slice, within) in taken {
            slice.values_into(row, within, &mut values)?;
        }
        let labels = self.series.labels(row).clone();
        let timestamps = joined.join(&stretches);
        Ok(Some(Series::of_numbers(labels, timestamps, values)))
    }
}

/// Which of the timestamps, at least one, lie in the range.
fn within(timestamps: &[i64], range: TimeRange) -> Range<usize> {
    let from = match timestamps.first() {
        Some(first) if range.start_ms <= *first => 0,
        _ => timestamps.partition_point(|t| *t < range.start_ms),
    };
    let to = match timestamps.last() {
        Some(last) if *last <= range.end_ms => timestamps.len(),
        _ => timestamps.partition_point(|t| *t <= range.end_ms),
    };
    from..to.max(from)
}
