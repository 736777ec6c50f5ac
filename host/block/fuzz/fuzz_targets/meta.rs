//! A `meta.json` of any bytes, as it is and with a checksum that is right.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../reads.rs"]
mod reads;

fuzz_target!(|bytes: &[u8]| reads::meta(bytes));
