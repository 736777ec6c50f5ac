//! What a fuzzer has found worth keeping. The tests of each crate that has such files take this
//! one, and read the files of their own folder again.

use std::path::Path;

/// Reads the files of a target, of which there must be some.
pub(crate) fn replay(target: &str, read: impl Fn(&[u8])) {
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
