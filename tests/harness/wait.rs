//! Waiting for another process.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Asks `ready` again and again until it gives something, and hands that out.
///
/// # Panics
/// After `seconds`, naming what was waited for and what `ready` said last.
pub fn until<T>(seconds: u64, what: &str, mut ready: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        match ready() {
            Ok(value) => return value,
            Err(reason) if Instant::now() >= deadline => {
                panic!("waited {seconds} s for {what}: {reason}")
            }
            Err(_) => std::thread::sleep(POLL_INTERVAL),
        }
    }
}
