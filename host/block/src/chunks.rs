//! `chunks.parquet`: the samples, one row for each series in each slice of time, slice after
//! slice. Row number = number of the slice x number of series + number of the series, so no
//! column has to be searched.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Float64Array, Int32Array, RecordBatch, TimestampMillisecondArray,
};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, SchemaRef};
use narthex_storage::TimeRange;
use parquet::basic::Encoding;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::Fault;
use crate::cell;
use crate::table::{Columns, bytes, number};
use crate::times::{Placement, resolve};
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
        properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
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
        let constant = cell::constant(values);
        let cell = constant.is_none().then(|| {
            let mut cell = Vec::new();
            cell::encode(values, &mut cell);
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
                    Some(_) => cell::Encoding::Planes as i32,
                    None => cell::Encoding::Constant as i32,
                }),
                Arc::new(Float64Array::from_iter(constants)),
                binary(|row| row.cell.as_deref()),
            ],
        );
        batch.map_err(|e| Fault::format(e.to_string()))
    }
}

/// The columns to read for [`ChunkBatch`].
pub(crate) const CHUNK_COLUMNS: [&str; 9] = [
    "n", "t_min", "t_max", "ts_group", "ts_start", "ts_gaps", "enc", "v_const", "cell",
];

/// Timestamp vectors by their row in `times.parquet`.
pub(crate) type Vectors = HashMap<i32, ScalarBuffer<i64>>;

/// Timestamps and values, of the same length.
pub(crate) type Samples = (ScalarBuffer<i64>, ScalarBuffer<f64>);

/// Rows that were read.
#[derive(Debug)]
pub(crate) struct ChunkBatch {
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

impl ChunkBatch {
    pub(crate) fn new(batch: &RecordBatch) -> Result<Self, Fault> {
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

    pub(crate) fn len(&self) -> usize {
        self.n.len()
    }

    /// The timestamp vector that a row needs for samples in `range`; `None` where it has none.
    pub(crate) fn group(&self, row: usize, range: TimeRange) -> Option<i32> {
        let span = TimeRange {
            start_ms: number(&self.t_min, row)?,
            end_ms: number(&self.t_max, row)?,
        };
        let has_samples = self.n.value(row) > 0 && span.overlaps(range);
        has_samples.then(|| number(&self.ts_group, row)).flatten()
    }

    /// The samples of a row that lie in `range`.
    pub(crate) fn samples(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
    ) -> Result<Option<Samples>, Fault> {
        let Some(group) = self.group(row, range) else {
            return Ok(None);
        };
        let broken = || Fault::format("a row of samples contradicts itself");
        let size = |n: i32| usize::try_from(n).map_err(|_| broken());
        let count = size(self.n.value(row))?;
        let start = size(number(&self.ts_start, row).ok_or_else(broken)?)?;
        let vector = vectors.get(&group).ok_or_else(broken)?;
        let timestamps = resolve(vector, start, count, bytes(&self.ts_gaps, row))?;
        let ends = (number(&self.t_min, row), number(&self.t_max, row));
        if ends != (timestamps.first().copied(), timestamps.last().copied()) {
            return Err(broken());
        }
        let from = timestamps.partition_point(|t| *t < range.start_ms);
        let to = timestamps.partition_point(|t| *t <= range.end_ms);
        if from >= to {
            return Ok(None);
        }
        let values = match cell::Encoding::from_number(self.enc.value(row))? {
            cell::Encoding::Constant => {
                let value = number(&self.v_const, row).ok_or_else(broken)?;
                ScalarBuffer::from(vec![value; to - from])
            }
            cell::Encoding::Planes => {
                let cell = bytes(&self.cell, row).ok_or_else(broken)?;
                let mut values = Vec::with_capacity(count);
                cell::decode(cell, count, &mut values)?;
                ScalarBuffer::from(values).slice(from, to - from)
            }
        };
        Ok(Some((timestamps.slice(from, to - from), values)))
    }
}
