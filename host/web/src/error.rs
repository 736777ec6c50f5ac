//! What can be wrong with a web configuration.

use std::path::PathBuf;

/// Why a configuration is not taken. The sentences say the key that is meant.
#[derive(Debug, thiserror::Error)]
pub enum WebConfigError {
    /// The file is not what the format says; the reader's own sentence, with its place.
    #[error("{0}")]
    Read(String),
    /// A file that the configuration names cannot be read.
    #[error("failed to read {key} ({}): {reason}", path.display())]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A value that means nothing, or that this server cannot do.
    #[error("{key}: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Why not.
        reason: String,
    },
}

impl WebConfigError {
    /// A value that cannot stand there.
    pub(crate) fn value(key: &'static str, reason: impl Into<String>) -> Self {
        Self::Value {
            key,
            reason: reason.into(),
        }
    }
}
