//! What can be wrong with a block of Prometheus, and where.

use std::io;
use std::path::{Path, PathBuf};

/// A block that cannot be read. It names the file and, where it is one place, the byte.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", path.display(), at(*offset))]
pub struct PromBlockError {
    /// The file, or the folder where the block as a whole is meant.
    pub path: PathBuf,
    /// Where in the file the part begins that is at fault.
    pub offset: Option<u64>,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a file of a block.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// The bytes are not the ones that were written.
    #[error("the bytes do not match their checksum")]
    Checksum,
    /// The file, or a part of it, ends too early.
    #[error("it ends inside {0}")]
    End(&'static str),
    /// `meta.json` is not what Prometheus writes.
    #[error("the document cannot be read")]
    Meta(#[from] serde_json::Error),
    /// A version of the format that this program does not know.
    #[error("version {found} of the format, where this program reads up to {supported}")]
    Version {
        /// What the file says.
        found: u64,
        /// The latest that we read.
        supported: u64,
    },
    /// A chunk in an encoding that this program does not know.
    #[error(
        "the chunk has encoding {0}, where this program reads 1 (XOR), 2 (histogram), \
         3 (float histogram) and 4 (XOR2)"
    )]
    Encoding(u8),
    /// The bytes are sound but do not say what the format says.
    #[error("{0}")]
    Format(String),
}

impl Fault {
    pub(crate) fn format(message: impl Into<String>) -> Self {
        Self::Format(message.into())
    }

    /// At a place of a file.
    pub(crate) fn at(self, path: &Path, offset: u64) -> PromBlockError {
        PromBlockError {
            path: path.to_owned(),
            offset: Some(offset),
            fault: self,
        }
    }

    /// In a file or folder as a whole.
    pub(crate) fn of(self, path: &Path) -> PromBlockError {
        PromBlockError {
            path: path.to_owned(),
            offset: None,
            fault: self,
        }
    }
}

fn at(offset: Option<u64>) -> String {
    offset.map_or_else(String::new, |offset| format!(", byte {offset}"))
}
