//! Time, as the host has it.

use std::time::Duration;

use crate::gate;

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    gate::clock::now()
}

/// A time that never goes back, from a point of the host's choice.
pub fn monotonic() -> Duration {
    Duration::from_nanos(gate::clock::monotonic())
}

/// How long the call under way may still take.
pub fn remaining() -> Duration {
    Duration::from_millis(gate::clock::remaining().into())
}
