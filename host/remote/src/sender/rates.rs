//! How fast samples come and go, and how many shards that asks for. The formula is Prometheus'.

use std::time::Duration;

/// How often the number of shards is thought over.
pub(super) const UPDATE_INTERVAL: Duration = Duration::from_secs(10);

/// How much the newest interval counts in a rate.
const WEIGHT: f64 = 0.2;

/// The number stays as it is where the desired one is not further from it than this part of it.
const TOLERANCE: f64 = 0.3;

/// Which part of the backlog is to be worked off each second.
const CATCH_UP: f64 = 0.05;

/// A rate a second that moves with the newest intervals.
#[derive(Debug, Clone, Default)]
pub(super) struct Rate {
    last: f64,
    is_begun: bool,
    counted: f64,
}

impl Rate {
    pub(super) fn add(&mut self, count: f64) {
        self.counted += count;
    }

    /// An interval is over.
    pub(super) fn tick(&mut self) {
        let now = std::mem::take(&mut self.counted) / UPDATE_INTERVAL.as_secs_f64();
        self.last = match self.is_begun {
            true => self.last + WEIGHT * (now - self.last),
            false => now,
        };
        // As Prometheus: before anything came there is nothing to average with.
        self.is_begun = self.is_begun || now > 0.0;
    }

    pub(super) fn get(&self) -> f64 {
        self.last
    }
}

/// What is measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Rates {
    /// Samples read from the log.
    pub(super) read: Rate,
    /// Samples that relabelling or their age dropped.
    pub(super) dropped: Rate,
    /// Samples that were sent.
    pub(super) sent: Rate,
    /// Seconds that sending them took, over all shards.
    pub(super) sending: Rate,
}

/// How many shards there are and may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shards {
    pub(super) now: usize,
    pub(super) min: usize,
    pub(super) max: usize,
}

impl Rates {
    pub(super) fn tick(&mut self) {
        for rate in [
            &mut self.read,
            &mut self.dropped,
            &mut self.sent,
            &mut self.sending,
        ] {
            rate.tick();
        }
    }

    /// How many shards would do, and how many there should be: the first for the metric. `behind`
    /// is how far the newest sample sent is behind the newest one that there is.
    pub(super) fn desired(&self, shards: Shards, behind: Duration) -> (f64, usize) {
        let sent = self.sent.get();
        if sent <= 0.0 {
            return (shards.now as f64, shards.now);
        }
        let kept = sent / (self.dropped.get() + sent);
        let seconds_per_sample = self.sending.get() / sent;
        let comes = self.read.get() * kept;
        let backlog = behind.as_secs_f64() * comes;
        let desired = seconds_per_sample * (comes + CATCH_UP * backlog);
        let now = shards.now as f64;
        let rounded = desired.ceil();
        if (now * (1.0 - TOLERANCE)..=now * (1.0 + TOLERANCE)).contains(&rounded) {
            return (desired, shards.now);
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what a count of shards is"
        )]
        let wanted = rounded.clamp(0.0, shards.max as f64) as usize;
        (desired, wanted.clamp(shards.min, shards.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples a second read, dropped and sent, and how long sending each takes.
    fn rates(read: f64, dropped: f64, sent: f64, seconds_per_sample: f64) -> Rates {
        let mut rates = Rates::default();
        let interval = UPDATE_INTERVAL.as_secs_f64();
        rates.read.add(read * interval);
        rates.dropped.add(dropped * interval);
        rates.sent.add(sent * interval);
        rates.sending.add(sent * seconds_per_sample * interval);
        rates.tick();
        rates
    }

    #[test]
    fn shards_follow_what_comes_and_what_waits() {
        let second = Duration::from_secs(1);
        for (name, rates, now, behind, expected) in [
            (
                "nothing is sent",
                rates(1000.0, 0.0, 0.0, 0.0),
                3,
                600 * second,
                3,
            ),
            (
                "one is enough",
                rates(1000.0, 0.0, 1000.0, 0.000_5),
                1,
                second,
                1,
            ),
            (
                "four are needed",
                rates(4000.0, 0.0, 1000.0, 0.001),
                1,
                Duration::ZERO,
                4,
            ),
            (
                "a third more is tolerated",
                rates(1200.0, 0.0, 1000.0, 0.01),
                10,
                Duration::ZERO,
                10,
            ),
            (
                "a backlog asks for more",
                rates(1000.0, 0.0, 1000.0, 0.001),
                1,
                60 * second,
                4,
            ),
            (
                "half is dropped",
                rates(8000.0, 1000.0, 1000.0, 0.001),
                1,
                Duration::ZERO,
                4,
            ),
            (
                "no more than allowed",
                rates(1e9, 0.0, 1000.0, 0.001),
                1,
                second,
                50,
            ),
            (
                "no less than allowed",
                rates(10.0, 0.0, 10.0, 0.001),
                20,
                Duration::ZERO,
                2,
            ),
        ] {
            let shards = Shards {
                now,
                min: if now == 20 { 2 } else { 1 },
                max: 50,
            };
            assert_eq!(rates.desired(shards, behind).1, expected, "{name}");
        }
    }

    #[test]
    fn a_rate_moves_slowly() {
        let mut rate = Rate::default();
        rate.tick();
        rate.add(100.0);
        rate.tick();
        assert_eq!(rate.get(), 10.0);
        rate.tick();
        assert_eq!(rate.get(), 8.0);
    }
}
