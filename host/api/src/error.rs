//! What can go wrong with a request, and the one place where that becomes an HTTP status code.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::envelope;

/// The kinds of failure, as the envelope's `errorType` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A parameter or query that cannot be understood.
    BadData,
    /// The body is over a bound; told as `bad_data`.
    TooLarge,
    /// The query was understood but could not be evaluated.
    Execution,
    /// The query was cancelled.
    Canceled,
    /// The query took too long.
    Timeout,
    /// A fault of ours, or of the store.
    Internal,
    /// Switched off, or not there at this time.
    Unavailable,
    /// No such thing.
    NotFound,
}

impl ErrorKind {
    /// The value of `errorType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadData | Self::TooLarge => "bad_data",
            Self::Execution => "execution",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
        }
    }

    /// The status code of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            // "Client closed request", as nginx has it; it is in no standard.
            Self::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal | Self::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }
}

/// A failed request: its kind and the text of the envelope's `error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What the client reads.
    pub message: String,
}

impl ApiError {
    /// A failure of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// A request that cannot be understood.
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadData, message)
    }

    /// A parameter that cannot be understood, in Prometheus' words.
    pub fn invalid_parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        envelope::failure(&self)
    }
}
