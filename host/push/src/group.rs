//! One group: what was pushed with one grouping key.

use std::collections::BTreeMap;

use narthex_exposition::MetricType;
use serde::{Deserialize, Serialize};

use crate::family::{Families, Family, Metric, Value};
use crate::key::GroupingKey;

/// When a push succeeded last.
pub(crate) const PUSHED: &str = "push_time_seconds";
/// When a push failed last.
pub(crate) const FAILED: &str = "push_failure_time_seconds";

/// A family, and when it was pushed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedFamily {
    /// Milliseconds since the epoch.
    pub pushed_ms: i64,
    /// The family.
    pub family: Family,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its grouping key.
    pub labels: GroupingKey,
    /// When a push succeeded last, in milliseconds since the epoch; 0 where none did.
    pub pushed_ms: i64,
    /// When a push failed last; 0 where none did.
    pub failed_ms: i64,
    /// What was pushed, by name.
    pub families: BTreeMap<String, TimedFamily>,
}

impl Group {
    /// A group that nothing was pushed to.
    pub(crate) fn new(labels: GroupingKey) -> Self {
        Self {
            labels,
            ..Self::default()
        }
    }

    /// The group after a push.
    pub(crate) fn pushed(&self, families: Families, replaces: bool, now_ms: i64) -> Self {
        let mut group = self.clone();
        if replaces {
            group.families.clear();
        }
        for (name, mut family) in families {
            // These are ours.
            if name == PUSHED || name == FAILED {
                continue;
            }
            for metric in &mut family.metrics {
                label(&mut metric.labels, &self.labels);
            }
            let timed = TimedFamily {
                pushed_ms: now_ms,
                family,
            };
            group.families.insert(name, timed);
        }
        group.pushed_ms = now_ms;
        group
    }

    /// When pushes succeeded and failed, as families.
    pub fn times(&self) -> [(&'static str, TimedFamily); 2] {
        let family = |help: &str, time_ms: i64| {
            let mut labels = BTreeMap::new();
            label(&mut labels, &self.labels);
            TimedFamily {
                pushed_ms: self.pushed_ms.max(self.failed_ms),
                family: Family {
                    help: help.to_owned(),
                    kind: MetricType::Gauge,
                    metrics: vec![Metric {
                        labels,
                        value: Value::Number(time_ms as f64 / 1000.0),
                    }],
                },
            }
        };
        [
            (
                FAILED,
                family(
                    "Last Unix time when changing this group in the Pushgateway failed.",
                    self.failed_ms,
                ),
            ),
            (
                PUSHED,
                family(
                    "Last Unix time when changing this group in the Pushgateway succeeded.",
                    self.pushed_ms,
                ),
            ),
        ]
    }

    /// Whether no push failed since the last one that succeeded.
    pub fn is_last_push_successful(&self) -> bool {
        self.failed_ms <= self.pushed_ms
    }

    /// About as many bytes as it takes.
    pub(crate) fn bytes(&self) -> usize {
        let text = |labels: &BTreeMap<String, String>| -> usize {
            let pairs = labels.iter();
            pairs
                .map(|(name, value)| name.len() + value.len() + 64)
                .sum()
        };
        let metric = |metric: &Metric| {
            let value = match &metric.value {
                Value::Number(_) => 0,
                Value::Histogram { buckets, .. } => buckets.len() * 16,
                Value::Summary { quantiles, .. } => quantiles.len() * 16,
            };
            text(&metric.labels) + value + 64
        };
        let families = self.families.iter().map(|(name, timed)| {
            let metrics: usize = timed.family.metrics.iter().map(metric).sum();
            name.len() + timed.family.help.len() + 64 + metrics
        });
        text(&self.labels) + families.sum::<usize>()
    }
}

/// Every metric has the labels of its group, and an `instance`, which is empty where nobody set
/// it: a scrape that honors labels then does not put its own in its place.
fn label(labels: &mut BTreeMap<String, String>, group: &GroupingKey) {
    labels.extend(group.clone());
    labels.entry("instance".to_owned()).or_default();
}
