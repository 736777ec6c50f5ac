//! Target groups, and the static ones of a configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The label that holds a target's address.
pub const ADDRESS_LABEL: &str = "__address__";

/// Targets that share labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetGroup {
    /// What tells this group from the others of its provider; a group with the same source
    /// replaces an earlier one.
    pub source: String,
    /// The labels of each target, [`ADDRESS_LABEL`] among them.
    pub targets: Vec<BTreeMap<String, String>>,
    /// The labels of all targets; a target's own label of the same name wins.
    pub labels: BTreeMap<String, String>,
}

impl TargetGroup {
    /// A group of targets that have an address and nothing else of their own.
    pub fn of_addresses(
        source: &str,
        addresses: &[String],
        labels: BTreeMap<String, String>,
    ) -> Self {
        let target = |address: &String| {
            let pair = (ADDRESS_LABEL.to_owned(), address.clone());
            BTreeMap::from([pair])
        };
        Self {
            source: source.to_owned(),
            targets: addresses.iter().map(target).collect(),
            labels,
        }
    }
}

/// One entry of `static_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaticConfig {
    /// The addresses, `host:port` each.
    pub targets: Vec<String>,
    /// Labels for all of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl StaticConfig {
    /// What is wrong with the entry, in Prometheus' words; empty where nothing is.
    pub fn faults(&self) -> Vec<String> {
        let urls = self.targets.iter().filter(|target| target.contains('/'));
        urls.map(|target| format!("{target:?} is not a valid hostname"))
            .collect()
    }
}

/// The groups of a list of static entries. Their source is their place in the list.
pub fn static_groups(configs: &[StaticConfig]) -> Vec<TargetGroup> {
    let group = |(index, config): (usize, &StaticConfig)| {
        TargetGroup::of_addresses(&index.to_string(), &config.targets, config.labels.clone())
    };
    configs.iter().enumerate().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_entries_become_groups_in_their_order() {
        let configs = [
            StaticConfig {
                targets: vec!["a:1".into(), "b:2".into()],
                labels: BTreeMap::from([("zone".into(), "x".into())]),
            },
            StaticConfig::default(),
        ];
        let groups = static_groups(&configs);
        assert_eq!(groups.len(), 2);
        assert_eq!(
            (groups[0].source.as_str(), groups[1].source.as_str()),
            ("0", "1")
        );
        assert_eq!(groups[0].targets[1][ADDRESS_LABEL], "b:2");
        assert_eq!(groups[0].labels["zone"], "x");
        assert!(groups[1].targets.is_empty());
    }

    #[test]
    fn a_url_is_no_address() {
        let config = StaticConfig {
            targets: vec!["a:1".into(), "http://b:2/metrics".into()],
            ..StaticConfig::default()
        };
        assert_eq!(
            config.faults(),
            ["\"http://b:2/metrics\" is not a valid hostname"]
        );
    }
}
