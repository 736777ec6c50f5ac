//! A snapshot of frames of any content.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../reads.rs"]
mod reads;

fuzz_target!(|bytes: &[u8]| reads::snapshot(bytes));
