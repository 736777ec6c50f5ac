//! Rules, targets and metadata as they are told, of a host that is always the same.

use narthex_model::Labels;
use tonic::Code;

use super::*;
use crate::message::metadata::Meta;
use crate::message::rules::{AlertInstance, AlertingRule, RecordingRule};
use crate::message::targets::{ActiveTarget, DroppedTarget};
use crate::store::tests::{api, api_with};
use crate::store::{SelectorsOf, StoreLimits};

/// A host with a group of two rules, two targets and what two metrics mean.
pub(in crate::store) struct Fixed;

fn labels(pairs: &[(&str, &str)]) -> Option<LabelSet> {
    Some(LabelSet::of(&Labels::from_pairs(pairs.iter().copied())))
}

impl HostView for Fixed {
    fn rule_groups(&self) -> Vec<RuleGroup> {
        let recording = RecordingRule {
            name: "job:up".to_owned(),
            labels: labels(&[("cluster", "inner"), ("team", "a")]),
            ..RecordingRule::default()
        };
        let alerting = AlertingRule {
            name: "Down".to_owned(),
            labels: labels(&[("severity", "page"), ("team", "{{ $labels.team }}")]),
            alerts: vec![AlertInstance {
                labels: labels(&[("alertname", "Down")]),
                ..AlertInstance::default()
            }],
            ..AlertingRule::default()
        };
        let rules = [AnyRule::Recording(recording), AnyRule::Alert(alerting)];
        vec![RuleGroup {
            name: "g".to_owned(),
            file: "rules.yml".to_owned(),
            rules: rules.map(|rule| Rule { result: Some(rule) }).into(),
            ..RuleGroup::default()
        }]
    }

    fn targets(&self) -> TargetDiscovery {
        TargetDiscovery {
            active_targets: vec![ActiveTarget {
                labels: labels(&[("job", "a")]),
                discovered_labels: labels(&[("__address__", "x")]),
                ..ActiveTarget::default()
            }],
            dropped_targets: vec![DroppedTarget {
                discovered_labels: labels(&[("__address__", "y")]),
            }],
        }
    }

    fn metadata(&self, metric: &str) -> BTreeMap<String, MetricMetadataEntry> {
        let entry = |help: &str| MetricMetadataEntry {
            metas: vec![Meta {
                help: help.to_owned(),
                ..Meta::default()
            }],
        };
        let all = ["a", "b"].map(|name| (name.to_owned(), entry(name)));
        let all = all.into_iter();
        all.filter(|(name, _)| metric.is_empty() || name == metric)
            .collect()
    }
}

/// Labels as text.
fn text(labels: &Option<LabelSet>) -> String {
    let labels = labels.iter().flat_map(|set| &set.labels);
    let texts = labels.map(|label| format!("{}={}", label.name, label.value));
    texts.collect::<Vec<_>>().join(",")
}

/// The rules of all groups: their names and labels.
fn rules(request: &RulesRequest) -> Vec<String> {
    let messages = api().rules(request).unwrap();
    let groups = messages.into_iter().map(|message| match message.result {
        Some(RulesFrame::Group(group)) => group,
        other => panic!("{other:?}"),
    });
    let rules = groups.flat_map(|group| group.rules);
    let shown = rules.map(|rule| match rule.result.unwrap() {
        AnyRule::Recording(rule) => format!("{} {}", rule.name, text(&rule.labels)),
        AnyRule::Alert(rule) => {
            let alert = text(&rule.alerts[0].labels);
            format!("{} {} {alert}", rule.name, text(&rule.labels))
        }
    });
    shown.collect()
}

#[test]
fn rules_have_the_external_labels_and_are_chosen_as_by_http() {
    let recording = "job:up cluster=outer,replica=r1,team=a";
    let alerting = "Down cluster=outer,replica=r1,severity=page,team={{ $labels.team }} \
                    alertname=Down,cluster=outer,replica=r1";
    let all = RulesRequest::default();
    let of_type = |kind: RulesType| RulesRequest {
        r#type: kind.into(),
        ..RulesRequest::default()
    };
    let named = |name: &str| RulesRequest {
        rule_name: vec![name.to_owned()],
        ..RulesRequest::default()
    };
    let group = |group: &str, file: &str| RulesRequest {
        rule_group: vec![group.to_owned()],
        file: vec![file.to_owned()],
        ..RulesRequest::default()
    };
    let matching = |selector: &str| RulesRequest {
        matcher_string: vec![selector.to_owned()],
        ..RulesRequest::default()
    };
    for (request, expected) in [
        (all, &[recording, alerting][..]),
        (of_type(RulesType::Alert), &[alerting]),
        (of_type(RulesType::Record), &[recording]),
        (named("Down"), &[alerting]),
        (named("Up"), &[]),
        (group("g", "rules.yml"), &[recording, alerting]),
        (group("h", "rules.yml"), &[]),
        (group("g", "other.yml"), &[]),
        // The selectors of these tests are one label and its value.
        (matching("team=a"), &[recording]),
        (matching("replica=r1"), &[recording, alerting]),
        (matching("cluster=inner"), &[]),
    ] {
        assert_eq!(rules(&request), expected, "{request:?}");
    }
    let status = api().rules(&matching("nonsense")).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[test]
fn targets_are_told_by_their_state() {
    for (state, active, dropped) in [
        (TargetsState::Any, 1, 1),
        (TargetsState::Active, 1, 0),
        (TargetsState::Dropped, 0, 1),
    ] {
        let request = TargetsRequest {
            state: state.into(),
            ..TargetsRequest::default()
        };
        let messages = api().targets(request).unwrap();
        let [message] = &messages[..] else {
            panic!("{messages:?}");
        };
        let Some(TargetsFrame::Targets(targets)) = &message.result else {
            panic!("{message:?}");
        };
        let found = (targets.active_targets.len(), targets.dropped_targets.len());
        assert_eq!(found, (active, dropped), "{state:?}");
        for target in &targets.active_targets {
            assert_eq!(text(&target.labels), "cluster=outer,job=a,replica=r1");
            assert_eq!(text(&target.discovered_labels), "__address__=x");
        }
    }
}

#[test]
fn metadata_is_of_a_metric_or_of_the_first_ones() {
    for (metric, limit, expected) in [
        ("", -1, &["a", "b"][..]),
        ("", 1, &["a"]),
        ("", 0, &[]),
        ("b", -1, &["b"]),
        ("c", -1, &[]),
    ] {
        let request = MetricMetadataRequest {
            metric: metric.to_owned(),
            limit,
            ..MetricMetadataRequest::default()
        };
        let messages = api().metadata(&request).unwrap();
        let Some(MetadataFrame::Metadata(found)) = &messages[0].result else {
            panic!("{messages:?}");
        };
        let names: Vec<&String> = found.metadata.keys().collect();
        assert_eq!(names, expected, "{request:?}");
    }
}

#[test]
fn a_host_without_external_labels_says_nothing_of_itself() {
    let limits = StoreLimits {
        series_max: 0,
        samples_max: 0,
        bytes_max: 0,
        requests_max: 0,
    };
    let api = api_with(&[], limits);
    let refused = [
        api.rules(&RulesRequest::default()).map(|_| ()),
        api.targets(TargetsRequest::default()).map(|_| ()),
        api.metadata(&MetricMetadataRequest::default()).map(|_| ()),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
    }
}

/// `label=value`, which stands for a query with one selector.
pub(in crate::store) fn selectors() -> Box<SelectorsOf> {
    Box::new(|query| match query.split_once('=') {
        Some((name, value)) => Ok(vec![vec![Matcher::equal(name, value)]]),
        None => Err(format!("no query: {query}")),
    })
}
