//! Labels of groups and targets.

use std::collections::BTreeMap;

use crate::objects::Metadata;

/// What all labels of this discovery begin with.
const PREFIX: &str = "__meta_kubernetes_";

/// Labels by name; the later of two counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The labels of a target at that address.
    pub(crate) fn of_target(address: &str) -> Self {
        let mut labels = Self::default();
        labels.set_plain("__address__", address);
        labels
    }

    /// Sets a label of this discovery: `pod_name` is `__meta_kubernetes_pod_name`.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(format!("{PREFIX}{name}"), value.into());
    }

    /// The same of what may not be there.
    pub(crate) fn set_some(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Sets any label.
    pub(crate) fn set_plain(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Name, labels and annotations of an object of that kind.
    pub(crate) fn set_metadata(&mut self, kind: &str, metadata: &Metadata) {
        self.set(&format!("{kind}_name"), &metadata.name);
        self.set_marks(kind, metadata);
    }

    /// Labels and annotations alone.
    pub(crate) fn set_marks(&mut self, kind: &str, metadata: &Metadata) {
        for (what, marks) in [
            ("label", &metadata.labels),
            ("annotation", &metadata.annotations),
        ] {
            for (name, value) in marks.iter().flatten() {
                let name = sanitized(name);
                self.set(&format!("{kind}_{what}_{name}"), value);
                self.set(&format!("{kind}_{what}present_{name}"), "true");
            }
        }
    }

    /// Takes all labels of others.
    pub(crate) fn merge(&mut self, other: &Self) {
        let others = other.0.iter();
        self.0
            .extend(others.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// As they are told.
    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0.into_iter().collect()
    }
}

/// The text with everything replaced that cannot stand in the name of a label.
pub(crate) fn sanitized(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(allowed).collect()
}

/// A host and a port; an IPv6 address in brackets.
pub(crate) fn join(host: &str, port: u32) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}
