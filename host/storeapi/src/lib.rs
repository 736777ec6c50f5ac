//! Thanos' StoreAPI: series over gRPC, for queriers that ask hosts, and from hosts that are asked.
//!
//! [`Endpoint`] asks one endpoint.
//!
//! It is not: a querier. Who merges the answers of several endpoints does it with the client here.

mod code;
mod endpoint;
pub mod message;
mod method;

pub use endpoint::{Endpoint, EndpointError, EndpointTls, MESSAGE_BYTES_MAX, SeriesFrames};
