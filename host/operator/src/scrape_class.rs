//! Scrape classes, and the label of the namespace: what the server says of how objects are scraped,
//! where they say nothing themselves, and what they may not say.
//!
//! It is not: what objects say.

use narthex_model::relabel::RelabelConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::fields::{Fields, Report};
use crate::options::Options;
use crate::relabel::set_rule;

/// What holds for objects that name it in `scrapeClass`, or for all that name none, with the fields
/// of a job. It has no secrets: what it names are files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrapeClass {
    /// As objects name it.
    pub name: String,
    /// Whether it holds for objects that name none.
    #[serde(rename = "default", skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    /// Each file where an object has neither that file nor what would be in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<ClassTls>,
    /// Where an object has no credentials of any kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<ClassAuthorization>,
    /// Where a monitor does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach_metadata: Option<ClassAttachMetadata>,
    /// Where an object has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fallback_scrape_protocol: String,
    /// Before those of an object, and behind those that every object of its kind has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relabel_configs: Vec<Value>,
    /// Before those of an object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_relabel_configs: Vec<Value>,
}

/// Files of TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassTls {
    /// The authority of targets.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca_file: String,
    /// The certificate that targets are shown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_file: String,
    /// Its key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_file: String,
}

/// Credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassAuthorization {
    /// `Bearer` where nothing is said.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The file that they are in.
    pub credentials_file: String,
}

/// What is attached to targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassAttachMetadata {
    /// Labels of their nodes.
    pub node: bool,
}

impl ScrapeClass {
    /// The files that it names.
    pub fn files(&mut self) -> Vec<&mut String> {
        let tls = self.tls_config.iter_mut();
        let tls = tls.flat_map(|tls| [&mut tls.ca_file, &mut tls.cert_file, &mut tls.key_file]);
        let credentials = self.authorization.iter_mut();
        tls.chain(credentials.map(|held| &mut held.credentials_file))
            .collect()
    }

    /// Why it cannot be used.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.name.is_empty() {
            faults.push("a scrape class has a name".to_owned());
        }
        let without_file = |held: &ClassAuthorization| held.credentials_file.is_empty();
        if self.authorization.as_ref().is_some_and(without_file) {
            faults.push(format!(
                "{}: authorization needs credentials_file",
                self.name
            ));
        }
        let rules = self.relabel_configs.iter();
        for rule in rules.chain(&self.metric_relabel_configs) {
            if let Err(error) = serde_json::from_value::<RelabelConfig>(rule.clone()) {
                faults.push(format!("{}: {error}", self.name));
            }
        }
        faults
    }
}

/// What the server says of the jobs of one object.
pub(crate) struct Imposed<'o> {
    class: Option<&'o ScrapeClass>,
    /// A label and its value.
    label: Option<(String, String)>,
}

impl<'o> Imposed<'o> {
    /// Takes the class from a spec.
    pub(crate) fn read(
        fields: &mut Fields<'_>,
        options: &'o Options,
        report: &mut Report<'_>,
    ) -> Self {
        let named = fields.text("scrapeClass", report);
        let class = options.scrape_classes.iter().find(|class| match named {
            Some(name) => class.name == name,
            None => class.is_default,
        });
        if let (Some(name), None) = (named, class) {
            let names = options.scrape_classes.iter();
            let names: Vec<&str> = names.map(|class| class.name.as_str()).collect();
            let text = match names.as_slice() {
                [] => "there are no scrape classes: the server's configuration has them".to_owned(),
                names => format!("{name:?} is none of {}", names.join(", ")),
            };
            report.fault(&fields.at("scrapeClass"), text);
        }
        Self {
            class,
            label: options.enforced_label(report.object),
        }
    }

    /// Rules of targets: the class' before the object's, and the label last, so that no rule
    /// changes it.
    pub(crate) fn target_rules(&self, own: Vec<Value>) -> Vec<Value> {
        let class = self.class.map(|class| class.relabel_configs.as_slice());
        self.rules(class, own)
    }

    /// The same of samples: a target may not write the label either.
    pub(crate) fn metric_rules(&self, own: Vec<Value>) -> Vec<Value> {
        let class = self
            .class
            .map(|class| class.metric_relabel_configs.as_slice());
        self.rules(class, own)
    }

    fn rules(&self, class: Option<&[Value]>, own: Vec<Value>) -> Vec<Value> {
        let class = class.unwrap_or_default().iter().cloned();
        let label = self.label.iter();
        let label = label.map(|(label, namespace)| set_rule(label, namespace));
        class.chain(own).chain(label).collect()
    }

    /// Whether labels of nodes are attached.
    pub(crate) fn attach_node(&self, own: Option<bool>) -> Option<bool> {
        let class = self.class.and_then(|class| class.attach_metadata);
        own.or(class.map(|attach| attach.node))
    }

    /// Fills in what a job that is complete does not say.
    pub(crate) fn fill(&self, job: &mut Map<String, Value>) {
        let Some(class) = self.class else {
            return;
        };
        let protocol = &class.fallback_scrape_protocol;
        if !protocol.is_empty() {
            let entry = job.entry("fallback_scrape_protocol");
            entry.or_insert_with(|| protocol.as_str().into());
        }
        let credentials = [
            "authorization",
            "basic_auth",
            "bearer_token",
            "bearer_token_file",
            "oauth2",
        ];
        if let Some(authorization) = &class.authorization
            && !credentials.iter().any(|name| job.contains_key(*name))
        {
            job.insert("authorization".to_owned(), json!(authorization));
        }
        let Some(tls) = &class.tls_config else {
            return;
        };
        let section = job.entry("tls_config").or_insert_with(|| json!({}));
        let Some(section) = section.as_object_mut() else {
            return;
        };
        for (name, plain, file) in [
            ("ca_file", "ca", &tls.ca_file),
            ("cert_file", "cert", &tls.cert_file),
            ("key_file", "key", &tls.key_file),
        ] {
            if !file.is_empty() && !section.contains_key(name) && !section.contains_key(plain) {
                section.insert(name.to_owned(), file.as_str().into());
            }
        }
    }
}
