//! What the fuzzer has found worth keeping, read again.

#![allow(clippy::unwrap_used, reason = "a test may end")]

#[path = "../../../tests/fuzzing/corpus.rs"]
mod corpus;
#[path = "../fuzz/reads.rs"]
mod reads;

use corpus::replay;

#[test]
fn files_that_were_changed_with_their_checksums_are_read_or_refused() {
    replay("edits", reads::edits);
}

#[test]
fn a_document_of_any_bytes_is_read_or_refused() {
    replay("meta", reads::meta);
}
