//! A file of rules: its fields, and what does not hold in it.
//!
//! It is not: what reads YAML and knows where each field stands.

use std::collections::{BTreeMap, BTreeSet};

use narthex_model::{METRIC_NAME, PromDuration};
use narthex_promql::ParseOptions;
use serde::Deserialize;

use crate::PartialResponse;
use crate::template::{fault as template_fault, is_template};

/// All of the file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleGroups {
    /// In the order of the file.
    pub groups: Vec<RuleGroupConfig>,
}

/// Rules that are evaluated one after another.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleGroupConfig {
    /// What tells it from the other groups of the file.
    pub name: String,
    /// How often it is evaluated; zero for the global interval.
    pub interval: PromDuration,
    /// How far in the past its queries are asked; `None` for what the config says.
    pub query_offset: Option<PromDuration>,
    /// A rule may give so many series or alerts; 0 for any number.
    pub limit: i64,
    /// What becomes of an evaluation that a part of the store did not answer; `None` for what the
    /// server does.
    #[serde(deserialize_with = "crate::partial_response::read")]
    pub partial_response_strategy: Option<PartialResponse>,
    /// Labels of all its rules.
    pub labels: BTreeMap<String, String>,
    /// In the order in which they are evaluated.
    pub rules: Vec<RuleConfig>,
}

/// A rule that records, or one that alerts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleConfig {
    /// The name of the series that are written.
    pub record: String,
    /// The name of the alert.
    pub alert: String,
    /// The query.
    pub expr: String,
    /// An alert fires when it is active for this long.
    #[serde(rename = "for")]
    pub hold: PromDuration,
    /// An alert fires for this long after its query gives it no more.
    pub keep_firing_for: PromDuration,
    /// Labels of what is written, or of the alert.
    pub labels: BTreeMap<String, String>,
    /// What is said of the alert.
    pub annotations: BTreeMap<String, String>,
}

/// What is wrong, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The group's place in the file.
    pub group: usize,
    /// The rule's place in the group; `None` where it is about the group.
    pub rule: Option<usize>,
    /// The field, or "" where it is about the whole; one of a map is `labels/name`.
    pub field: String,
    /// In Prometheus' words.
    pub message: String,
}

impl RuleGroups {
    /// All that is wrong; queries are parsed with `options`.
    pub fn faults(&self, options: &ParseOptions) -> Vec<RuleFault> {
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        for (at, group) in self.groups.iter().enumerate() {
            let mut fault = |field: &str, message: String| {
                faults.push(RuleFault {
                    group: at,
                    rule: None,
                    field: field.to_owned(),
                    message,
                });
            };
            if group.name.is_empty() {
                fault("", "Groupname must not be empty: name".to_owned());
            } else if !names.insert(&group.name) {
                let text = format!("groupname: {:?} is repeated in the same file", group.name);
                fault("name", text);
            }
            for label in group.labels.keys().filter(|label| !is_label(label)) {
                fault("labels", format!("invalid label name: {label}"));
            }
            for (number, rule) in group.rules.iter().enumerate() {
                let found = rule.faults(options).into_iter();
                faults.extend(found.map(|(field, message)| RuleFault {
                    group: at,
                    rule: Some(number),
                    field,
                    message,
                }));
            }
        }
        faults
    }
}

impl RuleConfig {
    /// The name of the series or of the alert.
    pub fn name(&self) -> &str {
        if self.alert.is_empty() {
            &self.record
        } else {
            &self.alert
        }
    }

    /// What is wrong, each with the field that it is about.
    fn faults(&self, options: &ParseOptions) -> Vec<(String, String)> {
        let mut faults: Vec<(String, String)> = Vec::new();
        let mut fault = |field: &str, message: String| faults.push((field.to_owned(), message));
        let (records, alerts) = (!self.record.is_empty(), !self.alert.is_empty());
        if records && alerts {
            let text = "only one of 'record' and 'alert' must be set";
            fault("", text.to_owned());
        }
        if !records && !alerts {
            fault("", "one of 'record' or 'alert' must be set".to_owned());
        }
        if self.expr.is_empty() {
            fault("", "field 'expr' must be set in rule".to_owned());
        } else if let Err(error) = narthex_promql::parse(&self.expr, options) {
            fault("expr", format!("could not parse expression: {error}"));
        }
        if records {
            for (field, is_set) in [
                ("annotations", !self.annotations.is_empty()),
                ("for", !self.hold.is_zero()),
                ("keep_firing_for", !self.keep_firing_for.is_zero()),
            ] {
                if is_set {
                    fault("", format!("invalid field '{field}' in recording rule"));
                }
            }
            if self.record.contains(['{', '}']) {
                let text = "braces present in the recording rule name; should it be in expr?";
                fault("record", format!("{text}: {}", self.record));
            }
        }
        for label in self.labels.keys().filter(|label| !is_label(label)) {
            fault("labels", format!("invalid label name: {label}"));
        }
        if self.annotations.contains_key("") {
            fault("annotations", "invalid annotation name: ".to_owned());
        }
        if alerts {
            for (field, kind, texts) in [
                ("labels", "label", &self.labels),
                ("annotations", "annotation", &self.annotations),
            ] {
                for (name, text) in texts.iter().filter(|(_, text)| is_template(text)) {
                    if let Some(error) = template_fault(&self.alert, text) {
                        let field = format!("{field}/{}", step(name));
                        fault(&field, format!("{kind} {name:?}: {error}"));
                    }
                }
            }
        }
        faults
    }
}

/// A name as a step of a JSON pointer.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Any text is the name of a label, but for none and for that of the metric.
fn is_label(name: &str) -> bool {
    !name.is_empty() && name != METRIC_NAME
}

#[cfg(test)]
mod tests {
    use super::*;
    fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn every_fault_of_a_rule_is_found_and_has_its_field() {
        let alert = RuleConfig {
            alert: "a".to_owned(),
            expr: "up".to_owned(),
            ..RuleConfig::default()
        };
        let record = RuleConfig {
            record: "r".to_owned(),
            expr: "up".to_owned(),
            ..RuleConfig::default()
        };
        let minute = PromDuration::from_secs(60);
        for (rule, expected) in [
            (alert.clone(), vec![]),
            (record.clone(), vec![]),
            (
                RuleConfig::default(),
                vec![("", "one of"), ("", "field 'expr'")],
            ),
            (
                RuleConfig {
                    record: "r".to_owned(),
                    ..alert.clone()
                },
                vec![("", "only one of")],
            ),
            (
                RuleConfig {
                    expr: "sum(".to_owned(),
                    hold: minute,
                    keep_firing_for: minute,
                    ..record.clone()
                },
                vec![
                    ("expr", "could not parse expression: 1:5: parse error"),
                    ("", "invalid field 'for' in recording rule"),
                    ("", "invalid field 'keep_firing_for' in recording rule"),
                ],
            ),
            (
                RuleConfig {
                    record: "r{a=\"b\"}".to_owned(),
                    annotations: texts([("a", "b")]),
                    ..record
                },
                vec![
                    ("", "invalid field 'annotations' in recording rule"),
                    ("record", "braces present"),
                ],
            ),
            (
                RuleConfig {
                    labels: texts([("__name__", "x"), ("a/b", "{{ 1")]),
                    annotations: texts([("", "x"), ("y", "{{ 1 }} {{")]),
                    ..alert
                },
                vec![
                    ("labels", "invalid label name: __name__"),
                    ("annotations", "invalid annotation name: "),
                    ("labels/a~1b", "label \"a/b\": template: __alert_a:1:"),
                    ("annotations/y", "annotation \"y\": template: __alert_a:1:"),
                ],
            ),
        ] {
            let found = rule.faults(&ParseOptions::all());
            let is_it = found.len() == expected.len()
                && found
                    .iter()
                    .zip(&expected)
                    .all(|((field, message), (at, part))| field == at && message.starts_with(part));
            assert!(is_it, "{rule:?}: {found:?}");
        }
    }

    #[test]
    fn groups_have_names_of_their_own() {
        let group = |name: &str| RuleGroupConfig {
            name: name.to_owned(),
            labels: texts([("", "x")]),
            ..RuleGroupConfig::default()
        };
        let file = RuleGroups {
            groups: vec![group("a"), group(""), group("a")],
        };
        let found = file.faults(&ParseOptions::all());
        let found: Vec<_> = found
            .iter()
            .map(|fault| (fault.group, fault.field.as_str()))
            .collect();
        let expected = [
            (0, "labels"),
            (1, ""),
            (1, "labels"),
            (2, "name"),
            (2, "labels"),
        ];
        assert_eq!(found, expected);
    }
}
