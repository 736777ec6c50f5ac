//! What the fuzzer has found worth keeping, read again.

#![allow(clippy::unwrap_used, reason = "a test may end")]

use std::path::Path;

#[path = "../fuzz/reads.rs"]
mod reads;

/// Files of a target, of which there must be some.
fn replay(target: &str, read: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(folder.join(target)).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        read(&std::fs::read(path).unwrap());
        count += 1;
    }
    assert!(count > 3, "{count} files of {target}");
}

#[test]
fn files_that_were_changed_with_their_checksums_are_read_or_refused() {
    replay("edits", reads::edits);
}

#[test]
fn a_document_of_any_bytes_is_read_or_refused() {
    replay("meta", reads::meta);
}
