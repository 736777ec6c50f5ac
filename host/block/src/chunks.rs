//! `chunks.parquet`: the samples, one row for each series in each slice of time, slice after
//! slice. Row number = number of the slice x number of series + number of the series, so no
//! column has to be searched.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, Float64Array, Int32Array, RecordBatch, TimestampMillisecondArray,
};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, SchemaRef};
use narthex_storage::TimeRange;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::Fault;
use crate::cell::Encoding as CellEncoding;
use crate::encoded::Encoded;
use crate::page::Page;
use crate::table::{Columns, bytes, number};
use crate::times::{Placement, Vectors, resolve};
use crate::upload::{schema, timestamp};

/// The file's name.
pub(crate) const CHUNKS_FILE: &str = "chunks.parquet";

fn columns() -> SchemaRef {
    schema([
        ("slice", timestamp(), false),
        ("series_row", DataType::Int32, false),
        ("n", DataType::Int32, false),
        ("t_min", timestamp(), true),
        ("t_max", timestamp(), true),
        ("ts_group", DataType::Int32, true),
        ("ts_start", DataType::Int32, true),
        ("ts_gaps", DataType::Binary, true),
        ("enc", DataType::Int32, false),
        ("v_const", DataType::Float64, true),
        ("cell", DataType::Binary, true),
    ])
}

/// How the file is laid out.
pub(crate) fn layout(base: WriterPropertiesBuilder) -> (SchemaRef, WriterProperties) {
    let packed = [
        "series_row",
        "n",
        "t_min",
        "t_max",
        "ts_group",
        "ts_start",
        "enc",
        "slice",
    ];
    let blobs = ["ts_gaps", "cell"];
    // The writer ends pages only between batches, and a cell may have kilobytes.
    let mut properties = base.set_write_batch_size(16);
    for column in packed {
        let path = ColumnPath::from(column);
        properties = properties
            .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
            .set_column_compression(path, Compression::UNCOMPRESSED);
    }
    for column in blobs {
        let path = ColumnPath::from(column);
        properties = properties.set_column_encoding(path, Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    for column in ["t_min", "t_max"] {
        let path = ColumnPath::from(column);
        properties = properties.set_column_statistics_enabled(path, EnabledStatistics::Page);
    }
    (columns(), properties.build())
}

#[derive(Debug)]
struct Row {
    series: i32,
    samples: Encoded,
}

/// Rows of one slice that wait to be written. Series without a sample in it have no entry here
/// and an empty row in the file.
#[derive(Debug)]
pub(crate) struct SliceRows {
    slice_ms: i64,
    /// The series of the next row that is taken.
    next: usize,
    rows: std::collections::VecDeque<Row>,
}

impl SliceRows {
    pub(crate) fn new(slice_ms: i64) -> Self {
        Self {
            slice_ms,
            next: 0,
            rows: std::collections::VecDeque::new(),
        }
    }

    pub(crate) fn slice_ms(&self) -> i64 {
        self.slice_ms
    }

    /// The series that [`Self::take`] goes on with.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// Adds the samples of a series; series come in ascending order.
    pub(crate) fn push(
        &mut self,
        series: usize,
        place: Placement,
        timestamps: &[i64],
        values: &[f64],
    ) -> Result<(), Fault> {
        let (Some(first), Some(last)) = (timestamps.first(), timestamps.last()) else {
            return Ok(());
        };
        let int = |n: usize| i32::try_from(n).map_err(|_| Fault::format("too many rows"));
        let constant = narthex_nx::constant(values);
        let cell = constant.is_none().then(|| {
            let mut cell = Vec::new();
            narthex_nx::encode(values, &mut cell);
            cell
        });
        let encoding = match cell {
            Some(_) => CellEncoding::Nx,
            None => CellEncoding::Constant,
        };
        let samples = Encoded {
            count: int(timestamps.len())?,
            range: TimeRange {
                start_ms: *first,
                end_ms: *last,
            },
            place,
            encoding: encoding as i32,
            constant,
            cell,
        };
        self.push_encoded(series, samples)
    }

    /// Adds samples of a series that are encoded already; series come in ascending order.
    pub(crate) fn push_encoded(&mut self, series: usize, samples: Encoded) -> Result<(), Fault> {
        let series = i32::try_from(series).map_err(|_| Fault::format("too many rows"))?;
        self.rows.push_back(Row { series, samples });
        Ok(())
    }

    /// Takes the rows of the series up to `end`, with empty rows where there is no sample.
    pub(crate) fn take(&mut self, end: usize) -> Result<RecordBatch, Fault> {
        let int = |n: usize| i32::try_from(n).map_err(|_| Fault::format("too many rows"));
        let range = int(self.next)?..int(end)?;
        self.next = end;
        let rows: Vec<Option<Encoded>> = range
            .clone()
            .map(|series| {
                let is_next = self.rows.front().is_some_and(|row| row.series == series);
                let row = is_next.then(|| self.rows.pop_front()).flatten();
                row.map(|row| row.samples)
            })
            .collect();
        let time = |of: fn(&Encoded) -> i64| -> ArrayRef {
            let times = rows.iter().map(|row| row.as_ref().map(of));
            Arc::new(TimestampMillisecondArray::from_iter(times).with_timezone("UTC"))
        };
        let int32 = |of: fn(&Encoded) -> i32| -> ArrayRef {
            let numbers = rows.iter().map(|row| row.as_ref().map(of));
            Arc::new(Int32Array::from_iter(numbers))
        };
        let count_or_zero = |of: fn(&Encoded) -> i32| -> ArrayRef {
            let numbers = rows.iter().map(|row| row.as_ref().map_or(0, of));
            Arc::new(Int32Array::from_iter_values(numbers))
        };
        let binary = |of: fn(&Encoded) -> Option<&[u8]>| -> ArrayRef {
            let blobs = rows.iter().map(|row| row.as_ref().and_then(of));
            Arc::new(BinaryArray::from_iter(blobs))
        };
        let slices = rows.iter().map(|_| self.slice_ms);
        let slices = TimestampMillisecondArray::from_iter_values(slices).with_timezone("UTC");
        let constants = rows
            .iter()
            .map(|row| row.as_ref().and_then(|row| row.constant));
        let batch = RecordBatch::try_new(
            columns(),
            vec![
                Arc::new(slices),
                Arc::new(Int32Array::from_iter_values(range)),
                count_or_zero(|row| row.count),
                time(|row| row.range.start_ms),
                time(|row| row.range.end_ms),
                int32(|row| row.place.group),
                int32(|row| row.place.start),
                binary(|row| row.place.gaps.as_deref()),
                count_or_zero(|row| row.encoding),
                Arc::new(Float64Array::from_iter(constants)),
                binary(|row| row.cell.as_deref()),
            ],
        );
        batch.map_err(|e| Fault::format(e.to_string()))
    }
}

/// Timestamps and values, of the same length.
pub(crate) type Samples = (ScalarBuffer<i64>, ScalarBuffer<f64>);

/// All timestamps of a row, and which of them are wanted.
type Taken = (ScalarBuffer<i64>, Range<usize>);

/// Rows that were read.
#[derive(Debug)]
pub(crate) struct ChunksPage {
    /// `None` where a series has no sample.
    rows: Vec<Option<Stored>>,
    gaps: BinaryArray,
    cells: BinaryArray,
}

/// What a row says of its samples.
#[derive(Debug, Clone, Copy)]
struct Stored {
    span: TimeRange,
    count: u32,
    /// The row of the timestamp vector, and the first place in it.
    group: u32,
    start: u32,
    values: StoredValues,
}

#[derive(Debug, Clone, Copy)]
enum StoredValues {
    Constant(f64),
    Cell,
}

impl Page for ChunksPage {
    const COLUMNS: &'static [&'static str] = &[
        "n", "t_min", "t_max", "ts_group", "ts_start", "ts_gaps", "enc", "v_const", "cell",
    ];

    fn decode(batch: &RecordBatch) -> Result<Self, Fault> {
        let [n, groups, starts, encodings] = [
            batch.int32("n")?,
            batch.int32("ts_group")?,
            batch.int32("ts_start")?,
            batch.int32("enc")?,
        ];
        let (firsts, lasts) = (batch.times("t_min")?, batch.times("t_max")?);
        let constants: Float64Array = batch.numbers("v_const")?;
        let cells = batch.binary("cell")?;
        let size = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        let row = |row: usize| {
            let count = size(number(&n, row)).ok_or_else(contradiction)?;
            if count == 0 {
                return Ok(None);
            }
            let stored = || {
                let span = TimeRange {
                    start_ms: number(&firsts, row)?,
                    end_ms: number(&lasts, row)?,
                };
                let (group, start) = (size(number(&groups, row))?, size(number(&starts, row))?);
                Some((span, group, start))
            };
            let (span, group, start) = stored().ok_or_else(contradiction)?;
            let values = match CellEncoding::from_number(encodings.value(row))? {
                CellEncoding::Constant => number(&constants, row).map(StoredValues::Constant),
                CellEncoding::Nx => bytes(&cells, row).map(|_| StoredValues::Cell),
            };
            Ok(Some(Stored {
                span,
                count,
                group,
                start,
                values: values.ok_or_else(contradiction)?,
            }))
        };
        Ok(Self {
            rows: (0..n.len()).map(row).collect::<Result<_, Fault>>()?,
            gaps: batch.binary("ts_gaps")?,
            cells,
        })
    }

    fn bytes(&self) -> usize {
        let blobs = self.gaps.get_array_memory_size() + self.cells.get_array_memory_size();
        size_of_val(self.rows.as_slice()) + blobs
    }
}

impl ChunksPage {
    fn stored(&self, row: usize, range: TimeRange) -> Option<&Stored> {
        let stored = self.rows[row].as_ref();
        stored.filter(|stored| stored.span.overlaps(range))
    }

    /// The timestamp vector that a row needs for samples in `range`; `None` where it has none.
    pub(crate) fn group(&self, row: usize, range: TimeRange) -> Option<usize> {
        let stored = self.stored(row, range)?;
        Some(stored.group as usize)
    }

    /// The samples of a row that lie in `range`.
    pub(crate) fn samples(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
    ) -> Result<Option<Samples>, Fault> {
        let Some((timestamps, taken)) = self.timestamps(row, range, vectors)? else {
            return Ok(None);
        };
        let mut values = Vec::new();
        self.values_into(row, &taken, &mut values)?;
        Ok(Some((
            timestamps.slice(taken.start, taken.len()),
            values.into(),
        )))
    }

    /// Appends the samples of a row that lie in `range`.
    pub(crate) fn samples_into(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
        samples: &mut (Vec<i64>, Vec<f64>),
    ) -> Result<(), Fault> {
        if let Some((timestamps, taken)) = self.timestamps(row, range, vectors)? {
            samples.0.extend_from_slice(&timestamps[taken.clone()]);
            self.values_into(row, &taken, &mut samples.1)?;
        }
        Ok(())
    }

    /// Where the samples of a row that lie in `range` are, if there are any.
    fn timestamps(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
    ) -> Result<Option<Taken>, Fault> {
        let Some(stored) = self.stored(row, range) else {
            return Ok(None);
        };
        let vector = vectors.get(stored.group as usize);
        let vector = vector.ok_or_else(contradiction)?;
        let (start, count) = (stored.start as usize, stored.count as usize);
        let timestamps = resolve(vector, start, count, bytes(&self.gaps, row))?;
        let ends = (Some(&stored.span.start_ms), Some(&stored.span.end_ms));
        if ends != (timestamps.first(), timestamps.last()) {
            return Err(contradiction());
        }
        if range.start_ms <= stored.span.start_ms && stored.span.end_ms <= range.end_ms {
            return Ok(Some((timestamps, 0..count)));
        }
        let from = timestamps.partition_point(|t| *t < range.start_ms);
        let to = timestamps.partition_point(|t| *t <= range.end_ms);
        Ok((from < to).then_some((timestamps, from..to)))
    }

    /// Appends some values of a row, counted from its first.
    pub(crate) fn values_into(
        &self,
        row: usize,
        taken: &Range<usize>,
        values: &mut Vec<f64>,
    ) -> Result<(), Fault> {
        let stored = self.rows[row].as_ref().ok_or_else(contradiction)?;
        match stored.values {
            StoredValues::Constant(value) => values.resize(values.len() + taken.len(), value),
            StoredValues::Cell => {
                let before = values.len();
                narthex_nx::decode(self.cells.value(row), stored.count as usize, values)?;
                values.truncate(before + taken.end);
                values.drain(before..before + taken.start);
            }
        }
        Ok(())
    }
}

/// What is sound by itself and makes no sense together.
pub(crate) fn contradiction() -> Fault {
    Fault::format("a row of samples contradicts itself")
}
