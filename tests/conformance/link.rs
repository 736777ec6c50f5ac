//! The binary under another name, by which it knows whose place it takes.

use std::path::{Path, PathBuf};

use narthex_tests::binary;

/// A link to the binary in a folder.
pub(crate) fn linked(folder: &Path, name: &str) -> PathBuf {
    let link = folder.join(name);
    std::os::unix::fs::symlink(binary(), &link).unwrap();
    link
}
