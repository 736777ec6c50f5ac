//! `chunks.parquet`: the samples, one row for each series in each slice of time, slice after
//! slice. Row number = number of the slice x number of series + number of the series, so no
//! column has to be searched, and none says what the row's number says.
//!
//! It is not: what reads the file, which is [`crate::chunks_page`].

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int32Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::Fault;
use crate::cell::Encoding as CellEncoding;
use crate::encoded::Encoded;
use crate::times::Placement;
use crate::upload::schema;

/// The file's name.
pub(crate) const CHUNKS_FILE: &str = "chunks.parquet";

fn columns() -> SchemaRef {
    schema([
        ("n", DataType::Int32, false),
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
    let packed = ["n", "ts_group", "ts_start", "enc"];
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
    (columns(), properties.build())
}

#[derive(Debug)]
struct Row {
    series: usize,
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
        values: &[f64],
    ) -> Result<(), Fault> {
        if values.is_empty() {
            return Ok(());
        }
        let count = i32::try_from(values.len()).map_err(|_| Fault::format("too many rows"))?;
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
            count,
            place,
            encoding: encoding as i32,
            constant,
            cell,
        };
        self.push_encoded(series, samples);
        Ok(())
    }

    /// Adds samples of a series that are encoded already; series come in ascending order.
    pub(crate) fn push_encoded(&mut self, series: usize, samples: Encoded) {
        self.rows.push_back(Row { series, samples });
    }

    /// Takes the rows of the series up to `end`, with empty rows where there is no sample.
    pub(crate) fn take(&mut self, end: usize) -> Result<RecordBatch, Fault> {
        let rows: Vec<Option<Encoded>> = (self.next..end)
            .map(|series| {
                let is_next = self.rows.front().is_some_and(|row| row.series == series);
                let row = is_next.then(|| self.rows.pop_front()).flatten();
                row.map(|row| row.samples)
            })
            .collect();
        self.next = end;
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
        let constants = rows
            .iter()
            .map(|row| row.as_ref().and_then(|row| row.constant));
        let batch = RecordBatch::try_new(
            columns(),
            vec![
                count_or_zero(|row| row.count),
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
