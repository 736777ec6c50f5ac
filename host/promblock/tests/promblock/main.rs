//! Reads blocks that others wrote: Debian's promtool and Prometheus, and a hand that follows
//! the text of the format to the bit.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected"
)]

mod chunks;
mod damage;
mod encodings;
mod handmade;
mod live;
mod prometheus;
mod promtool;
