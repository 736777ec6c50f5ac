//! The turns of Alertmanager's groups. All groups of a test begin at once and are told at the same
//! turns, in Narthex as in Alertmanager. What comes while a group is told may be told in parts, and
//! which parts is chance: so what comes later is sent just behind a turn.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

/// How long a group waits before its first turn, as in the configs of the tests.
const WAIT: Duration = Duration::from_secs(1);

/// From one turn of a group to the next.
const INTERVAL: Duration = Duration::from_secs(2);

/// A turn is over so long after its time, where the machine is not busy.
const BEHIND: Duration = Duration::from_millis(300);

/// Behind this it is late enough to wait for the next turn.
const LATE: Duration = Duration::from_millis(700);

/// Since when the groups of one server are there.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    begun: OnceCell<Instant>,
}

impl Turns {
    /// Waits until a turn is over; the first time it begins them instead.
    pub(crate) fn await_turn(&self) {
        let Some(begun) = self.begun.get() else {
            let _ = self.begun.set(Instant::now());
            return;
        };
        loop {
            let since = begun.elapsed().saturating_sub(WAIT).as_millis() % INTERVAL.as_millis();
            if (BEHIND.as_millis()..LATE.as_millis()).contains(&since) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
