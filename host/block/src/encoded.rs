//! Rows of `chunks.parquet` as they are: what goes from one block to another without a look into
//! the values.
//!
//! It is not: the encoding of the values, which is [`narthex_nx`]'s.

use arrow_array::{BinaryArray, Float64Array, Int32Array, RecordBatch, TimestampMillisecondArray};
use narthex_storage::TimeRange;

use crate::Fault;
use crate::cell::Encoding;
use crate::chunks::contradiction;
use crate::table::{Columns, bytes, number};
use crate::times::Placement;

/// The samples of one series in one slice, encoded. At least one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Encoded {
    /// How many samples.
    pub(crate) count: i32,
    /// From the first to the last one.
    pub(crate) range: TimeRange,
    /// Where their timestamps are.
    pub(crate) place: Placement,
    /// The column `enc`: how the values are held.
    pub(crate) encoding: i32,
    /// The value of all samples, where they have only one.
    pub(crate) constant: Option<f64>,
    /// The values, where they differ.
    pub(crate) cell: Option<Vec<u8>>,
}

/// Rows that were read.
#[derive(Debug)]
pub(crate) struct EncodedBatch {
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

impl EncodedBatch {
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

    /// Whether the series of a row has a sample in the slice.
    pub(crate) fn has_samples(&self, row: usize) -> bool {
        self.n.value(row) > 0
    }

    /// The row of `times.parquet` that a row needs; `None` where it has no sample.
    pub(crate) fn group(&self, row: usize) -> Option<i32> {
        let group = self.has_samples(row).then(|| number(&self.ts_group, row));
        group.flatten()
    }

    /// The samples of a row, their place being one in the block that was read.
    pub(crate) fn row(&self, row: usize) -> Result<Encoded, Fault> {
        Encoding::from_number(self.enc.value(row))?;
        let count = self.n.value(row);
        let constant = number(&self.v_const, row);
        let cell = bytes(&self.cell, row).map(<[u8]>::to_vec);
        if count <= 0 || constant.is_some() == cell.is_some() {
            return Err(contradiction());
        }
        Ok(Encoded {
            count,
            range: TimeRange {
                start_ms: number(&self.t_min, row).ok_or_else(contradiction)?,
                end_ms: number(&self.t_max, row).ok_or_else(contradiction)?,
            },
            place: Placement {
                group: number(&self.ts_group, row).ok_or_else(contradiction)?,
                start: number(&self.ts_start, row).ok_or_else(contradiction)?,
                gaps: bytes(&self.ts_gaps, row).map(<[u8]>::to_vec),
            },
            encoding: self.enc.value(row),
            constant,
            cell,
        })
    }
}
