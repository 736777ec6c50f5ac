//! One Parquet file of a block: reads chosen columns of chosen rows, and only their pages.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, BinaryArray, PrimitiveArray, RecordBatch, StringArray};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelectionPolicy};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use tokio::sync::OnceCell;

use crate::file::VerifiedFile;
use crate::page::{Page, PageCache, TableId};
use crate::write::ROW_GROUP_ROWS;
use crate::{BlockError, Fault};

/// Rows that [`Table::read`] decodes at a time.
const BATCH_ROWS: usize = 1_024;

/// Batches of the rows that were asked for, in order.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, Fault>>;

/// A Parquet file. Its footer is kept once it was read, its pages as long as there is room.
#[derive(Debug)]
pub(crate) struct Table {
    block: String,
    name: &'static str,
    file: VerifiedFile,
    footer: OnceCell<ArrowReaderMetadata>,
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

    async fn footer(&self) -> Result<&ArrowReaderMetadata, Fault> {
        self.footer.get_or_try_init(|| self.file.parquet()).await
    }

    /// How many rows the file has.
    pub(crate) async fn row_count(&self) -> Result<usize, Fault> {
        let rows = self.footer().await?.metadata().file_metadata().num_rows();
        usize::try_from(rows).map_err(|_| Fault::format("a negative number of rows"))
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
        let footer = self.footer().await?.clone();
        let total = self.row_count().await?;
        let rows: Vec<Range<usize>> = rows.into_iter().collect();
        let ascending = rows.is_sorted_by(|a, b| a.end <= b.start);
        if !ascending || rows.last().is_some_and(|last| last.end > total) {
            return Err(Fault::format(format!("it has only {total} rows")));
        }
        let schema = footer.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::columns(schema, columns.iter().copied());
        let selection = RowSelection::from_consecutive_ranges(rows.into_iter(), total);
        let stream = ParquetRecordBatchStreamBuilder::new_with_metadata(self.file.clone(), footer)
            .with_projection(mask)
            .with_row_selection(selection)
            .with_row_selection_policy(RowSelectionPolicy::Selectors)
            .with_batch_size(batch_rows)
            .build()?;
        Ok(stream.map(|batch| batch.map_err(Fault::from)).boxed())
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
            let rows = joined(missing.iter().map(|at| pages[*at].clone()));
            let mut batches = self.read_batches(P::COLUMNS, rows, P::ROWS).await?;
            for at in missing {
                let rows = batches.try_next().await?;
                let rows = rows.filter(|rows| rows.num_rows() == pages[at].len());
                let rows = rows.ok_or_else(|| Fault::format("its rows come in other portions"))?;
                let page = Arc::new(P::decode(&rows)?);
                self.cache.keep(self.id, pages[at].start, &page);
                found[at] = Some(page);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// The least and the greatest value of a page of a text column, where the footer has them.
    pub(crate) async fn bounds<P: Page>(
        &self,
        column: &str,
        page: &Range<usize>,
    ) -> Result<Option<(&[u8], &[u8])>, Fault> {
        let metadata = self.footer().await?.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let leaf = (0..schema.num_columns()).find(|i| schema.column(*i).path().string() == column);
        let (Some(index), Some(leaf)) = (metadata.page_index(), leaf) else {
            return Ok(None);
        };
        let (group, row) = (page.start / ROW_GROUP_ROWS, page.start % ROW_GROUP_ROWS);
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

/// The columns of a batch, by name and type.
pub(crate) trait Columns {
    /// A column of any type.
    fn any(&self, name: &str) -> Result<&ArrayRef, Fault>;

    /// A column of numbers.
    fn numbers<T: ArrowPrimitiveType>(&self, name: &str) -> Result<PrimitiveArray<T>, Fault> {
        let column = self.any(name)?.as_primitive_opt::<T>();
        column.cloned().ok_or_else(|| mistyped(name))
    }

    /// A column of 32-bit integers.
    fn int32(&self, name: &str) -> Result<PrimitiveArray<Int32Type>, Fault> {
        self.numbers(name)
    }

    /// A column of 64-bit integers.
    fn int64(&self, name: &str) -> Result<PrimitiveArray<Int64Type>, Fault> {
        self.numbers(name)
    }

    /// A column of times.
    fn times(&self, name: &str) -> Result<PrimitiveArray<TimestampMillisecondType>, Fault> {
        self.numbers(name)
    }

    /// A column of text.
    fn text(&self, name: &str) -> Result<StringArray, Fault> {
        let column = self.any(name)?.as_string_opt::<i32>();
        column.cloned().ok_or_else(|| mistyped(name))
    }

    /// A column of bytes.
    fn binary(&self, name: &str) -> Result<BinaryArray, Fault> {
        let column = self.any(name)?.as_binary_opt::<i32>();
        column.cloned().ok_or_else(|| mistyped(name))
    }
}

impl Columns for RecordBatch {
    fn any(&self, name: &str) -> Result<&ArrayRef, Fault> {
        self.column_by_name(name)
            .ok_or_else(|| Fault::format(format!("there is no column {name:?}")))
    }
}

pub(crate) fn mistyped(name: &str) -> Fault {
    Fault::format(format!("column {name:?} has another type"))
}

/// The value of a row, or `None` where it is empty.
pub(crate) fn number<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    row: usize,
) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

/// The bytes of a row, or `None` where it is empty.
pub(crate) fn bytes(column: &BinaryArray, row: usize) -> Option<&[u8]> {
    column.is_valid(row).then(|| column.value(row))
}
