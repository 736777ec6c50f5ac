//! Why an endpoint gave no answer, or not all of it.

use std::error::Error;

use narthex_model::with_sources;
use tonic::{Code, Status};

use crate::code;

/// Why an endpoint gave no answer, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// That is no address, or the certificates for it cannot be used.
    #[error("{address} cannot be an endpoint: {reason}")]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be reached, or the connection broke.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// `host:port`
        address: String,
        /// What happened.
        reason: String,
    },
    /// It took too long.
    #[error("{address}: {reason}")]
    Deadline {
        /// `host:port`
        address: String,
        /// How long.
        reason: String,
    },
    /// It answered with an error.
    #[error("{address}: {code}: {reason}")]
    Refused {
        /// `host:port`
        address: String,
        /// The code of gRPC, in the name that Go has for it.
        code: &'static str,
        /// What the endpoint says.
        reason: String,
    },
}

impl EndpointError {
    pub(super) fn address(address: &str, error: &dyn Error) -> Self {
        Self::Address {
            address: address.to_owned(),
            reason: with_sources(error),
        }
    }

    pub(super) fn status(address: &str, status: &Status) -> Self {
        let address = address.to_owned();
        let mut reason = status.message().to_owned();
        if let Some(source) = status.source() {
            let source = with_sources(source);
            if !reason.contains(&source) {
                reason = format!("{reason}: {source}");
            }
        }
        match status.code() {
            Code::Unavailable => Self::Unreachable { address, reason },
            // A channel gives up the request whose time is over in these words.
            Code::DeadlineExceeded | Code::Cancelled => Self::Deadline { address, reason },
            code => Self::Refused {
                address,
                code: code::name(code),
                reason,
            },
        }
    }
}
