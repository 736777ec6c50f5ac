//! What the rules are given: by the flags, by the config and by its files of rules.
//!
//! It is not: where any of that is read.

use std::sync::Arc;

use narthex_model::{Clock, Labels, PromDuration};
use narthex_promql::Engine;
use narthex_storage::{Appendable, Queryable};

use crate::{Notifier, PartialResponse, RuleGroups};

/// What does not change while the server runs.
#[derive(Clone)]
pub struct RuleOptions {
    /// What queries read.
    pub queryable: Arc<dyn Queryable>,
    /// What results are written to.
    pub appendable: Arc<dyn Appendable>,
    /// The engine that answers now; a reload may replace it.
    pub engine: Arc<dyn Fn() -> Arc<Engine> + Send + Sync>,
    /// Is told of alerts.
    pub notifier: Arc<dyn Notifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// `--web.external-url`, without a slash at the end.
    pub external_url: String,
    /// `--rules.alert.for-outage-tolerance`: since when an alert is active is taken from the store
    /// after a start where that is not longer ago.
    pub outage_tolerance: PromDuration,
    /// `--rules.alert.for-grace-period`: an alert that was restored fires not sooner than this after
    /// it; alerts with a shorter `for` are not restored.
    pub grace_period: PromDuration,
    /// `--rules.alert.resend-delay`: an alert is told again after this.
    pub resend_delay: PromDuration,
    /// `--rules.max-concurrent-evals` where the feature `concurrent-rule-eval` is on, else 0: so many
    /// rules of all groups are evaluated beside the one that each group evaluates.
    pub concurrent_evaluations_max: usize,
    /// What becomes of an evaluation that a part of the store did not answer, in groups that do not
    /// say. `None` where there is one store, which has all or fails: it goes on, and nothing is shown
    /// of it.
    pub partial_response: Option<PartialResponse>,
}

/// What a config says of all groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleSettings {
    /// `global.evaluation_interval`, for groups that say none.
    pub interval: PromDuration,
    /// `global.rule_query_offset`, for groups that say none.
    pub query_offset: PromDuration,
    /// `global.external_labels`
    pub external_labels: Labels,
}

/// A file of rules that was read and found to be sound.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleFile {
    /// Its path, as the API and the metrics show it.
    pub path: String,
    /// What it says.
    pub groups: RuleGroups,
}
