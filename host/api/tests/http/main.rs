//! The API as a client sees it: requests through the router, answers as text.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking"
)]

mod admin;
mod answers;
mod consoles;
mod dashboards;
mod entrance;
mod errors;
mod exemplars;
mod fixture;
mod lifecycle;
mod native_histograms;
mod plugins;
mod ranges;
mod rules;
mod saved_queries;
mod server;
mod ui;
mod unused_metrics;
mod write;
