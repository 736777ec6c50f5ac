//! Bytes of rows, all in one buffer.

use std::ops::Range;

use arrow_array::{Array, BinaryArray};
use arrow_buffer::Buffer;

/// Bytes of rows, of which some may have none.
#[derive(Debug)]
pub(crate) struct Blobs {
    bytes: Buffer,
    /// `None` where a row has none.
    places: Vec<Option<Range<usize>>>,
}

impl Blobs {
    /// Rows whose bytes lie at these places of a buffer.
    pub(crate) fn new(bytes: Vec<u8>, places: Vec<Option<Range<usize>>>) -> Self {
        Self {
            bytes: Buffer::from_vec(bytes),
            places,
        }
    }

    /// The bytes of a row, or `None` where it is empty.
    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
        let place = self.places.get(row)?.clone()?;
        self.bytes.get(place)
    }

    /// What it takes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + size_of_val(self.places.as_slice())
    }
}

impl From<&BinaryArray> for Blobs {
    fn from(array: &BinaryArray) -> Self {
        let at = |offset: i32| usize::try_from(offset).unwrap_or_default();
        let place = |row: usize| {
            let ends = array.value_offsets().get(row..row + 2)?;
            array.is_valid(row).then(|| at(ends[0])..at(ends[1]))
        };
        Self {
            places: (0..array.len()).map(place).collect(),
            bytes: array.values().clone(),
        }
    }
}
