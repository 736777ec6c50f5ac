//! Selectors: which services, pods or ingresses an object means, and in which namespaces.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::fields::{Fields, Report};
use crate::options::Options;
use crate::relabel::{drop_rule, keep_rule, label_name};

/// What one expression says of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Expression {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// Labels that an object must have; an empty one selects all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selector {
    labels: BTreeMap<String, String>,
    expressions: Vec<Expression>,
}

impl Selector {
    /// Reads `matchLabels` and `matchExpressions`.
    pub(crate) fn read(mut fields: Fields<'_>, report: &mut Report<'_>) -> Self {
        let labels = fields.pairs("matchLabels", report).unwrap_or_default();
        let mut expressions = Vec::new();
        for mut entry in fields.maps("matchExpressions", report) {
            let key = entry.text("key", report).unwrap_or_default().to_owned();
            if key.is_empty() {
                report.fault(&entry.at("key"), "must be there");
            }
            let values = entry.texts("values", report);
            let operator = match entry.text("operator", report).unwrap_or_default() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    let text = format!("{other:?} is none of In, NotIn, Exists and DoesNotExist");
                    report.fault(&entry.at("operator"), text);
                    continue;
                }
            };
            let needs_values = matches!(operator, Operator::In | Operator::NotIn);
            if needs_values == values.is_empty() {
                let text = match needs_values {
                    true => "In and NotIn need values",
                    false => "Exists and DoesNotExist have no values",
                };
                report.fault(&entry.at("values"), text);
            }
            entry.finish(report);
            expressions.push(Expression {
                key,
                operator,
                values,
            });
        }
        fields.finish(report);
        Self {
            labels,
            expressions,
        }
    }

    /// Rules that keep targets whose `service`, `pod` or `ingress` is selected.
    pub(crate) fn relabelings(&self, of: &str) -> Vec<Value> {
        let sources = |key: &str| {
            let name = label_name(key);
            [
                format!("__meta_kubernetes_{of}_label_{name}"),
                format!("__meta_kubernetes_{of}_labelpresent_{name}"),
            ]
        };
        let mut rules = Vec::new();
        for (key, value) in &self.labels {
            rules.push(keep_rule(&sources(key), &format!("({value});true")));
        }
        for expression in &self.expressions {
            let both = sources(&expression.key);
            let [_, presence] = &both;
            let presence = std::slice::from_ref(presence);
            let values = format!("({});true", expression.values.join("|"));
            rules.push(match expression.operator {
                Operator::In => keep_rule(&both, &values),
                Operator::NotIn => drop_rule(&both, &values),
                Operator::Exists => keep_rule(presence, "true"),
                Operator::DoesNotExist => drop_rule(presence, "true"),
            });
        }
        rules
    }

    /// As a cluster takes it in `labelSelector`.
    pub(crate) fn text(&self) -> String {
        let labels = self.labels.iter();
        let mut parts: Vec<String> = labels
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        for Expression {
            key,
            operator,
            values,
        } in &self.expressions
        {
            let values = values.join(",");
            parts.push(match operator {
                Operator::In => format!("{key} in ({values})"),
                Operator::NotIn => format!("{key} notin ({values})"),
                Operator::Exists => key.clone(),
                Operator::DoesNotExist => format!("!{key}"),
            });
        }
        parts.join(",")
    }

    /// The first requirement that an object with these labels does not meet, as a text.
    pub(crate) fn unmet(&self, labels: &BTreeMap<String, String>) -> Option<String> {
        for (key, value) in &self.labels {
            if labels.get(key) != Some(value) {
                return Some(format!("{key}={value}"));
            }
        }
        for Expression {
            key,
            operator,
            values,
        } in &self.expressions
        {
            let found = labels.get(key);
            let is_listed = found.is_some_and(|value| values.contains(value));
            let is_met = match operator {
                Operator::In => is_listed,
                Operator::NotIn => !is_listed,
                Operator::Exists => found.is_some(),
                Operator::DoesNotExist => found.is_none(),
            };
            if !is_met {
                let shown = Self {
                    labels: BTreeMap::new(),
                    expressions: vec![Expression {
                        key: key.clone(),
                        operator: *operator,
                        values: values.clone(),
                    }],
                };
                return Some(shown.text());
            }
        }
        None
    }
}

/// The namespaces in which an object selects; empty is all of them.
pub(crate) fn namespaces(
    fields: Option<Fields<'_>>,
    options: &Options,
    report: &mut Report<'_>,
) -> Vec<String> {
    let own = vec![report.object.namespace.clone()];
    let Some(mut fields) = fields else {
        return own;
    };
    let any = fields.flag("any", report).unwrap_or(false);
    let names = fields.texts("matchNames", report);
    fields.finish(report);
    match (options.ignore_namespace_selectors, any, names.is_empty()) {
        (true, ..) | (false, false, true) => own,
        (false, true, _) => Vec::new(),
        (false, false, false) => names,
    }
}

/// `kubernetes_sd_configs` with one entry, of the cluster that the object lies in.
pub(crate) fn discovery(
    role: &str,
    namespaces: &[String],
    attach_node: Option<bool>,
    selectors: &[(&str, &Selector)],
) -> Value {
    let mut entry = Map::new();
    entry.insert("role".to_owned(), role.into());
    if !namespaces.is_empty() {
        entry.insert("namespaces".to_owned(), json!({"names": namespaces}));
    }
    if let Some(node) = attach_node {
        entry.insert("attach_metadata".to_owned(), json!({"node": node}));
    }
    let selectors = selectors.iter();
    let selectors = selectors.map(|(role, selector)| (role, selector.text()));
    let selectors: Vec<Value> = selectors
        .filter(|(_, text)| !text.is_empty())
        .map(|(role, text)| json!({"role": role, "label": text}))
        .collect();
    if !selectors.is_empty() {
        entry.insert("selectors".to_owned(), selectors.into());
    }
    Value::Array(vec![Value::Object(entry)])
}
