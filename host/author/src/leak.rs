//! Whether an instance's memory grows for ever.
//!
//! A collected heap grows until it is first collected, and then stands; a leak grows as long as it
//! is looked at. So growth is looked for over stretches that double, and only what grew in each of
//! them, and by more than a heap needs, is a leak.

use std::time::Duration;

/// Calls that every plugin makes.
pub const CALLS: u32 = 200;

/// Calls of a plugin whose memory grows: as many as the host lets one instance live for. What is
/// too slow to show in these does no harm.
pub const SUSPICIOUS_CALLS_MAX: u32 = 10_000;

/// Calls at the beginning in which memory may grow.
const WARM_CALLS: u32 = 100;

/// So much a heap may grow after that; Go's is first collected at 4 MiB.
const HEAP_BYTES: u64 = 8 * 1024 * 1024;

/// A heap may also grow by so many times what it has after the first calls.
const HEAP_FACTOR: u64 = 2;

/// So long the calls may take in all; then the verdict is of those that were made.
pub const TIME_MAX: Duration = Duration::from_secs(30);

/// The memory of an instance from call to call.
#[derive(Debug, Default)]
pub struct Growth {
    calls: u32,
    last_bytes: u64,
    warm_bytes: u64,
    /// Bytes by which memory grew since the instance was warm. It never shrinks: less than before
    /// is another instance, whose beginning does not count.
    grown_bytes: u64,
    /// What it had grown by when the stretch under way began.
    stretch_began_bytes: u64,
    stretch_end: u32,
}

/// What to do after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// One more call.
    GoOn,
    /// It stands.
    Steady,
    /// It grows.
    Leak,
}

impl Growth {
    /// Takes the memory after one more call.
    pub fn note(&mut self, bytes: u64) -> Verdict {
        self.calls += 1;
        if self.calls > WARM_CALLS {
            self.grown_bytes += bytes.saturating_sub(self.last_bytes);
        }
        self.last_bytes = bytes;
        if self.calls == WARM_CALLS {
            self.warm_bytes = bytes;
            self.stretch_end = CALLS;
        }
        if self.calls < WARM_CALLS || self.calls < self.stretch_end {
            return Verdict::GoOn;
        }
        if self.grown_bytes == self.stretch_began_bytes {
            return Verdict::Steady;
        }
        if self.grown_bytes > HEAP_BYTES.max(HEAP_FACTOR * self.warm_bytes) {
            return Verdict::Leak;
        }
        self.stretch_began_bytes = self.grown_bytes;
        self.stretch_end = (2 * self.stretch_end).min(SUSPICIOUS_CALLS_MAX);
        match self.calls >= SUSPICIOUS_CALLS_MAX {
            true => Verdict::Steady,
            false => Verdict::GoOn,
        }
    }

    /// The verdict where there is no time for more calls.
    pub fn give_up(&self) -> Verdict {
        match self.grown_bytes > HEAP_BYTES.max(HEAP_FACTOR * self.warm_bytes) {
            true => Verdict::Leak,
            false => Verdict::Steady,
        }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// The memory after the last call.
    pub fn bytes(&self) -> u64 {
        self.last_bytes
    }

    /// The finding in words.
    pub fn describe(&self) -> String {
        let calls = self.calls.saturating_sub(WARM_CALLS).max(1);
        let each = self.grown_bytes / u64::from(calls);
        format!(
            "its memory grows: by {} KiB in {calls} calls, about {each} bytes a call",
            self.grown_bytes / 1024
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of memory: it grows by these.
    const PAGE: u64 = 65_536;

    fn verdict(memory: impl Fn(u64) -> u64) -> (Verdict, u32) {
        let mut growth = Growth::default();
        loop {
            let call = u64::from(growth.calls());
            match growth.note(memory(call)) {
                Verdict::GoOn => {}
                verdict => return (verdict, growth.calls()),
            }
        }
    }

    #[test]
    fn memory_that_stands_after_a_while_is_no_leak() {
        assert_eq!(verdict(|_| 17 * PAGE), (Verdict::Steady, 200));
        let warm = |call: u64| call.min(80) * PAGE;
        assert_eq!(verdict(warm), (Verdict::Steady, 200));
        // As a collected heap does: it fills up to 4 MiB, and is then used again.
        let collected = |call: u64| (30 + call.min(2600) * 1638 / PAGE) * PAGE;
        assert_eq!(verdict(collected), (Verdict::Steady, 6400));
    }

    #[test]
    fn memory_that_grows_for_ever_is_a_leak() {
        let leak = |call: u64| (call * 4000).div_ceil(PAGE) * PAGE;
        assert_eq!(verdict(leak), (Verdict::Leak, 3200));
        // The host replaces an instance that is nearly full.
        let recycled = |call: u64| (1 + call % 40) * 16 * PAGE;
        assert_eq!(verdict(recycled).0, Verdict::Leak);
    }

    #[test]
    fn growth_that_an_instance_does_not_live_to_see_is_none() {
        let slow = |call: u64| (call * 700).div_ceil(PAGE) * PAGE;
        assert_eq!(verdict(slow), (Verdict::Steady, SUSPICIOUS_CALLS_MAX));
    }

    #[test]
    fn without_time_the_growth_so_far_decides() {
        let give_up = |calls: u64, bytes: u64| {
            let mut growth = Growth::default();
            for call in 0..calls {
                growth.note(call * bytes);
            }
            (growth.give_up(), growth.describe())
        };
        assert_eq!(give_up(450, PAGE / 8).0, Verdict::Steady);
        let text = "its memory grows: by 57600 KiB in 900 calls, about 65536 bytes a call";
        assert_eq!(give_up(1000, PAGE), (Verdict::Leak, text.to_owned()));
    }
}
