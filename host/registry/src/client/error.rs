//! Why a registry did not give or take what it was asked.

use narthex_model::with_sources;
use oci_client::errors::{OciDistributionError, OciErrorCode};

use crate::error::PackageError;

/// What went wrong, in words that say what to do where something can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry's name or the credentials cannot be used.
    #[error("{0}")]
    Config(String),
    /// No answer, or one that says to try again later. It was tried several times.
    #[error("{0}")]
    Unavailable(String),
    /// The credentials are missing or do not suffice.
    #[error("{0}: log in with `narthex plugin login`, or check what the user may do")]
    Unauthorized(String),
    /// There is no such repository, tag or digest.
    #[error("{0}")]
    NotFound(String),
    /// The registry refused, or answered what it should not.
    #[error("{0}")]
    Refused(String),
    /// What came is no package, or not the one that was asked for.
    #[error(transparent)]
    Package(#[from] PackageError),
}

impl RegistryError {
    /// Whether the same request may succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// One from an HTTP status.
    pub(super) fn from_status(what: &str, status: u16, body: &str) -> Self {
        // Enough of an answer to see what it is about.
        let body: String = body.trim().chars().take(200).collect();
        let text = format!("{what}: HTTP {status} {body}");
        match status {
            401 | 403 => Self::Unauthorized(format!("{what}: HTTP {status}")),
            404 => Self::NotFound(format!("{what}: there is none in the registry")),
            429 | 500.. => Self::Unavailable(text),
            _ => Self::Refused(text),
        }
    }

    /// One from oci-client.
    pub(super) fn from_oci(what: &str, error: &OciDistributionError) -> Self {
        let text = format!("{what}: {}", with_sources(error));
        match error {
            OciDistributionError::AuthenticationFailure(_)
            | OciDistributionError::UnauthorizedError { .. } => Self::Unauthorized(what.to_owned()),
            OciDistributionError::ImageManifestNotFoundError(_) => Self::NotFound(text),
            OciDistributionError::ServerError { code, message, .. } => {
                Self::from_status(what, *code, message)
            }
            OciDistributionError::RegistryError { envelope, .. } => {
                match envelope.errors.first().map(|error| &error.code) {
                    Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => {
                        Self::Unauthorized(what.to_owned())
                    }
                    Some(OciErrorCode::Toomanyrequests) => Self::Unavailable(text),
                    Some(
                        OciErrorCode::BlobUnknown
                        | OciErrorCode::ManifestUnknown
                        | OciErrorCode::NameUnknown
                        | OciErrorCode::NotFound,
                    ) => Self::NotFound(text),
                    _ => Self::Refused(text),
                }
            }
            OciDistributionError::RequestError(_) | OciDistributionError::IoError(_) => {
                Self::Unavailable(text)
            }
            _ => Self::Refused(text),
        }
    }
}
