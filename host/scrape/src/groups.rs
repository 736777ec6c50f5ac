//! From the groups of a job to its targets.

use std::collections::{BTreeMap, HashSet};

use narthex_discovery::{ADDRESS_LABEL, TargetGroup};
use narthex_model::{Labels, LabelsBuilder, PromDuration, relabel};

use crate::Target;
use crate::config::ScrapeConfig;
use crate::target::{
    INTERVAL_LABEL, METRICS_PATH_LABEL, PARAM_PREFIX, SCHEME_LABEL, TIMEOUT_LABEL,
};

const JOB_LABEL: &str = "job";
const INSTANCE_LABEL: &str = "instance";
const META_PREFIX: &str = "__meta_";

/// What a job's groups come to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The targets to scrape; of equal ones the first.
    pub(crate) active: Vec<Target>,
    /// The labels of those that relabelling dropped, as many as the job keeps.
    pub(crate) dropped: Vec<Labels>,
    /// How many it dropped.
    pub(crate) dropped_count: usize,
    /// What cannot be a target, and why.
    pub(crate) failures: Vec<String>,
}

/// What becomes of one target of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredTarget {
    /// Its labels before relabelling.
    pub discovered: Labels,
    /// Those after it; `None` where it drops the target, and an error where it cannot be scraped.
    pub labels: Result<Option<Labels>, String>,
}

/// What becomes of each target of a group, in its order.
pub fn discovered_targets(group: &TargetGroup, config: &ScrapeConfig) -> Vec<DiscoveredTarget> {
    let targets = group.targets.iter().map(|labels| {
        let discovered = discovered(labels, &group.labels, config);
        DiscoveredTarget {
            labels: relabelled(&discovered, config),
            discovered: discovered.build(),
        }
    });
    targets.collect()
}

/// Builds the targets of a job.
pub(crate) fn targets(groups: &[TargetGroup], config: &ScrapeConfig) -> Found {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    let kept = usize::try_from(config.keep_dropped_targets).unwrap_or(usize::MAX);
    for group in groups {
        for (index, labels) in group.targets.iter().enumerate() {
            let discovered = discovered(labels, &group.labels, config);
            match relabelled(&discovered, config) {
                Ok(Some(labels)) => {
                    let mut target = Target::new(labels, discovered.build(), &config.params);
                    if let Some(plugin) = &config.plugin {
                        target = target.read_by(plugin);
                    }
                    let (labels, url) = target.identity();
                    if seen.insert((labels.clone(), url.to_owned())) {
                        found.active.push(target);
                    }
                }
                Ok(None) => {
                    found.dropped_count += 1;
                    if kept == 0 || found.dropped.len() < kept {
                        found.dropped.push(discovered.build());
                    }
                }
                Err(error) => {
                    let source = &group.source;
                    let failure = format!("instance {index} in group {source}: {error}");
                    found.failures.push(failure);
                }
            }
        }
    }
    found
}

type Pairs = BTreeMap<String, String>;

fn discovered(target: &Pairs, group: &Pairs, config: &ScrapeConfig) -> LabelsBuilder {
    let mut builder = LabelsBuilder::default();
    for (name, value) in target {
        builder.set(name, value);
    }
    let interval = config.scrape_interval.to_string();
    let timeout = config.scrape_timeout.to_string();
    let of_group = group.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let of_job = [
        (JOB_LABEL, config.job_name.as_str()),
        (INTERVAL_LABEL, &interval),
        (TIMEOUT_LABEL, &timeout),
        (METRICS_PATH_LABEL, &config.metrics_path),
        (SCHEME_LABEL, &config.scheme),
    ];
    for (name, value) in of_group.chain(of_job) {
        if builder.get(name).is_empty() {
            builder.set(name, value);
        }
    }
    for (name, values) in &config.params {
        let name = format!("{PARAM_PREFIX}{name}");
        if let Some(first) = values.first()
            && builder.get(&name).is_empty()
        {
            builder.set(&name, first);
        }
    }
    builder
}

/// The labels after relabelling; `None` where it drops the target.
fn relabelled(discovered: &LabelsBuilder, config: &ScrapeConfig) -> Result<Option<Labels>, String> {
    let mut builder = discovered.clone();
    if !relabel::apply(&config.relabel_configs, &mut builder) {
        return Ok(None);
    }
    let address = builder.get(ADDRESS_LABEL).to_owned();
    if address.is_empty() {
        return Err("no address".to_owned());
    }
    // A plugin may call its target what it likes.
    if address.contains('/') && config.plugin.is_none() {
        return Err(format!("{address:?} is not a valid hostname"));
    }
    check_times(builder.get(INTERVAL_LABEL), builder.get(TIMEOUT_LABEL))?;
    builder.retain(|name| !name.starts_with(META_PREFIX));
    if builder.get(INSTANCE_LABEL).is_empty() {
        builder.set(INSTANCE_LABEL, &address);
    }
    Ok(Some(builder.build()))
}

fn check_times(interval: &str, timeout: &str) -> Result<(), String> {
    let parse = |what: &str, text: &str| match text.parse::<PromDuration>() {
        Ok(duration) if duration.is_zero() => Err(format!("scrape {what} cannot be 0")),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("error parsing scrape {what}: {error}")),
    };
    if parse("timeout", timeout)? > parse("interval", interval)? {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval ({timeout:?} > {interval:?})"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use narthex_discovery::static_groups;
    use serde_json::{Value, json};

    use super::*;

    fn found(config: Value) -> Found {
        let mut config: ScrapeConfig = serde_json::from_value(config).unwrap();
        config.job_name = "j".into();
        if config.scrape_interval.is_zero() {
            config.scrape_interval = PromDuration::from_secs(15);
            config.scrape_timeout = PromDuration::from_secs(10);
        }
        targets(&static_groups(&config.static_configs), &config)
    }

    #[test]
    fn a_target_has_the_labels_that_prometheus_gives_it() {
        let found = found(json!({
            "params": {"module": ["a", "b"], "x": ["1"]},
            "static_configs": [{"targets": ["h"], "labels": {"zone": "z", "__meta_m": "m", "__param_x": "2"}}],
        }));
        let target = &found.active[0];
        assert_eq!(
            target.labels().to_string(),
            r#"{instance="h", job="j", zone="z"}"#
        );
        assert_eq!(target.url(), "http://h/metrics?module=a&module=b&x=2");
        assert_eq!(target.interval(), PromDuration::from_secs(15));
        assert_eq!(
            target.discovered_labels().to_string(),
            "{__address__=\"h\", __meta_m=\"m\", __metrics_path__=\"/metrics\", \
             __param_module=\"a\", __param_x=\"2\", __scheme__=\"http\", \
             __scrape_interval__=\"15s\", __scrape_timeout__=\"10s\", job=\"j\", zone=\"z\"}"
        );
    }

    #[test]
    fn relabelling_rewrites_where_and_how_often() {
        let found = found(json!({
            "static_configs": [{"targets": ["http://probed/x"]}],
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"source_labels": ["__param_target"], "target_label": "instance"},
                {"target_label": "__address__", "replacement": "blackbox:9115"},
                {"target_label": "__metrics_path__", "replacement": "/probe"},
                {"target_label": "__scrape_interval__", "replacement": "1m"},
            ],
        }));
        let target = &found.active[0];
        assert_eq!(
            target.url(),
            "http://blackbox:9115/probe?target=http%3A%2F%2Fprobed%2Fx"
        );
        assert_eq!(target.labels().get("instance"), Some("http://probed/x"));
        assert_eq!(target.interval(), PromDuration::from_secs(60));
    }

    #[test]
    fn equal_targets_are_one_and_dropped_ones_are_counted() {
        let relabel =
            json!([{"source_labels": ["__address__"], "regex": "drop.*", "action": "drop"}]);
        let found = found(json!({
            "keep_dropped_targets": 2,
            "static_configs": [{"targets": ["a:1", "drop1", "a:1", "drop2", "drop3"]}],
            "relabel_configs": relabel,
        }));
        assert_eq!(
            (found.active.len(), found.dropped.len(), found.dropped_count),
            (1, 2, 3)
        );
    }

    #[test]
    fn what_cannot_be_scraped_says_why() {
        for (label, value, message) in [
            ("__address__", "", "no address"),
            ("__address__", "a/b", "\"a/b\" is not a valid hostname"),
            ("__scrape_interval__", "0", "scrape interval cannot be 0"),
            (
                "__scrape_timeout__",
                "x",
                "error parsing scrape timeout: not a valid duration string: \"x\"",
            ),
            (
                "__scrape_timeout__",
                "20s",
                "scrape timeout cannot be greater than scrape interval (\"20s\" > \"15s\")",
            ),
        ] {
            let found = found(json!({
                "static_configs": [{"targets": ["a"]}],
                "relabel_configs": [{"target_label": label, "replacement": value}],
            }));
            assert_eq!(
                found.failures,
                [format!("instance 0 in group 0: {message}")]
            );
            assert!(found.active.is_empty());
        }
    }
}
