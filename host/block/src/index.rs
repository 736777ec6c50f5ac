//! `index.parquet`: from a label pair to the series that have it, sorted by name and value. The
//! first row of each name has no value and holds all series with that label.

use std::cmp::Ordering;
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
use crate::columns::Columns;
use crate::page::{Page, touched};
use crate::rows::{RowsEncoder, decode_into};
use crate::table::Table;
use crate::upload::schema;

/// The file's name.
pub(crate) const INDEX_FILE: &str = "index.parquet";

/// Pages that a search through many values reads in one go.
const PAGES_AT_ONCE: usize = 64;

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

/// Rows that were read.
#[derive(Debug)]
struct IndexPage {
    values: StringArray,
    rows: BinaryArray,
}

impl Page for IndexPage {
    const COLUMNS: &'static [&'static str] = &["value", "rows"];

    fn decode(rows: &RecordBatch) -> Result<Self, Fault> {
        Ok(Self {
            values: rows.text("value")?,
            rows: rows.binary("rows")?,
        })
    }

    fn bytes(&self) -> usize {
        self.values.get_array_memory_size() + self.rows.get_array_memory_size()
    }
}

/// The index of a block that is read.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) table: Table,
    series: u32,
    names: OnceCell<Names>,
}

/// The rows of each label name; the first of them is the one without a value.
#[derive(Debug, Default)]
struct Names {
    rows: BTreeMap<String, Range<usize>>,
    total: usize,
}

/// Consecutive rows of a page, and the number of the first in the file.
struct Part {
    page: Arc<IndexPage>,
    within: Range<usize>,
}

impl Part {
    fn value(&self, at: usize) -> &str {
        self.page.values.value(at)
    }

    /// Where `value` is.
    fn find(&self, value: &str) -> Option<usize> {
        let (mut from, mut to) = (self.within.start, self.within.end);
        while from < to {
            let middle = from + (to - from) / 2;
            match self.value(middle).cmp(value) {
                Ordering::Equal => return Some(middle),
                Ordering::Less => from = middle + 1,
                Ordering::Greater => to = middle,
            }
        }
        None
    }
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

    async fn names(&self) -> Result<&Names, Fault> {
        self.names.get_or_try_init(|| self.read_names()).await
    }

    async fn read_names(&self) -> Result<Names, Fault> {
        let mut names = Names::default();
        let total = self.table.row_count().await?;
        let mut batches = self.table.read(&["name"], Some(0..total)).await?;
        while let Some(batch) = batches.try_next().await? {
            for name in batch.text("name")?.iter().flatten() {
                let row = names.total;
                match names.rows.get_mut(name) {
                    Some(rows) => rows.end = row + 1,
                    None => {
                        names.rows.insert(name.to_owned(), row..row + 1);
                    }
                }
                names.total += 1;
            }
        }
        Ok(names)
    }

    /// The series with a label of this name.
    pub(crate) async fn with_label(&self, name: &str) -> Result<RoaringBitmap, Fault> {
        let mut found = RoaringBitmap::new();
        let names = self.names().await?;
        if let Some(rows) = names.rows.get(name) {
            let first = rows.start..rows.start + 1;
            for part in self
                .parts(&touched::<IndexPage>(first.clone(), names.total), &first)
                .await?
            {
                self.add(&part, part.within.start, &mut found)?;
            }
        }
        Ok(found)
    }

    /// The series whose label has one of these values.
    pub(crate) async fn with_values(
        &self,
        name: &str,
        values: &[String],
    ) -> Result<RoaringBitmap, Fault> {
        let mut found = RoaringBitmap::new();
        let (within, pages) = self.value_rows(name).await?;
        let values: Vec<&String> = values.iter().filter(|value| !value.is_empty()).collect();
        for values in values.chunks(PAGES_AT_ONCE) {
            let mut candidates = BTreeMap::new();
            for value in values {
                let value = value.as_bytes();
                let pages = self.candidates(value, |least| least > value, &pages);
                let pages = pages.await?.into_iter();
                candidates.extend(pages.map(|page| (page.start, page)));
            }
            let candidates: Vec<_> = candidates.into_values().collect();
            for part in self.parts(&candidates, &within).await? {
                for value in values {
                    if let Some(at) = part.find(value) {
                        self.add(&part, at, &mut found)?;
                    }
                }
            }
        }
        Ok(found)
    }

    /// The series whose label has a value that `accept` takes; all of these begin with `prefix`.
    pub(crate) async fn with_accepted(
        &self,
        name: &str,
        prefix: &str,
        accept: impl Fn(&str) -> bool,
    ) -> Result<RoaringBitmap, Fault> {
        let mut found = RoaringBitmap::new();
        let (within, mut pages) = self.value_rows(name).await?;
        if !prefix.is_empty() {
            let prefix = prefix.as_bytes();
            let is_behind = |least: &[u8]| least > prefix && !least.starts_with(prefix);
            pages = self.candidates(prefix, is_behind, &pages).await?;
        }
        for pages in pages.chunks(PAGES_AT_ONCE) {
            for part in self.parts(pages, &within).await? {
                for at in part.within.clone().filter(|at| accept(part.value(*at))) {
                    self.add(&part, at, &mut found)?;
                }
            }
        }
        Ok(found)
    }

    /// The first `limit` values of a label, of all series or of those in `of`; sorted.
    pub(crate) async fn values(
        &self,
        name: &str,
        of: Option<&RoaringBitmap>,
        limit: usize,
    ) -> Result<Vec<String>, Fault> {
        let mut values = Vec::new();
        let (within, pages) = self.value_rows(name).await?;
        let pages_at_once = (limit / IndexPage::ROWS + 1).min(PAGES_AT_ONCE);
        for pages in pages.chunks(pages_at_once) {
            for part in self.parts(pages, &within).await? {
                for at in part.within.clone() {
                    if values.len() == limit {
                        return Ok(values);
                    }
                    if self.has_any(&part, at, of)? {
                        values.push(part.value(at).to_owned());
                    }
                }
            }
        }
        Ok(values)
    }

    /// The first `limit` label names of all series or of those in `of`; sorted.
    pub(crate) async fn label_names(
        &self,
        of: Option<&RoaringBitmap>,
        limit: usize,
    ) -> Result<Vec<String>, Fault> {
        let names = self.names().await?;
        let mut found = Vec::new();
        for (name, rows) in &names.rows {
            if found.len() == limit {
                break;
            }
            let first = rows.start..rows.start + 1;
            for part in self
                .parts(&touched::<IndexPage>(first.clone(), names.total), &first)
                .await?
            {
                if self.has_any(&part, part.within.start, of)? {
                    found.push(name.clone());
                }
            }
        }
        Ok(found)
    }

    /// The rows that have a value of this label, in the order of the values, and their pages.
    async fn value_rows(&self, name: &str) -> Result<(Range<usize>, Vec<Range<usize>>), Fault> {
        let names = self.names().await?;
        let rows = names.rows.get(name);
        let rows = rows.map_or(0..0, |rows| rows.start + 1..rows.end);
        Ok((rows.clone(), touched::<IndexPage>(rows, names.total)))
    }

    /// The pages that may have a value from `from` on that is not behind what is looked for, of
    /// those of its label. The first and the last of them may have values of other labels too, so
    /// their bounds say nothing; those between are sorted.
    async fn candidates(
        &self,
        from: &[u8],
        is_behind: impl Fn(&[u8]) -> bool,
        pages: &[Range<usize>],
    ) -> Result<Vec<Range<usize>>, Fault> {
        let [first, between @ .., last] = pages else {
            return Ok(pages.to_vec());
        };
        let start = self.partition(between, |_, greatest| greatest < from);
        let start = start.await?.unwrap_or(0);
        let near = &between[start..];
        let end = self.partition(near, |least, _| !is_behind(least));
        let end = end.await?.unwrap_or(near.len());
        let near = near[..end].iter();
        Ok(std::iter::once(first)
            .chain(near)
            .chain([last])
            .cloned()
            .collect())
    }

    /// How many of the pages, which are sorted, come before the first one of which `is_before` is
    /// not true; `None` where the file does not tell what they have.
    async fn partition(
        &self,
        pages: &[Range<usize>],
        is_before: impl Fn(&[u8], &[u8]) -> bool,
    ) -> Result<Option<usize>, Fault> {
        let (mut from, mut to) = (0, pages.len());
        while from < to {
            let middle = from + (to - from) / 2;
            let bounds = self.table.bounds::<IndexPage>("value", &pages[middle]);
            match bounds.await? {
                Some((least, greatest)) if is_before(least, greatest) => from = middle + 1,
                Some(_) => to = middle,
                None => return Ok(None),
            }
        }
        Ok(Some(from))
    }

    /// What pages have of the rows `within`.
    async fn parts(
        &self,
        pages: &[Range<usize>],
        within: &Range<usize>,
    ) -> Result<Vec<Part>, Fault> {
        let read = self.table.pages(pages).await?;
        let part = |(page, rows): (Arc<IndexPage>, &Range<usize>)| Part {
            within: within.start.max(rows.start) - rows.start
                ..within.end.min(rows.end) - rows.start,
            page,
        };
        Ok(read.into_iter().zip(pages).map(part).collect())
    }

    /// Adds the series of a row.
    fn add(&self, part: &Part, at: usize, found: &mut RoaringBitmap) -> Result<(), Fault> {
        decode_into(part.page.rows.value(at), self.series, found)
    }

    /// Whether a row has any of these series.
    fn has_any(&self, part: &Part, at: usize, of: Option<&RoaringBitmap>) -> Result<bool, Fault> {
        let Some(of) = of else { return Ok(true) };
        let mut rows = RoaringBitmap::new();
        self.add(part, at, &mut rows)?;
        Ok(!rows.is_disjoint(of))
    }
}
