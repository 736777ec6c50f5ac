//! `index.parquet`: from a label pair to the series that have it, sorted by name and value. The
//! first row of each name has no value and holds all series with that label.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, SchemaRef};
use futures::TryStreamExt;
use narthex_model::Labels;
use parquet::basic::Encoding;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use roaring::RoaringBitmap;
use tokio::sync::OnceCell;

use crate::Fault;
use crate::rows::{RowsEncoder, decode_into};
use crate::table::{Columns, Table, ranges};
use crate::upload::schema;

/// The file's name.
pub(crate) const INDEX_FILE: &str = "index.parquet";

fn columns() -> SchemaRef {
    schema([
        ("name", DataType::Utf8, false),
        ("value", DataType::Utf8, true),
        ("n", DataType::Int32, false),
        ("rows", DataType::Binary, false),
    ])
}

/// How the file is laid out.
pub(crate) fn layout(base: WriterPropertiesBuilder) -> (SchemaRef, WriterProperties) {
    let column = |name: &str| ColumnPath::from(name);
    let properties = base
        .set_data_page_size_limit(16 << 10)
        .set_column_dictionary_enabled(column("name"), true)
        .set_column_statistics_enabled(column("name"), EnabledStatistics::Page)
        .set_column_encoding(column("value"), Encoding::DELTA_BYTE_ARRAY)
        .set_column_statistics_enabled(column("value"), EnabledStatistics::Page)
        .set_column_encoding(column("n"), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding(column("rows"), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .build();
    (columns(), properties)
}

/// The index of a block that is written.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    names: BTreeMap<String, Name>,
}

#[derive(Debug, Default)]
struct Name {
    all: RowsEncoder,
    values: BTreeMap<String, RowsEncoder>,
}

/// One row of the file.
pub(crate) struct IndexRow {
    name: Arc<str>,
    value: Option<String>,
    rows: RowsEncoder,
}

impl IndexBuilder {
    /// Adds a series; rows ascend.
    pub(crate) fn push(&mut self, row: u32, labels: &Labels) {
        for (name, value) in labels {
            if !self.names.contains_key(name) {
                self.names.insert(name.to_owned(), Name::default());
            }
            let Some(entry) = self.names.get_mut(name) else {
                continue;
            };
            entry.all.push(row);
            match entry.values.get_mut(value) {
                Some(rows) => rows.push(row),
                None => {
                    let rows = entry.values.entry(value.to_owned()).or_default();
                    rows.push(row);
                }
            }
        }
    }

    /// How many label pairs there are.
    pub(crate) fn pairs(&self) -> usize {
        self.names.values().map(|name| name.values.len()).sum()
    }

    /// All rows in the order of the file.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = IndexRow> {
        self.names.into_iter().flat_map(|(name, entry)| {
            let name: Arc<str> = name.into();
            let all = std::iter::once((None, entry.all));
            let values = entry
                .values
                .into_iter()
                .map(|(value, rows)| (Some(value), rows));
            all.chain(values).map(move |(value, rows)| IndexRow {
                name: Arc::clone(&name),
                value,
                rows,
            })
        })
    }
}

/// A batch of rows to write.
pub(crate) fn batch(rows: Vec<IndexRow>) -> Result<RecordBatch, Fault> {
    let names = rows.iter().map(|row| row.name.as_ref());
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(names));
    let values = rows.iter().map(|row| row.value.as_deref());
    let values: ArrayRef = Arc::new(StringArray::from_iter(values));
    let counts = rows
        .iter()
        .map(|row| i32::try_from(row.rows.count()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| Fault::format("too many series"))?;
    let sets = rows.into_iter().map(|row| row.rows.finish());
    let sets: ArrayRef = Arc::new(BinaryArray::from_iter_values(sets));
    let counts: ArrayRef = Arc::new(Int32Array::from(counts));
    RecordBatch::try_new(columns(), vec![names, values, counts, sets])
        .map_err(|e| Fault::format(e.to_string()))
}

/// The index of a block that is read.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) table: Table,
    series: u32,
    /// The rows of each label name; kept once they were read.
    names: OnceCell<BTreeMap<String, Range<usize>>>,
}

impl Index {
    pub(crate) fn new(table: Table, series: u32) -> Self {
        Self {
            table,
            series,
            names: OnceCell::new(),
        }
    }

    /// How many series the block has.
    pub(crate) fn series(&self) -> u32 {
        self.series
    }

    /// The rows of each label name: the first is the one without a value.
    pub(crate) async fn names(&self) -> Result<&BTreeMap<String, Range<usize>>, Fault> {
        self.names.get_or_try_init(|| self.read_names()).await
    }

    async fn read_names(&self) -> Result<BTreeMap<String, Range<usize>>, Fault> {
        let total = self.table.row_count().await?;
        let mut batches = self.table.read(&["name"], Some(0..total)).await?;
        let mut names: BTreeMap<String, Range<usize>> = BTreeMap::new();
        let mut row = 0;
        while let Some(batch) = batches.try_next().await? {
            for name in batch.text("name")?.iter().flatten() {
                match names.get_mut(name) {
                    Some(rows) => rows.end = row + 1,
                    None => {
                        names.insert(name.to_owned(), row..row + 1);
                    }
                }
                row += 1;
            }
        }
        Ok(names)
    }

    /// The series with a label of this name.
    pub(crate) async fn with_label(&self, name: &str) -> Result<RoaringBitmap, Fault> {
        match self.names().await?.get(name) {
            Some(rows) => self.union([rows.start]).await,
            None => Ok(RoaringBitmap::new()),
        }
    }

    /// The series whose label has one of these values.
    pub(crate) async fn with_values(
        &self,
        name: &str,
        values: &[String],
    ) -> Result<RoaringBitmap, Fault> {
        let Some(within) = self.value_rows(name).await? else {
            return Ok(RoaringBitmap::new());
        };
        let mut pages = RoaringBitmap::new();
        for value in values.iter().filter(|value| !value.is_empty()) {
            for rows in self.table.pages_with("value", value, &within).await? {
                pages.insert_range(narrow(rows)?);
            }
        }
        let pages = ranges(pages.iter().map(|row| row as usize));
        let mut found = Vec::new();
        let wanted = |value: &str| values.iter().any(|wanted| wanted == value);
        let few = |row: usize, value: &str| {
            if wanted(value) {
                found.push(row);
            }
        };
        self.each_value(pages, few).await?;
        self.union(found).await
    }

    /// The series whose label has a value that `accept` takes.
    pub(crate) async fn with_accepted(
        &self,
        name: &str,
        accept: impl Fn(&str) -> bool,
    ) -> Result<RoaringBitmap, Fault> {
        let Some(within) = self.value_rows(name).await? else {
            return Ok(RoaringBitmap::new());
        };
        let mut found = Vec::new();
        let each = |row: usize, value: &str| {
            if accept(value) {
                found.push(row);
            }
        };
        self.each_value(vec![within], each).await?;
        self.union(found).await
    }

    /// The values of a label, of all series or of those in `of`; sorted.
    pub(crate) async fn values(
        &self,
        name: &str,
        of: Option<&RoaringBitmap>,
    ) -> Result<Vec<String>, Fault> {
        let mut values = Vec::new();
        let Some(within) = self.value_rows(name).await? else {
            return Ok(values);
        };
        let Some(of) = of else {
            let each = |_: usize, value: &str| values.push(value.to_owned());
            self.each_value(vec![within], each).await?;
            return Ok(values);
        };
        let mut batches = self.table.read(&["value", "rows"], Some(within)).await?;
        while let Some(batch) = batches.try_next().await? {
            let (texts, sets) = (batch.text("value")?, batch.binary("rows")?);
            for row in 0..batch.num_rows() {
                let mut set = RoaringBitmap::new();
                decode_into(sets.value(row), self.series, &mut set)?;
                if !set.is_disjoint(of) {
                    values.push(texts.value(row).to_owned());
                }
            }
        }
        Ok(values)
    }

    /// The label names of all series or of those in `of`; sorted.
    pub(crate) async fn label_names(
        &self,
        of: Option<&RoaringBitmap>,
    ) -> Result<Vec<String>, Fault> {
        let names = self.names().await?;
        let Some(of) = of else {
            return Ok(names.keys().cloned().collect());
        };
        let mut firsts: Vec<(usize, &String)> = names
            .iter()
            .map(|(name, rows)| (rows.start, name))
            .collect();
        firsts.sort_unstable();
        let rows = ranges(firsts.iter().map(|(row, _)| *row));
        let mut batches = self.table.read(&["rows"], rows).await?;
        let mut firsts = firsts.into_iter();
        let mut found = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            let sets = batch.binary("rows")?;
            for (row, (_, name)) in (0..batch.num_rows()).zip(&mut firsts) {
                let mut set = RoaringBitmap::new();
                decode_into(sets.value(row), self.series, &mut set)?;
                if !set.is_disjoint(of) {
                    found.push(name.clone());
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The rows that have a value of this label, in the order of the values.
    async fn value_rows(&self, name: &str) -> Result<Option<Range<usize>>, Fault> {
        let rows = self.names().await?.get(name);
        Ok(rows.map(|rows| rows.start + 1..rows.end))
    }

    async fn each_value(
        &self,
        rows: Vec<Range<usize>>,
        mut each: impl FnMut(usize, &str),
    ) -> Result<(), Fault> {
        let mut batches = self.table.read(&["value"], rows.clone()).await?;
        let mut rows = rows.into_iter().flatten();
        while let Some(batch) = batches.try_next().await? {
            let values = batch.text("value")?;
            for (index, row) in (0..values.len()).zip(&mut rows) {
                each(row, values.value(index));
            }
        }
        Ok(())
    }

    async fn union(&self, rows: impl IntoIterator<Item = usize>) -> Result<RoaringBitmap, Fault> {
        let mut batches = self.table.read(&["rows"], ranges(rows)).await?;
        let mut union = RoaringBitmap::new();
        while let Some(batch) = batches.try_next().await? {
            for set in batch.binary("rows")?.iter().flatten() {
                decode_into(set, self.series, &mut union)?;
            }
        }
        Ok(union)
    }
}

fn narrow(rows: Range<usize>) -> Result<Range<u32>, Fault> {
    let row = |row: usize| u32::try_from(row).map_err(|_| Fault::format("too many label pairs"));
    Ok(row(rows.start)?..row(rows.end)?)
}
