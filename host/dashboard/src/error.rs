//! Why a text is no dashboard.

use std::io;

use crate::folder::DASHBOARD_BYTES_MAX;

/// Why a file or a text was not taken. Whoever wrote it has to change it.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It is no file with an end: a folder, a pipe.
    #[error("it is not a regular file")]
    NoFile,
    /// The file is over the bound.
    #[error("it has more than {DASHBOARD_BYTES_MAX} bytes")]
    TooLarge,
    /// It is neither JSON nor YAML, with the line and the column.
    #[error("{0}")]
    Syntax(String),
    /// It is no dashboard, or one that names what is not there.
    #[error("{at}: {reason}")]
    Invalid {
        /// The place, as in `spec.panels.cpu`.
        at: String,
        /// What is wrong there.
        reason: String,
    },
}

impl DashboardError {
    pub(crate) fn invalid(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            at: at.into(),
            reason: reason.into(),
        }
    }
}
