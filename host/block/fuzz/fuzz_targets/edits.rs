//! Files of a block with bytes changed behind the back of their checksums, which are right again.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../reads.rs"]
mod reads;

// The fuzzer would end at any panic. One of the Parquet reader's is an error of the block, and only
// what leaves the target is a finding.
fuzz_target!(init: drop(std::panic::take_hook()), |bytes: &[u8]| reads::edits(bytes));
