//! Thanos' StoreAPI: series over gRPC, for queriers that ask hosts, and from hosts that are asked.
//!
//! It is not: a querier. Who merges the answers of several endpoints does it with the client here.

pub mod message;
