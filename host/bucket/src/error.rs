//! What can go wrong with a bucket.

use std::io;
use std::path::PathBuf;

use narthex_block::BlockError;

/// What a server of HTTP answers to a header that it does not know and must not ignore. The status
/// of an error is only told in its text.
const NOT_IMPLEMENTED: &str = "501 Not Implemented";

/// The same by the code of S3's errors, which some stores answer with another status.
const NOT_IMPLEMENTED_CODE: &str = "<Code>NotImplemented</Code>";

/// What a store that is a folder calls itself in its errors.
const FOLDER: &str = "LocalFileSystem";

/// What file systems without hard links answer to one: `EPERM`, `ENOSYS` or `EOPNOTSUPP`. A folder
/// makes an object by such a link where there is to be none yet.
const WITHOUT_LINKS: [i32; 3] = [1, 38, 95];

/// Why a bucket cannot be used, or a block cannot be brought there.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The object store failed.
    #[error("the object store cannot {action} {path}")]
    Store {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which object.
        path: String,
        /// What it said.
        #[source]
        source: object_store::Error,
    },
    /// The object store does not answer.
    #[error("the object store did not {action} {path} within {seconds} s")]
    Stalled {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which object.
        path: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What is in the bucket is not what was sent there.
    #[error("{path} is in the bucket with other bytes than were sent")]
    Different {
        /// Which object.
        path: String,
    },
    /// A compactor or another server removes what is there of a block, and nobody may bring the
    /// block meanwhile.
    #[error(
        "{path} is closed for up to three days: the upload of the block had stalled for so long that \
         what is there of it is removed"
    )]
    Closed {
        /// Where the block's `meta.json` would be.
        path: String,
    },
    /// An object is larger than it can be.
    #[error("{path} has {bytes} bytes, at most {bytes_max} were expected")]
    TooLarge {
        /// Which object.
        path: String,
        /// Its bytes.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// The bucket has more objects than are looked at.
    #[error("the bucket has more than {objects_max} objects")]
    TooMany {
        /// The bound.
        objects_max: usize,
    },
    /// A block cannot be read, here or in the bucket.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A file or folder on the local disk cannot be used.
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
    /// The cache on the local disk cannot be opened.
    #[error("the cache in {} cannot be opened", path.display())]
    Cache {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: foyer::Error,
    },
}

impl BucketError {
    pub(crate) fn store(
        action: &'static str,
        path: impl Into<String>,
    ) -> impl FnOnce(object_store::Error) -> Self {
        let path = path.into();
        move |source| Self::Store {
            action,
            path,
            source,
        }
    }

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

    /// Whether the store says that there is no such object.
    pub(crate) fn is_absent(&self) -> bool {
        let Self::Store { source, .. } = self else {
            return false;
        };
        matches!(source, object_store::Error::NotFound { .. })
    }

    /// Whether the store has an object already that was to be made.
    pub(crate) fn is_taken(&self) -> bool {
        let Self::Store { source, .. } = self else {
            return false;
        };
        matches!(
            source,
            object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }
        )
    }

    /// Whether the store does not know what is asked of it.
    pub(crate) fn is_unsupported(&self) -> bool {
        let Self::Store { source, .. } = self else {
            return false;
        };
        match source {
            object_store::Error::NotImplemented { .. }
            | object_store::Error::NotSupported { .. } => true,
            object_store::Error::Generic { store, source } if *store == FOLDER => {
                let cause = source
                    .source()
                    .and_then(|cause| cause.downcast_ref::<io::Error>());
                cause.is_some_and(has_no_links)
            }
            object_store::Error::Generic { source, .. } => {
                let said = source.to_string();
                said.contains(NOT_IMPLEMENTED) || said.contains(NOT_IMPLEMENTED_CODE)
            }
            _ => false,
        }
    }

    /// Whether one object is at fault, and the next one may do.
    pub(crate) fn is_local(&self) -> bool {
        !matches!(self, Self::Store { .. } | Self::Stalled { .. })
    }
}

fn has_no_links(cause: &io::Error) -> bool {
    let number = cause.raw_os_error();
    number.is_some_and(|number| WITHOUT_LINKS.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("Unable to rename file: {source}")]
    struct Unlinked {
        source: io::Error,
    }

    #[test]
    fn a_folder_without_hard_links_knows_no_conditions() {
        // Not permitted, not supported, no such call; no access, and no room.
        for (number, expected) in [(1, true), (95, true), (38, true), (13, false), (28, false)] {
            let source = io::Error::from_raw_os_error(number);
            let error = BucketError::store("put", "a")(object_store::Error::Generic {
                store: "LocalFileSystem",
                source: Unlinked { source }.into(),
            });
            assert_eq!(error.is_unsupported(), expected, "{number}");
        }
    }

    #[test]
    fn a_store_that_knows_no_conditions_says_so_by_its_status_or_its_code() {
        for (text, expected) in [
            ("status code: 501 Not Implemented: ", true),
            (
                "status code: 400 Bad Request: <Error><Code>NotImplemented</Code></Error>",
                true,
            ),
            ("status code: 503 Service Unavailable: ", false),
        ] {
            let error = BucketError::store("put", "a")(object_store::Error::Generic {
                store: "S3",
                source: text.into(),
            });
            assert_eq!(error.is_unsupported(), expected, "{text}");
        }
    }
}
