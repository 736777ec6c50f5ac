//! The numbers by which rows of `chunks.parquet` say how they hold their values. The encodings
//! themselves are the crate `narthex-nx`.

use crate::Fault;

/// How a row of `chunks.parquet` holds its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// No cell: the series has no sample in the slice, or one value in all of them.
    Constant = 0,
    /// A cell of [`narthex_nx`].
    Nx = 1,
}

impl Encoding {
    pub(crate) fn from_number(number: i32) -> Result<Self, Fault> {
        match number {
            0 => Ok(Self::Constant),
            1 => Ok(Self::Nx),
            _ => Err(Fault::format(format!("unknown cell encoding {number}"))),
        }
    }
}
