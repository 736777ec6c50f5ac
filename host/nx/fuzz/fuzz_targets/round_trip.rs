//! Any bits, and any decimals with some of them among: a cell of bounded length that gives them
//! back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_nx::{decode, encode};

fuzz_target!(|input: (u8, &[u8])| {
    let (shape, bytes) = input;
    // Eight bytes a value, or fewer: the highest bytes of an integer, or of a decimal.
    let width = usize::from(shape >> 4 & 7) + 1;
    let power = 10_f64.powi(i32::from(shape & 15));
    let values = bytes.chunks_exact(width).enumerate().map(|(at, chunk)| {
        let number = chunk
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        match width {
            8 => f64::from_bits(number),
            _ if shape >> 7 == 1 && at % 9 == 8 => f64::from_bits(number << (64 - 8 * width)),
            _ => number as f64 / power,
        }
    });
    let values: Vec<f64> = values.collect();
    let mut cell = Vec::new();
    encode(&values, &mut cell);
    assert!(cell.len() <= 8 * values.len() + 3);
    let mut found = Vec::new();
    decode(&cell, values.len(), &mut found).expect("a cell of our own");
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found), bits(&values));
});
