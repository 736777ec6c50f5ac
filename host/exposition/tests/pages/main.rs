//! Pages read and written as a scrape and `/federate` do it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking"
)]

mod hostile;
mod open_metrics;
mod page;
mod prometheus_text;
mod protobuf;
mod round_trip;
