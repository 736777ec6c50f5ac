//! Cells from outside: what comes back, which bytes they are, and what is refused.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected"
)]

mod golden;
mod refusal;
mod round_trip;
mod shapes;

/// The staleness marker.
const STALE: u64 = 0x7ff0_0000_0000_0002;

fn encoded(values: &[f64]) -> Vec<u8> {
    let mut cell = Vec::new();
    narthex_nx::encode(values, &mut cell);
    cell
}

fn decoded(cell: &[u8], count: usize) -> Result<Vec<f64>, narthex_nx::CellError> {
    let mut values = Vec::new();
    narthex_nx::decode(cell, count, &mut values)?;
    Ok(values)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}
