//! Files beside `chunks.parquet` for what only some series have: native histograms and start
//! timestamps. A row is a cell for one row of `chunks.parquet`, which it names; rows ascend by
//! that name, so that the page index finds them. A block without such cells has no such file.
//!
//! It is not: what the cells say ([`narthex_nx::histogram_cell`], [`crate::start_cell`]).

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, BinaryArray, Int32Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use futures::TryStreamExt;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use tokio::sync::OnceCell;

use crate::columns::Columns;
use crate::meta::FileMeta;
use crate::page::{Page, page_of};
use crate::table::{Batches, Table};
use crate::upload::{FileWriter, schema};
use crate::write::Files;
use crate::{BlockError, Fault};

/// The native histograms.
pub(crate) const HISTOGRAMS_FILE: &str = "histograms.parquet";

/// The start timestamps.
pub(crate) const STARTS_FILE: &str = "starts.parquet";

/// The column that says which row of `chunks.parquet` a cell is for.
pub(crate) const ROW_COLUMN: &str = "row";

/// The only encoding of cells there is.
const ENCODING: i32 = 1;

/// Rows of a page: cells of histograms may have kilobytes.
const SIDE_PAGE_ROWS: usize = 32;

/// Rows of a row group, which is what the writer holds in memory: a whole number of pages.
const SIDE_GROUP_ROWS: usize = 8_192;

fn columns() -> SchemaRef {
    schema([
        (ROW_COLUMN, DataType::Int64, false),
        ("enc", DataType::Int32, false),
        ("cell", DataType::Binary, false),
    ])
}

/// How the files are laid out.
fn layout(base: WriterPropertiesBuilder) -> (SchemaRef, WriterProperties) {
    let [row, enc, cell] = [ROW_COLUMN, "enc", "cell"].map(ColumnPath::from);
    let mut properties = base
        .set_write_batch_size(16)
        .set_data_page_row_count_limit(SIDE_PAGE_ROWS)
        .set_column_encoding(cell, Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_column_statistics_enabled(row.clone(), EnabledStatistics::Page);
    for packed in [row, enc] {
        properties = properties
            .set_column_encoding(packed.clone(), Encoding::DELTA_BINARY_PACKED)
            .set_column_compression(packed, Compression::UNCOMPRESSED);
    }
    (columns(), properties.build())
}

/// Cells of one slice that wait to be written: the series' number and the cell, ascending.
pub(crate) type SideRows = Vec<(usize, Vec<u8>)>;

/// A side file on its way to the store. It is made once there is a cell.
pub(crate) struct SideWriter<'a> {
    files: Files<'a>,
    name: &'static str,
    file: Option<FileWriter<'a>>,
    /// Rows that are not a page yet: the Parquet writer would end its pages where they end.
    waiting: Vec<(i64, Vec<u8>)>,
    /// Rows so far, without those.
    written: usize,
}

impl<'a> SideWriter<'a> {
    pub(crate) fn new(files: Files<'a>, name: &'static str) -> Self {
        Self {
            files,
            name,
            file: None,
            waiting: Vec::new(),
            written: 0,
        }
    }

    /// Appends the cells of a slice, whose rows in `chunks.parquet` begin at `first_row`.
    pub(crate) async fn append(
        &mut self,
        first_row: usize,
        rows: SideRows,
    ) -> Result<(), BlockError> {
        for (series, cell) in rows {
            let row = first_row.checked_add(series);
            let row = row.and_then(|row| i64::try_from(row).ok());
            let row = row.ok_or_else(|| self.blame(Fault::format("too many rows")))?;
            self.waiting.push((row, cell));
            if self.waiting.len() == SIDE_PAGE_ROWS {
                self.write_waiting().await?;
            }
        }
        Ok(())
    }

    async fn write_waiting(&mut self) -> Result<(), BlockError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.files.create(self.name, layout)?),
        };
        self.written += self.waiting.len();
        let written = batch(&self.waiting).and_then(|batch| file.write(&batch));
        self.waiting.clear();
        let ended = match written {
            Ok(()) if self.written.is_multiple_of(SIDE_GROUP_ROWS) => file.end_row_group().await,
            other => other,
        };
        ended.map_err(|fault| self.blame(fault))
    }

    /// Ends the file, where there is one.
    pub(crate) async fn finish(mut self) -> Result<Option<(String, FileMeta)>, BlockError> {
        if !self.waiting.is_empty() {
            self.write_waiting().await?;
        }
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let meta = file.finish().await.map_err(|fault| self.blame(fault))?;
        Ok(Some((self.name.to_owned(), meta)))
    }

    fn blame(&self, fault: Fault) -> BlockError {
        self.files.blame(self.name, fault)
    }
}

fn batch(rows: &[(i64, Vec<u8>)]) -> Result<RecordBatch, Fault> {
    let numbers = rows.iter().map(|(row, _)| *row);
    let cells = BinaryArray::from_iter_values(rows.iter().map(|(_, cell)| cell));
    let batch = RecordBatch::try_new(
        columns(),
        vec![
            Arc::new(Int64Array::from_iter_values(numbers)),
            Arc::new(Int32Array::from(vec![ENCODING; rows.len()])),
            Arc::new(cells),
        ],
    );
    batch.map_err(|e| Fault::format(e.to_string()))
}

/// Rows that were read.
#[derive(Debug)]
pub(crate) struct SidePage {
    /// The rows of `chunks.parquet`, ascending.
    rows: Vec<usize>,
    cells: BinaryArray,
}

impl Page for SidePage {
    const ROWS: usize = SIDE_PAGE_ROWS;
    const COLUMNS: &'static [&'static str] = &[ROW_COLUMN, "enc", "cell"];

    fn decode(batch: &RecordBatch) -> Result<Self, Fault> {
        let (numbers, encodings) = (batch.int64(ROW_COLUMN)?, batch.int32("enc")?);
        let cells = batch.binary("cell")?;
        if numbers.null_count() + encodings.null_count() + cells.null_count() > 0 {
            return Err(contradiction());
        }
        if let Some(unknown) = encodings.values().iter().find(|enc| **enc != ENCODING) {
            return Err(Fault::format(format!("unknown cell encoding {unknown}")));
        }
        let row = |number: &i64| usize::try_from(*number).map_err(|_| contradiction());
        let rows: Vec<usize> = numbers.values().iter().map(row).collect::<Result<_, _>>()?;
        match rows.is_sorted_by(|a, b| a < b) {
            true => Ok(Self { rows, cells }),
            false => Err(contradiction()),
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(self.rows.as_slice()) + self.cells.get_array_memory_size()
    }
}

impl SidePage {
    /// The cell for a row of `chunks.parquet`.
    fn cell(&self, row: usize) -> Option<&[u8]> {
        let at = self.rows.binary_search(&row).ok()?;
        Some(self.cells.value(at))
    }
}

fn contradiction() -> Fault {
    Fault::format("the rows of cells contradict themselves")
}

/// A side file that is read.
#[derive(Debug)]
pub(crate) struct SideTable {
    pub(crate) table: Table,
    /// The first row of `chunks.parquet` that each row group has a cell for; found once.
    groups: OnceCell<Vec<i64>>,
}

impl SideTable {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table,
            groups: OnceCell::new(),
        }
    }

    /// The pages that may have cells for rows of `chunks.parquet`, which ascend; for each row the
    /// last page that does not begin behind it.
    async fn pages(&self, rows: &[usize]) -> Result<Vec<usize>, Fault> {
        let read = || self.table.lowest_by_group(ROW_COLUMN);
        let groups = self.groups.get_or_try_init(read).await?;
        let last_at_or_before = |lowest: &[i64], row: usize| {
            let row = i64::try_from(row).unwrap_or(i64::MAX);
            lowest
                .partition_point(|lowest| *lowest <= row)
                .checked_sub(1)
        };
        let mut pages = Vec::new();
        let in_group =
            rows.chunk_by(|a, b| last_at_or_before(groups, *a) == last_at_or_before(groups, *b));
        for rows in in_group {
            let first = rows.first().copied().unwrap_or_default();
            let Some(group) = last_at_or_before(groups, first) else {
                continue;
            };
            let lowest = self.table.lowest_by_page(ROW_COLUMN, group, SIDE_PAGE_ROWS);
            let lowest = lowest.await?;
            let before = group * (SIDE_GROUP_ROWS / SIDE_PAGE_ROWS);
            let found = rows
                .iter()
                .filter_map(|row| last_at_or_before(&lowest, *row));
            pages.extend(found.map(|page| before + page));
            pages.dedup();
        }
        Ok(pages)
    }

    /// The cells for rows of `chunks.parquet`, which ascend.
    pub(crate) async fn cells(&self, rows: &[usize]) -> Result<SideCells, Fault> {
        let pages = self.pages(rows).await?;
        let total = self.table.row_count().await?;
        let pages: Vec<Range<usize>> = pages
            .into_iter()
            .map(|number| page_of::<SidePage>(number, &(0..total)))
            .collect();
        Ok(SideCells {
            pages: self.table.pages(&pages).await?,
        })
    }

    /// Reads the cells for a stretch of rows of `chunks.parquet`, one after the other.
    pub(crate) async fn scan(&self, rows: Range<usize>) -> Result<SideScan, Fault> {
        let total = self.table.row_count().await?;
        let first = self.pages(&[rows.start]).await?.pop().unwrap_or_default();
        let last = self.pages(&[rows.end.saturating_sub(1)]).await?.pop();
        let taken = last.map(|last| {
            let end = last.saturating_add(1).saturating_mul(SIDE_PAGE_ROWS);
            total.min(first.saturating_mul(SIDE_PAGE_ROWS))..total.min(end)
        });
        Ok(SideScan {
            batches: self.table.read(SidePage::COLUMNS, taken).await?,
            page: None,
            at: 0,
        })
    }
}

/// Cells that were read, by row of `chunks.parquet`.
#[derive(Debug, Default)]
pub(crate) struct SideCells {
    pages: Vec<Arc<SidePage>>,
}

impl SideCells {
    /// The cell for a row that was asked for; `None` where there is none.
    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
        let is_before = |page: &Arc<SidePage>| page.rows.first().is_some_and(|first| *first <= row);
        let page = self.pages.partition_point(is_before).checked_sub(1)?;
        self.pages.get(page)?.cell(row)
    }
}

/// Cells that come one after the other.
pub(crate) struct SideScan {
    batches: Batches,
    page: Option<SidePage>,
    at: usize,
}

impl SideScan {
    /// The cell for a row of `chunks.parquet`; rows are asked for in ascending order.
    pub(crate) async fn next(&mut self, row: usize) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            if let Some(page) = &self.page {
                let rest = page.rows.get(self.at..).unwrap_or_default();
                self.at += rest.partition_point(|known| *known < row);
                if let Some(known) = page.rows.get(self.at) {
                    let is_it = *known == row;
                    return Ok(is_it.then(|| page.cells.value(self.at).to_vec()));
                }
            }
            let Some(batch) = self.batches.try_next().await? else {
                return Ok(None);
            };
            self.page = Some(SidePage::decode(&batch)?);
            self.at = 0;
        }
    }
}
