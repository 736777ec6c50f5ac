//! Files of rules: their YAML, and where in it each fault is.
//!
//! It is not: what a file may say, which is `narthex-rules`'.

use std::path::Path;

use narthex_promql::ParseOptions;
use narthex_rules::RuleGroups;

use crate::config::renamed;
use crate::yaml::{self, Document, Fault, UnknownFields, YamlError};

/// A sound file.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) groups: RuleGroups,
    /// What is likely to be a mistake.
    pub(crate) warnings: Vec<Fault>,
}

/// Reads and checks a file; its queries are parsed with `options`.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn load(
    path: &Path,
    options: &ParseOptions,
    unknown: UnknownFields,
) -> Result<Checked, String> {
    let name = path.display().to_string();
    let text = yaml::read_text(path).map_err(|error| format!("{name}: {error}"))?;
    read(&text, &name, options, unknown).map_err(|error| error.to_string())
}

/// Reads and checks the text of a file.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn read(
    text: &str,
    file: &str,
    options: &ParseOptions,
    unknown: UnknownFields,
) -> Result<Checked, YamlError> {
    let mut document = Document::parse(text, file)?.with_unknown(unknown);
    let mut warnings = Vec::new();
    let groups: Option<RuleGroups> = document.read();
    if let Some(groups) = &groups {
        check(&mut document, groups, options, &mut warnings);
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

fn check(
    document: &mut Document,
    groups: &RuleGroups,
    options: &ParseOptions,
    warnings: &mut Vec<Fault>,
) {
    // Entries that could not be read are not among the groups and rules, but have their place.
    let of_groups = document.entries("/groups");
    let of_rules: Vec<Vec<usize>> = of_groups
        .iter()
        .map(|at| document.entries(&format!("/groups/{at}/rules")))
        .collect();
    let pointer = |group: usize, rule: Option<usize>| {
        let mut pointer = format!("/groups/{}", of_groups.get(group).unwrap_or(&group));
        if let Some(rule) = rule {
            let at = of_rules.get(group).and_then(|rules| rules.get(rule));
            pointer.push_str(&format!("/rules/{}", at.unwrap_or(&rule)));
        }
        pointer
    };
    for fault in groups.faults(options) {
        let mut pointer = pointer(fault.group, fault.rule);
        if !fault.field.is_empty() {
            pointer.push_str(&format!("/{}", fault.field));
        }
        document.fault(&pointer, fault.message);
    }
    for (at, group) in groups.groups.iter().enumerate() {
        for (number, rule) in group.rules.iter().enumerate() {
            if let Some(message) = renamed(&rule.expr) {
                let pointer = format!("{}/expr", pointer(at, Some(number)));
                warnings.push(document.at(&pointer, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_rules::PartialResponse;

    use super::*;

    const REFUSED: UnknownFields = UnknownFields::Refused;

    #[test]
    fn fields_that_nobody_knows_are_ignored_where_that_is_asked_for() {
        let text = "owner: me\ngroups:\n- name: a\n  team: {x: [1]}\n  rules:\n\
                    \x20 - {record: b, expr: up, runbook: r}\n  - {record: c, expr: 'up('}\n";
        let all = ParseOptions::all();
        let faults = |unknown| read(text, "r.yml", &all, unknown).unwrap_err().faults;
        assert_eq!(faults(REFUSED).len(), 4);
        let left = faults(UnknownFields::Ignored);
        assert!(
            left.len() == 1 && left[0].message.starts_with("could not parse expression"),
            "{left:?}"
        );
        let many: String = (0..2000).map(|at| format!("f{at}: 1\n")).collect();
        let error = read(&many, "r.yml", &all, UnknownFields::Ignored).unwrap_err();
        assert!(error.faults[0].message.starts_with("unknown field"));
    }

    #[test]
    fn every_fault_of_a_file_of_rules_has_its_place() {
        let all = ParseOptions::all();
        let good = "groups:\n- name: a\n  interval: 30s\n  limit: 5\n  query_offset: 1m\n\
                    \x20 partial_response_strategy: warn\n  rules:\n\
                    \x20 - {record: 'a:b', expr: sum(up)}\n\
                    \x20 - {alert: Down, expr: up == 0, for: 5m, annotations: {text: '{{ $value }}'}}\n";
        let read_good = read(good, "r.yml", &all, REFUSED).unwrap().groups;
        assert_eq!(read_good.groups[0].rules.len(), 2);
        let strategy = read_good.groups[0].partial_response_strategy;
        assert_eq!(strategy, Some(PartialResponse::Warn));
        assert!(read("", "r.yml", &all, REFUSED).is_ok());
        let bad = "groups:\n\
                   - name: a\n  rules:\n\
                   \x20 - {record: a, alert: b, expr: up}\n\
                   \x20 - {expr: up}\n\
                   \x20 - record: a\n    expr: sum(\n    for: 5m\n\
                   \x20 - {alert: b, expr: up, labels: {__name__: x}, annotation: {}}\n\
                   \x20 - {alert: b, expr: up, annotations: {text: '{{ $value }'}}\n\
                   - name: a\n  intervall: 5m\n\
                   - name: c\n  partial_response_strategy: abandon\n";
        let found = read(bad, "r.yml", &all, REFUSED).unwrap_err();
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
            ((10, 46), "annotation \"text\": template: __alert_b:1:"),
            ((11, 9), "groupname: \"a\" is repeated"),
            ((12, 3), "unknown field `intervall`"),
            ((14, 30), "unknown partial_response_strategy \"abandon\""),
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
        let warnings = read(text, "r.yml", &ParseOptions::all(), REFUSED)
            .unwrap()
            .warnings;
        assert!(
            warnings[0].message.contains("node_cpu_seconds_total"),
            "{warnings:?}"
        );
    }
}
