//! Why a probe failed.

use narthex_sdk::{Batch, Error};

/// Why a probe failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was found is not what was wanted.
    Check(String),
    /// The same, for a regular expression.
    Expression(String),
    /// It did not come to that.
    Fault(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

impl Failure {
    /// The reason, for the log.
    ///
    /// # Errors
    /// It is not the other side that is at fault.
    pub(crate) fn into_reason(self) -> Result<String, Error> {
        match self {
            Self::Check(text) | Self::Expression(text) => Ok(text),
            Self::Fault(error) if error.is_of_target() => Ok(error.message().to_owned()),
            Self::Fault(error) => Err(error),
        }
    }

    /// Writes whether it was an expression that the probe failed by.
    pub(crate) fn write_expression(result: &Result<(), Self>, batch: &mut Batch) {
        let value = matches!(result, Err(Self::Expression(_)));
        batch
            .gauge(
                "probe_failed_due_to_regex",
                "Whether the probe failed because of a regular expression.",
            )
            .sample(&[], f64::from(u8::from(value)));
    }
}
