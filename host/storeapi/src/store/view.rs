//! What a host says of itself beside its samples: rules, targets and what metrics mean.

use std::collections::BTreeMap;

use narthex_model::{Labels, Matcher};
use tonic::Status;

use super::StoreApi;
use crate::message::metadata::{
    MetadataFrame, MetricMetadata, MetricMetadataEntry, MetricMetadataRequest,
    MetricMetadataResponse,
};
use crate::message::rules::{
    AnyRule, Rule, RuleGroup, RulesFrame, RulesRequest, RulesResponse, RulesType,
};
use crate::message::targets::{
    TargetDiscovery, TargetsFrame, TargetsRequest, TargetsResponse, TargetsState,
};
use crate::message::{Label, LabelSet};

/// What a host says of itself, without the external labels.
pub trait HostView: Send + Sync {
    /// The groups of rules, in the order of the HTTP API.
    fn rule_groups(&self) -> Vec<RuleGroup>;

    /// The targets.
    fn targets(&self) -> TargetDiscovery;

    /// What is known of a metric, or of all where it is "".
    fn metadata(&self, metric: &str) -> BTreeMap<String, MetricMetadataEntry>;
}

impl StoreApi {
    /// A group of rules in each message.
    ///
    /// # Errors
    /// A selector is none.
    pub(crate) fn rules(&self, request: &RulesRequest) -> Result<Vec<RulesResponse>, Status> {
        let external = self.external_labels()?;
        let selectors = request.matcher_string.iter();
        let selectors: Result<Vec<Vec<Vec<Matcher>>>, String> = selectors
            .map(|text| (self.options.selectors)(text.as_str()))
            .collect();
        let selectors = selectors.map_err(Status::invalid_argument)?.concat();
        let kind = request.r#type();
        let is_wanted = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|wanted| wanted == name)
        };
        let mut messages = Vec::new();
        for mut group in self.options.view.rule_groups() {
            if !is_wanted(&request.rule_group, &group.name)
                || !is_wanted(&request.file, &group.file)
            {
                continue;
            }
            group.rules.retain_mut(|rule| {
                put_external(rule, &external);
                let (is_kind, name, labels) = match &rule.result {
                    Some(AnyRule::Recording(rule)) => {
                        (kind != RulesType::Alert, &rule.name, &rule.labels)
                    }
                    Some(AnyRule::Alert(rule)) => {
                        (kind != RulesType::Record, &rule.name, &rule.labels)
                    }
                    None => return false,
                };
                is_kind && is_wanted(&request.rule_name, name) && has_labels(labels, &selectors)
            });
            if !group.rules.is_empty() {
                messages.push(RulesResponse {
                    result: Some(RulesFrame::Group(group)),
                });
            }
        }
        Ok(messages)
    }

    /// All targets in one message.
    ///
    /// # Errors
    /// There are no external labels.
    pub(crate) fn targets(&self, request: TargetsRequest) -> Result<Vec<TargetsResponse>, Status> {
        let external = self.external_labels()?;
        let mut targets = self.options.view.targets();
        match request.state() {
            TargetsState::Any => {}
            TargetsState::Active => targets.dropped_targets.clear(),
            TargetsState::Dropped => targets.active_targets.clear(),
        }
        for target in &mut targets.active_targets {
            extend(&mut target.labels, &external);
        }
        Ok(vec![TargetsResponse {
            result: Some(TargetsFrame::Targets(targets)),
        }])
    }

    /// What is known of metrics, in one message.
    ///
    /// # Errors
    /// There are no external labels.
    pub(crate) fn metadata(
        &self,
        request: &MetricMetadataRequest,
    ) -> Result<Vec<MetricMetadataResponse>, Status> {
        self.external_labels()?;
        let mut metadata = self.options.view.metadata(&request.metric);
        if let Ok(limit) = usize::try_from(request.limit) {
            while metadata.len() > limit {
                metadata.pop_last();
            }
        }
        Ok(vec![MetricMetadataResponse {
            result: Some(MetadataFrame::Metadata(MetricMetadata { metadata })),
        }])
    }
}

fn put_external(rule: &mut Rule, external: &Labels) {
    match &mut rule.result {
        Some(AnyRule::Recording(rule)) => extend(&mut rule.labels, external),
        Some(AnyRule::Alert(rule)) => {
            extend(&mut rule.labels, external);
            for alert in &mut rule.alerts {
                extend(&mut alert.labels, external);
            }
        }
        None => {}
    }
}

/// External labels win, as in series.
fn extend(labels: &mut Option<LabelSet>, external: &Labels) {
    let labels = &mut labels.get_or_insert_default().labels;
    labels.retain(|label| external.get(&label.name).is_none());
    labels.extend(Label::of(external));
    labels.sort_unstable();
}

/// Labels that are templates match nothing: what they will be is not known.
fn has_labels(labels: &Option<LabelSet>, selectors: &[Vec<Matcher>]) -> bool {
    let value = |name: &str| {
        let mut all = labels.iter().flat_map(|set| &set.labels);
        let found = all.find(|label| label.name == name);
        let value = found.map(|label| label.value.as_str());
        value
            .filter(|value| !value.contains("{{"))
            .unwrap_or_default()
    };
    let holds = |set: &Vec<Matcher>| set.iter().all(|m| m.matches(value(m.name())));
    selectors.is_empty() || selectors.iter().any(holds)
}

#[cfg(test)]
pub(super) mod tests;
