//! A case: its parts as they were recorded, and as a receiver takes them.

use std::collections::BTreeMap;

use narthex_sdk::fake::Host;
use narthex_sdk::http::Response;
use narthex_sdk::{Error, Notification};
use narthex_template::alertmanager::{Alert as TemplateAlert, Data, Functions, Status, Templates};
use narthex_template::{Limits, Time};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Stands in an entry for where the service is.
const BASE: &str = "BASE";

/// What the host fills in where an entry says nothing.
const DEFAULTS: &str = include_str!("defaults.json");

/// Default templates that are their own names.
const NAMES: &str = include_str!("names.tmpl");

type Labels = BTreeMap<String, String>;

/// An entry, a notification, and the requests that came of both.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Names the case, and its receiver.
    pub name: String,
    /// The kind of the receiver.
    pub kind: String,
    /// The fields that are no secrets.
    pub entry: Value,
    /// Those that are.
    pub secrets: BTreeMap<String, String>,
    /// The notification, as a webhook was told it.
    pub notification: Told,
    /// What was sent, in order.
    pub requests: Vec<Request>,
    /// Whether the kind's service is at a place of its own, reached by a proxy.
    #[serde(default)]
    pub proxied: bool,
}

/// What a webhook is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// `firing` or `resolved`.
    pub status: String,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// The labels that the alerts are grouped by.
    pub group_labels: Labels,
    /// The labels that all alerts have.
    pub common_labels: Labels,
    /// The annotations that all alerts have.
    pub common_annotations: Labels,
    /// Where the server is reached.
    #[serde(rename = "externalURL")]
    pub external_url: String,
    /// Names the group.
    pub group_key: String,
}

/// An alert of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    status: String,
    labels: Labels,
    annotations: Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// A request, or a letter.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// The method; `SMTP` of a letter.
    pub method: String,
    /// Host and port behind a proxy; "" of the server itself.
    #[serde(default)]
    pub host: String,
    /// Path and query.
    #[serde(default)]
    pub path: String,
    /// The headers that matter.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// Status, type and body of the answer.
    #[serde(default)]
    pub answer: (u16, String, String),
    /// Of a letter: how the client introduced itself.
    #[serde(default)]
    pub hello: String,
    /// Of a letter: whether it came in TLS.
    #[serde(default)]
    pub tls: bool,
    /// Of a letter: the mechanism of the login, and what it gave.
    #[serde(default)]
    pub login: Option<Vec<String>>,
    /// Of a letter: whom it is from.
    #[serde(default)]
    pub from: String,
    /// Of a letter: whom it is for.
    #[serde(default)]
    pub to: Vec<String>,
}

/// The cases of a file.
pub fn cases(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap()
}

impl Request {
    /// Where it went.
    pub fn url(&self) -> String {
        match self.host.strip_suffix(":443") {
            Some(host) => format!("https://{host}{}", self.path),
            None => format!("http://service{}", self.path),
        }
    }
}

impl Case {
    fn base(&self) -> String {
        format!("http://service/{}", self.name)
    }

    /// The configuration of the receiver: the entry, with what the host fills in.
    pub fn config<T: DeserializeOwned>(&self) -> T {
        let text = self.filled().to_string().replace(BASE, &self.base());
        serde_json::from_str(&text).unwrap()
    }

    fn filled(&self) -> Value {
        let defaults: BTreeMap<String, Value> = serde_json::from_str(DEFAULTS).unwrap();
        let mut filled = defaults[&self.kind].clone();
        let mut entry = self.entry.clone();
        let fields = entry.as_object_mut().unwrap();
        match self.kind.as_str() {
            "pagerduty" => {
                let client = fields.get("client").or(filled.get("client")).cloned();
                fields.entry("source").or_insert(client.unwrap());
            }
            "email" => {
                let named = fields.remove("headers").unwrap_or_default();
                let named = named.as_object().cloned().unwrap_or_default().into_iter();
                let mut headers: Map<String, Value> =
                    named.map(|(name, value)| (title(&name), value)).collect();
                for (header, field) in [("From", "from"), ("To", "to")] {
                    headers.insert(header.to_owned(), fields[field].clone());
                }
                fields.insert("headers".to_owned(), headers.into());
                // Lent, and no field for the receiver.
                fields.remove("tls_config");
            }
            _ => {}
        }
        merge(&mut filled, entry);
        filled
    }

    /// A host with the case's secrets and templates, and with the answers that were recorded.
    pub fn host(&self) -> Host {
        let (data, templates) = (self.data(), templates());
        let expand = move |text: &str, is_html: bool| {
            let functions = Functions::at(Time::from_millis(0));
            let expanded = match is_html {
                true => templates.expand_html(text, &data, &functions, &Limits::DEFAULT),
                false => templates.expand_text(text, &data, &functions, &Limits::DEFAULT),
            };
            expanded.map_err(|error| Error::Config(error.to_string()))
        };
        let mut host = Host::new().texts(expand);
        for (name, text) in &self.secrets {
            host = host.secret(name, &text.replace(BASE, &self.base()));
        }
        for request in &self.requests {
            let (status, content_type, body) = request.answer.clone();
            let response = Response {
                status,
                headers: vec![("Content-Type".to_owned(), content_type)],
                body: body.into_bytes(),
            };
            host = host.respond(&request.url(), response);
        }
        host
    }

    /// The notification as a receiver gets it.
    pub fn notification(&self) -> Notification {
        let told = &self.notification;
        let alerts = told.alerts.iter().map(|alert| narthex_sdk::Alert {
            firing: alert.status == "firing",
            fingerprint: alert.fingerprint.clone(),
            labels: pairs(&alert.labels),
            annotations: pairs(&alert.annotations),
            starts_at: millis(&alert.starts_at),
            ends_at: (alert.status != "firing").then(|| millis(&alert.ends_at)),
            generator_url: alert.generator_url.clone(),
        });
        Notification {
            group_key: told.group_key.clone(),
            receiver: self.name.clone(),
            group_labels: pairs(&told.group_labels),
            common_labels: pairs(&told.common_labels),
            common_annotations: pairs(&told.common_annotations),
            external_url: told.external_url.clone(),
            truncated: 0,
            alerts: alerts.collect(),
        }
    }

    fn data(&self) -> Data {
        let told = &self.notification;
        let alerts = told.alerts.iter().map(|alert| TemplateAlert {
            status: match alert.status.as_str() {
                "firing" => Status::Firing,
                _ => Status::Resolved,
            },
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: Time::from_rfc3339(&alert.starts_at).unwrap(),
            ends_at: Time::from_rfc3339(&alert.ends_at).unwrap(),
            generator_url: alert.generator_url.clone(),
            fingerprint: alert.fingerprint.clone(),
        });
        let labels = told.group_labels.clone();
        Data::new(&self.name, &told.external_url, labels, alerts.collect())
    }
}

/// The fields of both; those of `over` come before others.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// The name of a header with each word begun by a large letter.
fn title(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

fn templates() -> Templates {
    let mut templates = Templates::new().unwrap();
    templates.add("names.tmpl", NAMES).unwrap();
    templates
}

fn pairs(labels: &Labels) -> Vec<(String, String)> {
    labels.clone().into_iter().collect()
}

fn millis(text: &str) -> i64 {
    let time = Time::from_rfc3339(text).unwrap();
    time.seconds() * 1000 + i64::from(time.nanos() / 1_000_000)
}
