//! Why a store cannot be opened, or cannot cut a block.

use std::io;
use std::path::PathBuf;

use narthex_block::BlockError;
use narthex_head::HeadError;

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum TsdbError {
    /// An option has a value that cannot be used.
    #[error("{0}")]
    Options(String),
    /// Another process has the store open.
    #[error("the store in {} is in use by another process", path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// A file or folder cannot be used.
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
    /// A block cannot be written, or is of a later version of the format.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A block from elsewhere would take the place of samples of the log.
    #[error("the log has samples from {oldest_ms} on, and the new block has some until {end_ms}")]
    LogIsOlder {
        /// The oldest sample of the log.
        oldest_ms: i64,
        /// The end of the block.
        end_ms: i64,
    },
    /// A block from elsewhere finds no room on the disk. Nothing of it is left behind.
    #[error(
        "there is no room for a block of {needed_bytes} bytes in {}: {free_bytes} bytes are free, \
         {} more are needed",
        path.display(),
        needed_bytes.saturating_sub(*free_bytes)
    )]
    NoRoom {
        /// The store's folder.
        path: PathBuf,
        /// What the block takes.
        needed_bytes: u64,
        /// What there is without it.
        free_bytes: u64,
        /// What the disk said.
        #[source]
        source: Box<TsdbError>,
    },
    /// Samples that are to be deleted lie only in a bucket.
    #[error(
        "block {block} lies only in the bucket, where samples cannot be deleted; nothing was deleted"
    )]
    Elsewhere {
        /// The block's name.
        block: String,
    },
    /// The head cannot be opened or cannot let go.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A background task did not come to its end.
    #[error("a background task stopped early")]
    Task(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
}

impl TsdbError {
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
