//! What the tests that cross crates share: the real binary, real peers, targets to scrape.
//!
//! It is not: a client library. A test that cannot get what it needs panics.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test harness fails by panicking"
)]

mod answer;
mod aws;
mod cable;
mod cluster;
mod cluster_query;
mod cluster_review;
pub mod component;
pub mod fleet;
mod guest;
mod hook;
pub mod http;
mod narthex;
mod network;
pub mod oci;
pub mod peers;
mod process;
mod questions;
mod s3;
pub mod samples;
pub mod system;
mod target;
mod ticking;
pub mod usage;
mod wait;

pub use answer::{Answer, disagreement};
pub use aws::Aws;
pub use cable::Cable;
pub use cluster::{ClusterServer, Fault};
pub use fleet::Fleet;
pub use guest::Guest;
pub use hook::Hook;
pub use narthex::{Narthex, NarthexBuilder, SeriesSet, binary, instant, sorted};
pub use network::Network;
pub use process::{Process, free_port, run};
pub use questions::{At, QUESTIONS, Question};
pub use s3::S3Server;
pub use samples::Samples;
pub use target::{Page, Target};
pub use ticking::Ticking;
pub use usage::Usage;
pub use wait::until;

use std::path::PathBuf;

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Upstream data beside the repository, where it exists. Tests that read it pass without it.
pub fn upstream_data(path: &str) -> Option<PathBuf> {
    let data = repository().parent()?.join("shared").join(path);
    data.exists().then_some(data)
}
