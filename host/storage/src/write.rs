//! The writing seam.

use narthex_model::{AppendReport, WriteBatch};

/// Why a whole batch was refused. Nothing of it is in the store then.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The log cannot be written now, perhaps because the disk is full. Once it can, batches are
    /// taken again, this one too.
    #[error("the write-ahead log failed")]
    Log(#[source] std::io::Error),
    /// The batch is over a bound that the store has.
    #[error("{0}")]
    TooLarge(String),
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
    /// The store answers reads and nothing else.
    #[error("the store takes no samples")]
    ReadOnly,
}

/// Takes samples.
pub trait Appendable: Send + Sync {
    /// Writes a batch: to the log, then to memory, then the report. When it returns `Ok`, the
    /// samples that the report does not list as rejected survive the end of the process, and
    /// the next `select` sees them.
    ///
    /// # Errors
    /// The batch as a whole was refused and left no trace.
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError>;
}
