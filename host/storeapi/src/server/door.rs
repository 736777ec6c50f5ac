//! Whether a request by gRPC may go on: what the entrance says of it, as a status.
//!
//! It is not: who may what, which the entrance knows.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::HeaderMap;
use narthex_web::{Admission, Entrance, Peer, Verdict};
use tonic::Status;

use crate::method;

/// All methods read, though gRPC sends them as `POST`: whoever may get a path may call the method.
const METHOD: &str = "GET";

/// The health service is what this path is over HTTP, and open where that is.
const HEALTHY: &str = "/-/healthy";

/// Where the requests of one connection come in.
#[derive(Debug, Clone)]
pub(super) struct Door {
    entrance: Arc<Entrance>,
    peer: Peer,
}

impl Door {
    /// For who is at this address.
    pub(super) fn new(entrance: Arc<Entrance>, address: Option<SocketAddr>) -> Self {
        let peer = Peer {
            address,
            ..Peer::default()
        };
        Self { entrance, peer }
    }

    /// Lets a request go on.
    ///
    /// # Errors
    /// What it is answered instead.
    pub(super) async fn admit(&self, path: &str, headers: &HeaderMap) -> Result<(), Status> {
        let path = match path {
            method::HEALTH => HEALTHY,
            path => path,
        };
        let peer = Some(&self.peer);
        match self.entrance.admit(METHOD, path, headers, peer).await {
            Admission::Granted => Ok(()),
            Admission::Unauthorized => Err(Status::unauthenticated(
                "a user with the right password is needed",
            )),
            Admission::TooMany => Err(Status::resource_exhausted("there are too many requests")),
            Admission::Refused { verdict, .. } => match verdict {
                // Nobody refuses what was granted.
                Verdict::Granted => Ok(()),
                Verdict::Unauthorized(reason) => Err(Status::unauthenticated(reason)),
                Verdict::Forbidden(reason) => Err(Status::permission_denied(reason)),
                Verdict::Unavailable(reason) => Err(Status::unavailable(reason)),
            },
        }
    }
}
