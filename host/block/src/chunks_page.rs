//! Rows of `chunks.parquet` that were read: their samples, decoded or as they are.
//!
//! It is not: which rows are read, and whose they are, which [`crate::scan`] and
//! [`crate::slice_union`] know.

use std::ops::Range;

use arrow_array::{Array, BinaryArray, Float64Array, RecordBatch};
use arrow_buffer::ScalarBuffer;

use crate::Fault;
use crate::cell::Encoding;
use crate::encoded::Encoded;
use crate::joined_times::Stretch;
use crate::page::Page;
use crate::table::{Columns, bytes, number};
use crate::times::{Placement, Vectors, resolve};

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
        "n", "ts_group", "ts_start", "ts_gaps", "enc", "v_const", "cell",
    ];

    fn decode(batch: &RecordBatch) -> Result<Self, Fault> {
        let [n, groups, starts, encodings] = [
            batch.int32("n")?,
            batch.int32("ts_group")?,
            batch.int32("ts_start")?,
            batch.int32("enc")?,
        ];
        let constants: Float64Array = batch.numbers("v_const")?;
        let cells = batch.binary("cell")?;
        let size = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        let row = |row: usize| {
            let count = size(number(&n, row)).ok_or_else(contradiction)?;
            if count == 0 {
                return Ok(None);
            }
            let group = size(number(&groups, row)).ok_or_else(contradiction)?;
            let start = size(number(&starts, row)).ok_or_else(contradiction)?;
            let values = match Encoding::from_number(encodings.value(row))? {
                Encoding::Constant => number(&constants, row).map(StoredValues::Constant),
                Encoding::Nx => bytes(&cells, row).map(|_| StoredValues::Cell),
            };
            Ok(Some(Stored {
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
    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The timestamp vector that a row needs; `None` where the series has no sample.
    pub(crate) fn group(&self, row: usize) -> Option<usize> {
        Some(self.rows[row].as_ref()?.group as usize)
    }

    /// Where the timestamps of a row are, if it has no gaps; `None` where the series has no sample.
    pub(crate) fn stretch(&self, row: usize) -> Option<Stretch> {
        self.rows[row].as_ref().map(|stored| Stretch {
            group: stored.group as usize,
            start: stored.start as usize,
            len: stored.count as usize,
        })
    }

    /// Whether a row leaves out some of the timestamps of its group.
    pub(crate) fn has_gaps(&self, row: usize) -> bool {
        self.gaps.is_valid(row)
    }

    /// The timestamps of a row; `None` where the series has no sample.
    pub(crate) fn timestamps(
        &self,
        row: usize,
        vectors: &Vectors,
    ) -> Result<Option<ScalarBuffer<i64>>, Fault> {
        let Some(group) = self.group(row) else {
            return Ok(None);
        };
        let vector = vectors.get(group).ok_or_else(contradiction)?;
        self.timestamps_in(row, vector).map(Some)
    }

    /// The timestamps of a row, out of the vector that it needs.
    pub(crate) fn timestamps_in(
        &self,
        row: usize,
        vector: &ScalarBuffer<i64>,
    ) -> Result<ScalarBuffer<i64>, Fault> {
        let stored = self.stored(row)?;
        let (start, count) = (stored.start as usize, stored.count as usize);
        resolve(vector, start, count, bytes(&self.gaps, row))
    }

    /// Appends some values of a row, counted from its first.
    pub(crate) fn values_into(
        &self,
        row: usize,
        taken: Range<usize>,
        values: &mut Vec<f64>,
    ) -> Result<(), Fault> {
        let stored = self.stored(row)?;
        let count = stored.count as usize;
        match stored.values {
            StoredValues::Constant(value) => values.resize(values.len() + taken.len(), value),
            StoredValues::Cell => {
                narthex_nx::decode_range(self.cells.value(row), count, taken, values)?;
            }
        }
        Ok(())
    }

    /// The samples of a row as they are, their place being one in the block that was read.
    pub(crate) fn encoded(&self, row: usize) -> Result<Encoded, Fault> {
        let stored = self.stored(row)?;
        let int = |number: u32| i32::try_from(number).map_err(|_| contradiction());
        let (encoding, constant, cell) = match stored.values {
            StoredValues::Constant(value) => (Encoding::Constant, Some(value), None),
            StoredValues::Cell => (Encoding::Nx, None, Some(self.cells.value(row).to_vec())),
        };
        Ok(Encoded {
            count: int(stored.count)?,
            place: Placement {
                group: int(stored.group)?,
                start: int(stored.start)?,
                gaps: bytes(&self.gaps, row).map(<[u8]>::to_vec),
            },
            encoding: encoding as i32,
            constant,
            cell,
        })
    }

    fn stored(&self, row: usize) -> Result<&Stored, Fault> {
        self.rows[row].as_ref().ok_or_else(contradiction)
    }
}

/// What is sound by itself and makes no sense together.
pub(crate) fn contradiction() -> Fault {
    Fault::format("a row of samples contradicts itself")
}
