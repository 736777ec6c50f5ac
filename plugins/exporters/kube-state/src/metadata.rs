//! What every object has: names, owners, times, and its labels and annotations as far as they are
//! wanted.

use std::collections::{BTreeMap, BTreeSet};

use crate::fields::objects;
use crate::object::Samples;
use crate::time::Time;

/// Texts by name.
pub(crate) type Texts = BTreeMap<String, String>;

objects! {
    Metadata {
        name: String,
        namespace: String,
        uid: String,
        generation: f64,
        resource_version: String,
        creation_timestamp: Option<Time>,
        deletion_timestamp: Option<Time>,
        labels: Texts,
        annotations: Texts,
        owner_references: Vec<Owner>,
    }

    /// Who an object belongs to.
    Owner {
        kind: String,
        name: String,
        controller: bool,
    }

    /// An object of which nothing but the name is known.
    Named {
        metadata: Name,
    }

    Name {
        name: String,
        namespace: String,
    }
}

impl Name {
    /// What an object is found by among those of its kind.
    pub(crate) fn key(&self) -> Box<str> {
        key(&self.namespace, &self.name)
    }
}

fn key(namespace: &str, name: &str) -> Box<str> {
    format!("{namespace}/{name}").into()
}

impl Metadata {
    /// What an object is found by among those of its kind.
    pub(crate) fn key(&self) -> Box<str> {
        key(&self.namespace, &self.name)
    }

    /// The owner that made it and answers for it.
    pub(crate) fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller)
    }

    /// `..._created`.
    pub(crate) fn created(&self, samples: &mut Samples<'_, '_>) {
        samples.time(self.creation_timestamp);
    }

    /// `..._deletion_timestamp`.
    pub(crate) fn deleted(&self, samples: &mut Samples<'_, '_>) {
        samples.time(self.deletion_timestamp);
    }

    /// `..._metadata_resource_version`, where that is a number.
    pub(crate) fn version(&self, samples: &mut Samples<'_, '_>) {
        if let Ok(version) = self.resource_version.parse() {
            samples.value(version);
        }
    }

    /// `..._owner`: a sample for each, and one without names where there is none.
    pub(crate) fn owners(&self, samples: &mut Samples<'_, '_>) {
        if self.owner_references.is_empty() {
            samples.value(1.0);
        }
        for owner in &self.owner_references {
            let is_controller = if owner.controller { "true" } else { "false" };
            let labels = [
                ("owner_kind", &*owner.kind),
                ("owner_name", &*owner.name),
                ("owner_is_controller", is_controller),
            ];
            samples.with(&labels, 1.0);
        }
    }
}

/// Which labels of objects, or annotations, become labels of series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted(BTreeSet<String>);

/// The word for all of them.
const ALL: &str = "*";

impl Wanted {
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.iter().cloned().collect())
    }

    /// Whether there can be any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves the others out.
    pub(crate) fn retain_in(&self, texts: &mut Texts, also: &str) {
        if !self.0.contains(ALL) {
            let is_other = |name: &str| !also.is_empty() && name.starts_with(also);
            texts.retain(|name, _| self.0.contains(name) || is_other(name));
        }
    }

    /// Names and values of a series' labels; names that are the same once they are ones of
    /// Prometheus get a number each.
    pub(crate) fn labels<'t>(&self, prefix: &str, texts: &'t Texts) -> Vec<(String, &'t str)> {
        let is_wanted = |name: &str| self.0.contains(ALL) || self.0.contains(name);
        let wanted = texts.iter().filter(|(name, _)| is_wanted(name));
        let mut labels: Vec<(String, &str)> = wanted
            .map(|(name, text)| (format!("{prefix}_{}", in_snake_case(name)), text.as_str()))
            .collect();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (name, _) in &labels {
            *counts.entry(name.clone()).or_default() += 1;
        }
        counts.retain(|_, count| *count > 1);
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for (name, _) in &mut labels {
            if counts.contains_key(&**name) {
                let number = numbers.entry(name.clone()).or_default();
                *number += 1;
                *name = format!("{name}_conflict{number}");
            }
        }
        labels
    }
}

/// With everything replaced that no label's name has.
pub(crate) fn sanitized(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(allowed).collect()
}

/// Likewise, and `fooBar` as `foo_bar`.
fn in_snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    let mut last = '_';
    for c in sanitized(name).chars() {
        if c.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit()) {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        last = c;
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        let pairs = pairs.iter();
        pairs
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn labels(wanted: &[&str], pairs: &[(&str, &str)]) -> Vec<String> {
        let names: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let texts = texts(pairs);
        let labels = Wanted::new(&names).labels("label", &texts);
        labels
            .into_iter()
            .map(|(name, text)| format!("{name}={text}"))
            .collect()
    }

    #[test]
    fn names_become_those_of_labels() {
        let pairs = [
            ("app.kubernetes.io/name", "a"),
            ("fooBar", "b"),
            ("HTTPPort2Name", "c"),
            ("team", "d"),
        ];
        let expected = [
            "label_httpport2_name=c",
            "label_app_kubernetes_io_name=a",
            "label_foo_bar=b",
            "label_team=d",
        ];
        assert_eq!(labels(&["*"], &pairs), expected);
        assert_eq!(labels(&["team", "other"], &pairs), ["label_team=d"]);
        assert_eq!(labels(&[], &pairs), [""; 0]);
    }

    #[test]
    fn names_that_become_the_same_get_a_number_each() {
        let pairs = [("a-b", "1"), ("a.b", "2"), ("a_b", "3"), ("c", "4")];
        let expected = [
            "label_a_b_conflict1=1",
            "label_a_b_conflict2=2",
            "label_a_b_conflict3=3",
            "label_c=4",
        ];
        assert_eq!(labels(&["*"], &pairs), expected);
        assert_eq!(labels(&["a.b"], &pairs), ["label_a_b=2"]);
    }

    #[test]
    fn what_is_not_wanted_is_not_kept() {
        let mut kept = texts(&[("a", "1"), ("b", "2"), ("node-role/x", "")]);
        Wanted::new(&["a".to_owned()]).retain_in(&mut kept, "node-role/");
        assert_eq!(kept, texts(&[("a", "1"), ("node-role/x", "")]));
        Wanted::default().retain_in(&mut kept, "");
        assert_eq!(kept, Texts::new());
    }
}
