//! Echo requests to granted hosts.

use std::time::Duration;

use crate::{Error, gate};

pub use crate::bindings::narthex::plugin::icmp::Reply;

/// Sends one echo request with so many bytes in it and waits for its reply.
///
/// # Errors
/// The grant does not cover it, or no reply came in the call's time.
pub fn ping(host: &str, payload_bytes: u16) -> Result<Reply, Error> {
    gate::icmp::ping(host, payload_bytes)
}

impl Reply {
    /// How long it took.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds)
    }
}
