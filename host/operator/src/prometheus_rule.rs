//! `PrometheusRule`: groups of rules.
//!
//! It is not: what a rule may say, which its reader knows.

use serde_json::{Map, Value, json};

use crate::fields::{Fields, Report};
use crate::options::Options;

/// The groups as a file of rules has them.
pub(crate) fn read(mut fields: Fields<'_>, options: &Options, report: &mut Report<'_>) -> Value {
    let label = options.enforced_label(report.object);
    let mut groups = Vec::new();
    for mut entry in fields.maps("groups", report) {
        let mut group = Map::new();
        for name in [
            "name",
            "interval",
            "query_offset",
            "partial_response_strategy",
            "labels",
        ] {
            copy(&mut entry, name, &mut group);
        }
        if let Some(limit) = entry.value("limit") {
            group.insert("limit".to_owned(), limit.clone());
        }
        let mut rules = Vec::new();
        for mut entry in entry.maps("rules", report) {
            let mut rule = Map::new();
            for name in [
                "record",
                "alert",
                "for",
                "keep_firing_for",
                "labels",
                "annotations",
            ] {
                copy(&mut entry, name, &mut rule);
            }
            if let Some((label, namespace)) = &label {
                let labels = rule.entry("labels").or_insert_with(|| json!({}));
                // Labels that are no map are a fault that their reader tells of.
                if let Some(labels) = labels.as_object_mut() {
                    labels.insert(label.clone(), namespace.as_str().into());
                }
            }
            let path = entry.at("expr");
            match entry.value("expr") {
                Some(Value::String(text)) => {
                    rule.insert("expr".to_owned(), text.clone().into());
                }
                // A query that is a number may be written as one.
                Some(Value::Number(number)) => {
                    rule.insert("expr".to_owned(), number.to_string().into());
                }
                _ => report.fault(&path, "must be a query"),
            }
            entry.finish(report);
            rules.push(Value::Object(rule));
        }
        group.insert("rules".to_owned(), rules.into());
        entry.finish(report);
        groups.push(Value::Object(group));
    }
    fields.finish(report);
    json!({"groups": groups})
}

/// The reader looks at what it is.
fn copy(from: &mut Fields<'_>, name: &str, to: &mut Map<String, Value>) {
    let value = from.value(name).filter(|value| **value != "");
    if let Some(value) = value {
        to.insert(name.to_owned(), value.clone());
    }
}
