//! What redis_exporter tells of itself, kept for each target of the job.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_sdk::{Batch, MetricKind};

/// So many targets are counted apart; those beyond begin anew each time.
const TARGETS_MAX: usize = 10_000;

/// Scrapes of one target.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    scrapes: f64,
    failures: f64,
    seconds: f64,
}

/// Scrapes of all targets.
#[derive(Debug, Default)]
pub(crate) struct Scrapes(BTreeMap<String, Count>);

impl Scrapes {
    /// Counts one scrape, and writes the counts of its target.
    pub(crate) fn count(
        &mut self,
        target: &str,
        taken: Duration,
        fault: Option<&str>,
        batch: &mut Batch,
    ) {
        let mut count = self.0.get(target).copied().unwrap_or_default();
        count.scrapes += 1.0;
        count.failures += f64::from(u8::from(fault.is_some()));
        count.seconds += taken.as_secs_f64();
        if self.0.len() < TARGETS_MAX || self.0.contains_key(target) {
            self.0.insert(target.to_owned(), count);
        }
        for (name, help, value) in [
            ("redis_exporter_scrapes_total", "Scrapes.", count.scrapes),
            (
                "redis_target_scrape_request_errors_total",
                "Scrapes that failed.",
                count.failures,
            ),
        ] {
            batch.counter(name, help).sample(&[], value);
        }
        batch
            .family(
                MetricKind::Summary,
                "redis_exporter_scrape_duration_seconds",
                "How long scrapes took.",
            )
            .suffixed("_sum", &[], count.seconds)
            .suffixed("_count", &[], count.scrapes);
        // Groups of keys need a script, which is not there.
        batch
            .gauge(
                "redis_last_key_groups_scrape_duration_milliseconds",
                "How long it took to look at groups of keys.",
            )
            .sample(&[], 0.0);
        batch
            .gauge(
                "redis_exporter_last_scrape_error",
                "Whether the last scrape failed, and why.",
            )
            .sample(
                &[("err", fault.unwrap_or_default())],
                f64::from(u8::from(fault.is_some())),
            );
    }
}
