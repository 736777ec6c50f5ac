//! What can go wrong with a block, and where.

use narthex_nx::CellError;
use narthex_storage::StorageError;
use parquet::errors::ParquetError;

/// A block that cannot be written or read. It always names the block and the file.
#[derive(Debug, thiserror::Error)]
#[error("block {block}: {file}")]
pub struct BlockError {
    /// The folder's name.
    pub block: String,
    /// The file's name.
    pub file: String,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a file of a block.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The object store failed; the file itself may be sound.
    #[error("the object store failed")]
    Store(#[from] object_store::Error),
    /// The object store is slower than one is ready to wait; the file itself may be sound.
    #[error("the object store did not answer within {seconds} s")]
    Stalled {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Parquet cannot be written or read.
    #[error("the Parquet file cannot be processed")]
    Parquet(#[source] ParquetError),
    /// The bytes are not the ones that were written.
    #[error("bytes {start} to {end} do not match their checksum")]
    Checksum {
        /// The first byte that is in doubt.
        start: u64,
        /// The byte after the last one.
        end: u64,
    },
    /// The file is longer or shorter than what was written.
    #[error("the file has {found} bytes and should have {expected}")]
    Size {
        /// What the store has.
        found: u64,
        /// What `meta.json` says.
        expected: u64,
    },
    /// A cell does not say what the format says.
    #[error("a cell of values cannot be decoded")]
    Cell(#[source] CellError),
    /// The bytes are sound but do not say what the format says.
    #[error("{0}")]
    Format(String),
    /// A later version of the format.
    #[error("format version {found}: this program reads up to version {supported}")]
    Version {
        /// The block's version.
        found: u32,
        /// Ours.
        supported: u32,
    },
}

impl Fault {
    pub(crate) fn format(message: impl Into<String>) -> Self {
        Self::Format(message.into())
    }

    pub(crate) fn of(self, block: &str, file: &str) -> BlockError {
        BlockError {
            block: block.to_owned(),
            file: file.to_owned(),
            fault: self,
        }
    }
}

impl From<CellError> for Fault {
    fn from(error: CellError) -> Self {
        match error {
            CellError::Broken(_) | CellError::Schema(_) | CellError::Buckets(_) => {
                Self::Format(error.to_string())
            }
            _ => Self::Cell(error),
        }
    }
}

/// Takes our own faults out of the wrapping they get on their way through the Parquet reader.
impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => match source.downcast::<Self>() {
                Ok(fault) => *fault,
                Err(source) => Self::Parquet(ParquetError::External(source)),
            },
            other => Self::Parquet(other),
        }
    }
}

impl From<Fault> for ParquetError {
    fn from(fault: Fault) -> Self {
        Self::External(Box::new(fault))
    }
}

impl From<BlockError> for StorageError {
    fn from(error: BlockError) -> Self {
        Self::Read {
            context: error.to_string(),
            source: Box::new(error.fault),
        }
    }
}
