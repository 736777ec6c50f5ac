//! Runs the decoder with the widest vectors that the processor has.
//!
//! A program for x86-64 may use vectors of 16 bytes only; nearly all processors have 32, which
//! makes decoding a quarter faster. Which of them this one has is only known when it runs, and the
//! compiler cannot check that: hence the one unsafe call.

#![allow(
    unsafe_code,
    reason = "a function for a processor that was asked for its features"
)]

use std::ops::Range;

use crate::CellError;
use crate::decode::decode_checked;

/// As [`decode_checked`], and gives the same.
pub(crate) fn decode(
    cell: &[u8],
    count: usize,
    range: Range<usize>,
    values: &mut Vec<f64>,
) -> Result<(), CellError> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { decode_avx2(cell, count, range, values) };
    }
    decode_checked(cell, count, range, values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn decode_avx2(
    cell: &[u8],
    count: usize,
    range: Range<usize>,
    values: &mut Vec<f64>,
) -> Result<(), CellError> {
    decode_checked(cell, count, range, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_any_width_give_the_same_bits() {
        let shapes: [fn(i64) -> f64; 5] = [
            |n| (n * 7_919 % 4_099) as f64,
            |n| (n * 7_919 % 4_099) as f64 / 1_000.0 - 2.0,
            |n| (n * n) as f64 * 1e9 + (n % 3) as f64,
            |n| 0.1 * n as f64 + 1e-9 * (n * n) as f64,
            |n| f64::from_bits((n * 0x0001_2345_6789_abcd).cast_unsigned()),
        ];
        for shape in shapes {
            let values: Vec<f64> = (0..700).map(shape).collect();
            let mut cell = Vec::new();
            crate::encode(&values, &mut cell);
            for range in [0..700, 300..301, 127..513] {
                let (mut narrow, mut wide) = (Vec::new(), Vec::new());
                assert_eq!(
                    decode_checked(&cell, 700, range.clone(), &mut narrow),
                    Ok(())
                );
                assert_eq!(decode(&cell, 700, range.clone(), &mut wide), Ok(()));
                let bits = |all: &[f64]| all.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&narrow), bits(&wide));
                assert_eq!(bits(&wide), bits(&values[range]));
            }
        }
    }
}
