//! Watches on an API server that is spoken to over HTTP, and that is not always well.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "a test fails by panicking; the server is shared with others, who use all of it"
)]

#[path = "../../../../tests/harness/cluster.rs"]
mod cluster;
#[path = "../../../../tests/harness/cluster_query.rs"]
mod cluster_query;
#[path = "../../../../tests/harness/cluster_review.rs"]
mod cluster_review;

mod faults;
mod listener;
mod sharing;
