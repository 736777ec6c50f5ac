//! Where an Alertmanager is, by the labels that it was found with.
//!
//! It is not: what speaks to it.

use std::collections::BTreeSet;

use narthex_discovery::{ADDRESS_LABEL, TargetGroup};
use narthex_model::{LabelsBuilder, relabel};

use crate::AlertmanagerConfig;

const SCHEME_LABEL: &str = "__scheme__";

/// The path of the API, which relabelling may change (Prometheus `pathLabel`).
const PATH_LABEL: &str = "__alerts_path__";

/// The path below the prefix.
const PATH: &str = "/api/v2/alerts";

/// The URLs of an entry, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Urls {
    pub(crate) active: BTreeSet<String>,
    /// What relabelling dropped.
    pub(crate) dropped: BTreeSet<String>,
}

/// The URLs of what an entry lists and finds.
pub(crate) fn urls(config: &AlertmanagerConfig, groups: &[TargetGroup]) -> Urls {
    let mut urls = Urls::default();
    for group in groups {
        for target in &group.targets {
            let mut labels = LabelsBuilder::default();
            labels.set(SCHEME_LABEL, &config.scheme);
            labels.set(PATH_LABEL, &path(&config.path_prefix));
            for (name, value) in group.labels.iter().chain(target) {
                labels.set(name, value);
            }
            let before = url(&labels);
            if !relabel::apply(&config.relabel_configs, &mut labels) {
                urls.dropped.insert(before);
            } else if labels.get(ADDRESS_LABEL).is_empty()
                || labels.get(ADDRESS_LABEL).contains('/')
            {
                let address = labels.get(ADDRESS_LABEL);
                tracing::warn!(address, "this is not the address of an Alertmanager");
                urls.dropped.insert(before);
            } else {
                urls.active.insert(url(&labels));
            }
        }
    }
    urls
}

fn path(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => PATH.to_owned(),
        prefix => format!("/{prefix}{PATH}"),
    }
}

fn url(labels: &LabelsBuilder) -> String {
    let label = |name: &str| labels.get(name);
    let (scheme, address) = (label(SCHEME_LABEL), label(ADDRESS_LABEL));
    format!("{scheme}://{address}{}", label(PATH_LABEL))
}

#[cfg(test)]
pub(crate) mod tests {
    use narthex_discovery::{StaticConfig, static_groups};
    use narthex_http::HttpConfig;
    use narthex_model::PromDuration;
    use narthex_model::relabel::RelabelConfig;

    use super::*;

    /// One that lists these addresses.
    pub(crate) fn config(addresses: &[&str]) -> AlertmanagerConfig {
        AlertmanagerConfig {
            http: HttpConfig::default(),
            scheme: "http".to_owned(),
            path_prefix: String::new(),
            timeout: PromDuration::from_secs(10),
            relabel_configs: Vec::new(),
            alert_relabel_configs: Vec::new(),
            static_configs: vec![StaticConfig {
                targets: addresses
                    .iter()
                    .map(|address| (*address).to_owned())
                    .collect(),
                ..StaticConfig::default()
            }],
            sd_configs: Vec::new(),
        }
    }

    pub(crate) fn rule(text: &str) -> RelabelConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn addresses_become_urls() {
        let config = AlertmanagerConfig {
            scheme: "https".to_owned(),
            path_prefix: "am/".to_owned(),
            relabel_configs: vec![
                rule(r#"{"source_labels":["__address__"],"regex":"b:.*","action":"drop"}"#),
                rule(
                    r#"{"source_labels":["__address__"],"regex":"c:.*","target_label":"__scheme__","replacement":"http"}"#,
                ),
            ],
            ..config(&["a:1", "b:2", "c:3", "a:1"])
        };
        let found = urls(&config, &static_groups(&config.static_configs));
        let set = |urls: &[&str]| urls.iter().map(|url| (*url).to_owned()).collect();
        let active = [
            "http://c:3/am/api/v2/alerts",
            "https://a:1/am/api/v2/alerts",
        ];
        let expected = Urls {
            active: set(&active),
            dropped: set(&["https://b:2/am/api/v2/alerts"]),
        };
        assert_eq!(found, expected);
        for (prefix, expected) in [
            ("", "/api/v2/alerts"),
            ("/", "/api/v2/alerts"),
            ("/a/b/", "/a/b/api/v2/alerts"),
        ] {
            assert_eq!(path(prefix), expected);
        }
    }
}
