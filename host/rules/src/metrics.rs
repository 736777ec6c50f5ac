//! What rules say of themselves, under Prometheus' names.
//!
//! Prometheus has the two durations as summaries, which the metrics library here cannot express:
//! they are histograms, so that their `_count` and `_sum` are the same.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct GroupLabel {
    rule_group: String,
}

type Seconds = Gauge<f64, AtomicU64>;

/// The metrics of all groups.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    evaluation_seconds: Histogram,
    group_seconds: Histogram,
    missed: Family<GroupLabel, Counter>,
    iterations: Family<GroupLabel, Counter>,
    evaluations: Family<GroupLabel, Counter>,
    failures: Family<GroupLabel, Counter>,
    interval: Family<GroupLabel, Seconds>,
    last_evaluation: Family<GroupLabel, Seconds>,
    last_seconds: Family<GroupLabel, Seconds>,
    last_rule_seconds: Family<GroupLabel, Seconds>,
    last_restore_seconds: Family<GroupLabel, Seconds>,
    rules: Family<GroupLabel, Gauge>,
    last_samples: Family<GroupLabel, Gauge>,
}

/// Those of one group.
#[derive(Debug, Clone)]
pub(crate) struct GroupMetrics {
    label: GroupLabel,
    pub(crate) evaluation_seconds: Histogram,
    pub(crate) group_seconds: Histogram,
    pub(crate) missed: Counter,
    pub(crate) iterations: Counter,
    pub(crate) evaluations: Counter,
    pub(crate) failures: Counter,
    pub(crate) interval: Seconds,
    pub(crate) last_evaluation: Seconds,
    pub(crate) last_seconds: Seconds,
    pub(crate) last_rule_seconds: Seconds,
    pub(crate) last_restore_seconds: Seconds,
    pub(crate) rules: Gauge,
    pub(crate) last_samples: Gauge,
}

/// From 0.1 ms to a minute and a half.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 11))
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            evaluation_seconds: seconds(),
            group_seconds: seconds(),
            missed: Family::default(),
            iterations: Family::default(),
            evaluations: Family::default(),
            failures: Family::default(),
            interval: Family::default(),
            last_evaluation: Family::default(),
            last_seconds: Family::default(),
            last_rule_seconds: Family::default(),
            last_restore_seconds: Family::default(),
            rules: Family::default(),
            last_samples: Family::default(),
        };
        metrics.register(registry.sub_registry_with_prefix("prometheus_rule"));
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        for (name, help, histogram) in [
            (
                "evaluation_duration_seconds",
                "The duration for a rule to execute",
                &self.evaluation_seconds,
            ),
            (
                "group_duration_seconds",
                "The duration of rule group evaluations",
                &self.group_seconds,
            ),
        ] {
            registry.register(name, help, histogram.clone());
        }
        for (name, help, family) in [
            (
                "group_iterations_missed",
                "The total number of rule group evaluations missed due to slow rule group \
                 evaluation",
                &self.missed,
            ),
            (
                "group_iterations",
                "The total number of scheduled rule group evaluations, whether executed or missed",
                &self.iterations,
            ),
            (
                "evaluations",
                "The total number of rule evaluations",
                &self.evaluations,
            ),
            (
                "evaluation_failures",
                "The total number of rule evaluation failures",
                &self.failures,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        for (name, help, family) in [
            (
                "group_interval_seconds",
                "The interval of a rule group",
                &self.interval,
            ),
            (
                "group_last_evaluation_timestamp_seconds",
                "The timestamp of the last rule group evaluation in seconds",
                &self.last_evaluation,
            ),
            (
                "group_last_duration_seconds",
                "The duration of the last rule group evaluation",
                &self.last_seconds,
            ),
            (
                "group_last_rule_duration_sum_seconds",
                "The sum of the time that each rule of the group took in its last evaluation",
                &self.last_rule_seconds,
            ),
            (
                "group_last_restore_duration_seconds",
                "The duration of the last restoration of alerts",
                &self.last_restore_seconds,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register("group_rules", "The number of rules", self.rules.clone());
        registry.register(
            "group_last_evaluation_samples",
            "The number of samples returned during the last rule group evaluation",
            self.last_samples.clone(),
        );
    }

    /// Those of one group; from here on they are shown.
    pub(crate) fn of(&self, rule_group: &str) -> GroupMetrics {
        let label = GroupLabel {
            rule_group: rule_group.to_owned(),
        };
        GroupMetrics {
            evaluation_seconds: self.evaluation_seconds.clone(),
            group_seconds: self.group_seconds.clone(),
            missed: Counter::clone(&self.missed.get_or_create(&label)),
            iterations: Counter::clone(&self.iterations.get_or_create(&label)),
            evaluations: Counter::clone(&self.evaluations.get_or_create(&label)),
            failures: Counter::clone(&self.failures.get_or_create(&label)),
            interval: Seconds::clone(&self.interval.get_or_create(&label)),
            last_evaluation: Seconds::clone(&self.last_evaluation.get_or_create(&label)),
            last_seconds: Seconds::clone(&self.last_seconds.get_or_create(&label)),
            last_rule_seconds: Seconds::clone(&self.last_rule_seconds.get_or_create(&label)),
            last_restore_seconds: Seconds::clone(&self.last_restore_seconds.get_or_create(&label)),
            rules: Gauge::clone(&self.rules.get_or_create(&label)),
            last_samples: Gauge::clone(&self.last_samples.get_or_create(&label)),
            label,
        }
    }

    /// Those of a group that is gone are not shown any more.
    pub(crate) fn forget(&self, group: &GroupMetrics) {
        let label = &group.label;
        for family in [
            &self.missed,
            &self.iterations,
            &self.evaluations,
            &self.failures,
        ] {
            family.remove(label);
        }
        for family in [
            &self.interval,
            &self.last_evaluation,
            &self.last_seconds,
            &self.last_rule_seconds,
            &self.last_restore_seconds,
        ] {
            family.remove(label);
        }
        self.rules.remove(label);
        self.last_samples.remove(label);
    }
}
