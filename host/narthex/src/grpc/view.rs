//! What the host says of itself by gRPC: the same rules, targets and metadata as by HTTP.

use std::collections::BTreeMap;

use narthex_api::ApiState;
use narthex_model::FloatText;
use narthex_rules::{Alert, Group, PartialResponse, Rule, RuleKind};
use narthex_scrape::{Health, Target};
use narthex_storeapi::HostView;
use narthex_storeapi::message::metadata::{Meta, MetricMetadataEntry};
use narthex_storeapi::message::rules::{
    AlertInstance, AlertState, AlertingRule, AnyRule, RecordingRule, Rule as RuleMessage, RuleGroup,
};
use narthex_storeapi::message::store::PartialResponseStrategy;
use narthex_storeapi::message::targets::{
    ActiveTarget, DroppedTarget, TargetDiscovery, TargetHealth,
};
use narthex_storeapi::message::{Label, LabelSet, Timestamp};

/// The host as its HTTP API sees it.
pub(super) struct View(pub(super) ApiState);

impl HostView for View {
    fn rule_groups(&self) -> Vec<RuleGroup> {
        let serving = self.0.serving();
        let groups = serving.map_or_else(Vec::new, |serving| serving.rules.groups().to_vec());
        groups.iter().map(|group| rule_group(group)).collect()
    }

    fn targets(&self) -> TargetDiscovery {
        let mut found = TargetDiscovery::default();
        let pools = self.0.serving().map(|serving| serving.scrape.pools());
        for pool in pools.unwrap_or_default() {
            let active = pool.active.iter();
            found
                .active_targets
                .extend(active.map(|target| active_target(&pool.job, target)));
            let dropped = pool.dropped.iter().map(|labels| DroppedTarget {
                discovered_labels: Some(LabelSet::of(labels)),
            });
            found.dropped_targets.extend(dropped);
        }
        found
    }

    fn metadata(&self, metric: &str) -> BTreeMap<String, MetricMetadataEntry> {
        let mut found: BTreeMap<String, MetricMetadataEntry> = BTreeMap::new();
        let Some(serving) = self.0.serving() else {
            return found;
        };
        let mut add = |name: &str, meta: Meta| {
            let entry = found.entry(name.to_owned()).or_default();
            if !entry.metas.contains(&meta) {
                entry.metas.push(meta);
            }
        };
        for target in serving.scrape.pools().iter().flat_map(|pool| &pool.active) {
            for entry in target.metadata().iter() {
                if metric.is_empty() || entry.metric == metric {
                    let meta = Meta {
                        r#type: entry.kind.as_str().to_owned(),
                        help: entry.help.clone(),
                        unit: entry.unit.clone(),
                    };
                    add(&entry.metric, meta);
                }
            }
        }
        for entry in serving.metadata.of(metric) {
            let meta = Meta {
                r#type: entry.kind.name().to_owned(),
                help: entry.help,
                unit: entry.unit,
            };
            add(&entry.metric, meta);
        }
        found
    }
}

#[allow(clippy::cast_precision_loss, reason = "durations are below 2^53 ms")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn rule_group(group: &Group) -> RuleGroup {
    let status = group.status();
    RuleGroup {
        name: group.key().name.clone(),
        file: group.key().file.clone(),
        rules: group.rules().iter().map(|one| rule(one, group)).collect(),
        interval: seconds(group.interval_ms()),
        evaluation_duration_seconds: status.evaluation_seconds,
        last_evaluation: status.last_evaluation_ms.map(Timestamp::of_ms),
        partial_response_strategy: strategy(group),
        limit: i64::try_from(group.limit()).unwrap_or(i64::MAX),
    }
}

fn strategy(group: &Group) -> i32 {
    let strategy = match group.partial_response() {
        Some(PartialResponse::Abort) => PartialResponseStrategy::Abort,
        Some(PartialResponse::Warn) | None => PartialResponseStrategy::Warn,
    };
    strategy.into()
}

fn rule(rule: &Rule, group: &Group) -> RuleMessage {
    let status = rule.status();
    let labels = Some(LabelSet::of(rule.labels()));
    let (name, query) = (rule.name().to_owned(), rule.query().to_owned());
    let health = status.health.as_str().to_owned();
    let last_error = status.last_error.unwrap_or_default();
    let last_evaluation = status.last_evaluation_ms.map(Timestamp::of_ms);
    let any = match rule.kind() {
        RuleKind::Recording => AnyRule::Recording(RecordingRule {
            name,
            query,
            labels,
            health,
            last_error,
            evaluation_duration_seconds: status.evaluation_seconds,
            last_evaluation,
        }),
        RuleKind::Alerting {
            hold_ms,
            keep_firing_for_ms,
            annotations,
        } => AnyRule::Alert(AlertingRule {
            state: state(status.state).into(),
            name,
            query,
            duration_seconds: seconds(*hold_ms),
            labels,
            annotations: Some(texts(annotations)),
            alerts: status.alerts.iter().map(|one| alert(one, group)).collect(),
            health,
            last_error,
            evaluation_duration_seconds: status.evaluation_seconds,
            last_evaluation,
            keep_firing_for_seconds: seconds(*keep_firing_for_ms),
        }),
    };
    RuleMessage { result: Some(any) }
}

fn alert(alert: &Alert, group: &Group) -> AlertInstance {
    AlertInstance {
        labels: Some(LabelSet::of(&alert.labels)),
        annotations: Some(texts(&alert.annotations)),
        state: state(alert.state).into(),
        active_at: Some(Timestamp::of_ms(alert.active_at_ms)),
        value: FloatText::default().plain(alert.value).to_owned(),
        partial_response_strategy: strategy(group),
    }
}

fn state(state: narthex_rules::AlertState) -> AlertState {
    match state {
        narthex_rules::AlertState::Unknown | narthex_rules::AlertState::Inactive => {
            AlertState::Inactive
        }
        narthex_rules::AlertState::Pending => AlertState::Pending,
        narthex_rules::AlertState::Firing => AlertState::Firing,
    }
}

/// Texts that are no labels, because an empty one stays.
fn texts(texts: &BTreeMap<String, String>) -> LabelSet {
    let labels = texts.iter().map(|(name, value)| Label {
        name: name.clone(),
        value: value.clone(),
    });
    LabelSet {
        labels: labels.collect(),
    }
}

fn active_target(pool: &str, target: &Target) -> ActiveTarget {
    let status = target.status();
    let health = match status.health {
        Health::Unknown => TargetHealth::Unknown,
        Health::Up => TargetHealth::Up,
        Health::Down => TargetHealth::Down,
    };
    ActiveTarget {
        discovered_labels: Some(LabelSet::of(&target.discovered_labels())),
        labels: Some(LabelSet::of(target.labels())),
        scrape_pool: pool.to_owned(),
        scrape_url: target.url().to_owned(),
        global_url: target.url().to_owned(),
        last_error: status
            .last_error
            .map_or_else(String::new, |error| error.to_string()),
        last_scrape: status.last_scrape_ms.map(Timestamp::of_ms),
        last_scrape_duration: status.last_duration.as_secs_f64(),
        health: health.into(),
    }
}
