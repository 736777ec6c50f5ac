//! A failure that is told to several callers.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A failure that is told to several callers.
#[derive(Debug, Clone)]
pub(crate) struct Failure(Arc<io::Error>);

impl Failure {
    pub(crate) fn new(error: io::Error) -> Self {
        Self(Arc::new(error))
    }

    pub(crate) fn error(&self) -> io::Error {
        io::Error::new(self.0.kind(), self.clone())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.get_ref().and_then(std::error::Error::source)
    }
}
