//! Any text as a series of a test script, and as a script: no panic, no hang.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_promql::{parse_series_description, script};

fuzz_target!(|text: &str| {
    // Its error is as good as its success.
    let _ = parse_series_description(text);
    let _ = script::run(&format!("load 1m\n  {text}\n\neval instant at 1m x\n"), "fuzz");
});
