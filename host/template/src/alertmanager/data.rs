//! What a notification is about, as templates see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::time::Time;
use crate::value::{Element, List, Map, Method, Param, Signature, Struct, Type, Value};

/// Whether an alert or a group of them is firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is; of a group, at least one alert.
    Firing,
    /// It is not any more.
    Resolved,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert of a notification.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Whether it is firing.
    pub status: Status,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Since when.
    pub starts_at: Time,
    /// Until when; [`Time::ZERO`] while it is firing.
    pub ends_at: Time,
    /// Where its cause can be seen.
    pub generator_url: String,
    /// What tells it from others, in 16 hexadecimal digits.
    pub fingerprint: String,
}

/// What a notification is about.
#[derive(Debug, Clone)]
pub struct Data {
    /// The receiver's name, with all escaped that has a meaning in a regular expression: so
    /// Alertmanager has it.
    pub receiver: String,
    /// Whether any of the alerts is firing.
    pub status: Status,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// The labels that the alerts are grouped by.
    pub group_labels: BTreeMap<String, String>,
    /// The labels that all the alerts have.
    pub common_labels: BTreeMap<String, String>,
    /// The annotations that all the alerts have.
    pub common_annotations: BTreeMap<String, String>,
    /// Where the alerts can be seen.
    pub external_url: String,
}

impl Data {
    /// Of some alerts: the status and what they have in common follow from them.
    pub fn new(
        receiver: &str,
        external_url: &str,
        group_labels: BTreeMap<String, String>,
        alerts: Vec<Alert>,
    ) -> Self {
        let is_firing = alerts.iter().any(|alert| alert.status == Status::Firing);
        Self {
            receiver: quote_meta(receiver),
            status: if is_firing {
                Status::Firing
            } else {
                Status::Resolved
            },
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            group_labels,
            external_url: external_url.to_owned(),
            alerts,
        }
    }

    /// As a template sees it.
    pub fn value(&self) -> Value {
        let alerts = self.alerts.iter().map(Alert::value).collect();
        Value::Struct(Struct::pointer(
            &DATA,
            vec![
                ("Receiver", self.receiver.as_str().into()),
                ("Status", self.status.as_str().into()),
                ("Alerts", Value::List(List::new(&ALERTS, alerts))),
                ("GroupLabels", pairs_of(&self.group_labels)),
                ("CommonLabels", pairs_of(&self.common_labels)),
                ("CommonAnnotations", pairs_of(&self.common_annotations)),
                ("ExternalURL", self.external_url.as_str().into()),
            ],
        ))
    }
}

impl Alert {
    fn value(&self) -> Value {
        Value::Struct(Struct::new(
            &ALERT,
            vec![
                ("Status", self.status.as_str().into()),
                ("Labels", pairs_of(&self.labels)),
                ("Annotations", pairs_of(&self.annotations)),
                ("StartsAt", Value::Time(self.starts_at.clone())),
                ("EndsAt", Value::Time(self.ends_at.clone())),
                ("GeneratorURL", self.generator_url.as_str().into()),
                ("Fingerprint", self.fingerprint.as_str().into()),
            ],
        ))
    }
}

/// As Go's `regexp.QuoteMeta`.
fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// What all of some sets have.
fn common<'a>(
    mut sets: impl Iterator<Item = &'a BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let mut common = sets.next().cloned().unwrap_or_default();
    for set in sets {
        common.retain(|name, value| set.get(name) == Some(value));
    }
    common
}

fn pairs_of(set: &BTreeMap<String, String>) -> Value {
    let entries = set
        .iter()
        .map(|(name, value)| (Arc::from(name.as_str()), value.as_str().into()));
    Value::Map(Map::new(&KV, entries))
}

const DATA: Type = Type::plain("template.Data", Element::Any);
const ALERT: Type = Type::plain("template.Alert", Element::Any);

/// What `Firing` and `Resolved` give: it has no methods of its own.
const SOME_ALERTS: Type = Type::plain("[]template.Alert", Element::Any);

const ALERTS: Type = Type {
    name: "template.Alerts",
    element: Element::Any,
    methods: &[
        method("Firing", &[], |value, _| {
            Ok(with_status(value, Status::Firing))
        }),
        method("Resolved", &[], |value, _| {
            Ok(with_status(value, Status::Resolved))
        }),
    ],
    text: None,
};

const PAIR: Type = Type::plain("template.Pair", Element::Any);

const PAIRS: Type = Type {
    name: "template.Pairs",
    element: Element::Any,
    methods: &[
        method("Names", &[], |value, _| Ok(parts(value, "Name"))),
        method("Values", &[], |value, _| Ok(parts(value, "Value"))),
        method("String", &[], |value, _| Ok(pairs_text(value).into())),
    ],
    text: Some(pairs_text),
};

const KV: Type = Type {
    name: "template.KV",
    element: Element::String,
    methods: &[
        method("SortedPairs", &[], |value, _| Ok(sorted_pairs(value))),
        method(
            "Remove",
            &[Param::Of(&Type::STRINGS)],
            |value, arguments| Ok(removed(value, arguments)),
        ),
        method("Names", &[], |value, _| {
            Ok(parts(&sorted_pairs(value), "Name"))
        }),
        method("Values", &[], |value, _| {
            Ok(parts(&sorted_pairs(value), "Value"))
        }),
        method("String", &[], |value, _| Ok(kv_text(value).into())),
    ],
    text: Some(kv_text),
};

const fn method(
    name: &'static str,
    params: &'static [Param],
    call: fn(&Value, &[Value]) -> Result<Value, String>,
) -> Method {
    Method {
        signature: Signature::new(name, params),
        call,
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::List(list) => list.items(),
        _ => &[],
    }
}

fn with_status(alerts: &Value, status: Status) -> Value {
    let has_it = |alert: &&Value| match alert {
        Value::Struct(alert) => {
            alert.get("Status").and_then(Value::as_str) == Some(status.as_str())
        }
        _ => false,
    };
    let found = items(alerts).iter().filter(has_it).cloned().collect();
    Value::List(List::new(&SOME_ALERTS, found))
}

/// The pairs by name, the alert's name first.
fn sorted_pairs(value: &Value) -> Value {
    let Value::Map(map) = value else {
        return Value::Nil;
    };
    let (first, others): (Vec<_>, Vec<_>) = map
        .entries()
        .iter()
        .partition(|(name, _)| ***name == *"alertname");
    let pair = |(name, value): (&Arc<str>, &Value)| {
        Value::Struct(Struct::new(
            &PAIR,
            vec![
                ("Name", Value::String(name.clone())),
                ("Value", value.clone()),
            ],
        ))
    };
    let pairs = first.into_iter().chain(others).map(pair).collect();
    Value::List(List::new(&PAIRS, pairs))
}

fn removed(value: &Value, arguments: &[Value]) -> Value {
    let Value::Map(map) = value else {
        return Value::Nil;
    };
    let names = arguments.first().map(items).unwrap_or_default();
    let is_kept = |name: &str| !names.iter().any(|gone| gone.as_str() == Some(name));
    let kept = map.entries().iter().filter(|(name, _)| is_kept(name));
    let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
    Value::Map(Map::new(&KV, kept))
}

/// The names or the values of pairs.
fn parts(pairs: &Value, field: &str) -> Value {
    let part = |pair: &Value| match pair {
        Value::Struct(pair) => pair
            .get(field)
            .and_then(Value::as_str)
            .map(Arc::<str>::from),
        _ => None,
    };
    Value::strings(items(pairs).iter().filter_map(part))
}

fn kv_text(value: &Value) -> String {
    pairs_text(&sorted_pairs(value))
}

fn pairs_text(pairs: &Value) -> String {
    let shown = |pair: &Value| match pair {
        Value::Struct(pair) => {
            let part = |name| pair.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}={}", part("Name"), part("Value"))
        }
        _ => String::new(),
    };
    let shown: Vec<String> = items(pairs).iter().map(shown).collect();
    shown.join(", ")
}
