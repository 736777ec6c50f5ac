//! Why a head cannot be opened or cannot let go.

use std::io;
use std::path::PathBuf;

/// What went wrong with the folder of the log.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// Another process, or another head of this one, has the folder open.
    #[error("the write-ahead log in {} is in use by another process", dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// A file or the folder cannot be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The log cannot be written or forced to the disk now. It goes on once the disk does.
    #[error("the write-ahead log failed")]
    Log(#[source] io::Error),
    /// The head was closed.
    #[error("the head is closed")]
    Closed,
}

impl HeadError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
