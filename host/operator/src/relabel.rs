//! Rules of `relabel_configs`: those that the Operator writes, and those of an object.

use serde_json::{Map, Value, json};

use crate::fields::{Fields, Report};
use crate::options::Options;

/// A label's name in those of discovery: what no classic name can have becomes `_`.
pub(crate) fn label_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(plain).collect()
}

/// Keeps the job's name, which rules of an object may want.
pub(crate) fn first_rule() -> Value {
    copy_rule("job", "__tmp_prometheus_job_name")
}

/// Keeps targets.
pub(crate) fn keep_rule(sources: &[String], regex: &str) -> Value {
    json!({"action": "keep", "source_labels": sources, "regex": regex})
}

/// Drops targets.
pub(crate) fn drop_rule(sources: &[String], regex: &str) -> Value {
    json!({"action": "drop", "source_labels": sources, "regex": regex})
}

/// Drops what is no running pod.
pub(crate) fn running_filter() -> Value {
    let phase = "__meta_kubernetes_pod_phase".to_owned();
    drop_rule(&[phase], "(Failed|Succeeded)")
}

/// Copies a label, an empty one too.
pub(crate) fn copy_rule(source: &str, target: &str) -> Value {
    json!({"source_labels": [source], "target_label": target})
}

/// Copies a label that is not empty.
pub(crate) fn copy_present_rule(source: &str, target: &str) -> Value {
    json!({
        "source_labels": [source],
        "target_label": target,
        "regex": "(.+)",
        "replacement": "${1}",
    })
}

/// Gives a label a value.
pub(crate) fn set_rule(target: &str, value: &str) -> Value {
    json!({"target_label": target, "replacement": value})
}

/// Takes labels of a service or pod over under their own names.
pub(crate) fn label_rules(of: &str, labels: &[String]) -> Vec<Value> {
    let rules = labels.iter().map(|label| {
        let name = label_name(label);
        copy_present_rule(&format!("__meta_kubernetes_{of}_label_{name}"), &name)
    });
    rules.collect()
}

/// The rules that leave this server its share of the targets, told apart by a label.
pub(crate) fn shard_rules(label: &str, options: &Options) -> Vec<Value> {
    if options.shards < 2 {
        return Vec::new();
    }
    vec![
        json!({
            "source_labels": [label, "__tmp_hash"],
            "target_label": "__tmp_hash",
            "regex": "(.+);",
            "replacement": "$1",
            "action": "replace",
        }),
        json!({
            "source_labels": ["__tmp_hash"],
            "target_label": "__tmp_hash",
            "modulus": options.shards,
            "action": "hashmod",
        }),
        json!({
            "source_labels": ["__tmp_hash", "__tmp_disable_sharding"],
            "regex": format!("{};|.+;.+", options.shard),
            "action": "keep",
        }),
    ]
}

/// The rules of an object, in the words of `relabel_configs`.
pub(crate) fn rules(of: &mut Fields<'_>, name: &str, report: &mut Report<'_>) -> Vec<Value> {
    let mut rules = Vec::new();
    for mut fields in of.maps(name, report) {
        let mut rule = Map::new();
        let sources = fields.texts("sourceLabels", report);
        if !sources.is_empty() {
            rule.insert("source_labels".to_owned(), sources.into());
        }
        for (name, as_name) in [("separator", "separator"), ("replacement", "replacement")] {
            if let Some(text) = fields.any_text(name, report) {
                rule.insert(as_name.to_owned(), text.into());
            }
        }
        fields.copy_text("targetLabel", (&mut rule, "target_label"), report);
        fields.copy_text("regex", (&mut rule, "regex"), report);
        if let Some(modulus) = fields
            .count("modulus", report)
            .filter(|modulus| *modulus > 0)
        {
            rule.insert("modulus".to_owned(), modulus.into());
        }
        if let Some(action) = fields.text("action", report) {
            rule.insert("action".to_owned(), action.to_ascii_lowercase().into());
        }
        fields.finish(report);
        rules.push(Value::Object(rule));
    }
    rules
}
