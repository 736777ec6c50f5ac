//! Buckets: against a store that fails, stalls and truncates, against a real S3 server, and what
//! a query reads.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected"
)]

mod archive;
mod compacting;
mod counted;
mod deaths;
mod failures;
mod field;
mod fixture;
mod life;
mod mortal;
mod overwriting;
mod reach;
mod s3;
mod seeds;
mod toxic;
mod two_years;
mod workers;
mod world;
