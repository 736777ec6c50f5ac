//! Whether an instance's memory grows for ever.
//!
//! A collected heap grows for a while and then stands; a leak grows as long as it is looked at.
//! So growth is looked for over stretches that double, and only what grew in each is a leak.

use std::time::Duration;

/// Calls that every plugin makes.
pub const CALLS: u32 = 200;

/// Calls of a plugin whose memory grows, before it is called a leak.
pub const SUSPICIOUS_CALLS_MAX: u32 = 3200;

/// Calls at the beginning in which memory may grow.
const WARM_CALLS: u32 = 100;

/// So long the calls may take in all; then the verdict is of those that were made.
pub const TIME_MAX: Duration = Duration::from_secs(30);

/// The memory of an instance from call to call.
#[derive(Debug, Default)]
pub struct Growth {
    calls: u32,
    last_bytes: u64,
    /// Bytes by which memory grew since the first call. It never shrinks: less than before is
    /// another instance, whose beginning does not count.
    grown_bytes: u64,
    /// What it had grown by when the stretch under way began.
    stretch_began_bytes: u64,
    stretch_end: u32,
    /// Whole stretches in which it grew.
    grown_stretches: u32,
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
        if self.calls > 0 {
            self.grown_bytes += bytes.saturating_sub(self.last_bytes);
        }
        self.last_bytes = bytes;
        self.calls += 1;
        if self.calls == WARM_CALLS {
            self.stretch_began_bytes = self.grown_bytes;
            self.stretch_end = 2 * WARM_CALLS;
        }
        if self.calls < WARM_CALLS || self.calls < self.stretch_end {
            return Verdict::GoOn;
        }
        if self.grown_bytes == self.stretch_began_bytes {
            return Verdict::Steady;
        }
        self.grown_stretches += 1;
        self.stretch_began_bytes = self.grown_bytes;
        self.stretch_end *= 2;
        match self.calls >= SUSPICIOUS_CALLS_MAX {
            true => Verdict::Leak,
            false => Verdict::GoOn,
        }
    }

    /// The verdict where there is no time for more calls.
    pub fn give_up(&self) -> Verdict {
        match self.grown_stretches {
            0 => Verdict::Steady,
            _ => Verdict::Leak,
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
        let each = self.grown_bytes / u64::from(self.calls.max(1));
        format!(
            "its memory grows: by {} KiB in {} calls, about {each} bytes a call",
            self.grown_bytes / 1024,
            self.calls
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
        // As a collected heap does: it fills, and is then used again.
        let collected = |call: u64| (1 + call.min(700) / 10) * PAGE;
        assert_eq!(verdict(collected), (Verdict::Steady, 1600));
    }

    #[test]
    fn memory_that_grows_for_ever_is_a_leak() {
        let slow = |call: u64| (call * 700).div_ceil(PAGE) * PAGE;
        assert_eq!(verdict(slow), (Verdict::Leak, SUSPICIOUS_CALLS_MAX));
        // The host replaces an instance that is nearly full.
        let recycled = |call: u64| (1 + call % 40) * 16 * PAGE;
        assert_eq!(verdict(recycled).0, Verdict::Leak);
    }

    #[test]
    fn without_time_the_stretches_so_far_decide() {
        let mut growth = Growth::default();
        for call in 0..250 {
            growth.note(call * PAGE);
        }
        assert_eq!(growth.give_up(), Verdict::Leak);
        let text = "its memory grows: by 15936 KiB in 250 calls, about 65273 bytes a call";
        assert_eq!(growth.describe(), text);
        let mut growth = Growth::default();
        for call in 0..150 {
            growth.note(call * PAGE);
        }
        assert_eq!(growth.give_up(), Verdict::Steady);
    }
}
