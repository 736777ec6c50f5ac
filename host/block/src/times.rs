//! `times.parquet`: the timestamps of a slice of time, once for all series that share them.
//!
//! A series' timestamps are found as a whole vector, as a stretch of one, or as a stretch with
//! gaps; only what fits none makes a vector of its own.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, TimestampMillisecondBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, RecordBatch, TimestampMillisecondArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, Field, SchemaRef};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::Fault;
use crate::column_page::Content;
use crate::columns::{Columns, mistyped};
use crate::page::{Page, Stored, page_of};
use crate::table::Table;
use crate::upload::{schema, timestamp};

/// The file's name.
pub(crate) const TIMES_FILE: &str = "times.parquet";

/// How many vectors are tried for a series whose timestamps are not a whole one.
const CANDIDATES_MAX: usize = 8;

/// A series with fewer samples than this part of the stretch gets a vector of its own.
const SPAN_PER_SAMPLE_MAX: usize = 8;

/// Where the timestamps of a series are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The row of `times.parquet`.
    pub(crate) group: i32,
    /// The first timestamp's place in that row's vector.
    pub(crate) start: i32,
    /// One bit for each further place, lowest first, set where the series has no sample;
    /// `None` where it has no gap.
    pub(crate) gaps: Option<Vec<u8>>,
}

/// The vectors of a block that is written, or of a part of it.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// The row of the first vector.
    first: usize,
    slices_ms: Vec<i64>,
    vectors: Vec<ScalarBuffer<i64>>,
    whole: HashMap<Fingerprint, Vec<usize>>,
    /// Vectors by a part of their timestamps, chosen by [`is_landmark`].
    landmarks: HashMap<i64, Vec<usize>>,
}

type Fingerprint = (i64, usize, u32);

fn fingerprint(timestamps: &ScalarBuffer<i64>) -> Fingerprint {
    let first = timestamps.first().copied().unwrap_or_default();
    let sum = crc32c::crc32c(timestamps.inner().as_slice());
    (first, timestamps.len(), sum)
}

/// About one timestamp in sixteen, whatever the interval is.
fn is_landmark(timestamp_ms: i64) -> bool {
    let mixed = timestamp_ms
        .cast_unsigned()
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed >> 60 == 0
}

impl Groups {
    /// The vectors that follow on `first` others.
    pub(crate) fn after(first: usize) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Finds or makes the row of a vector that others place their series in.
    pub(crate) fn whole(
        &mut self,
        slice_ms: i64,
        timestamps: &ScalarBuffer<i64>,
    ) -> Result<i32, Fault> {
        let key = fingerprint(timestamps);
        let group = match self.find(key, timestamps) {
            Some(group) => group,
            None => self.add(key, slice_ms, timestamps),
        };
        Ok(self.placement(group, 0, None)?.group)
    }

    fn find(&self, key: Fingerprint, timestamps: &ScalarBuffer<i64>) -> Option<usize> {
        let same = self.whole.get(&key).into_iter().flatten();
        let mut same = same.filter(|group| self.vectors[**group] == *timestamps);
        same.next().copied()
    }

    /// Finds or makes a place for timestamps, which ascend and are not empty.
    pub(crate) fn place(
        &mut self,
        slice_ms: i64,
        timestamps: &ScalarBuffer<i64>,
    ) -> Result<Placement, Fault> {
        let key = fingerprint(timestamps);
        if let Some(group) = self.find(key, timestamps) {
            return self.placement(group, 0, None);
        }
        let landmark = timestamps.iter().find(|t| is_landmark(**t));
        let near = landmark.and_then(|t| self.landmarks.get(t));
        for group in near.into_iter().flatten().take(CANDIDATES_MAX) {
            if let Some((start, gaps)) = stretch(&self.vectors[*group], timestamps) {
                return self.placement(*group, start, gaps);
            }
        }
        let group = self.add(key, slice_ms, timestamps);
        self.placement(group, 0, None)
    }

    fn add(&mut self, key: Fingerprint, slice_ms: i64, timestamps: &ScalarBuffer<i64>) -> usize {
        let group = self.vectors.len();
        self.slices_ms.push(slice_ms);
        self.vectors.push(timestamps.clone());
        self.whole.entry(key).or_default().push(group);
        for timestamp in timestamps.iter().filter(|t| is_landmark(**t)) {
            let near = self.landmarks.entry(*timestamp).or_default();
            if near.len() < CANDIDATES_MAX {
                near.push(group);
            }
        }
        group
    }

    fn placement(
        &self,
        group: usize,
        start: usize,
        gaps: Option<Vec<u8>>,
    ) -> Result<Placement, Fault> {
        let int = |n: usize| i32::try_from(n).map_err(|_| Fault::format("too many timestamps"));
        Ok(Placement {
            group: int(self.first.saturating_add(group))?,
            start: int(start)?,
            gaps,
        })
    }

    /// How many vectors there are.
    pub(crate) fn len(&self) -> usize {
        self.vectors.len()
    }

    /// The rows from `start` on, at most `count`.
    pub(crate) fn rows(&self, start: usize, count: usize) -> Result<RecordBatch, Fault> {
        let end = self.len().min(start + count);
        let values = TimestampMillisecondBuilder::new().with_timezone("UTC");
        let mut lists = ListBuilder::new(values).with_field(element());
        for vector in &self.vectors[start..end] {
            lists.values().append_slice(vector);
            lists.append(true);
        }
        let slices = self.slices_ms[start..end].iter().copied();
        let slices = TimestampMillisecondArray::from_iter_values(slices).with_timezone("UTC");
        let batch =
            RecordBatch::try_new(columns(), vec![Arc::new(slices), Arc::new(lists.finish())]);
        batch.map_err(|e| Fault::format(e.to_string()))
    }
}

/// Finds `timestamps` inside a vector: where it starts, and its gaps.
fn stretch(vector: &[i64], timestamps: &[i64]) -> Option<(usize, Option<Vec<u8>>)> {
    let (first, last) = (timestamps.first()?, timestamps.last()?);
    let start = vector.binary_search(first).ok()?;
    let end = vector.binary_search(last).ok()? + 1;
    let span = &vector[start..end];
    if span == timestamps {
        return Some((start, None));
    }
    if span.len() > timestamps.len() * SPAN_PER_SAMPLE_MAX {
        return None;
    }
    let mut gaps = vec![0_u8; span.len().div_ceil(8)];
    let mut wanted = timestamps.iter().peekable();
    for (place, timestamp) in span.iter().enumerate() {
        if wanted.next_if_eq(&timestamp).is_none() {
            gaps[place / 8] |= 1 << (place % 8);
        }
    }
    wanted.next().is_none().then_some((start, Some(gaps)))
}

/// Takes the timestamps of a placement out of its vector.
pub(crate) fn resolve(
    vector: &ScalarBuffer<i64>,
    start: usize,
    count: usize,
    gaps: Option<&[u8]>,
) -> Result<ScalarBuffer<i64>, Fault> {
    let broken = || Fault::format("a series has more timestamps than its group");
    if start
        .checked_add(count)
        .is_none_or(|end| end > vector.len())
    {
        return Err(broken());
    }
    let Some(gaps) = gaps else {
        return Ok(vector.slice(start, count));
    };
    let is_gap = |place: usize| {
        gaps.get(place / 8)
            .is_none_or(|byte| byte >> (place % 8) & 1 == 1)
    };
    let present = vector[start..].iter().enumerate();
    let found: Vec<i64> = present
        .filter(|(place, _)| !is_gap(*place))
        .map(|(_, timestamp)| *timestamp)
        .take(count)
        .collect();
    if found.len() < count {
        return Err(broken());
    }
    Ok(ScalarBuffer::from(found))
}

/// A vector as it was read, checked: what asks by time searches it by halves.
fn ascending(vector: ScalarBuffer<i64>) -> Result<ScalarBuffer<i64>, Fault> {
    match vector.is_sorted_by(|a, b| a < b) {
        true => Ok(vector),
        false => Err(Fault::format("the timestamps of a group do not ascend")),
    }
}

/// The timestamps of a series over several slices, one after the other.
pub(crate) fn concat(parts: &[ScalarBuffer<i64>]) -> Result<ScalarBuffer<i64>, Fault> {
    let [first, rest @ ..] = parts else {
        return Ok(ScalarBuffer::from(Vec::new()));
    };
    if rest.is_empty() {
        return Ok(first.clone());
    }
    let follows = |two: &[ScalarBuffer<i64>]| two[0].last() < two[1].first();
    if !parts.windows(2).all(follows) {
        return Err(out_of_order());
    }
    let parts: Vec<&[i64]> = parts.iter().map(|part| &part[..]).collect();
    Ok(parts.concat().into())
}

/// What is wrong where a slice has timestamps of the one before it.
pub(crate) fn out_of_order() -> Fault {
    Fault::format("the timestamps of a slice are not behind those of the slice before it")
}

fn element() -> Field {
    Field::new("element", timestamp(), false)
}

fn columns() -> SchemaRef {
    schema([
        ("slice", timestamp(), false),
        ("ts", DataType::List(Arc::new(element())), false),
    ])
}

/// How the file is laid out.
pub(crate) fn layout(base: WriterPropertiesBuilder) -> (SchemaRef, WriterProperties) {
    let slice = ColumnPath::from("slice");
    let vectors = ["ts", "list", "element"].map(str::to_owned).to_vec();
    let properties = base
        .set_column_encoding(slice.clone(), Encoding::DELTA_BINARY_PACKED)
        .set_column_compression(slice, Compression::UNCOMPRESSED)
        .set_column_encoding(ColumnPath::new(vectors), Encoding::DELTA_BINARY_PACKED)
        .set_data_page_row_count_limit(TimesPage::ROWS)
        .build();
    (columns(), properties)
}

/// Vectors that were read.
#[derive(Debug)]
pub(crate) struct TimesPage {
    vectors: Vec<ScalarBuffer<i64>>,
}

impl Page for TimesPage {
    // Vectors are long.
    const ROWS: usize = 32;

    const COLUMNS: &'static [&'static str] = &["ts"];

    const STORED: Option<Stored<Self>> = Some(Stored {
        columns: &[(&["ts", "list", "element"], Content::Integers)],
        decode: |columns| {
            let [times] = &columns[..] else {
                return Err(mistyped("ts"));
            };
            let all = ScalarBuffer::from(times.integers()?);
            let lists = times.lists().into_iter();
            Ok(Self {
                vectors: lists
                    .map(|at| ascending(all.slice(at.start, at.len())))
                    .collect::<Result<_, Fault>>()?,
            })
        },
    });

    fn decode(batch: &RecordBatch) -> Result<Self, Fault> {
        let lists = batch.any("ts")?.as_list_opt::<i32>();
        let lists = lists.ok_or_else(|| mistyped("ts"))?;
        let vector = |row: usize| {
            let list = lists.value(row);
            let times = list.as_primitive_opt::<TimestampMillisecondType>();
            ascending(times.ok_or_else(|| mistyped("ts"))?.values().clone())
        };
        let vectors = (0..lists.len()).map(vector);
        Ok(Self {
            vectors: vectors.collect::<Result<_, Fault>>()?,
        })
    }

    fn bytes(&self) -> usize {
        self.vectors
            .iter()
            .map(|vector| vector.len() * size_of::<i64>())
            .sum()
    }
}

impl TimesPage {
    /// The vectors, row by row.
    #[cfg(test)]
    pub(crate) fn vectors(&self) -> &[ScalarBuffer<i64>] {
        &self.vectors
    }

    /// The vectors, row by row.
    pub(crate) fn into_vectors(self) -> Vec<ScalarBuffer<i64>> {
        self.vectors
    }
}

/// Vectors by their row in `times.parquet`.
#[derive(Debug, Default)]
pub(crate) struct Vectors {
    /// By the number of the page, ascending.
    pages: Vec<(usize, Arc<TimesPage>)>,
}

impl Vectors {
    /// Reads the vectors of these rows, but for those that `known` has.
    pub(crate) async fn read(
        table: &Table,
        rows: &BTreeSet<usize>,
        known: Option<&Self>,
    ) -> Result<Self, Fault> {
        let numbers: BTreeSet<usize> = rows.iter().map(|row| row / TimesPage::ROWS).collect();
        let total = table.row_count().await?;
        let mut pages = Vec::with_capacity(numbers.len());
        let mut missing = Vec::new();
        for number in numbers {
            match known.and_then(|known| known.page(number)) {
                Some(page) => pages.push((number, Arc::clone(page))),
                None => missing.push(page_of::<TimesPage>(number, &(0..total))),
            }
        }
        pages.extend(Self::of_pages(table, &missing).await?.pages);
        pages.sort_unstable_by_key(|(number, _)| *number);
        Ok(Self { pages })
    }

    /// Reads whole pages, which ascend.
    pub(crate) async fn of_pages(table: &Table, pages: &[Range<usize>]) -> Result<Self, Fault> {
        let read = table.pages(pages).await?;
        let numbers = pages.iter().map(|page| page.start / TimesPage::ROWS);
        Ok(Self {
            pages: numbers.zip(read).collect(),
        })
    }

    fn page(&self, number: usize) -> Option<&Arc<TimesPage>> {
        let at = self
            .pages
            .binary_search_by_key(&number, |(number, _)| *number);
        Some(&self.pages[at.ok()?].1)
    }

    /// The vector of a row that was read.
    pub(crate) fn get(&self, row: usize) -> Option<&ScalarBuffer<i64>> {
        let page = self.page(row / TimesPage::ROWS)?;
        page.vectors.get(row % TimesPage::ROWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(timestamps: impl IntoIterator<Item = i64>) -> ScalarBuffer<i64> {
        timestamps.into_iter().collect::<Vec<_>>().into()
    }

    #[test]
    fn series_share_timestamps_wholly_in_part_and_with_gaps() {
        let mut groups = Groups::default();
        let all = buffer((0..480).map(|i| i * 15_000 + 3));
        let late = all.slice(200, 280);
        let holes = buffer(all.iter().copied().filter(|t| t % 7 != 0));
        let other = buffer((0..480).map(|i| i * 15_000 + 4));
        let rare = buffer([3, 480 * 15_000 - 14_997]);
        for (timestamps, group, start, has_gaps) in [
            (&all, 0, 0, false),
            (&late, 0, 200, false),
            (&holes, 0, 0, true),
            (&other, 1, 0, false),
            (&all, 0, 0, false),
            (&rare, 2, 0, false),
            (&other, 1, 0, false),
        ] {
            let place = groups.place(0, timestamps).unwrap();
            assert_eq!((place.group, place.start), (group, start));
            assert_eq!(place.gaps.is_some(), has_gaps);
            let vector = &groups.vectors[usize::try_from(group).unwrap()];
            let start = usize::try_from(start).unwrap();
            let read = resolve(vector, start, timestamps.len(), place.gaps.as_deref()).unwrap();
            assert_eq!(read, *timestamps);
        }
        assert_eq!(groups.len(), 3);
    }

    #[test]
    fn timestamps_ascend_in_a_vector_and_over_slices() {
        assert!(ascending(buffer([1, 2, 5])).is_ok());
        for broken in [vec![1, 1], vec![2, 1], vec![0, 5, 4]] {
            assert!(ascending(broken.into()).is_err());
        }
        let join = |parts: &[&[i64]]| {
            let parts: Vec<_> = parts
                .iter()
                .map(|part| buffer(part.iter().copied()))
                .collect();
            concat(&parts).ok().map(|joined| joined.to_vec())
        };
        assert_eq!(join(&[]), Some(vec![]));
        assert_eq!(join(&[&[1, 2]]), Some(vec![1, 2]));
        assert_eq!(join(&[&[1, 2], &[3], &[7, 8]]), Some(vec![1, 2, 3, 7, 8]));
        assert_eq!(join(&[&[1, 3], &[2, 4]]), None);
        assert_eq!(join(&[&[1, 3], &[3]]), None);
    }

    #[test]
    fn a_placement_outside_its_vector_is_refused() {
        let vector = buffer(0..10);
        assert!(resolve(&vector, 5, 6, None).is_err());
        assert!(resolve(&vector, 0, 3, Some(&[0xff, 0xff])).is_err());
        assert!(resolve(&vector, usize::MAX, 1, None).is_err());
    }
}
