//! A target that counts how often it was read, so that what arrives elsewhere can be told to be all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Target, until};

/// So long a test waits for scrapes, in seconds.
const SCRAPES_DEADLINE_SECONDS: u64 = 900;

/// A target whose page says, as `ticks_total`, which reading it is, from 1 on.
pub struct Ticking {
    target: Target,
    ticks: Arc<AtomicU64>,
}

impl Ticking {
    /// One with nothing else on its pages.
    pub fn start() -> Self {
        Self::with(|_| String::new())
    }

    /// One whose pages have, behind the count, what `more` makes of it.
    pub fn with(more: impl Fn(u64) -> String + Send + Sync + 'static) -> Self {
        let ticks = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&ticks);
        let target = Target::serve_text(move || {
            let tick = counter.fetch_add(1, Ordering::SeqCst) + 1;
            let more = more(tick);
            format!("# TYPE ticks_total counter\nticks_total {tick}\n{more}")
        });
        Self { target, ticks }
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        self.target.address()
    }

    /// How often it was read.
    pub fn now(&self) -> u64 {
        self.ticks.load(Ordering::SeqCst)
    }

    /// Waits until it was read so often.
    ///
    /// # Panics
    /// That takes too long.
    pub fn wait_for(&self, tick: u64) {
        until(SCRAPES_DEADLINE_SECONDS, "scrapes", || match self.now() {
            now if now >= tick => Ok(()),
            now => Err(format!("{now} of {tick}")),
        });
    }
}
