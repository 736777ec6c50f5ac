//! Why a query has no answer.

use narthex_storage::StorageError;

use crate::parser::ParseError;

/// Why a query has no answer. The API turns the kinds into its error types.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is no query (`bad_data`).
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The query is one, but not of a kind that can be asked this way (`bad_data`).
    #[error("{0}")]
    BadData(String),
    /// The query cannot be executed (`execution`).
    #[error("{0}")]
    Execution(String),
    /// The query took too long (`timeout`); holds what it was doing.
    #[error("query timed out in {0}")]
    Timeout(String),
    /// The query was given up (`canceled`); holds what it was doing.
    #[error("query was canceled in {0}")]
    Canceled(String),
    /// The store could not read all, and nothing may be missing (`execution`); holds what is.
    #[error("a part of the answer is missing: {0}")]
    Incomplete(String),
    /// The store failed (`internal`).
    #[error("expanding series: {0}")]
    Storage(#[from] StorageError),
}
