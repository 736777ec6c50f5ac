//! What can go wrong while a bucket is compacted.

use std::io;
use std::path::PathBuf;

use narthex_block::{BlockError, Ulid};

use crate::BucketError;

/// Why a bucket, or a part of it, is not compacted.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The bucket cannot be used.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The bucket overwrites what it is told not to overwrite, so that several workers would not
    /// know of each other.
    #[error(
        "the object store takes no conditional writes: run one worker only, and say so by \
         --compact.single-worker"
    )]
    Unconditional,
    /// Another worker has taken the lease over.
    #[error("another worker has taken the lease of {group} over")]
    Lost {
        /// What the lease is of.
        group: String,
    },
    /// A block in the bucket is not what was written there.
    #[error("block {block} cannot be compacted: {reason}")]
    Unfit {
        /// Which block.
        block: Ulid,
        /// What is wrong with it.
        reason: String,
    },
    /// Blocks that cannot become one, though each is sound.
    #[error("blocks cannot become one: {reason}")]
    Apart {
        /// Which blocks.
        blocks: Vec<Ulid>,
        /// What is in the way.
        reason: String,
    },
    /// The disk has no room for the work.
    #[error("{needed_bytes} bytes are needed on the disk and {free_bytes} are free")]
    NoRoom {
        /// What the work may need.
        needed_bytes: u64,
        /// What there is for it.
        free_bytes: u64,
    },
    /// A block has gone while it was wanted.
    #[error("block {block} is gone from the bucket")]
    Gone {
        /// Which block.
        block: Ulid,
    },
    /// A block cannot be written on the local disk.
    #[error("a block cannot be written on the local disk")]
    Write(#[source] BlockError),
    /// Another process works below the folder.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The folder that the owner chose.
        path: PathBuf,
    },
    /// The folder for the work cannot be used.
    #[error("cannot {action} the folder for the work")]
    Disk {
        /// What was tried, as a verb.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file in the folder for the work cannot be used.
    #[error("cannot {action} {path} in the folder for the work")]
    Scratch {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which file.
        path: String,
        /// What the disk said.
        #[source]
        source: object_store::Error,
    },
    /// A thread ended that wrote a block.
    #[error("a block was not written to its end")]
    Task(#[source] tokio::task::JoinError),
    /// The work was told to stop.
    #[error("the work is stopped")]
    Stopped,
}

impl CompactError {
    pub(crate) fn scratch(
        action: &'static str,
        path: impl ToString,
    ) -> impl FnOnce(object_store::Error) -> Self {
        let path = path.to_string();
        move |source| Self::Scratch {
            action,
            path,
            source,
        }
    }

    pub(crate) fn disk(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { action, source }
    }
}
