//! One view over many hosts: whoever asks it asks all of them, and sees each series once.
//!
//! It is not: a wire, which is `narthex-storeapi`'s, or a cache.

mod dedup;

pub use dedup::{Dedup, is_of_counters};
