//! One Parquet file of a block: reads chosen columns of chosen rows, and only their pages.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, BinaryArray, PrimitiveArray, RecordBatch, StringArray};
use futures::StreamExt;
use futures::stream::BoxStream;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use tokio::sync::OnceCell;

use crate::file::VerifiedFile;
use crate::{BlockError, Fault};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1_024;

/// Batches of the rows that were asked for, in order.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, Fault>>;

/// A Parquet file, its footer kept once it was read.
#[derive(Debug)]
pub(crate) struct Table {
    block: String,
    name: &'static str,
    file: VerifiedFile,
    footer: OnceCell<ArrowReaderMetadata>,
}

impl Table {
    pub(crate) fn new(block: &str, name: &'static str, file: VerifiedFile) -> Self {
        Self {
            block: block.to_owned(),
            name,
            file,
            footer: OnceCell::new(),
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

    /// Reads columns of rows; the ranges ascend and do not overlap.
    pub(crate) async fn read(
        &self,
        columns: &[&str],
        rows: impl IntoIterator<Item = Range<usize>>,
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
            .with_batch_size(BATCH_ROWS)
            .build()?;
        Ok(stream.map(|batch| batch.map_err(Fault::from)).boxed())
    }

    /// The rows of those pages of a text column that may hold `value`, cut to `within`.
    pub(crate) async fn pages_with(
        &self,
        column: &str,
        value: &str,
        within: &Range<usize>,
    ) -> Result<Vec<Range<usize>>, Fault> {
        let metadata = self.footer().await?.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let leaf = (0..schema.num_columns()).find(|i| schema.column(*i).path().string() == column);
        let (Some(pages), Some(leaf)) = (metadata.page_index(), leaf) else {
            return Ok(vec![within.clone()]);
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut group_start = 0;
        for (group, row_group) in metadata.row_groups().iter().enumerate() {
            let row = |row: i64| usize::try_from(row).map_err(|_| Fault::format("a negative row"));
            let group_end = group_start + row(row_group.num_rows())?;
            let locations = pages.page_locations(group, leaf);
            let bounds = pages.column_index(group, leaf);
            let starts: Vec<usize> = match locations {
                Some(locations) => locations
                    .iter()
                    .map(|page| Ok(group_start + row(page.first_row_index)?))
                    .collect::<Result<_, Fault>>()?,
                None => vec![group_start],
            };
            for (page, start) in starts.iter().enumerate() {
                let end = starts.get(page + 1).copied().unwrap_or(group_end);
                let rows = (*start).max(within.start)..end.min(within.end);
                if rows.is_empty() || !may_hold(bounds, page, value.as_bytes()) {
                    continue;
                }
                match found.last_mut() {
                    Some(last) if last.end == rows.start => last.end = rows.end,
                    _ => found.push(rows),
                }
            }
            group_start = group_end;
        }
        Ok(found)
    }
}

fn may_hold(bounds: Option<&ColumnIndexMetaData>, page: usize, value: &[u8]) -> bool {
    let Some(ColumnIndexMetaData::BYTE_ARRAY(bounds)) = bounds else {
        return true;
    };
    bounds.min_value(page).is_none_or(|min| min <= value)
        && bounds.max_value(page).is_none_or(|max| value <= max)
}

/// Neighbouring rows become one range. The rows ascend.
pub(crate) fn ranges(rows: impl IntoIterator<Item = usize>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in rows {
        match ranges.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
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
