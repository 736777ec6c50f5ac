//! Secrets and config maps as far as they are known, and those that somebody has to ask for.
//!
//! It is not: who asks a cluster for them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::limits::SECRETS_MAX;

/// What holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// A `Secret`.
    Secret,
    /// A `ConfigMap`.
    ConfigMap,
}

impl SecretKind {
    /// As in an object.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

/// One secret or config map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretRef {
    /// Which of the two.
    pub kind: SecretKind,
    /// Its namespace, which is that of the object that names it.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Those that are known, and those that were asked for.
#[derive(Default)]
pub struct Secrets {
    known: BTreeMap<SecretRef, Known>,
    wanted: RefCell<BTreeSet<SecretRef>>,
}

/// What the cluster answered.
#[derive(PartialEq)]
enum Known {
    Values(BTreeMap<String, Vec<u8>>),
    Absent,
    /// It did not say.
    Failed(String),
}

/// A value cannot be had.
pub(crate) enum Missing {
    /// Nobody has asked the cluster yet.
    Unasked,
    /// Why not.
    Fault(String),
}

impl Secrets {
    /// Takes what the cluster answered: the object as JSON, `None` where there is no such object,
    /// or why it does not say. True, where that is news.
    pub fn learn(&mut self, reference: SecretRef, answer: Result<Option<&Value>, String>) -> bool {
        let learned = match answer {
            Ok(Some(object)) => Known::Values(values(reference.kind, object)),
            Ok(None) => Known::Absent,
            Err(error) => Known::Failed(error),
        };
        let before = self.known.get(&reference);
        // An answer that does not come takes nothing away that is known.
        let is_kept = matches!(
            (before, &learned),
            (Some(Known::Values(_)), Known::Failed(_))
        );
        if is_kept || before == Some(&learned) {
            return false;
        }
        self.known.insert(reference, learned);
        true
    }

    /// What was asked for since the last call, whether it is known or not. What nobody asks for any
    /// more is forgotten.
    pub fn wanted(&mut self) -> BTreeSet<SecretRef> {
        let wanted = std::mem::take(&mut *self.wanted.borrow_mut());
        self.known.retain(|reference, _| wanted.contains(reference));
        wanted
    }

    /// Whether the cluster was asked for it.
    pub fn is_known(&self, reference: &SecretRef) -> bool {
        self.known.contains_key(reference)
    }

    pub(crate) fn text(&self, reference: SecretRef, key: &str) -> Result<String, Missing> {
        let shown = format!(
            "{} {}/{}",
            reference.kind.as_str(),
            reference.namespace,
            reference.name
        );
        let mut wanted = self.wanted.borrow_mut();
        if wanted.len() >= SECRETS_MAX && !wanted.contains(&reference) {
            let text = format!("{shown}: more than {SECRETS_MAX} secrets are named by all objects");
            return Err(Missing::Fault(text));
        }
        let found = self.known.get(&reference);
        let found = match found {
            None => Err(Missing::Unasked),
            Some(Known::Absent) => Err(Missing::Fault(format!("{shown}: there is no such object"))),
            Some(Known::Failed(error)) => Err(Missing::Fault(format!("{shown}: {error}"))),
            Some(Known::Values(values)) => match values.get(key) {
                None => Err(Missing::Fault(format!("{shown}: it has no key {key:?}"))),
                Some(bytes) => String::from_utf8(bytes.clone()).map_err(|_| {
                    Missing::Fault(format!("{shown}: the value of {key:?} is no text"))
                }),
            },
        };
        wanted.insert(reference);
        found
    }
}

impl std::fmt::Debug for Secrets {
    /// Values are not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.known.keys()).finish()
    }
}

/// The values of a secret are base64, those of a config map are texts, but for `binaryData`. A
/// value that is neither is none.
fn values(kind: SecretKind, object: &Value) -> BTreeMap<String, Vec<u8>> {
    let entries = |field: &str| {
        let map = object.get(field).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect::<Vec<_>>()
    };
    let decoded = |field: &str| {
        entries(field)
            .into_iter()
            .filter_map(|(key, value)| Some((key, STANDARD.decode(value).ok()?)))
    };
    let plain = |field: &str| {
        entries(field)
            .into_iter()
            .map(|(key, value)| (key, value.into_bytes()))
    };
    match kind {
        SecretKind::Secret => decoded("data").chain(plain("stringData")).collect(),
        SecretKind::ConfigMap => decoded("binaryData").chain(plain("data")).collect(),
    }
}
