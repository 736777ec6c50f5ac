//! Why a package cannot be read or written.

use crate::digest::Digest;

/// What is wrong with a package, or with where it lies. The text is one line and names the file
/// or part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// A file cannot be read or written.
    #[error("{0}")]
    File(String),
    /// There is no such package, blob or tag.
    #[error("{0}")]
    NotFound(String),
    /// A part reaches beyond its bound. It was not read to its end.
    #[error("{what} is larger than {bytes_max} bytes")]
    TooLarge {
        /// The part.
        what: String,
        /// The bound.
        bytes_max: u64,
    },
    /// A part is not what its digest says.
    #[error("{what} was changed or damaged: its digest is {actual}, not {expected}")]
    Changed {
        /// The part.
        what: String,
        /// What was promised.
        expected: Digest,
        /// What is there.
        actual: Digest,
    },
    /// It can be read, and is no package.
    #[error("{0}")]
    Invalid(String),
}

impl PackageError {
    /// One about a file.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let text = format!("{}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound(text),
            _ => Self::File(text),
        }
    }
}
