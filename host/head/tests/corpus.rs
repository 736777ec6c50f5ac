//! What the fuzzer has found worth keeping, read again.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking")]

#[path = "../../../tests/fuzzing/corpus.rs"]
mod corpus;
#[path = "../fuzz/reads.rs"]
mod reads;

use corpus::replay;

#[test]
fn segments_of_any_bytes_are_read_or_refused() {
    replay("segment", reads::segment);
}

#[test]
fn frames_of_any_content_are_read_or_refused() {
    replay("frames", reads::frames);
}

#[test]
fn snapshots_of_any_content_are_read_or_left_out() {
    replay("snapshot", reads::snapshot);
}
