//! The samples of a row of `chunks.parquet` as they are: what goes from one block to another
//! without a look into the values.
//!
//! It is not: the encoding of the values, which is [`narthex_nx`]'s.

use crate::times::Placement;

/// The samples of one series in one slice, encoded. At least one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Encoded {
    /// How many samples.
    pub(crate) count: i32,
    /// Where their timestamps are.
    pub(crate) place: Placement,
    /// The column `enc`: how the values are held.
    pub(crate) encoding: i32,
    /// The value of all samples, where they have only one.
    pub(crate) constant: Option<f64>,
    /// The values, where they differ.
    pub(crate) cell: Option<Vec<u8>>,
}
