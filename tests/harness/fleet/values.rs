//! The values of the fake exporters: computed from a series and a step, so that nothing has to be
//! remembered and every server is told the same.

use std::fmt::Write as _;

/// How the values of a series move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Motion {
    /// Not at all.
    Constant,
    /// A counter of rare events.
    Slow,
    /// A counter of events, a few more and a few less each time.
    Events,
    /// A counter of seconds with two decimals.
    Seconds,
    /// The same of what is rarely spent.
    SlowSeconds,
    /// A gauge that moves by pages of memory.
    Pages,
    /// A gauge that is a measured time, with all its digits.
    Measured,
    /// One of so many buckets of a histogram: cumulative, from the first.
    Bucket(u8),
}

/// A few bits that look random; the same for the same input.
pub(crate) fn dice(seed: u64, step: u64) -> u64 {
    let mut mixed = seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Events up to a step: `per_step` of them each time on average, never fewer than before, and as
/// many more or less as independent events are (the root of their number).
fn events(seed: u64, step: u64, per_step: u64) -> u64 {
    let start = dice(seed, u64::MAX) % 1_000_000;
    start + step * per_step + dice(seed, step) % (2 * per_step.isqrt()).clamp(1, per_step.max(1))
}

impl Motion {
    /// Appends the value of a series at a step to a page.
    pub(crate) fn write(self, seed: u64, step: u64, page: &mut String) {
        let rate = 1 + dice(seed, 1) % 1000;
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Constant => write!(page, "{}", dice(seed, 0) % 4096),
            Self::Slow => write!(page, "{}", dice(seed, 0) % 4096 + step / (7 + rate % 53)),
            Self::Events => write!(page, "{}", events(seed, step, rate)),
            Self::Seconds => {
                let hundredths = events(seed, step, 1 + rate % 1500);
                write!(page, "{}.{:02}", hundredths / 100, hundredths % 100)
            }
            Self::SlowSeconds => {
                let hundredths = dice(seed, 0) % 100_000 + step / (2 + rate % 9);
                write!(page, "{}.{:02}", hundredths / 100, hundredths % 100)
            }
            Self::Pages => {
                let pages = 100_000 + rate * 100 + dice(seed, step) % (rate + 10);
                write!(page, "{}", pages * 4096)
            }
            // Nanoseconds over a billion, as exporters written in Go say a duration.
            Self::Measured => write!(page, "{}", (dice(seed, step) >> 40) as f64 / 1e9),
            Self::Bucket(nth) => {
                let all = events(seed, step, rate);
                write!(page, "{}", all * (u64::from(nth) + 1) / 12)
            }
        };
    }
}
