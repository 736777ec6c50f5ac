//! What a kind of objects is to this plugin: where its objects are, which labels their series have
//! in common, and its families, a row each.
//!
//! It is not: the objects themselves (`kept`), nor any one kind (`kinds`).

use narthex_sdk::MetricKind;
use serde::de::DeserializeOwned;

use crate::metadata::Metadata;
use crate::time::Time;

/// A kind of objects, by an object of it.
pub(crate) trait Object: DeserializeOwned + 'static {
    /// What it is called in the configuration: `pods`.
    const RESOURCE: &'static str;
    /// What it is called in the names of families: `pod`.
    const NAME: &'static str;
    /// As in an object.
    const API_VERSION: &'static str;
    /// As in an object.
    const KIND: &'static str;
    /// Whether its objects belong to namespaces.
    const IS_NAMESPACED: bool;
    /// Whether it is looked at where a job names no resources.
    const IS_DEFAULT: bool = true;
    /// The label that has an object's name.
    const LABEL: &'static str = Self::NAME;
    /// Labels of objects that begin so are kept for a family.
    const LABELS_KEPT: &'static str = "";
    /// Annotations that begin so are.
    const ANNOTATIONS_KEPT: &'static str = "";
    /// The families, less those of labels and annotations.
    const FAMILIES: &'static [Family<Self>];

    fn metadata(&self) -> &Metadata;
    fn metadata_mut(&mut self) -> &mut Metadata;

    /// The labels that all series of an object have.
    fn identity(&self) -> Vec<(&str, &str)> {
        let metadata = self.metadata();
        let namespace = Self::IS_NAMESPACED.then(|| ("namespace", &*metadata.namespace));
        let name = (Self::LABEL, &*metadata.name);
        namespace.into_iter().chain([name]).collect()
    }
}

/// A family of a kind's objects.
pub(crate) struct Family<T> {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: MetricKind,
    /// Writes the samples of an object.
    pub(crate) write: Write<T>,
}

/// Writes the samples of an object that belong to one family.
pub(crate) type Write<T> = fn(&T, &mut Samples<'_, '_>);

/// A family of gauges.
pub(crate) const fn gauge<T>(name: &'static str, help: &'static str, write: Write<T>) -> Family<T> {
    Family {
        name,
        help,
        kind: MetricKind::Gauge,
        write,
    }
}

/// A family of counters.
pub(crate) const fn counter<T>(
    name: &'static str,
    help: &'static str,
    write: Write<T>,
) -> Family<T> {
    Family {
        name,
        help,
        kind: MetricKind::Counter,
        write,
    }
}

/// Where the samples of an object go.
pub(crate) struct Samples<'a, 'b> {
    family: &'a mut narthex_sdk::Family<'b>,
    /// The labels that all of them have.
    identity: &'a [(&'a str, &'a str)],
}

impl<'a, 'b> Samples<'a, 'b> {
    pub(crate) fn new(
        family: &'a mut narthex_sdk::Family<'b>,
        identity: &'a [(&'a str, &'a str)],
    ) -> Self {
        Self { family, identity }
    }
}

/// The statuses of a condition, as an object has them and as a label does.
const STATUSES: [(&str, &str); 3] = [("True", "true"), ("False", "false"), ("Unknown", "unknown")];

impl Samples<'_, '_> {
    /// A sample without labels of its own.
    pub(crate) fn value(&mut self, value: f64) {
        self.with(&[], value);
    }

    /// Likewise, of what there may not be.
    pub(crate) fn some(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.value(value);
        }
    }

    /// Likewise, of a time.
    pub(crate) fn time(&mut self, time: Option<Time>) {
        self.some(time.map(Time::seconds));
    }

    /// Likewise, 1 or 0.
    pub(crate) fn flag(&mut self, is_so: bool) {
        self.value(number(is_so));
    }

    /// A sample with labels of its own; one without a value is none.
    pub(crate) fn with(&mut self, labels: &[(&str, &str)], value: f64) {
        let all = self.identity.iter().chain(labels).copied();
        let all: Vec<(&str, &str)> = all.filter(|(_, text)| !text.is_empty()).collect();
        self.family.sample(&all, value);
    }

    /// A sample for each word that something can be: 1 for the one that it is. None, where it is
    /// nothing yet.
    pub(crate) fn one_of(&mut self, label: &str, words: &[&str], current: &str) {
        if !current.is_empty() {
            for word in words {
                self.with(&[(label, *word)], number(*word == current));
            }
        }
    }

    /// A sample for each status that a condition can have: 1 for the one that it has.
    pub(crate) fn condition(&mut self, labels: &[(&str, &str)], label: &str, status: &str) {
        for (word, lower) in STATUSES {
            let mut all = labels.to_vec();
            all.push((label, lower));
            self.with(&all, number(word == status));
        }
    }
}

fn number(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
