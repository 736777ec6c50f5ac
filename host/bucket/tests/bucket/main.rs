//! Buckets: against a store that fails, stalls and truncates, against emulators of each kind, and what
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
mod emulators;
mod failures;
mod field;
mod fixture;
mod leftovers;
mod life;
mod mortal;
mod overwriting;
mod reach;
mod seeds;
mod stores;
mod toxic;
mod two_years;
mod workers;
mod world;
