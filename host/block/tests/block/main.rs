//! Blocks from outside: written, read, measured, damaged, and decoded by someone else.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected"
)]

mod chance;
mod compact;
mod damage;
mod deletes;
mod downsample;
mod export;
mod fixture;
mod golden;
mod golden_kinds;
mod histogram_bits;
mod kinds;
mod numbered;
mod nx1;
mod reach;
mod round_trip;
mod size;
mod verify;
