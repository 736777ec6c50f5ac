//! Rows of `chunks.parquet` that were read: their samples, decoded or as they are.
//!
//! It is not: which rows are read, and whose they are, which [`crate::scan`] and
//! [`crate::slice_union`] know.

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_array::types::Float64Type;
use arrow_buffer::ScalarBuffer;

use crate::Fault;
use crate::blobs::Blobs;
use crate::cell::Encoding;
use crate::column_page::{ColumnPage, Content};
use crate::columns::Columns;
use crate::encoded::Encoded;
use crate::joined_times::Stretch;
use crate::page::{Page, Stored as StoredColumns};
use crate::times::{Placement, Vectors, resolve};

/// Rows that were read.
#[derive(Debug)]
pub(crate) struct ChunksPage {
    /// `None` where a series has no sample.
    rows: Vec<Option<Stored>>,
    gaps: Blobs,
    cells: Blobs,
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

/// The columns of rows, by row.
struct ChunkColumns {
    counts: Vec<Option<i32>>,
    groups: Vec<Option<i32>>,
    starts: Vec<Option<i32>>,
    gaps: Blobs,
    encodings: Vec<Option<i32>>,
    constants: Vec<Option<f64>>,
    cells: Blobs,
}

impl Page for ChunksPage {
    const COLUMNS: &'static [&'static str] = &[
        "n", "ts_group", "ts_start", "ts_gaps", "enc", "v_const", "cell",
    ];

    const STORED: Option<StoredColumns<Self>> = Some(StoredColumns {
        columns: &[
            (&["n"], Content::Integers),
            (&["ts_group"], Content::Integers),
            (&["ts_start"], Content::Integers),
            (&["ts_gaps"], Content::Blobs),
            (&["enc"], Content::Integers),
            (&["v_const"], Content::Doubles),
            (&["cell"], Content::Blobs),
        ],
        decode: |columns| ChunkColumns::of_pages(columns)?.rows(),
    });

    fn decode(batch: &RecordBatch) -> Result<Self, Fault> {
        let int32 = |name| Ok::<_, Fault>(batch.int32(name)?.iter().collect());
        let columns = ChunkColumns {
            counts: int32("n")?,
            groups: int32("ts_group")?,
            starts: int32("ts_start")?,
            gaps: Blobs::from(&batch.binary("ts_gaps")?),
            encodings: int32("enc")?,
            constants: batch.numbers::<Float64Type>("v_const")?.iter().collect(),
            cells: Blobs::from(&batch.binary("cell")?),
        };
        columns.rows()
    }

    fn bytes(&self) -> usize {
        size_of_val(self.rows.as_slice()) + self.gaps.memory() + self.cells.memory()
    }
}

impl ChunkColumns {
    /// The columns in the order of [`ChunksPage::COLUMNS`].
    fn of_pages(columns: Vec<ColumnPage<'_>>) -> Result<Self, Fault> {
        let columns: Result<[ColumnPage<'_>; 7], _> = columns.try_into();
        let [counts, groups, starts, gaps, encodings, constants, cells] =
            columns.map_err(|_| contradiction())?;
        Ok(Self {
            counts: counts.int32()?,
            groups: groups.int32()?,
            starts: starts.int32()?,
            gaps: gaps.blobs()?,
            encodings: encodings.int32()?,
            constants: constants.doubles()?,
            cells: cells.blobs()?,
        })
    }

    /// Checks what the columns say together.
    fn rows(self) -> Result<ChunksPage, Fault> {
        let numbers = |column: &[Option<i32>], row: usize| column.get(row).copied().flatten();
        let size = |column: &[Option<i32>], row: usize| {
            let number = numbers(column, row).and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(contradiction)
        };
        let row = |row: usize| {
            let count = size(&self.counts, row)?;
            if count == 0 {
                return Ok(None);
            }
            let group = size(&self.groups, row)?;
            let start = size(&self.starts, row)?;
            let encoding = numbers(&self.encodings, row).ok_or_else(contradiction)?;
            let values = match Encoding::from_number(encoding)? {
                Encoding::Constant => {
                    let constant = self.constants.get(row).copied().flatten();
                    constant.map(StoredValues::Constant)
                }
                Encoding::Nx => self.cells.get(row).map(|_| StoredValues::Cell),
            };
            Ok(Some(Stored {
                count,
                group,
                start,
                values: values.ok_or_else(contradiction)?,
            }))
        };
        Ok(ChunksPage {
            rows: (0..self.counts.len())
                .map(row)
                .collect::<Result<_, Fault>>()?,
            gaps: self.gaps,
            cells: self.cells,
        })
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
        self.gaps.get(row).is_some()
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
        resolve(vector, start, count, self.gaps.get(row))
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
                narthex_nx::decode_range(self.cell(row)?, count, taken, values)?;
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
            StoredValues::Cell => (Encoding::Nx, None, Some(self.cell(row)?.to_vec())),
        };
        Ok(Encoded {
            count: int(stored.count)?,
            place: Placement {
                group: int(stored.group)?,
                start: int(stored.start)?,
                gaps: self.gaps.get(row).map(<[u8]>::to_vec),
            },
            encoding: encoding as i32,
            constant,
            cell,
        })
    }

    fn cell(&self, row: usize) -> Result<&[u8], Fault> {
        self.cells.get(row).ok_or_else(contradiction)
    }

    fn stored(&self, row: usize) -> Result<&Stored, Fault> {
        self.rows[row].as_ref().ok_or_else(contradiction)
    }
}

/// What is sound by itself and makes no sense together.
pub(crate) fn contradiction() -> Fault {
    Fault::format("a row of samples contradicts itself")
}
