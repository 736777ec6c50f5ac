//! The data that templates are executed with.

use std::collections::BTreeMap;

use narthex_model::Labels;
use narthex_template::Time;
use narthex_template::alertmanager::{Alert, Data, Status};
use narthex_template::prometheus::{Querier, Sample, SampleValue};
use serde_json::Value;

use crate::cases::json;

/// What the templates of a rule see, and the answers to their queries.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) labels: Labels,
    pub(crate) external_labels: Labels,
    pub(crate) external_url: String,
    pub(crate) value: SampleValue,
    pub(crate) at_ms: i64,
    pub(crate) queries: BTreeMap<String, Vec<Sample>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn pairs(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn labels(value: &Value) -> Labels {
    Labels::from_pairs(pairs(value))
}

fn number(value: &Value) -> SampleValue {
    let text = text(value);
    match text.parse() {
        Ok(number) => SampleValue::Float(number),
        Err(_) => SampleValue::Histogram(text),
    }
}

pub(crate) fn rules() -> BTreeMap<String, Rule> {
    let samples = |all: &Value| {
        let sample = |one: &Value| Sample {
            labels: labels(&one["Labels"]),
            value: number(&one["Value"]),
        };
        all.as_array().into_iter().flatten().map(sample).collect()
    };
    let rule = |(name, rule): (&String, &Value)| {
        let queries = rule["Queries"].as_object().into_iter().flatten();
        let rule = Rule {
            labels: labels(&rule["Labels"]),
            external_labels: labels(&rule["ExternalLabels"]),
            external_url: text(&rule["ExternalURL"]),
            value: number(&rule["Value"]),
            at_ms: rule["AtMS"].as_i64().unwrap(),
            queries: queries.map(|(q, all)| (q.clone(), samples(all))).collect(),
        };
        (name.clone(), rule)
    };
    json("rules.json")
        .as_object()
        .unwrap()
        .iter()
        .map(rule)
        .collect()
}

impl Querier for Rule {
    fn query(&self, expression: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        assert_eq!(at_ms, self.at_ms);
        let found = self.queries.get(expression).cloned();
        found.ok_or_else(|| format!("no answer for {expression}"))
    }
}

pub(crate) fn groups() -> BTreeMap<String, Data> {
    let time = |value: &Value| Time::from_rfc3339(&text(value)).unwrap();
    let alert = |value: &Value| Alert {
        status: match text(&value["status"]).as_str() {
            "firing" => Status::Firing,
            _ => Status::Resolved,
        },
        labels: pairs(&value["labels"]),
        annotations: pairs(&value["annotations"]),
        starts_at: time(&value["startsAt"]),
        ends_at: time(&value["endsAt"]),
        generator_url: text(&value["generatorURL"]),
        fingerprint: text(&value["fingerprint"]),
    };
    let group = |(name, group): (&String, &Value)| {
        let alerts = group["alerts"].as_array().unwrap().iter().map(alert);
        let data = Data::new(
            &text(&group["receiver"]),
            &text(&group["externalURL"]),
            pairs(&group["groupLabels"]),
            alerts.collect(),
        );
        (name.clone(), data)
    };
    let groups = json("notifications.json");
    groups.as_object().unwrap().iter().map(group).collect()
}
