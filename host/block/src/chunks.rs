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

/// The samples of one series in one slice, encoded.
#[derive(Debug)]
struct Row {
    series: i32,
    count: i32,
    range: TimeRange,
    place: Placement,
    constant: Option<f64>,
    cell: Option<Vec<u8>>,
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
        self.rows.push_back(Row {
            series: int(series)?,
            count: int(timestamps.len())?,
            range: TimeRange {
                start_ms: *first,
                end_ms: *last,
            },
            place,
            constant,
            cell,
        });
        Ok(())
    }

    /// Takes the rows of the series up to `end`, with empty rows where there is no sample.
    pub(crate) fn take(&mut self, end: usize) -> Result<RecordBatch, Fault> {
        let int = |n: usize| i32::try_from(n).map_err(|_| Fault::format("too many rows"));
        let range = int(self.next)?..int(end)?;
        self.next = end;
        let rows: Vec<Option<Row>> = range
            .clone()
            .map(|series| {
                let is_next = self.rows.front().is_some_and(|row| row.series == series);
                is_next.then(|| self.rows.pop_front()).flatten()
            })
            .collect();
        let time = |of: fn(&Row) -> i64| -> ArrayRef {
            let times = rows.iter().map(|row| row.as_ref().map(of));
            Arc::new(TimestampMillisecondArray::from_iter(times).with_timezone("UTC"))
        };
        let int32 = |of: fn(&Row) -> i32| -> ArrayRef {
            let numbers = rows.iter().map(|row| row.as_ref().map(of));
            Arc::new(Int32Array::from_iter(numbers))
        };
        let count_or_zero = |of: fn(&Row) -> i32| -> ArrayRef {
            let numbers = rows.iter().map(|row| row.as_ref().map_or(0, of));
            Arc::new(Int32Array::from_iter_values(numbers))
        };
        let binary = |of: fn(&Row) -> Option<&[u8]>| -> ArrayRef {
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
                count_or_zero(|row| match row.cell {
                    Some(_) => CellEncoding::Nx as i32,
                    None => CellEncoding::Constant as i32,
                }),
                Arc::new(Float64Array::from_iter(constants)),
                binary(|row| row.cell.as_deref()),
            ],
        );
        batch.map_err(|e| Fault::format(e.to_string()))
    }
}

/// Timestamps and values, of the same length.
pub(crate) type Samples = (ScalarBuffer<i64>, ScalarBuffer<f64>);

/// Rows that were read.
#[derive(Debug)]
pub(crate) struct ChunksPage {
    n: Int32Array,
    t_min: TimestampMillisecondArray,
    t_max: TimestampMillisecondArray,
    ts_group: Int32Array,
    ts_start: Int32Array,
    ts_gaps: BinaryArray,
    enc: Int32Array,
    v_const: Float64Array,
    cell: BinaryArray,
}

impl Page for ChunksPage {
    const COLUMNS: &'static [&'static str] = &[
        "n", "t_min", "t_max", "ts_group", "ts_start", "ts_gaps", "enc", "v_const", "cell",
    ];

    fn decode(batch: &RecordBatch) -> Result<Self, Fault> {
        Ok(Self {
            n: batch.int32("n")?,
            t_min: batch.times("t_min")?,
            t_max: batch.times("t_max")?,
            ts_group: batch.int32("ts_group")?,
            ts_start: batch.int32("ts_start")?,
            ts_gaps: batch.binary("ts_gaps")?,
            enc: batch.int32("enc")?,
            v_const: batch.numbers("v_const")?,
            cell: batch.binary("cell")?,
        })
    }

    fn bytes(&self) -> usize {
        let columns: [&dyn Array; 9] = [
            &self.n,
            &self.t_min,
            &self.t_max,
            &self.ts_group,
            &self.ts_start,
            &self.ts_gaps,
            &self.enc,
            &self.v_const,
            &self.cell,
        ];
        columns
            .iter()
            .map(|column| column.get_array_memory_size())
            .sum()
    }
}

impl ChunksPage {
    /// The timestamp vector that a row needs for samples in `range`; `None` where it has none.
    pub(crate) fn group(&self, row: usize, range: TimeRange) -> Option<usize> {
        let span = TimeRange {
            start_ms: number(&self.t_min, row)?,
            end_ms: number(&self.t_max, row)?,
        };
        let has_samples = self.n.value(row) > 0 && span.overlaps(range);
        let group = has_samples.then(|| number(&self.ts_group, row)).flatten();
        group.and_then(|group| usize::try_from(group).ok())
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

    /// All timestamps of a row, and which of them lie in `range`, if any.
    fn timestamps(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
    ) -> Result<Option<(ScalarBuffer<i64>, Range<usize>)>, Fault> {
        let Some(group) = self.group(row, range) else {
            return Ok(None);
        };
        let start = number(&self.ts_start, row).ok_or_else(contradiction)?;
        let start = usize::try_from(start).map_err(|_| contradiction())?;
        let vector = vectors.get(group).ok_or_else(contradiction)?;
        let gaps = bytes(&self.ts_gaps, row);
        let timestamps = resolve(vector, start, self.count(row)?, gaps)?;
        let ends = (number(&self.t_min, row), number(&self.t_max, row));
        if ends != (timestamps.first().copied(), timestamps.last().copied()) {
            return Err(contradiction());
        }
        let from = timestamps.partition_point(|t| *t < range.start_ms);
        let to = timestamps.partition_point(|t| *t <= range.end_ms);
        Ok((from < to).then_some((timestamps, from..to)))
    }

    /// Appends some values of a row.
    fn values_into(
        &self,
        row: usize,
        taken: &Range<usize>,
        values: &mut Vec<f64>,
    ) -> Result<(), Fault> {
        match CellEncoding::from_number(self.enc.value(row))? {
            CellEncoding::Constant => {
                let value = number(&self.v_const, row).ok_or_else(contradiction)?;
                values.resize(values.len() + taken.len(), value);
            }
            CellEncoding::Nx => {
                let cell = bytes(&self.cell, row).ok_or_else(contradiction)?;
                let before = values.len();
                narthex_nx::decode(cell, self.count(row)?, values)?;
                values.truncate(before + taken.end);
                values.drain(before..before + taken.start);
            }
        }
        Ok(())
    }

    fn count(&self, row: usize) -> Result<usize, Fault> {
        usize::try_from(self.n.value(row)).map_err(|_| contradiction())
    }
}

fn contradiction() -> Fault {
    Fault::format("a row of samples contradicts itself")
}
