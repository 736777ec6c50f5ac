//! A sealed chunk: some samples of one series that will not change, in the smallest of three ways
//! to keep them.

use std::sync::Arc;

use narthex_nx::CellError;

use crate::log::record::{Input, push_varint};
use crate::tail::{self, Tail};
use crate::timelines::{Stretch, Timelines};

/// A tail with no more than this for two values stays as it is: a cell has a byte for each value,
/// unless the values climb evenly, and those take more than this in a tail.
const VALUES_PER_BYTE: usize = 2;

/// A sealed chunk. A clone shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    values: Values,
    line: u32,
    from: u8,
    count: u8,
    coding: Coding,
}

#[derive(Debug, Clone)]
enum Values {
    /// All values have these bits.
    Constant(u64),
    Bytes(Arc<[u8]>),
}

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Tail,
    Cell,
}

/// How the values lie in a snapshot.
const STORED_CONSTANT: u8 = 0;
const STORED_TAIL: u8 = 1;
const STORED_CELL: u8 = 2;

/// Buffers for sealing, kept from chunk to chunk.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    values: Vec<f64>,
    cell: Vec<u8>,
}

impl Chunk {
    /// The values of a tail, which are at the times of a stretch, for as long as they are read.
    pub(crate) fn copy(tail: &Tail, stretch: Stretch) -> Self {
        let values = match tail.constant() {
            Some(bits) => Values::Constant(bits),
            None => Values::Bytes(Arc::from(tail.bytes())),
        };
        Self::new(values, Coding::Tail, stretch)
    }

    /// The values of a tail for good.
    pub(crate) fn seal(tail: &Tail, stretch: Stretch, scratch: &mut Scratch) -> Self {
        let count = usize::from(stretch.count);
        if tail.constant().is_some() || tail.bytes().len() <= count / VALUES_PER_BYTE {
            return Self::copy(tail, stretch);
        }
        scratch.values.clear();
        scratch.cell.clear();
        tail::decode(tail.bytes(), count, &mut scratch.values);
        narthex_nx::encode(&scratch.values, &mut scratch.cell);
        if tail.bytes().len() <= scratch.cell.len() {
            return Self::copy(tail, stretch);
        }
        let bytes = Arc::from(scratch.cell.as_slice());
        Self::new(Values::Bytes(bytes), Coding::Cell, stretch)
    }

    fn new(values: Values, coding: Coding, stretch: Stretch) -> Self {
        Self {
            values,
            line: stretch.line,
            from: stretch.from,
            count: stretch.count,
            coding,
        }
    }

    /// Where its times are.
    pub(crate) fn stretch(&self) -> Stretch {
        Stretch {
            line: self.line,
            from: self.from,
            count: self.count,
        }
    }

    pub(crate) fn start_ms(&self, lines: &Timelines) -> i64 {
        lines.start_ms(self.stretch())
    }

    pub(crate) fn end_ms(&self, lines: &Timelines) -> i64 {
        lines.end_ms(self.stretch())
    }

    /// Adds `take` of its values to `values`, after the first `skip`.
    ///
    /// # Errors
    /// The bytes are not what they were when the chunk was sealed: memory is damaged.
    pub(crate) fn read(
        &self,
        skip: usize,
        take: usize,
        values: &mut Vec<f64>,
    ) -> Result<(), CellError> {
        let start = values.len();
        match &self.values {
            Values::Constant(bits) => {
                values.resize(start + take, f64::from_bits(*bits));
                return Ok(());
            }
            Values::Bytes(bytes) if self.coding == Coding::Cell => {
                narthex_nx::decode(bytes, usize::from(self.count), values)?;
            }
            // What comes behind is not looked at.
            Values::Bytes(bytes) => tail::decode(bytes, skip + take, values),
        }
        values.truncate(start + skip + take);
        if skip > 0 {
            values.drain(start..start + skip);
        }
        Ok(())
    }

    /// Adds its values to `out`, for [`Self::restored`].
    pub(crate) fn store(&self, out: &mut Vec<u8>) {
        match &self.values {
            Values::Constant(bits) => {
                out.push(STORED_CONSTANT);
                out.extend(bits.to_le_bytes());
            }
            Values::Bytes(bytes) => {
                out.push(match self.coding {
                    Coding::Tail => STORED_TAIL,
                    Coding::Cell => STORED_CELL,
                });
                push_varint(out, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
        }
    }

    /// What [`Self::store`] added, at the times of a stretch; `None` where it is something else.
    pub(crate) fn restored(stretch: Stretch, input: &mut Input<'_>) -> Option<Self> {
        let coding = match input.byte()? {
            STORED_CONSTANT => {
                let values = Values::Constant(input.word()?);
                return Some(Self::new(values, Coding::Tail, stretch));
            }
            STORED_TAIL => Coding::Tail,
            STORED_CELL => Coding::Cell,
            _ => return None,
        };
        let len = input.count(1)?;
        let bytes = Arc::from(input.take(len)?);
        Some(Self::new(Values::Bytes(bytes), coding, stretch))
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.values {
            Values::Constant(_) => 0,
            Values::Bytes(bytes) => bytes.len() + 2 * size_of::<usize>(),
        }
    }
}
