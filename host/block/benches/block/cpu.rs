//! The time that a thread was on a CPU.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The least time that a task took over some runs, and what it gave; what it needs is made
/// without being counted.
pub(crate) fn best_of<I, O>(
    runs: usize,
    mut make: impl FnMut() -> I,
    mut task: impl FnMut(I) -> O,
) -> (Duration, O) {
    let mut run = || {
        let input = make();
        let begin = on_cpu();
        let output = task(input);
        (on_cpu().saturating_sub(begin), output)
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

fn on_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        now.tv_nsec.try_into().unwrap_or(0),
    )
}
