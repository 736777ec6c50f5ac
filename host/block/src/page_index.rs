//! Where the pages of a Parquet file lie, row group by row group, read when a row group is first
//! wanted. All of it at once would be more than what a query reads: a block of a month has a
//! twentieth of it in the slices of a day.

use std::any::Any;
use std::ops::Range;

use futures::future::try_join_all;
use parquet::basic::Type;
use parquet::file::metadata::page_index::PageIndexProvider;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::index_reader::{decode_column_index, decode_offset_index};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use tokio::sync::OnceCell;

use crate::Fault;
use crate::file::VerifiedFile;
use crate::side::ROW_COLUMN;

/// The page indexes of a file. What was not loaded is not there for the Parquet reader, so
/// [`Self::load`] comes first.
#[derive(Debug)]
pub(crate) struct PageIndexes {
    groups: Vec<OnceCell<GroupIndex>>,
}

#[derive(Debug)]
struct GroupIndex {
    offsets: Vec<OffsetIndexMetaData>,
    /// Of columns of text and bytes, and of what rows of side files are found by; the bounds of
    /// other numbers are not asked for.
    bounds: Vec<Option<ColumnIndexMetaData>>,
}

impl PageIndexes {
    /// Of a file with so many row groups; nothing is loaded yet.
    pub(crate) fn new(groups: usize) -> Self {
        Self {
            groups: (0..groups).map(|_| OnceCell::new()).collect(),
        }
    }

    /// Reads what is missing of these row groups, all at the same time.
    pub(crate) async fn load(
        &self,
        file: &VerifiedFile,
        metadata: &ParquetMetaData,
        groups: Range<usize>,
    ) -> Result<(), Fault> {
        let cells = groups.filter_map(|number| Some((number, self.groups.get(number)?)));
        let missing = cells.filter(|(_, cell)| !cell.initialized());
        let loads = missing.map(|(number, cell)| {
            cell.get_or_try_init(move || GroupIndex::read(file, metadata, number))
        });
        try_join_all(loads).await?;
        Ok(())
    }

    /// Where the page lies that has just these rows, counted from the first of the row group, which
    /// has `all_rows`. `None` where there is none.
    pub(crate) fn page_of_rows(
        &self,
        (group, all_rows): (usize, usize),
        column: usize,
        rows: &Range<usize>,
    ) -> Option<Range<u64>> {
        let pages = self.page_locations(group, column)?;
        let row = |at: usize| usize::try_from(pages.get(at)?.first_row_index).ok();
        let at = pages.partition_point(|page| {
            usize::try_from(page.first_row_index).is_ok_and(|first| first < rows.start)
        });
        if row(at)? != rows.start || row(at + 1).unwrap_or(all_rows) != rows.end {
            return None;
        }
        let start = u64::try_from(pages[at].offset).ok()?;
        let bytes = u64::try_from(pages[at].compressed_page_size).ok()?;
        Some(start..start.checked_add(bytes)?)
    }

    /// Where the dictionary of a column of a row group lies; `None` where it has none.
    pub(crate) fn dictionary(
        &self,
        column: &ColumnChunkMetaData,
        group: usize,
        number: usize,
    ) -> Option<Range<u64>> {
        let start = u64::try_from(column.dictionary_page_offset()?).ok()?;
        let first = self.page_locations(group, number)?.first()?;
        let end = u64::try_from(first.offset).ok()?;
        (start < end).then_some(start..end)
    }

    fn group(&self, number: usize) -> Option<&GroupIndex> {
        self.groups.get(number)?.get()
    }
}

impl GroupIndex {
    async fn read(
        file: &VerifiedFile,
        metadata: &ParquetMetaData,
        number: usize,
    ) -> Result<Self, Fault> {
        let columns = metadata.row_group(number).columns();
        let offsets = columns.iter().map(|column| column.offset_index_range());
        let offsets: Vec<Range<u64>> = offsets
            .collect::<Option<_>>()
            .ok_or_else(|| Fault::format("a column has no index of its pages"))?;
        let bounds = columns.iter().map(|column| {
            let range = column.column_index_range();
            let is_key = column.column_path().string() == ROW_COLUMN;
            range.filter(|_| is_key || column.column_type() == Type::BYTE_ARRAY)
        });
        let bounds: Vec<Option<Range<u64>>> = bounds.collect();
        let wanted = offsets.iter().chain(bounds.iter().flatten());
        let wanted: Vec<Range<u64>> = wanted.cloned().collect();
        let read = file.read(&wanted).await?;
        let mut parts = read.iter();
        let offsets = parts.by_ref().take(columns.len());
        let offsets = offsets.map(|bytes| decode_offset_index(bytes));
        let offsets = offsets.collect::<Result<_, _>>()?;
        let mut decoded = Vec::with_capacity(columns.len());
        for (bounds, column) in bounds.iter().zip(columns) {
            let bytes = bounds.as_ref().and_then(|_| parts.next());
            let bounds = bytes.map(|bytes| decode_column_index(bytes, column.column_type()));
            decoded.push(bounds.transpose()?);
        }
        Ok(Self {
            offsets,
            bounds: decoded,
        })
    }
}

impl PageIndexProvider for PageIndexes {
    fn has_offset_indexes(&self) -> bool {
        true
    }

    fn has_column_indexes(&self) -> bool {
        true
    }

    fn column_index(&self, group: usize, column: usize) -> Option<&ColumnIndexMetaData> {
        self.group(group)?.bounds.get(column)?.as_ref()
    }

    fn offset_index(&self, group: usize, column: usize) -> Option<&OffsetIndexMetaData> {
        self.group(group)?.offsets.get(column)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
