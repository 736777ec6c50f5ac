//! The fields of an object, taken by their names: each fault has its path, and a field that nobody
//! knows is named in a warning.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::limits::{ENTRIES_MAX, FAULTS_PER_OBJECT_MAX};
use crate::object::ObjectRef;
use crate::secrets::{Missing, SecretKind, SecretRef, Secrets};

/// What is found of one object.
pub(crate) struct Report<'a> {
    pub(crate) object: &'a ObjectRef,
    secrets: &'a Secrets,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
    /// Whether a secret is named that nobody has asked for yet: the object waits for it.
    pub(crate) is_waiting: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(object: &'a ObjectRef, secrets: &'a Secrets) -> Self {
        Self {
            object,
            secrets,
            faults: Vec::new(),
            warnings: Vec::new(),
            is_waiting: false,
        }
    }

    pub(crate) fn fault(&mut self, field: &str, text: impl Into<String>) {
        if self.faults.len() < FAULTS_PER_OBJECT_MAX {
            self.faults.push(Fault {
                object: self.object.clone(),
                field: field.to_owned(),
                text: text.into(),
            });
        }
    }

    pub(crate) fn warn(&mut self, field: &str, text: impl Into<String>) {
        if self.warnings.len() < FAULTS_PER_OBJECT_MAX {
            self.warnings.push(Fault {
                object: self.object.clone(),
                field: field.to_owned(),
                text: text.into(),
            });
        }
    }

    /// The text that a reference `{name, key}` at that path leads to, in the object's namespace.
    pub(crate) fn secret(
        &mut self,
        kind: SecretKind,
        (path, reference): (&str, &Value),
    ) -> Option<String> {
        let part = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or("");
        let (name, key) = (part("name"), part("key"));
        if name.is_empty() || key.is_empty() {
            self.fault(path, "a reference needs name and key");
            return None;
        }
        let reference = SecretRef {
            kind,
            namespace: self.object.namespace.clone(),
            name: name.to_owned(),
        };
        match self.secrets.text(reference, key) {
            Ok(text) => Some(text),
            Err(Missing::Unasked) => {
                self.is_waiting = true;
                None
            }
            Err(Missing::Fault(text)) => {
                self.fault(path, text);
                None
            }
        }
    }

    /// The text behind `{secret: {..}}` or `{configMap: {..}}`.
    pub(crate) fn secret_or_config_map(&mut self, (path, value): (&str, &Value)) -> Option<String> {
        let (secret, map) = (
            present(value.get("secret")),
            present(value.get("configMap")),
        );
        match (secret, map) {
            (Some(_), Some(_)) => {
                self.fault(path, "only one of secret and configMap can be there");
                None
            }
            (Some(secret), None) => {
                self.secret(SecretKind::Secret, (&format!("{path}.secret"), secret))
            }
            (None, Some(map)) => {
                self.secret(SecretKind::ConfigMap, (&format!("{path}.configMap"), map))
            }
            (None, None) => None,
        }
    }
}

/// A value that is not null.
pub(crate) fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// A map of an object, and which of its fields were taken.
#[derive(Debug)]
pub(crate) struct Fields<'v> {
    map: &'v Map<String, Value>,
    path: String,
    taken: BTreeSet<&'v str>,
}

impl<'v> Fields<'v> {
    /// The fields of a value that has to be a map.
    pub(crate) fn of(value: &'v Value, path: &str, report: &mut Report<'_>) -> Option<Self> {
        let Some(map) = value.as_object() else {
            report.fault(path, "it is no map");
            return None;
        };
        if map.len() > ENTRIES_MAX {
            report.fault(path, format!("it has more than {ENTRIES_MAX} entries"));
            return None;
        }
        Some(Self {
            map,
            path: path.to_owned(),
            taken: BTreeSet::new(),
        })
    }

    /// Where a field stands.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// A field as it is; null is none.
    pub(crate) fn value(&mut self, name: &str) -> Option<&'v Value> {
        let (name, value) = self.map.get_key_value(name)?;
        self.taken.insert(name);
        present(Some(value))
    }

    /// A text; an empty one is none, as in the Operator's Go.
    pub(crate) fn text(&mut self, name: &str, report: &mut Report<'_>) -> Option<&'v str> {
        self.any_text(name, report).filter(|text| !text.is_empty())
    }

    /// A text that may be empty.
    pub(crate) fn any_text(&mut self, name: &str, report: &mut Report<'_>) -> Option<&'v str> {
        let value = self.value(name)?;
        let text = value.as_str();
        if text.is_none() {
            report.fault(&self.at(name), "it is no text");
        }
        text
    }

    pub(crate) fn flag(&mut self, name: &str, report: &mut Report<'_>) -> Option<bool> {
        let value = self.value(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            report.fault(&self.at(name), "it is neither true nor false");
        }
        flag
    }

    /// A number that is not negative.
    pub(crate) fn count(&mut self, name: &str, report: &mut Report<'_>) -> Option<u64> {
        let value = self.value(name)?;
        let count = value.as_u64();
        if count.is_none() {
            report.fault(&self.at(name), "it is no number from 0 on");
        }
        count
    }

    pub(crate) fn map(&mut self, name: &str, report: &mut Report<'_>) -> Option<Fields<'v>> {
        let value = self.value(name)?;
        Fields::of(value, &self.at(name), report)
    }

    /// The entries of a list, each with its path.
    pub(crate) fn list(&mut self, name: &str, report: &mut Report<'_>) -> Vec<(String, &'v Value)> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let path = self.at(name);
        let Some(entries) = value.as_array() else {
            report.fault(&path, "it is no list");
            return Vec::new();
        };
        if entries.len() > ENTRIES_MAX {
            report.fault(&path, format!("it has more than {ENTRIES_MAX} entries"));
            return Vec::new();
        }
        let entries = entries.iter().enumerate();
        entries
            .map(|(at, entry)| (format!("{path}[{at}]"), entry))
            .collect()
    }

    /// The maps of a list.
    pub(crate) fn maps(&mut self, name: &str, report: &mut Report<'_>) -> Vec<Fields<'v>> {
        let entries = self.list(name, report).into_iter();
        entries
            .filter_map(|(path, entry)| Fields::of(entry, &path, report))
            .collect()
    }

    pub(crate) fn texts(&mut self, name: &str, report: &mut Report<'_>) -> Vec<String> {
        let mut texts = Vec::new();
        for (path, entry) in self.list(name, report) {
            match entry.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => report.fault(&path, "it is no text"),
            }
        }
        texts
    }

    /// A map of texts, sorted by their names; `None` where the field is not there.
    pub(crate) fn pairs(
        &mut self,
        name: &str,
        report: &mut Report<'_>,
    ) -> Option<BTreeMap<String, String>> {
        let fields = self.map(name, report)?;
        let mut pairs = BTreeMap::new();
        for (key, value) in fields.map {
            match value.as_str() {
                Some(text) => {
                    pairs.insert(key.clone(), text.to_owned());
                }
                None => report.fault(&fields.at(key), "it is no text"),
            }
        }
        Some(pairs)
    }

    /// Every field, taken.
    pub(crate) fn all(mut self) -> Vec<(String, &'v str, &'v Value)> {
        let mut all = Vec::new();
        for (name, value) in self.map {
            self.taken.insert(name);
            if !value.is_null() {
                all.push((self.at(name), name.as_str(), value));
            }
        }
        all
    }

    /// Copies a text under another name.
    pub(crate) fn copy_text(
        &mut self,
        name: &str,
        (to, as_name): (&mut Map<String, Value>, &str),
        report: &mut Report<'_>,
    ) {
        if let Some(text) = self.text(name, report) {
            to.insert(as_name.to_owned(), text.into());
        }
    }

    /// Copies a flag under another name.
    pub(crate) fn copy_flag(
        &mut self,
        name: &str,
        (to, as_name): (&mut Map<String, Value>, &str),
        report: &mut Report<'_>,
    ) {
        if let Some(flag) = self.flag(name, report) {
            to.insert(as_name.to_owned(), flag.into());
        }
    }

    /// Names the fields that nobody took.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        for name in self.map.keys() {
            if !self.taken.contains(name.as_str()) {
                report.warn(&self.at(name), "this field is not known, and left out");
            }
        }
    }
}
