//! The codec `nx1`: the values of one series over a while, a *cell*, as bytes. All 2^64 bit
//! patterns of a value come back as they were.
//!
//! A cell is small because most series are decimals that somebody printed: they become integers,
//! the integers become differences, and the differences are laid out plane by plane, so that the
//! bytes that hardly change lie side by side. What compresses a page of cells afterwards (zstd in
//! our blocks) finds them there. The layout is frozen in `host/block/FORMAT.md`, section "Cells".
//!
//! Native histograms have cells of their own ([`histogram_cell`]): which buckets there are, and for
//! each the counts as a cell of values.
//!
//! It is not: a compressor of its own, a format with a length or a checksum (who keeps cells keeps
//! both), or a codec of timestamps.

mod cell;
mod correction;
mod decimal;
mod decode;
mod encode;
mod error;
mod estimate;
mod exceptions;
pub mod histogram_cell;
mod layout;
mod planes;
mod transform;
pub mod varint;
mod vector;

pub use decode::{decode, decode_range};
pub use encode::encode;
pub use error::CellError;

/// The name of the format, as blocks note it.
pub const CODEC: &str = "nx1";

/// The value that all of `values` have, bit for bit; `None` where there are none or several. Such
/// series need no cell.
pub fn constant(values: &[f64]) -> Option<f64> {
    let (first, rest) = values.split_first()?;
    let bits = first.to_bits();
    let differs = |values: &[f64]| {
        let differences = values.iter().map(|value| value.to_bits() ^ bits);
        differences.fold(0, |all, difference| all | difference) != 0
    };
    // Most series that change do so soon; those that do not are compared without a branch.
    let same = !rest.chunks(CONSTANT_STRETCH).any(differs);
    same.then_some(*first)
}

/// How many values [`constant`] compares between two looks at the outcome.
const CONSTANT_STRETCH: usize = 64;
