//! What the binary carries for authors: the contract, the SDKs, the templates.

/// A file that is part of the binary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmbeddedFile {
    /// From the folder that it belongs to, with `/` between its parts.
    pub(crate) path: &'static str,
    /// What is in it.
    pub(crate) content: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Writes files into a folder, which is made where it is missing.
///
/// # Errors
/// The file system's, with the path.
pub(crate) fn write(
    files: &[EmbeddedFile],
    folder: &std::path::Path,
) -> Result<(), crate::AuthorError> {
    for file in files {
        crate::file::write(&folder.join(file.path), file.content)?;
    }
    Ok(())
}
