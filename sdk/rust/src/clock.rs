//! Time, as the host has it.

use std::time::Duration;

use crate::{Error, gate};

/// What adjtimex(2) tells, in its own numbers.
pub use crate::bindings::narthex::plugin::clock::Timex;

/// `STA_NANO` of adjtimex(2).
const NANOSECONDS: u32 = 0x2000;

/// `TIME_ERROR` of adjtimex(2).
const UNSYNCHRONIZED: u32 = 5;

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

/// How the kernel disciplines the clock of the host's machine.
///
/// # Errors
/// It does not tell.
pub fn discipline() -> Result<Timex, Error> {
    gate::clock::discipline()
}

impl Timex {
    /// Whether the clock is synchronized to a reliable one.
    pub fn is_synchronized(&self) -> bool {
        self.state != UNSYNCHRONIZED
    }

    /// How many units of `offset` and `pps_jitter` a second has.
    pub fn units_per_second(&self) -> f64 {
        match self.status & NANOSECONDS {
            0 => 1e6,
            _ => 1e9,
        }
    }
}
