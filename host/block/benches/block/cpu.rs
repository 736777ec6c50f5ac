//! The time that a thread was on a CPU.

use std::time::{Duration, Instant};

/// The least time that a task took over some runs, and what it gave; what it needs is made
/// without being counted.
pub(crate) fn best_of<I, O>(
    runs: usize,
    mut make: impl FnMut() -> I,
    mut task: impl FnMut(I) -> O,
) -> (Duration, O) {
    let mut run = || {
        let input = make();
        let begin = Moment::now();
        let output = task(input);
        (begin.elapsed(), output)
    };
    let mut best = run();
    for _ in 1..runs {
        let next = run();
        if next.0 < best.0 {
            best = next;
        }
    }
    best
}

/// When something began.
struct Moment {
    on_cpu: Option<Duration>,
    wall: Instant,
}

impl Moment {
    fn now() -> Self {
        Self {
            on_cpu: on_cpu(),
            wall: Instant::now(),
        }
    }

    /// Time on a CPU since then; where the system does not tell it, time.
    fn elapsed(&self) -> Duration {
        match (self.on_cpu, on_cpu()) {
            (Some(begin), Some(end)) => end.saturating_sub(begin),
            _ => self.wall.elapsed(),
        }
    }
}

/// Linux tells nanoseconds on a CPU first.
fn on_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}
