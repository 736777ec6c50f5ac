//! Any bytes as a cell: no panic, as many values as were asked for or none, no memory beside
//! theirs; and the values make a cell that gives them back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_nx::{decode, encode};

fuzz_target!(|input: (u16, &[u8])| {
    let (count, cell) = (usize::from(input.0), input.1);
    let mut values = Vec::with_capacity(count);
    let room = values.capacity();
    let decoded = decode(cell, count, &mut values);
    assert_eq!(values.capacity(), room);
    assert_eq!(values.len(), if decoded.is_ok() { count } else { 0 });
    let mut again = Vec::new();
    encode(&values, &mut again);
    let mut found = Vec::new();
    decode(&again, values.len(), &mut found).expect("a cell of our own");
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found), bits(&values));
});
