//! Files of a block with bytes changed behind the back of their checksums, which are right again.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../reads.rs"]
mod reads;

fuzz_target!(|bytes: &[u8]| reads::edits(bytes));
