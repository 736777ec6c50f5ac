//! Files of the host under granted paths, read-only.

use crate::{Error, gate};

/// A file system in numbers.
pub use crate::bindings::narthex::plugin::files::Capacity;

/// Reads a whole file.
///
/// # Errors
/// The grant does not cover it, or it cannot be read.
pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    gate::files::read(path)
}

/// Reads a whole file of text; what is not UTF-8 in it becomes the replacement character.
///
/// # Errors
/// As [`read`].
pub fn read_text(path: &str) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// The names in a folder, sorted.
///
/// # Errors
/// As [`read`].
pub fn entries(path: &str) -> Result<Vec<String>, Error> {
    gate::files::entries(path)
}

/// Where a symbolic link leads, as it is written.
///
/// # Errors
/// As [`read`]; the path is no link.
pub fn link(path: &str) -> Result<String, Error> {
    gate::files::link(path)
}

/// What the file system that holds the path has room for.
///
/// # Errors
/// As [`read`].
pub fn file_system(path: &str) -> Result<Capacity, Error> {
    gate::files::file_system(path)
}
