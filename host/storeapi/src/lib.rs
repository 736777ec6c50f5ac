//! Thanos' StoreAPI: series over gRPC, for queriers that ask hosts, and from hosts that are asked.
//!
//! [`Endpoint`] asks one endpoint; [`StoreApi`] is one, and [`serve`] lets it be asked.
//!
//! It is not: a querier. Who merges the answers of several endpoints does it with the client here.

mod code;
mod endpoint;
pub mod message;
mod method;
mod server;
mod store;
mod wire;

pub use endpoint::{
    Endpoint, EndpointError, EndpointTls, EvaluateFrames, ExemplarsFrames, MESSAGE_BYTES_MAX,
    SeriesFrames, UNPACKED_BYTES_MAX,
};
pub use narthex_http::Credentials;
pub use server::{CONNECTIONS_MAX, GrpcMetrics, REQUEST_PARTS_MAX, STREAMS_MAX, serve};
pub use store::{HoldingsOf, HostView, SelectorsOf, SinceOf, StoreApi, StoreLimits, StoreOptions};
