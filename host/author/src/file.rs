//! Files and folders, with the path in every error.

use std::fs;
use std::path::Path;

use crate::AuthorError;

fn error<'a>(verb: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> AuthorError + 'a {
    move |source| AuthorError::File {
        verb,
        path: path.to_path_buf(),
        source,
    }
}

/// Writes a file, and its folder where that is missing.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), AuthorError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(error("make", folder))?;
    }
    fs::write(path, content).map_err(error("write", path))
}

/// Writes a file in one step: whoever watches it sees the old one or the whole new one.
pub(crate) fn replace(path: &Path, content: impl AsRef<[u8]>) -> Result<(), AuthorError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    write(&new, content)?;
    fs::rename(&new, path).map_err(error("write", path))
}

/// The whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, AuthorError> {
    fs::read(path).map_err(error("read", path))
}

/// The whole file as text.
pub(crate) fn read_text(path: &Path) -> Result<String, AuthorError> {
    fs::read_to_string(path).map_err(error("read", path))
}

/// Takes a folder away with all that is in it; one that is not there is gone already.
pub(crate) fn remove_folder(path: &Path) -> Result<(), AuthorError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(error("remove", path)(source))
        }
        _ => Ok(()),
    }
}
