//! What a server did in some minutes: its CPU time, and what its metrics say of the rules.

use std::time::{Duration, Instant};

use narthex_tests::system::Running;
use narthex_tests::{Usage, http};

use crate::feed::INTERVAL_MS;

/// How a server was doing in a stretch of time.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) seconds: f64,
    pub(crate) cpu_s: f64,
    pub(crate) rss_mb: f64,
    pub(crate) evaluations: f64,
    pub(crate) failures: f64,
    /// Iterations of groups that were skipped because the one before took too long.
    pub(crate) missed: f64,
    /// How long the groups took, sorted; each is looked at once in an interval.
    group_seconds: Vec<f64>,
}

impl Stretch {
    /// Looks at a server for so long.
    pub(crate) fn measure(running: &Running, lasting: Duration) -> Self {
        let (begun, before) = (Instant::now(), Usage::of(running.pid()));
        let metrics_before = metrics(running);
        let mut group_seconds = Vec::new();
        while begun.elapsed() < lasting {
            std::thread::sleep(Duration::from_millis(INTERVAL_MS.cast_unsigned()));
            let durations = values(
                &metrics(running),
                "prometheus_rule_group_last_duration_seconds",
            );
            group_seconds.extend(durations);
        }
        let metrics_after = metrics(running);
        let (seconds, after) = (begun.elapsed().as_secs_f64(), Usage::of(running.pid()));
        let grown = |name: &str| {
            let sum = |text: &str| values(text, name).iter().sum::<f64>();
            sum(&metrics_after) - sum(&metrics_before)
        };
        group_seconds.sort_by(f64::total_cmp);
        Self {
            seconds,
            cpu_s: after.cpu_s - before.cpu_s,
            rss_mb: after.rss_mb,
            evaluations: grown("prometheus_rule_evaluations_total"),
            failures: grown("prometheus_rule_evaluation_failures_total"),
            missed: grown("prometheus_rule_group_iterations_missed_total"),
            group_seconds,
        }
    }

    /// How long the groups took, in milliseconds: what that part of them did not exceed.
    pub(crate) fn group_ms(&self, part: f64) -> f64 {
        let last = self.group_seconds.len().saturating_sub(1);
        let at = (last as f64 * part) as usize;
        self.group_seconds.get(at).map_or(f64::NAN, |s| s * 1000.0)
    }
}

/// The server's own metrics.
pub(crate) fn metrics(running: &Running) -> String {
    let (status, text) = http::get(&format!("{}/metrics", running.url())).unwrap();
    assert_eq!(status, 200, "{text}");
    text
}

/// The values of all series of a name.
pub(crate) fn values(metrics: &str, name: &str) -> Vec<f64> {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once("} ")?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.split(' ').next()?.parse().ok()
    });
    values.collect()
}
