//! A file of rules: its fields, and what does not hold in it.
//!
//! It is not: what evaluates them; nor a reader of Go's templates: of those only the braces are
//! looked at.

use std::collections::{BTreeMap, BTreeSet};

use narthex_model::PromDuration;
use narthex_promql::ParseOptions;
use serde::Deserialize;

use crate::config::renamed;
use crate::yaml::{Document, Fault, YamlError};

/// All of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleGroups {
    pub(super) groups: Vec<RuleGroup>,
}

/// Rules that are evaluated one after another.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleGroup {
    name: String,
    #[serde(rename = "interval")]
    _interval: PromDuration,
    #[serde(rename = "query_offset")]
    _query_offset: PromDuration,
    #[serde(rename = "limit")]
    _limit: i64,
    labels: BTreeMap<String, String>,
    pub(super) rules: Vec<Rule>,
}

/// A rule that records, or one that alerts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rule {
    pub(super) record: String,
    pub(super) alert: String,
    expr: String,
    #[serde(rename = "for")]
    hold: PromDuration,
    keep_firing_for: PromDuration,
    pub(super) labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// A sound file.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) groups: RuleGroups,
    /// What is likely to be a mistake.
    pub(super) warnings: Vec<Fault>,
}

/// Reads and checks a file.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn read(text: &str, file: &str) -> Result<Checked, YamlError> {
    let mut document = Document::parse(text, file)?;
    let mut warnings = Vec::new();
    let groups: Option<RuleGroups> = document.read();
    if let Some(groups) = &groups {
        check(&mut document, groups, &mut warnings);
    }
    let faults = document.into_faults();
    match groups {
        Some(groups) if faults.is_empty() => Ok(Checked { groups, warnings }),
        _ => Err(YamlError {
            file: file.to_owned(),
            faults,
        }),
    }
}

fn check(document: &mut Document, groups: &RuleGroups, warnings: &mut Vec<Fault>) {
    let mut names = BTreeSet::new();
    for (group, at) in groups.groups.iter().zip(document.entries("/groups")) {
        let pointer = format!("/groups/{at}");
        if group.name.is_empty() {
            document.fault(&pointer, "Groupname must not be empty: name".to_owned());
        } else if !names.insert(&group.name) {
            let text = format!("groupname: {:?} is repeated in the same file", group.name);
            document.fault(&format!("{pointer}/name"), text);
        }
        for label in group.labels.keys().filter(|label| !is_label(label)) {
            document.fault(&pointer, format!("labels: invalid label name: {label}"));
        }
        let entries = document.entries(&format!("{pointer}/rules"));
        for (rule, at) in group.rules.iter().zip(entries) {
            let pointer = format!("{pointer}/rules/{at}");
            for (field, message) in faults(rule) {
                document.fault(&format!("{pointer}{field}"), message);
            }
            if let Some(message) = renamed(&rule.expr) {
                warnings.push(document.at(&format!("{pointer}/expr"), message));
            }
        }
    }
}

/// What is wrong with a rule, in Prometheus' words, each with the field that it is about.
fn faults(rule: &Rule) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let (records, alerts) = (!rule.record.is_empty(), !rule.alert.is_empty());
    if records && alerts {
        let text = "only one of 'record' and 'alert' must be set";
        faults.push(("", text.to_owned()));
    }
    if !records && !alerts {
        let text = "one of 'record' or 'alert' must be set";
        faults.push(("", text.to_owned()));
    }
    if rule.expr.is_empty() {
        faults.push(("", "field 'expr' must be set in rule".to_owned()));
    } else if let Err(error) = narthex_promql::parse(&rule.expr, &ParseOptions::all()) {
        faults.push(("/expr", format!("could not parse expression: {error}")));
    }
    if records {
        for (field, is_set) in [
            ("annotations", !rule.annotations.is_empty()),
            ("for", !rule.hold.is_zero()),
            ("keep_firing_for", !rule.keep_firing_for.is_zero()),
        ] {
            if is_set {
                let text = format!("invalid field '{field}' in recording rule");
                faults.push(("", text));
            }
        }
        if rule.record.contains(['{', '}']) {
            let text = "braces present in the recording rule name; should it be in expr?";
            faults.push(("/record", format!("{text}: {}", rule.record)));
        }
    }
    for label in rule.labels.keys().filter(|label| !is_label(label)) {
        faults.push(("/labels", format!("invalid label name: {label}")));
    }
    if rule.annotations.contains_key("") {
        faults.push(("/annotations", "invalid annotation name: ".to_owned()));
    }
    if alerts {
        let texts = [
            ("/labels", &rule.labels),
            ("/annotations", &rule.annotations),
        ];
        for (field, texts) in texts {
            for (name, text) in texts {
                if let Some(fault) = template_fault(text) {
                    faults.push((field, format!("{name}: {fault}")));
                }
            }
        }
    }
    faults
}

/// Any text is the name of a label, but for none and for that of the metric.
fn is_label(name: &str) -> bool {
    !name.is_empty() && name != narthex_model::METRIC_NAME
}

/// What is wrong with the braces of a template.
fn template_fault(text: &str) -> Option<&'static str> {
    let mut rest = text;
    while let Some((_, inside)) = rest.split_once("{{") {
        let Some((action, behind)) = inside.split_once("}}") else {
            return Some("template: unclosed action");
        };
        if action.trim().is_empty() {
            return Some("template: missing value for command");
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_file_of_rules_has_its_place() {
        let good = "groups:\n- name: a\n  interval: 30s\n  limit: 5\n  rules:\n\
                    \x20 - {record: 'a:b', expr: sum(up)}\n\
                    \x20 - {alert: Down, expr: up == 0, for: 5m, annotations: {text: '{{ $value }}'}}\n";
        assert_eq!(read(good, "r.yml").unwrap().groups.groups[0].rules.len(), 2);
        assert!(read("", "r.yml").is_ok());
        let bad = "groups:\n\
                   - name: a\n  rules:\n\
                   \x20 - {record: a, alert: b, expr: up}\n\
                   \x20 - {expr: up}\n\
                   \x20 - record: a\n    expr: sum(\n    for: 5m\n\
                   \x20 - {alert: b, expr: up, labels: {__name__: x}, annotation: {}}\n\
                   \x20 - {alert: b, expr: up, annotations: {text: '{{ $value }'}}\n\
                   - name: a\n  intervall: 5m\n";
        let found = read(bad, "r.yml").unwrap_err();
        let found: Vec<_> = found
            .faults
            .iter()
            .map(|fault| (fault.place.unwrap(), fault.message.as_str()))
            .collect();
        let expected = [
            ((4, 14), "only one of 'record'"),
            ((5, 5), "one of 'record' or 'alert'"),
            ((7, 11), "could not parse expression: 1:5: parse error"),
            ((8, 10), "invalid field 'for' in recording rule"),
            ((9, 45), "invalid label name: __name__"),
            ((9, 49), "unknown field `annotation`"),
            ((10, 46), "text: template: unclosed action"),
            ((11, 9), "groupname: \"a\" is repeated"),
            ((12, 3), "unknown field `intervall`"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for ((place, message), (at, part)) in found.iter().zip(expected) {
            assert!(
                *place == at && message.starts_with(part),
                "{place:?} {message} {at:?} {part}"
            );
        }
    }

    #[test]
    fn rules_that_ask_for_old_names_are_warned_of() {
        let text = "groups:\n- name: a\n  rules: [{record: b, expr: 'rate(node_cpu[5m])'}]\n";
        let warnings = read(text, "r.yml").unwrap().warnings;
        assert!(
            warnings[0].message.contains("node_cpu_seconds_total"),
            "{warnings:?}"
        );
    }
}
