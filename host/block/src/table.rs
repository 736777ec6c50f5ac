//! One Parquet file of a block: reads chosen columns of chosen rows, and only their pages.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use futures::future::try_join_all;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, RowSelection, RowSelectionPolicy,
};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::metadata::page_index::PageIndexProvider;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::statistics::Statistics;
use tokio::sync::OnceCell;

use crate::file::VerifiedFile;
use crate::page::{Page, PageCache, TableId};
use crate::page_index::PageIndexes;
use crate::write::ROW_GROUP_ROWS;
use crate::{BlockError, Fault};

mod stored;
#[cfg(test)]
mod tests;

/// Rows that [`Table::read`] decodes at a time.
const BATCH_ROWS: usize = 1_024;

/// Batches of the rows that were asked for, in order.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, Fault>>;

/// What the end of a file says: where its row groups lie and, once it was asked for, their pages.
#[derive(Debug)]
struct Footer {
    metadata: Arc<ParquetMetaData>,
    /// The same for the Parquet reader, once that is needed.
    arrow: OnceLock<ArrowReaderMetadata>,
    indexes: Arc<PageIndexes>,
    /// The first row of each row group, and the number of all rows.
    starts: Vec<usize>,
}

impl Footer {
    fn new(metadata: ParquetMetaData) -> Result<Self, Fault> {
        let indexes = Arc::new(PageIndexes::new(metadata.num_row_groups()));
        let mut starts = vec![0];
        let mut rows = 0;
        for group in 0..metadata.num_row_groups() {
            rows += metadata.row_group_num_rows(group)?;
            starts.push(rows);
        }
        let provider: Arc<dyn PageIndexProvider> = Arc::clone(&indexes) as _;
        let metadata = metadata.into_builder().set_page_index(Some(provider));
        Ok(Self {
            metadata: Arc::new(metadata.build()),
            arrow: OnceLock::new(),
            indexes,
            starts,
        })
    }

    fn arrow(&self) -> Result<ArrowReaderMetadata, Fault> {
        if let Some(known) = self.arrow.get() {
            return Ok(known.clone());
        }
        let options = ArrowReaderOptions::new();
        let made = ArrowReaderMetadata::try_new(Arc::clone(&self.metadata), options)?;
        Ok(self.arrow.get_or_init(|| made).clone())
    }

    fn rows(&self) -> usize {
        self.starts.last().copied().unwrap_or_default()
    }

    /// The row group that a row lies in.
    fn group(&self, row: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= row)
            .saturating_sub(1)
    }
}

/// A Parquet file. Its footer is kept once it was read, its pages as long as there is room.
#[derive(Debug)]
pub(crate) struct Table {
    block: String,
    name: &'static str,
    file: VerifiedFile,
    footer: OnceCell<Footer>,
    cache: Arc<PageCache>,
    id: TableId,
}

impl Drop for Table {
    fn drop(&mut self) {
        self.cache.forget(self.id);
    }
}

impl Table {
    pub(crate) fn new(
        block: &str,
        name: &'static str,
        file: VerifiedFile,
        cache: &Arc<PageCache>,
    ) -> Self {
        Self {
            block: block.to_owned(),
            name,
            file,
            footer: OnceCell::new(),
            id: cache.name_table(),
            cache: Arc::clone(cache),
        }
    }

    /// Says which file of which block has the fault.
    pub(crate) fn blame(&self, fault: Fault) -> BlockError {
        fault.of(&self.block, self.name)
    }

    async fn footer(&self) -> Result<&Footer, Fault> {
        let read = || async { Footer::new(self.file.parquet().await?) };
        self.footer.get_or_try_init(read).await
    }

    /// Reads where the pages of some row groups lie.
    async fn load(&self, footer: &Footer, groups: Range<usize>) -> Result<(), Fault> {
        let metadata = &footer.metadata;
        footer.indexes.load(&self.file, metadata, groups).await
    }

    /// How many rows the file has.
    pub(crate) async fn row_count(&self) -> Result<usize, Fault> {
        Ok(self.footer().await?.rows())
    }

    /// Reads columns of rows and keeps nothing; the ranges ascend and do not overlap.
    pub(crate) async fn read(
        &self,
        columns: &[&str],
        rows: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<Batches, Fault> {
        self.read_batches(columns, rows, BATCH_ROWS).await
    }

    async fn read_batches(
        &self,
        columns: &[&str],
        rows: impl IntoIterator<Item = Range<usize>>,
        batch_rows: usize,
    ) -> Result<Batches, Fault> {
        let footer = self.footer().await?;
        let total = footer.rows();
        let rows: Vec<Range<usize>> = rows.into_iter().filter(|rows| !rows.is_empty()).collect();
        let ascending = rows.is_sorted_by(|a, b| a.end <= b.start);
        if !ascending || rows.last().is_some_and(|last| last.end > total) {
            return Err(Fault::format(format!("it has only {total} rows")));
        }
        let groups = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => footer.group(first.start)..footer.group(last.end - 1) + 1,
            _ => 0..0,
        };
        self.load(footer, groups.clone()).await?;
        // The reader counts rows from the first of these row groups.
        let (start, end) = (footer.starts[groups.start], footer.starts[groups.end]);
        let rows = rows
            .into_iter()
            .map(|rows| rows.start - start..rows.end - start);
        let selection = RowSelection::from_consecutive_ranges(rows, end - start);
        let schema = footer.metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::columns(schema, columns.iter().copied());
        let metadata = footer.arrow()?;
        let stream =
            ParquetRecordBatchStreamBuilder::new_with_metadata(self.file.clone(), metadata)
                .with_projection(mask)
                .with_row_groups(groups.collect())
                .with_row_selection(selection)
                .with_row_selection_policy(RowSelectionPolicy::Selectors)
                .with_batch_size(batch_rows)
                .build()?;
        // Of pages that are wrong under a sound checksum the Parquet reader may end the thread: a
        // value that begins with more of the one before it than that has. Nothing of the stream is
        // used after that.
        let batches = AssertUnwindSafe(stream).catch_unwind();
        let batches = batches.map(|batch| match batch {
            Ok(batch) => batch.map_err(Fault::from),
            Err(_) => Err(Fault::format("the Parquet reader gave up on its pages")),
        });
        Ok(batches.boxed())
    }

    /// Pages, from memory or from the file, in one go. They ascend, and all but the last of a row
    /// group have [`Page::ROWS`] rows.
    pub(crate) async fn pages<P: Page>(
        &self,
        pages: &[Range<usize>],
    ) -> Result<Vec<Arc<P>>, Fault> {
        let kept = pages.iter().map(|page| self.cache.get(self.id, page.start));
        let mut found: Vec<Option<Arc<P>>> = kept.collect();
        let missing = (0..pages.len()).filter(|at| found[*at].is_none());
        let missing: Vec<usize> = missing.collect();
        if !missing.is_empty() {
            let footer = self.footer().await?;
            let group = |at: &usize| footer.group(pages[*at].start);
            // The reader takes one row group after the other; side by side they are one step.
            let reads = missing
                .chunk_by(|a, b| group(a) == group(b))
                .map(|missing| self.read_pages::<P>(pages, missing));
            let read = try_join_all(reads).await?.into_iter().flatten();
            for (at, page) in missing.iter().zip(read) {
                found[*at] = Some(page);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads some of the pages, which lie in one row group.
    async fn read_pages<P: Page>(
        &self,
        pages: &[Range<usize>],
        wanted: &[usize],
    ) -> Result<Vec<Arc<P>>, Fault> {
        let wanted: Vec<Range<usize>> = wanted.iter().map(|at| pages[*at].clone()).collect();
        let read = match self.read_stored(&wanted).await? {
            Some(read) => read,
            None => self.read_decoded(&wanted).await?,
        };
        let keep = |(page, rows): (P, &Range<usize>)| {
            let page = Arc::new(page);
            self.cache.keep(self.id, rows.start, &page);
            page
        };
        Ok(read.into_iter().zip(&wanted).map(keep).collect())
    }

    /// Reads pages with the Parquet reader.
    async fn read_decoded<P: Page>(&self, wanted: &[Range<usize>]) -> Result<Vec<P>, Fault> {
        let rows = joined(wanted.iter().cloned());
        let mut batches = self.read_batches(P::COLUMNS, rows, P::ROWS).await?;
        let mut read = Vec::with_capacity(wanted.len());
        for page in wanted {
            let rows = batches.try_next().await?;
            let rows = rows.filter(|rows| rows.num_rows() == page.len());
            let rows = rows.ok_or_else(|| Fault::format("its rows come in other portions"))?;
            read.push(P::decode(&rows)?);
        }
        Ok(read)
    }

    /// How many bytes pages have in the file, of the leaves of one column.
    pub(crate) async fn stored_bytes(
        &self,
        column: &str,
        pages: &[Range<usize>],
    ) -> Result<u64, Fault> {
        let footer = self.footer().await?;
        let metadata = &footer.metadata;
        let schema = metadata.file_metadata().schema_descr();
        let leaves = (0..schema.num_columns()).filter(|leaf| {
            schema
                .column(*leaf)
                .path()
                .parts()
                .first()
                .is_some_and(|c| c == column)
        });
        let leaves: Vec<usize> = leaves.collect();
        let mut bytes = 0;
        for page in pages {
            if page.start >= footer.rows() {
                return Err(Fault::format(format!("it has only {} rows", footer.rows())));
            }
            let group = footer.group(page.start);
            self.load(footer, group..group + 1).await?;
            let row = page.start - footer.starts[group];
            for leaf in &leaves {
                let all = footer.indexes.page_locations(group, *leaf);
                let starts_there =
                    |at: &&PageLocation| usize::try_from(at.first_row_index) == Ok(row);
                let location = all.and_then(|all| all.iter().find(starts_there));
                let size = location.map(|at| u64::try_from(at.compressed_page_size));
                bytes += size.and_then(Result::ok).unwrap_or_default();
            }
        }
        Ok(bytes)
    }

    /// The least value of each row group of a column of 64-bit integers.
    pub(crate) async fn lowest_by_group(&self, column: &str) -> Result<Vec<i64>, Fault> {
        let metadata = &self.footer().await?.metadata;
        let missing = || Fault::format(format!("the footer has no bounds of {column:?}"));
        let leaf = self.leaf(column).await?.ok_or_else(missing)?;
        let groups = metadata.row_groups().iter();
        let lowest = groups.map(|group| match group.column(leaf).statistics() {
            Some(Statistics::Int64(bounds)) => bounds.min_opt().copied().ok_or_else(missing),
            _ => Err(missing()),
        });
        lowest.collect()
    }

    /// The least value of each page of a row group of a column of 64-bit integers. Pages have so
    /// many rows.
    pub(crate) async fn lowest_by_page(
        &self,
        column: &str,
        group: usize,
        page_rows: usize,
    ) -> Result<Vec<i64>, Fault> {
        let footer = self.footer().await?;
        self.load(footer, group..group + 1).await?;
        let missing = || Fault::format(format!("there is no page index of {column:?}"));
        let leaf = self.leaf(column).await?.ok_or_else(missing)?;
        let indexes = &footer.indexes;
        let Some(ColumnIndexMetaData::INT64(bounds)) = indexes.column_index(group, leaf) else {
            return Err(missing());
        };
        let pages = indexes.page_locations(group, leaf).ok_or_else(missing)?;
        let pages = pages.iter().zip(bounds.min_values_iter()).enumerate();
        let lowest = pages.map(|(at, (page, least))| {
            let is_expected = usize::try_from(page.first_row_index) == Ok(at * page_rows);
            least.copied().filter(|_| is_expected).ok_or_else(missing)
        });
        lowest.collect()
    }

    /// The number of a column that is not nested.
    async fn leaf(&self, column: &str) -> Result<Option<usize>, Fault> {
        let metadata = &self.footer().await?.metadata;
        let schema = metadata.file_metadata().schema_descr();
        Ok((0..schema.num_columns()).find(|i| schema.column(*i).path().string() == column))
    }

    /// The least and the greatest value of a page of a text column, where the footer has them.
    pub(crate) async fn bounds<P: Page>(
        &self,
        column: &str,
        page: &Range<usize>,
    ) -> Result<Option<(&[u8], &[u8])>, Fault> {
        let footer = self.footer().await?;
        let (group, row) = (page.start / ROW_GROUP_ROWS, page.start % ROW_GROUP_ROWS);
        self.load(footer, group..group + 1).await?;
        let metadata = &footer.metadata;
        let schema = metadata.file_metadata().schema_descr();
        let leaf = (0..schema.num_columns()).find(|i| schema.column(*i).path().string() == column);
        let (Some(index), Some(leaf)) = (metadata.page_index(), leaf) else {
            return Ok(None);
        };
        let at = row / P::ROWS;
        let location = index
            .page_locations(group, leaf)
            .and_then(|all| all.get(at));
        let starts_there =
            location.is_some_and(|page| usize::try_from(page.first_row_index) == Ok(row));
        let bounds = match index.column_index(group, leaf) {
            Some(ColumnIndexMetaData::BYTE_ARRAY(bounds)) if starts_there => bounds,
            _ => return Ok(None),
        };
        Ok(bounds.min_value(at).zip(bounds.max_value(at)))
    }
}

/// Ranges that touch become one. They ascend.
pub(crate) fn joined(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}
