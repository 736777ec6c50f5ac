//! Files of the host under granted paths.

use crate::{Error, gate};

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
